"""The prepared questions: SQL, what it answers, and the chart that shows it. Some are for operators; the others are
derived from the contracts' `views`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlencode

import msgspec

from forwarders.model import Contract
from forwarders.sinks.sqlite_schema import literal, quoted

_WINDOW = "time >= since(:from) AND time < until(:to)"


class Chart(msgspec.Struct, frozen=True):
    """A chart of datasette-vega: columns of the question's answer."""

    mark: str
    x: str
    y: str
    color: str = ""
    x_type: str = "ordinal"

    def fragment(self) -> str:
        """The part of a URL after `#` that opens the chart."""
        fields = {"mark": self.mark, "x_column": self.x, "x_type": self.x_type, "y_column": self.y}
        fields |= {"y_type": "quantitative", "color_column": self.color, "size_column": ""}
        return urlencode({f"g.{name}": value for name, value in fields.items()})


class View(msgspec.Struct, frozen=True):
    """The view of one event that has a contract."""

    event: str
    name: str
    owner: str
    dataset: str
    columns: tuple[str, ...]

    def columns_of(self, fields: Iterable[object]) -> dict[str, str]:
        """The columns of those `fields` (dotted, as a contract names them) that the view has."""
        named = {str(field): str(field).replace(".", "_") for field in fields}
        return {field: column for field, column in named.items() if column in self.columns}


class Question(msgspec.Struct, frozen=True):
    """One prepared question. `per` is the step that its link asks for; '' where it has none, `auto` by the window."""

    name: str
    title: str
    description: str
    sql: str
    group: str
    chart: Chart | None = None
    per: str = ""


def for_operators(has_receipts: bool) -> list[Question]:
    """The questions that any file can answer."""
    return [*_OPERATORS, *(_RECEIPTS if has_receipts else ())]


def for_contracts(contracts: Mapping[str, Contract], views: Iterable[View]) -> list[Question]:
    """For each event that has a view: how many over time, and by each field that its contract groups by."""
    questions: list[Question] = []
    for view in views:
        contract = contracts.get(view.event)
        grouped = view.columns_of(views_of(contract).get("groupBy", [])) if contract is not None else {}
        questions += [_by_field(view, *pair) for pair in grouped.items()] or [_over_time(view)]
    return questions


def views_of(contract: Contract) -> Mapping[str, Any]:
    """The contract's `x-event.views`; empty when it has none."""
    views = contract.schema.get("x-event", {}).get("views", {})
    return views if isinstance(views, Mapping) else {}


def _by_field(view: View, field: str, column: str) -> Question:
    sql = f"""SELECT utc(slot) AS time_utc, {quoted(column)}, n
FROM (
  SELECT time / step(:per) * step(:per) AS slot, coalesce({quoted(column)}, '(none)') AS {quoted(column)}, count(*) AS n
  FROM {quoted(view.name)}
  WHERE {_WINDOW}
  GROUP BY 1, 2
)
ORDER BY slot, n DESC"""  # noqa: S608
    title = f"{view.event} by {field}, over time"
    said = f"Valid {view.event} events of {view.owner}, counted by {field}, per minute, hour, day or month."
    chart = Chart("bar", "time_utc", "n", column)
    return Question(f"{view.name}_by_{column}", title, said, sql, view.event, chart, "auto")


def _over_time(view: View) -> Question:
    sql = f"""SELECT utc(slot) AS time_utc, n, {literal(view.event)} AS event
FROM (
  SELECT time / step(:per) * step(:per) AS slot, count(*) AS n
  FROM {quoted(view.name)}
  WHERE {_WINDOW}
  GROUP BY 1
)
ORDER BY slot"""  # noqa: S608
    said = f"Valid {view.event} events of {view.owner}. Counted per minute, hour, day or month."
    chart = Chart("bar", "time_utc", "n")
    return Question(f"{view.name}_over_time", f"{view.event} over time", said, sql, view.event, chart, "auto")


_OPERATORS = (
    Question(
        "quarantined_why",
        "What was quarantined and why, by owner",
        "Events whose contract they break, or whose text cannot be read: the team that owns the contract, the field, "
        "what it asks for and what was found (never the value).",
        f"""SELECT coalesce(owner, '(no contract)') AS owner, coalesce(nullif(event, ''), '(unreadable)') AS event,
  coalesce(json_extract(errors, '$[0].pointer'), '') AS field,
  coalesce(json_extract(errors, '$[0].keyword'), reason, '(no reason)') AS why,
  json_extract(errors, '$[0].expected') AS expected, json_extract(errors, '$[0].found') AS found,
  count(*) AS n, min(time) AS first_time, max(time) AS last_time,
  look('verdict', 'invalid', 'event', event, 'owner', owner, '_from', :from, '_to', :to) AS see
FROM events
WHERE verdict = 'invalid' AND {_WINDOW}
GROUP BY 1, 2, 3, 4, 5, 6
ORDER BY n DESC""",  # noqa: S608
        "operators",
        Chart("bar", "why", "n", "owner"),
    ),
    Question(
        "events_per_minute",
        "Events per minute, hour or day, by verdict",
        "How much came in over time, and how much of it was valid. Counted per minute, hour, day or month.",
        f"""SELECT utc(slot) AS time_utc, verdict, n
FROM (
  SELECT time / step(:per) * step(:per) AS slot, verdict, count(*) AS n
  FROM events
  WHERE {_WINDOW}
  GROUP BY 1, 2
)
ORDER BY slot, verdict""",  # noqa: S608
        "operators",
        Chart("bar", "time_utc", "n", "verdict"),
        "auto",
    ),
    Question(
        "drift_by_field",
        "Drift: fields and values that no contract knows",
        "Valid events that carry more than their contract says, by contract and field: a producer is ahead of its "
        "contract. A field that stays belongs into the contract.",
        f"""SELECT contract, owner, drifted.value AS field, count(*) AS n,
  min(time) AS first_time, max(time) AS last_time
FROM events, json_each(events.drift) AS drifted
WHERE drift IS NOT NULL AND {_WINDOW}
GROUP BY 1, 2, 3
ORDER BY n DESC""",  # noqa: S608
        "operators",
        Chart("bar", "field", "n", "contract"),
    ),
    Question(
        "unregistered_events",
        "Events without a contract, by name and log group",
        "They were kept, but nobody has promised what is in them. `logharbor schemas propose` drafts a contract.",
        f"""SELECT coalesce(nullif(event, ''), '(no name)') AS event, coalesce(log_group, path, source) AS came_from,
  dataset, count(*) AS n, min(time) AS first_time, max(time) AS last_time,
  look('verdict', 'unregistered', 'event', event, '_from', :from, '_to', :to) AS see
FROM events
WHERE verdict = 'unregistered' AND {_WINDOW}
GROUP BY 1, 2, 3
ORDER BY n DESC""",  # noqa: S608
        "operators",
        Chart("bar", "event", "n"),
    ),
    Question(
        "busiest_sources",
        "Where events come from",
        "Log groups and files by number of events, with the share that was not valid.",
        f"""SELECT coalesce(log_group, path, source) AS came_from, source, count(*) AS n,
  sum(verdict = 'invalid') AS invalid, sum(verdict = 'unregistered') AS unregistered,
  round(100.0 * sum(verdict <> 'valid') / count(*), 1) AS percent_not_valid,
  min(time) AS first_time, max(time) AS last_time
FROM events
WHERE {_WINDOW}
GROUP BY 1, 2
ORDER BY n DESC""",  # noqa: S608
        "operators",
        Chart("bar", "came_from", "n"),
    ),
)

# Receipts are written when a batch is done, so their time is not the events': these two span the whole file.
_RECEIPTS = (
    Question(
        "unbalanced_receipts",
        "Receipts that do not balance",
        "No row is the good answer. For each sink, what came in must be the sum of what became of it; added up here "
        "from the fates themselves. `logharbor audit` also compares the sums of ids and the events.",
        """SELECT r.time, r.batch, r.attempt, s.sink, r.taken AS came_in, coalesce(sum(f.n), 0) AS accounted_for,
  r.taken - coalesce(sum(f.n), 0) AS missing, coalesce(r.log_group, r.path, r.source) AS came_from
FROM receipts AS r
JOIN receipt_sinks AS s USING (batch, attempt)
LEFT JOIN receipt_fates AS f ON (f.batch, f.attempt, f.sink) = (r.batch, r.attempt, s.sink)
WHERE r.time >= since(:from) AND r.time < until(:to)
GROUP BY r.batch, r.attempt, s.sink
HAVING accounted_for <> came_in OR NOT r.balanced
ORDER BY r.time""",
        "receipts",
    ),
    Question(
        "fates",
        "What became of every record, by sink",
        "The receipts added up: each record that came in has exactly one fate for each sink.",
        """SELECT f.sink, f.fate, sum(f.n) AS n, count(*) AS receipts
FROM receipt_fates AS f
JOIN receipts AS r USING (batch, attempt)
WHERE r.time >= since(:from) AND r.time < until(:to)
GROUP BY 1, 2
ORDER BY 1, 3 DESC""",
        "receipts",
        Chart("bar", "fate", "n", "sink"),
    ),
)
