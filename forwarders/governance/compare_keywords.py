"""The changes of what a field may hold: types, values, bounds, patterns, formats."""

from __future__ import annotations

import math
from typing import Any

from forwarders.contracts.tree import LISTS, MAPS, NOTES, ONES
from forwarders.governance.conjuncts import ALL, NUMBERS, types_of
from forwarders.governance.located import ODD, OPAQUE, Located, digest, same
from forwarders.governance.rows import BREAK, PATCH, REVIEW, Row
from forwarders.governance.walk import Path, Walk
from forwarders.sinks.elasticsearch.templates import MAX_KEYWORD_CHARS

INDEXED_FORMATS = {"date-time": "date", "ipv4": "ip", "ipv6": "ip", "ip": "ip"}
"""The formats whose texts have an index type of their own."""

_UPPER = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties", "maxContains")
_LOWER = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties", "minContains")
_OTHER = ("pattern", "multipleOf", "uniqueItems", "not", "if", "contains", "propertyNames")
_OTHER_MAPS = ("dependentRequired", "dependentSchemas")
_DONE = (
    frozenset({*_UPPER, *_LOWER, *_OTHER, *_OTHER_MAPS, "type", "const", "enum", "format", "required"})
    | frozenset({*MAPS, *LISTS, *ONES, "$schema", "$id", "$anchor", "contentEncoding", "contentMediaType"})
    | NOTES
)


def compare_keywords(walk: Walk, old: Located, new: Located, path: Path) -> None:
    """Rows for the keywords of one node; what is nested is the caller's."""
    _types(walk, old, new, path)
    _values(walk, old, new, path)
    _format(walk, old, new, path)
    for keyword in (*_UPPER, *_LOWER):
        _bound(walk, old, new, keyword)
    for keyword in (*_OTHER, *_OTHER_MAPS):
        _plain(walk, old, new, keyword)
    for keyword in sorted((old.keys() | new.keys()) - _DONE):
        _unknown(walk, old, new, keyword)


def place(old: Located, new: Located, keyword: str) -> str:
    """Where a keyword stands: in the new file, or in the old one when it is gone."""
    return f"{(new if keyword in new or keyword not in old else old).at}/{keyword}"


def _types(walk: Walk, old: Located, new: Located, path: Path) -> None:
    before, after = types_of(old), types_of(new)
    if before == after:
        return
    where = place(old, new, "type") if "type" in old or "type" in new else new.at
    was, now = before - {"null"}, after - {"null"}
    if was == now:
        _null(walk, "null" in after, path, where)
        return
    row = walk.bounds(where, _type_change(was, now), f"type {_named(before)} becomes {_named(after)}")
    if ALL - {"null"} == was:
        row.says("Q", REVIEW, "cannot prove that what is stored of it has this type")
    elif was and now:
        row.says("Q", BREAK, "the index has one type for the field, across versions and teams, and so have columns")
    _metrics_of_type(walk, row, was, now, path)


def _type_change(was: frozenset[str], now: frozenset[str]) -> str:
    if "array" in now and "array" not in was and was and now != ALL - {"null"}:
        return "scalar_to_array"
    if "array" in was and "array" not in now:
        return "array_to_scalar"
    return "type_widened" if was < now else "type_narrowed" if now < was else "type_changed"


def _metrics_of_type(walk: Walk, row: Row, was: frozenset[str], now: frozenset[str], path: Path) -> None:
    for metric, how in walk.readers(path):
        if was | now <= NUMBERS and how != "dimension":
            continue
        if was | now <= NUMBERS:
            row.says("M", REVIEW, f"{metric.name} tells events apart by it: 1 may be written 1.0")
        else:
            row.says("M", BREAK, f"{metric.name} reads it as {how}")


def _null(walk: Walk, now: bool, path: Path, where: str) -> None:
    if not now:
        walk.bounds(where, "nullable_removed", "null is no longer accepted")
        return
    row = walk.bounds(where, "nullable_added", "null is accepted")
    for metric, how in walk.readers(path):
        row.says("M", BREAK, f"{metric.name} reads it as {how}, and null is nothing to read")


def _named(types: frozenset[str]) -> str:
    if types == ALL:
        return "any"
    names = sorted(types - {"fraction"} - ({"integer"} if types >= NUMBERS else set()))
    return " or ".join([*names, "number"] if "fraction" in types else names) or "none"


def _values(walk: Walk, old: Located, new: Located, path: Path) -> None:
    before, after = _listed(old), _listed(new)
    if before is None and after is None:
        return
    keyword = "const" if "const" in (new if after is not None else old) else "enum"
    where = place(old, new, keyword)
    if before is None or after is None:
        change = f"{keyword}_added" if before is None else f"{keyword}_removed"
        why = "only listed values are accepted" if before is None else "any value is accepted"
        row = walk.bounds(where, change, why)
        if before is not None:
            _more_values(walk, row, path)
        return
    lost, won = before.keys() - after.keys(), after.keys() - before.keys()
    if not lost and not won:
        return
    change = f"{keyword}_changed" if lost and won else f"{keyword}_narrowed" if lost else f"{keyword}_widened"
    told = [f"{len(won)} more" if won else "", f"{len(lost)} fewer" if lost else ""]
    row = walk.bounds(where, change, f"accepts {' and '.join(filter(None, told))} values")
    if won:
        _more_values(walk, row, path)
    if lost:
        lost_values(walk, row, [before[key] for key in lost], path)


def _listed(node: Located) -> dict[str, Any] | None:
    values = [node["const"]] if "const" in node else node.get("enum")
    return None if values is None else {digest(value): value for value in values}


def _more_values(walk: Walk, row: Row, path: Path) -> None:
    for name in walk.dimensions(path):
        row.says("M", REVIEW, f"each new value is one more custom metric of {name}, for each of its other dimensions")


def lost_values(walk: Walk, row: Row, lost: list[Any], path: Path) -> None:
    """A metric whose condition asks for a value that is gone counts nothing any more."""
    name = ".".join(part for part in path if part != "*")
    for metric in walk.new.metrics:
        condition = metric.where.get(name)
        if isinstance(condition, dict):
            asked = condition.get("in", [condition["eq"]] if "eq" in condition else [])
            if isinstance(asked, list) and any(same(one, value) for one in asked for value in lost):
                row.says("M", BREAK, f"{metric.name} counts events with a value that is gone")


def _format(walk: Walk, old: Located, new: Located, path: Path) -> None:
    before, after = old.get("format"), new.get("format")
    if before == after:
        return
    change = "format_added" if before is None else "format_removed" if after is None else "format_changed"
    row = walk.bounds(place(old, new, "format"), change, f"format {before or 'none'} becomes {after or 'none'}")
    was, now = INDEXED_FORMATS.get(str(before), "keyword"), INDEXED_FORMATS.get(str(after), "keyword")
    if was != now and "string" in types_of(old) & types_of(new):
        row.says("Q", BREAK, f"the index type {was} becomes {now}, and a stored field has one type")


def _bound(walk: Walk, old: Located, new: Located, keyword: str) -> None:
    before, after = old.get(keyword), new.get(keyword)
    if before == after:
        return
    if (before is None or after is None) and not _about(keyword) & types_of(old) & types_of(new):
        return  # what comes and goes with its type is told with the type
    where = place(old, new, keyword)
    if before is None or after is None:
        change = f"{keyword}_added" if before is None else f"{keyword}_removed"
    else:
        change = f"{keyword}_raised" if after > before else f"{keyword}_lowered"
    shown = ["none" if value is None else f"{value}" for value in (before, after)]
    row = walk.bounds(where, change, f"{keyword} {shown[0]} becomes {shown[1]}")
    most = after or (0 if new.keys() & {"const", "enum", *LISTS} else math.inf)
    if keyword == "maxLength" and before is not None and before <= MAX_KEYWORD_CHARS < most:
        row.says("Q", REVIEW, f"texts of more than {MAX_KEYWORD_CHARS:,} characters are stored and not indexed")


def _about(keyword: str) -> frozenset[str]:
    """The types of which a bound says anything."""
    ends = {"Length": "string", "Items": "array", "Contains": "array", "Properties": "object"}
    return next((frozenset({kind}) for end, kind in ends.items() if keyword.endswith(end)), NUMBERS)


def _plain(walk: Walk, old: Located, new: Located, keyword: str) -> None:
    if keyword in old and keyword in new:
        if same(old[keyword], new[keyword]):
            return
        change = f"{keyword}_changed"
    elif keyword in old or keyword in new:
        change = f"{keyword}_added" if keyword in new else f"{keyword}_removed"
    else:
        return
    walk.bounds(place(old, new, keyword), change, f"{keyword} is {change.rpartition('_')[2]}")


def _unknown(walk: Walk, old: Located, new: Located, keyword: str) -> None:
    if keyword in old and keyword in new and same(old[keyword], new[keyword]):
        return
    if keyword.startswith("x-"):
        if keyword not in _TOLD:
            walk.add(place(old, new, keyword), "annotation_changed", PATCH, f"{keyword} is changed")
    elif keyword == OPAQUE:
        row = walk.bounds(new.at, "cannot_prove", "a reference that cannot be followed to its end")
        row.says("Q", REVIEW, "cannot prove that what is stored keeps its type")
    else:
        name = keyword.removeprefix(ODD)
        where = f"{(new if keyword in new else old).at}/{name}"
        walk.bounds(where, "keyword_changed", f"{name} is changed")


_TOLD = frozenset({"x-event", "x-time", "x-pii", "x-unit", "x-cardinality", "x-known-values"})
