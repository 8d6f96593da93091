"""The contracts' metric rules as prepared questions: each metric over time, computed from the events that landed.

SQL says here what `metrics/rules.py` says of a rule, about the copies that the file holds: a field that redaction
changed is another value, and what an event was before is not known any more.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from forwarders.explorer.questions import Chart, Question
from forwarders.metrics.functions import function_name
from forwarders.metrics.points import percentile
from forwarders.metrics.rules import Condition, Path, Rule, dotted, rules
from forwarders.model import Contract
from forwarders.sinks.sqlite_schema import json_path, literal, quoted

GROUP = "metrics"
_WINDOW = "time >= since(:from) AND time < until(:to)"
_NUMBER = "IN ('integer', 'real')"
_TAKEN = frozenset(["time_utc", "slot", "n", "value", "total", "lowest", "average", "highest", "p50", "p95", "p99"])
"""Columns that an answer may have besides the dimensions."""

FUNCTIONS = Question(
    "lambda_functions",
    "Lambda functions over time: duration, memory, cold starts",
    "What the Lambda service says of every invocation (REPORT lines and platform.report), by function. Cold starts are "
    "those with an init duration or of a restored snapshot; gb_s is what is billed, init_ms the 95th percentile.",
    f"""SELECT utc(slot) AS time_utc, function, sum(event = 'lambda.report') AS invocations,
  percentile_of(duration, 50) AS p50_ms, percentile_of(duration, 95) AS p95_ms,
  sum(billed) AS billed_ms, round(sum(billed / 1000.0 * size / 1024), 3) AS gb_s,
  max(used) AS used_mb, max(size) AS size_mb,
  sum(init IS NOT NULL) AS cold_starts, percentile_of(init, 95) AS init_ms,
  count(DISTINCT CASE WHEN said = 'timeout' THEN request END) AS timeouts, count(DISTINCT request) AS errors
FROM (
  SELECT time / step(:per) * step(:per) AS slot, function_name(log_group, path) AS function,
    json_extract(fields, '$.duration_ms') AS duration,
    json_extract(fields, '$.billed_duration_ms')
      + coalesce(json_extract(fields, '$.billed_restore_duration_ms'), 0) AS billed,
    json_extract(fields, '$.max_memory_used_mb') AS used, json_extract(fields, '$.memory_size_mb') AS size,
    iif(event = 'lambda.report', coalesce(json_extract(fields, '$.init_duration_ms'),
      json_extract(fields, '$.restore_duration_ms')), NULL) AS init, event, said,
    iif(said IN ('error', 'failure', 'timeout', 'exit'), json_extract(fields, '$.request_id'), NULL) AS request
  FROM (
    SELECT *, CASE
        WHEN event <> 'lambda.report' THEN lower(json_extract(fields, '$.type'))
        WHEN lower(json_extract(fields, '$.error_type')) = 'sandbox.timedout' THEN 'timeout'
        WHEN json_extract(fields, '$.error_type') <> '' AND lower(coalesce(json_extract(fields, '$.status'), ''))
          <> 'timeout' THEN 'error'
        ELSE lower(json_extract(fields, '$.status')) END AS said
    FROM events
    WHERE event IN ('lambda.report', 'lambda.platform') AND {_WINDOW}
  )
  WHERE event = 'lambda.report' OR said IN ('timeout', 'exit')
)
GROUP BY slot, function
ORDER BY slot, function""",  # noqa: S608
    GROUP,
    Chart("line", "time_utc", "p95_ms", "function"),
    "auto",
)


def for_metrics(contracts: Mapping[str, Contract], events: Iterable[str]) -> list[Question]:
    """A question for each metric of the contracts whose events are in the file, and one for Lambda functions."""
    there = set(events)
    schemas = [contract.schema for name, contract in contracts.items() if name in there]
    found = [rule for schema in schemas if schema.get("x-event", {}).get("metrics") for rule in rules(schema)]
    taken: set[str] = set()
    questions = []
    for rule in sorted(found, key=lambda rule: (rule.name, rule.event)):
        name = f"metric_{rule.name}"
        if name in taken:  # one name in two contracts
            name = f"{name}_{rule.event.replace('.', '_')}"
        taken.add(name)
        questions.append(_question(name, rule))
    return [*questions, FUNCTIONS] if "lambda.report" in there else questions


def _question(name: str, rule: Rule) -> Question:
    dimensions = _titles(rule)
    shown = "".join(f", {quoted(title)}" for title in dimensions)
    inner = "".join(f",\n    {_text(path)} AS {quoted(title)}" for title, path in dimensions.items())
    value = f",\n    {_extract(rule.value)} AS value" if rule.value is not None else ""
    columns, y = _columns(rule)
    where = " AND\n    ".join(
        [f"event = {literal(rule.event)}", "verdict <> 'unregistered'", _WINDOW, *_conditions(rule)]
    )
    sql = f"""SELECT utc(slot) AS time_utc{shown}, {columns}
FROM (
  SELECT time / step(:per) * step(:per) AS slot{inner}{value}
  FROM events
  WHERE {where}
)
GROUP BY slot{shown}
ORDER BY slot{shown}"""  # noqa: S608
    by = f" by {', '.join(map(dotted, rule.dimensions))}" if dimensions else ""
    unit = "" if rule.unit in ("None", "Count") else f" ({rule.unit})"
    said = rule.description or f"{rule.kind.capitalize()}{_of(rule)} of {rule.event}{by}."
    note = "Computed from what landed; a dimension's guard and CloudWatch's limits play no part here."
    chart = Chart("bar" if rule.kind in ("count", "sum") else "line", "time_utc", y, next(iter(dimensions), ""))
    return Question(name, f"{rule.name}{unit}{by}, over time", f"{said} {note}", sql, GROUP, chart, "auto")


def _titles(rule: Rule) -> dict[str, Path]:
    """The dimensions by their columns' names: without dots, which a chart takes for a path."""
    titles: dict[str, Path] = {}
    for path in rule.dimensions:
        title = re.sub(r"\W", "_", dotted(path))
        while title.lower() in _TAKEN or title.lower() in map(str.lower, titles):
            title += "_"
        titles[title] = path
    return titles


def _of(rule: Rule) -> str:
    return f" of {dotted(rule.value)}" if rule.value is not None else ""


def _columns(rule: Rule) -> tuple[str, str]:
    """What is shown of a slot, and which column the chart draws."""
    if rule.kind == "count":
        return "count(*) AS n", "n"
    if rule.kind == "sum":
        return "count(*) AS n, sum(value) AS total", "total"
    if rule.kind == "gauge":
        return "count(*) AS n, min(value) AS lowest, round(avg(value), 6) AS average, max(value) AS highest", "average"
    percents = ", ".join(f"percentile_of(value, {percent}) AS p{percent}" for percent in (50, 95, 99))
    return f"count(*) AS n, round(avg(value), 6) AS average, {percents}, max(value) AS highest", "p95"


def _conditions(rule: Rule) -> list[str]:
    found = [_condition(condition) for condition in rule.where]
    for path in rule.dimensions:
        flags = ", 'true', 'false'" if path in rule.flags else ""
        found.append(f"{_type(path)} IN ('text', 'integer', 'real'{flags})")
    return [*found, f"{_type(rule.value)} {_NUMBER}"] if rule.value is not None else found


def _condition(condition: Condition) -> str:
    path, operator, operand = condition.path, condition.operator, condition.operand
    if operator == "exists":
        return f"{_type(path)} IN ('text', 'integer', 'real')" if operand else f"{_type(path)} IS NULL"
    if operator == "prefix":
        return f"({_is_text(path)} AND substr({_extract(path)}, 1, {len(str(operand))}) = {literal(str(operand))})"
    if operator == "in":
        assert isinstance(operand, tuple)
        return f"({' OR '.join(_equals(path, one) for one in operand)})"
    if operator == "eq":
        return _equals(path, operand)
    if operator == "ne" and isinstance(operand, str):
        return f"({_is_text(path)} AND {_extract(path)} <> {literal(operand)} OR {_type(path)} {_NUMBER})"
    sign = {"ne": "<>", "lt": "<", "le": "<=", "gt": ">", "ge": ">="}[operator]
    return f"({_type(path)} {_NUMBER} AND {_extract(path)} {sign} {operand!r})"


def _equals(path: Path, operand: Any) -> str:
    if operand is None or isinstance(operand, bool):
        return f"{_type(path)} = {literal('null' if operand is None else str(operand).lower())}"
    if isinstance(operand, str):
        return f"({_is_text(path)} AND {_extract(path)} = {literal(operand)})"
    return f"({_type(path)} {_NUMBER} AND {_extract(path)} = {operand!r})"


def _is_text(path: Path) -> str:
    return f"{_type(path)} = 'text'"


def _type(path: Path) -> str:
    return f"json_type(fields, {json_path(path)})"


def _extract(path: Path) -> str:
    return f"json_extract(fields, {json_path(path)})"


def _text(path: Path) -> str:
    """A dimension as text; true and false are 1 and 0 in SQLite."""
    shown = f"cast({_extract(path)} AS TEXT)"
    return f"CASE {_type(path)} WHEN 'true' THEN 'true' WHEN 'false' THEN 'false' ELSE {shown} END"


class PercentileOf:
    """The SQL aggregate percentile_of(value, percent), nearest rank; NULL of no numbers."""

    def __init__(self) -> None:
        self._values: dict[int | float, int] = {}
        self._percent = 0.0

    def step(self, value: object, percent: float) -> None:
        """Called by SQLite for each row."""
        self._percent = percent
        if isinstance(value, int | float):
            self._values[value] = self._values.get(value, 0) + 1

    def finalize(self) -> int | float | None:
        """Called by SQLite for each group."""
        return percentile(self._values, self._percent) if self._values else None


def register(db: Any) -> None:
    """The SQL functions of these questions exist on this connection: percentile_of, function_name."""
    db.create_aggregate("percentile_of", 2, PercentileOf)
    db.create_function("function_name", 2, lambda log_group, path: function_name(log_group or "", path or ""))
