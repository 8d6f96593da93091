"""The changes of a contract as a whole: dataset, owner, promises, metrics, alarms, boards."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from forwarders.governance.contract import Metric, Side, listing, mapping
from forwarders.governance.located import same
from forwarders.governance.rows import BREAK, MINOR, OK, PATCH, REVIEW, Rows

STABILITIES = ("experimental", "beta", "stable")

_SIMPLE: dict[str, tuple[str, str, str, str]] = {
    # key: change, bump, what Q says, why
    "dataset": ("dataset_changed", MINOR, BREAK, "events go to other data streams, and boards of the old ones end"),
    "shape": ("shape_changed", MINOR, BREAK, "every field moves to another place of the document"),
    "owner": ("owner_changed", PATCH, OK, "quarantined events and alarms are another team's"),
    "severity": ("severity_changed", MINOR, REVIEW, "filters and alerts by severity find other events"),
    "sampling": ("sampling_changed", MINOR, REVIEW, "a sink gets another share of the events"),
    "consumers": ("consumers_changed", PATCH, OK, "other teams say that they read it"),
}
"""What one key of `x-event` means for stored data."""

_TOLD = frozenset({*_SIMPLE, "version", "stability", "removed", "metrics", "views", "wireDefault"})

_RULE: dict[str, tuple[str, str, str]] = {
    "kind": ("metric_kind_changed", BREAK, "the metric adds up something else"),
    "value": ("metric_value_changed", BREAK, "the metric reads another field"),
    "unit": ("metric_unit_changed", BREAK, "alarms compare with a threshold in the old unit"),
    "where": ("metric_where_changed", REVIEW, "the metric counts other events from now on"),
    "buckets": ("metric_buckets_changed", REVIEW, "the histogram's buckets differ from those that are stored"),
    "limit": ("metric_limit_changed", REVIEW, "another number of values is told apart"),
    "measured": ("metric_measured_changed", REVIEW, "the metric is measured elsewhere"),
}

_SILENT_IN_ALARMS = ("description", "runbook")


def compare_event(rows: Rows, old: Side, new: Side) -> None:
    """Rows for every difference of `x-event` but the version itself."""
    before, after = old.notes, new.notes
    for key, (change, base, verdict, why) in _SIMPLE.items():
        if not same(before.get(key), after.get(key)):
            _told(rows, f"/x-event/{key}", change, base, f"{key} is changed").says("Q", verdict, why)
    _stability(rows, old.stability, new.stability)
    _tombstones(rows, old, new)
    _metrics(rows, old, new)
    _views(rows, mapping(before.get("views")), mapping(after.get("views")))
    for key in sorted((before.keys() | after.keys()) - _TOLD):
        if not same(before.get(key), after.get(key)):
            _told(rows, f"/x-event/{key}", "annotation_changed", PATCH, f"{key} is changed")


def _told(rows: Rows, where: str, change: str, base: str, why: str) -> Any:
    return rows.add(where, change, base, why)


def _stability(rows: Rows, before: str, after: str) -> None:
    if before == after:
        return
    where = "/x-event/stability"
    if after == "deprecated":
        _told(rows, where, "event_deprecated", MINOR, "the event is announced to be removed")
    elif _promise(after) >= _promise(before):
        _told(rows, where, "stability_raised", PATCH, f"{before} becomes {after}: more is promised")
    else:
        row = _told(rows, where, "stability_lowered", MINOR, f"{before} becomes {after}")
        row.says("Q", REVIEW, "readers lose a promise that they rely on, and this change is held to the old one")


def _promise(stability: str) -> int:
    return STABILITIES.index(stability) if stability in STABILITIES else len(STABILITIES)


def _tombstones(rows: Rows, old: Side, new: Side) -> None:
    for name in sorted(old.tombstones.keys() - new.tombstones.keys()):
        row = _told(rows, "/x-event/removed", "tombstone_removed", MINOR, f"the tombstone of {name} is gone")
        row.says("Q", REVIEW, "older events hold its values, and nothing keeps another field from taking the name")
    if new.tombstones.keys() - old.tombstones.keys():
        _told(rows, "/x-event/removed", "tombstone_added", PATCH, "the names of removed fields are kept")


def _views(rows: Rows, before: dict[str, Any], after: dict[str, Any]) -> None:
    for key in sorted(before.keys() | after.keys()):
        was, now = listing(before.get(key)), listing(after.get(key))
        if was == now:
            continue
        lost = [str(name) for name in was if name not in now]
        row = _told(rows, f"/x-event/views/{key}", "view_changed", PATCH, f"{key} are changed")
        if lost:
            row.change = "view_narrowed"
            row.says("Q", REVIEW, f"{', '.join(lost[:5])}: no longer on the board")


def _metrics(rows: Rows, old: Side, new: Side) -> None:
    before = {metric.name: metric for metric in old.metrics}
    after = {metric.name: metric for metric in new.metrics}
    renamed = _renamed(before, after)
    for name, metric in before.items():
        where = f"/x-event/metrics/{metric.index}"
        if name in renamed:
            row = _told(rows, where, "metric_renamed", MINOR, f"metric {name} looks renamed to {renamed[name]}")
            row.says("M", BREAK, "alarms and dashboards that name it get no more data")
        elif name not in after:
            row = _told(rows, where, "metric_removed", MINOR, f"metric {name} is removed")
            row.says("M", BREAK, "alarms and dashboards that name it get no more data")
        else:
            _metric(rows, metric, after[name])
    for name, metric in after.items():
        if name not in before and name not in renamed.values():
            _told(rows, f"/x-event/metrics/{metric.index}", "metric_added", MINOR, f"metric {name} is new")


def _renamed(before: dict[str, Metric], after: dict[str, Metric]) -> dict[str, str]:
    fresh = {name: metric for name, metric in after.items() if name not in before}
    found: dict[str, str] = {}
    for name, metric in before.items():
        if name in after:
            continue
        for other, candidate in fresh.items():
            if _without_name(metric) == _without_name(candidate) and other not in found.values():
                found[name] = other
                break
    return found


def _without_name(metric: Metric) -> dict[str, Any]:
    return {key: value for key, value in metric.rule.items() if key not in ("name", "description", "alarms")}


def _metric(rows: Rows, old: Metric, new: Metric) -> None:
    where = f"/x-event/metrics/{new.index}"
    for key, (change, verdict, why) in _RULE.items():
        if not same(old.rule.get(key), new.rule.get(key)):
            _told(rows, f"{where}/{key}", change, MINOR, f"metric {new.name}").says("M", verdict, why)
    if set(old.dimensions) != set(new.dimensions):
        row = _told(rows, f"{where}/dimensions", "metric_dimensions_changed", MINOR, f"metric {new.name}")
        row.says("M", BREAK, "to CloudWatch it is another metric: alarms on the old one get no more data")
    elif old.dimensions != new.dimensions:
        _told(rows, f"{where}/dimensions", "metric_dimensions_reordered", PATCH, f"metric {new.name}")
    if old.rule.get("description") != new.rule.get("description"):
        _told(rows, f"{where}/description", "description_changed", PATCH, f"metric {new.name} is described anew")
    for key in sorted((old.rule.keys() | new.rule.keys()) - {*_RULE, "name", "description", "dimensions", "alarms"}):
        if not same(old.rule.get(key), new.rule.get(key)):
            _told(rows, f"{where}/{key}", "annotation_changed", PATCH, f"metric {new.name}: {key} is changed")
    _alarms(rows, where, old, new)


def _alarms(rows: Rows, where: str, old: Metric, new: Metric) -> None:
    names: dict[str, None] = {**dict.fromkeys(old.alarms), **dict.fromkeys(new.alarms)}
    order: Callable[[dict[str, Any]], list[str]] = list
    for name in names:
        full = f"alarm {new.name}/{name}"
        before, after = old.alarms.get(name), new.alarms.get(name)
        if before is None:
            place = f"{where}/alarms/{order(new.alarms).index(name)}"
            _told(rows, place, "alarm_added", MINOR, f"{full} is new")
        elif after is None:
            place = f"/x-event/metrics/{old.index}/alarms/{order(old.alarms).index(name)}"
            row = _told(rows, place, "alarm_removed", MINOR, f"{full} is removed")
            row.says("M", REVIEW, "nobody is told any more of what it watched")
        elif not same(before, after):
            place = f"{where}/alarms/{order(new.alarms).index(name)}"
            changed = sorted(key for key in before.keys() | after.keys() if before.get(key) != after.get(key))
            row = _told(rows, place, "alarm_changed", PATCH, f"{full}: {', '.join(changed)}")
            if set(changed) - set(_SILENT_IN_ALARMS):
                row.base = MINOR
                row.says("M", REVIEW, "it sounds in other cases, or for other people")
