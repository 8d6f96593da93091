"""CloudWatch dashboards as data: one for each dataset and owner, and one for the pipeline itself.

A body is what PutDashboard takes, with the region written as `${region}` and the pipeline's name as
`${pipeline}`. Widgets lie on a grid of 24 columns.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from hashlib import sha256
from types import MappingProxyType
from typing import Any

import msgspec

from forwarders.metrics.points import PIPELINE
from forwarders.metrics.rules import Path, Rule, dotted

REGION = "${region}"
NAME = "${pipeline}"
COLUMNS = 24
MAX_WIDGETS = 500
MAX_SOURCES = 50
"""Log groups of one query."""

Widget = dict[str, Any]

_STATISTICS = {
    "count": ("Sum",),
    "sum": ("Sum",),
    "gauge": ("Minimum", "Maximum"),
    "distribution": ("p50", "p95", "p99"),
    "histogram": ("p50", "p95", "p99"),
}
_PERIOD_S = 300
_PLAIN_FIELD = re.compile(r"[A-Za-z_@][A-Za-z0-9_.]*")
_KEYWORDS = frozenset(
    [
        "and",
        "anomaly",
        "as",
        "asc",
        "by",
        "dedup",
        "desc",
        "diff",
        "display",
        "fields",
        "filter",
        "in",
        "like",
        "limit",
        "not",
        "or",
        "parse",
        "pattern",
        "sort",
        "stats",
    ]
)
"""Words of CloudWatch's query language."""


class Dashboard(msgspec.Struct, frozen=True):
    """One dashboard; its name holds letters, digits, `-` and `_`."""

    name: str
    owner: str
    body: dict[str, Any]


class Section(msgspec.Struct, frozen=True):
    """What one contract adds to a dashboard.

    `columns` and `group_by` are its views' fields. `logs` are log groups in which CloudWatch can read its events, each
    with the keys that they lie under.
    """

    event: str
    major: int
    title: str
    rules: Sequence[Rule] = ()
    columns: Sequence[str] = ()
    group_by: Sequence[str] = ()
    logs: Sequence[tuple[str, Path]] = ()


def dataset_dashboard(dataset: str, owner: str, namespace: str, sections: Sequence[Section]) -> Dashboard:
    """The dashboard of a dataset's contracts that one owner has: their metrics, then their latest events."""
    events = ", ".join(f"`{section.event}` v{section.major}" for section in sections)
    widgets: list[Widget] = [_text(f"# {dataset}\nOwner: **{owner}**. Events: {events}.")]
    for section in sections:
        widgets += [_metric_of(rule, namespace) for rule in section.rules]
    for section in sections:
        widgets += _logs(section)
    return Dashboard(dashboard_name(dataset, owner), owner, body(widgets))


def pipeline_dashboard(namespace: str, owner: str, sinks: Collection[str], owners: Collection[str]) -> Dashboard:
    """The dashboard of the pipeline: what became of the events, what is broken, and how late they are."""
    whose = {PIPELINE: NAME}
    by_sink = [
        _metric(
            f"Events, {sink}",
            [_search(namespace, (PIPELINE, "sink", "fate"), "Events", "Sum", {**whose, "sink": sink})],
        )
        for sink in sinks
    ]
    broken = [[namespace, "Quarantined", PIPELINE, NAME, "owner", one, {"stat": "Sum"}] for one in sorted(owners)]
    dead = [[namespace, "Dead", PIPELINE, NAME, "sink", one, {"stat": "Sum"}] for one in sinks]
    late = [[namespace, "Lag", PIPELINE, NAME, "sink", one, {"stat": "Maximum"}] for one in sinks]
    widgets = [
        _text("# Logharbor\nin = delivered + quarantined + dead + filtered + sampled + returned, for each sink."),
        *by_sink,
        _metric("Quarantined, by owner of the contract", broken),
        *([_metric("Refused for good: in the dead-letter store", dead)] if dead else []),
        _metric("Receipts that do not balance", [[namespace, "Unbalanced", PIPELINE, NAME, {"stat": "Sum"}]]),
        *([_metric("From event to sink, ms", late)] if late else []),
        _metric(
            "Metrics that could not be told",
            [_search(namespace, (PIPELINE, "reason"), "MetricsDropped", "Sum", whose)],
        ),
    ]
    return Dashboard("pipeline", owner, body(widgets))


def dashboard_name(dataset: str, owner: str) -> str:
    """A name that CloudWatch takes, and that no other dataset and owner have: `http_access-team-platform`."""
    plain = re.sub(r"[^A-Za-z0-9_-]+", "-", owner)
    return f"{dataset}-{plain}" if plain == owner else f"{dataset}-{plain}-{sha256(owner.encode()).hexdigest()[:8]}"


def body(widgets: Iterable[Widget]) -> dict[str, Any]:
    """The dashboard with these widgets, laid out row by row; what is beyond 500 widgets is left out."""
    placed: list[Widget] = []
    x = y = row = 0
    for widget in list(widgets)[:MAX_WIDGETS]:
        if x + widget["width"] > COLUMNS:
            x, y, row = 0, y + row, 0
        placed.append({"type": widget["type"], "x": x, "y": y, **{k: v for k, v in widget.items() if k != "type"}})
        x, row = x + widget["width"], max(row, widget["height"])
    return {"start": "-PT24H", "periodOverride": "inherit", "widgets": placed}


def _metric_of(rule: Rule, namespace: str) -> Widget:
    names = tuple(map(dotted, rule.dimensions))
    metrics: list[list[Any]]
    if names:
        metrics = [_search(namespace, names, rule.name, statistic) for statistic in _STATISTICS[rule.kind]]
    else:
        metrics = [[namespace, rule.name, {"stat": one, "label": one}] for one in _STATISTICS[rule.kind]]
    title = rule.name + (f" by {', '.join(names)}" if names else "")
    widget = _metric(title if rule.unit in ("None", "Count") else f"{title}, {rule.unit}", metrics)
    lines = [{"label": f"{one.name} ({one.statistic} {one.op})", "value": one.threshold} for one in rule.alarms]
    if lines:
        widget["properties"]["annotations"] = {"horizontal": lines}
    return widget


def _metric(title: str, metrics: list[list[Any]]) -> Widget:
    properties = {
        "title": title,
        "region": REGION,
        "view": "timeSeries",
        "stacked": False,
        "period": _PERIOD_S,
        "metrics": metrics,
    }
    return {"type": "metric", "width": 8, "height": 6, "properties": properties}


def _search(
    namespace: str, names: Sequence[str], metric: str, statistic: str, only: Mapping[str, str] = MappingProxyType({})
) -> list[Any]:
    """Every series of a metric, whatever its dimensions' values; `only` fixes those of some."""
    schema = ",".join(json.dumps(name) for name in (namespace, *names))
    narrowed = "".join(f' {json.dumps(name)}="{value}"' for name, value in only.items())
    expression = f"SEARCH('{{{schema}}} MetricName=\"{metric}\"{narrowed}', '{statistic}', {_PERIOD_S})"
    return [{"expression": expression, "label": "" if statistic == "Sum" else statistic}]


def _text(markdown: str) -> Widget:
    return {"type": "text", "width": COLUMNS, "height": 2, "properties": {"markdown": markdown}}


def _logs(section: Section) -> list[Widget]:
    """The latest events, and how many there were of each kind, for every way in which events lie in a line."""
    by_root: dict[Path, list[str]] = {}
    for group, root in section.logs:
        by_root.setdefault(root, []).append(group)
    widgets = []
    for root, groups in sorted(by_root.items()):
        source = " | ".join(f"SOURCE '{group}'" for group in groups[:MAX_SOURCES])
        only = f'{source} | filter {_field(root, "event")} = "{section.event}"'
        under = f" (under {'.'.join(root)})" if root else ""
        if section.columns:
            shown = ", ".join(["@timestamp", *(_field(root, name) for name in section.columns)])
            query = f"{only} | fields {shown} | sort @timestamp desc | limit 50"
            widgets.append(_log(f"{section.title}: the latest{under}", query, "table"))
        for name in section.group_by:
            query = f"{only} | stats count(*) as events by {_field(root, name)} | sort events desc | limit 20"
            widgets.append(_log(f"{section.title}: by {name}{under}", query, "bar"))
    return widgets


def _log(title: str, query: str, view: str) -> Widget:
    properties = {"title": title, "region": REGION, "view": view, "query": query}
    return {"type": "log", "width": 12, "height": 6, "properties": properties}


def _field(root: Path, name: str) -> str:
    field = ".".join((*root, name))
    return field if _PLAIN_FIELD.fullmatch(field) and field.lower() not in _KEYWORDS else f"`{field}`"


def views(said: Mapping[str, Any], hidden: Collection[str]) -> tuple[list[str], list[str]]:
    """The columns and the grouping fields of a contract's views, without those that are `hidden`."""
    columns = [name for name in said.get("columns", ()) if name not in hidden]
    return columns, [name for name in said.get("groupBy", ()) if name not in hidden]
