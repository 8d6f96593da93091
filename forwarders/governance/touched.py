"""What a difference changes elsewhere, by name: metrics, alarms, index mappings, columns, boards and facets."""

from __future__ import annotations

from collections.abc import Iterator

from forwarders.contracts.facts import ANY
from forwarders.contracts.fields import Field
from forwarders.governance.contract import Metric, Side, listing, mapping
from forwarders.governance.difference import Difference
from forwarders.governance.located import same
from forwarders.governance.lock import stored_type
from forwarders.governance.stored import fields

TITLES = ("metrics", "alarms", "index mappings", "columns", "boards", "facets")


def touched(found: Difference) -> dict[str, list[str]]:
    """The names under each of the titles, sorted; a title without any is left out.

    A metric is `Name (+)`, `Name (-)` or `Name (~)`: new, gone, changed; so is everything else.
    """
    names: dict[str, set[str]] = {title: set() for title in TITLES}
    for old, new in found.pairs:
        for title, name in _of(old, new):
            names[title].add(name)
    return {title: sorted(of) for title, of in names.items() if of}


def _of(old: Side | None, new: Side | None) -> Iterator[tuple[str, str]]:
    changed = dict(_fields(old, new))
    yield from _mappings(old, new, changed)
    yield from _metrics(old, new, changed)
    yield from _views(old, new, changed)


def _fields(old: Side | None, new: Side | None) -> Iterator[tuple[str, str]]:
    """The leaf fields that are new, gone or stored or described in another way, with a sign."""
    before, after = _by_name(old), _by_name(new)
    for name in before.keys() | after.keys():
        if name not in before:
            yield name, "+"
        elif name not in after:
            yield name, "-"
        elif before[name] != after[name]:
            yield name, "~"


def _by_name(side: Side | None) -> dict[str, Field]:
    return {field.name: field for field in fields(side)} if side is not None else {}


def _mappings(old: Side | None, new: Side | None, changed: dict[str, str]) -> Iterator[tuple[str, str]]:
    side = new or old
    before, after = _by_name(old), _by_name(new)
    for name, sign in changed.items():
        if sign == "~" and stored_type(before[name]) == stored_type(after[name]):
            continue
        assert side is not None
        one = after.get(name) or before[name]
        prefix = "" if side.notes.get("shape") == "ecs" else "data."
        kind = "flattened" if ANY in one.path and one.path[-1] == ANY and not one.types else stored_type(one)
        yield "index mappings", f"logs-{side.dataset}-*: {prefix}{name} {kind} ({sign})"
    if old is not None and new is not None and old.dataset != new.dataset:
        yield "index mappings", f"logs-{old.dataset}-* (-)"
        yield "index mappings", f"logs-{new.dataset}-* (+)"


def _metrics(old: Side | None, new: Side | None, changed: dict[str, str]) -> Iterator[tuple[str, str]]:
    before = {metric.name: metric for metric in old.metrics} if old is not None else {}
    after = {metric.name: metric for metric in new.metrics} if new is not None else {}
    for name in before.keys() | after.keys():
        one, other = before.get(name), after.get(name)
        if one is None or other is None:
            yield "metrics", f"{name} ({'+' if one is None else '-'})"
        elif not same(_without_alarms(one), _without_alarms(other)) or any(map(other.reads, changed)):
            yield "metrics", f"{name} (~)"
        was, now = (one.alarms if one else {}), (other.alarms if other else {})
        for alarm in was.keys() | now.keys():
            sign = "+" if alarm not in was else "-" if alarm not in now else "~"
            if sign != "~" or was[alarm] != now[alarm]:
                yield "alarms", f"{name}/{alarm} ({sign})"


def _without_alarms(metric: Metric) -> dict[str, object]:
    return {key: value for key, value in metric.rule.items() if key not in ("alarms", "description")}


def _views(old: Side | None, new: Side | None, changed: dict[str, str]) -> Iterator[tuple[str, str]]:
    was = mapping(old.notes.get("views")) if old is not None else {}
    now = mapping(new.notes.get("views")) if new is not None else {}
    side = new or old
    assert side is not None
    board = False
    for key, title in (("columns", "columns"), ("facets", "facets"), ("groupBy", "boards")):
        before, after = set(map(str, listing(was.get(key)))), set(map(str, listing(now.get(key))))
        for name in before | after:
            sign = "+" if name not in before else "-" if name not in after else changed.get(name, "")
            if sign and title != "boards":
                yield title, f"{side.event}: {name} ({sign})"
            board = board or bool(sign)
    if board:
        yield "boards", f"{side.event} ({'+' if old is None else '-' if new is None else '~'})"
