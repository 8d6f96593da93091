"""The changes of what a field says of itself: unit, time, personal data, cardinality, known values, words."""

from __future__ import annotations

from typing import Any

from forwarders.governance.compare_keywords import lost_values, place
from forwarders.governance.contract import listing, mapping
from forwarders.governance.located import Located, digest, same
from forwarders.governance.rows import BREAK, MINOR, PATCH, REVIEW, Row
from forwarders.governance.walk import Path, Walk

CLASSES = ("", "free_text", "identifier", "contact", "location", "sensitive", "secret")
"""Classes of personal data, each one asking for more care than the one before."""

_WORDS = (
    "title", "description", "$comment", "default", "examples", "readOnly", "writeOnly", "contentEncoding",
    "contentMediaType", "$anchor",
)  # fmt: skip

_UNITS_IN_NAMES = {
    "s": ("s", "sec", "secs", "second", "seconds"),
    "ms": ("ms", "millis", "milliseconds"),
    "us": ("us", "micros", "microseconds"),
    "ns": ("ns", "nanos", "nanoseconds"),
    "bytes": ("bytes", "byte", "b"),
    "kb": ("kb", "kilobytes"),
    "mb": ("mb", "megabytes"),
    "gb": ("gb", "gigabytes"),
    "percent": ("percent", "pct", "%"),
}


def compare_notes(walk: Walk, old: Located, new: Located, path: Path) -> None:
    """Rows for the annotations of one node."""
    _unit(walk, old, new, path)
    _time(walk, old, new, path)
    _personal(walk, old, new, path)
    _cardinality(walk, old, new, path)
    _known_values(walk, old, new, path)
    _deprecated(walk, old, new)
    if not path and old.get("$schema") != new.get("$schema"):
        row = walk.add("/$schema", "dialect_changed", MINOR, "the schema is written in another dialect")
        row.says("V", REVIEW, "cannot prove that its keywords mean the same")
    for keyword in _WORDS:
        if (keyword in old or keyword in new) and not same(old.get(keyword), new.get(keyword)):
            change = "description_changed" if keyword == "description" else f"{keyword.lstrip('$')}_changed"
            walk.add(place(old, new, keyword), change, PATCH, f"{keyword} is changed: nothing reads it but people")


def _unit(walk: Walk, old: Located, new: Located, path: Path) -> None:
    before, after = old.get("x-unit"), new.get("x-unit")
    if before == after:
        return
    where = place(old, new, "x-unit")
    if before is None or after is None:
        change = "unit_added" if before is None else "unit_removed"
        row = walk.add(where, change, PATCH, f"unit {before or 'none'} becomes {after or 'none'}")
        if not _is_in_name(before or after, path):
            row.says("Q", REVIEW, "cannot prove that stored values had this unit: the field's name does not say it")
        return
    row = walk.add(where, "unit_changed", MINOR, f"unit {before} becomes {after}")
    _other_meaning(walk, row, path)


def _other_meaning(walk: Walk, row: Row, path: Path) -> None:
    row.says("Q", BREAK, "stored values mean something else from one event to the next, and boards add them up")
    for metric, how in walk.readers(path):
        if how in ("value", "where"):
            row.says("M", BREAK, f"{metric.name} reads it as {how}: thresholds and conditions are in the old unit")


def _is_in_name(unit: Any, path: Path) -> bool:
    suffix = path[-1].rpartition("_")[2].lower() if path else ""
    wanted = str(unit).lower()
    return suffix == wanted or any(suffix in names and wanted in names for names in _UNITS_IN_NAMES.values())


def _time(walk: Walk, old: Located, new: Located, path: Path) -> None:
    before, after = mapping(old.get("x-time")), mapping(new.get("x-time"))
    if same(before, after):
        return
    where = place(old, new, "x-time")
    if before and after:
        if before.get("unit") != after.get("unit"):
            why = f"unit {before.get('unit')} becomes {after.get('unit')}"
            _other_meaning(walk, walk.add(f"{where}/unit", "unit_changed", MINOR, why), path)
        if before.get("role") != after.get("role"):
            why = f"role {before.get('role')} becomes {after.get('role')}"
            row = walk.add(f"{where}/role", "time_role_changed", MINOR, why)
            row.says("Q", BREAK, "the time of the event is read elsewhere: @timestamp changes its meaning")
        return
    change = "time_added" if after else "time_removed"
    row = walk.add(where, change, MINOR, f"x-time is {change.rpartition('_')[2]}")
    said = before or after
    if "rfc3339" in (before.get("unit"), after.get("unit")) and "date-time" not in (
        old.get("format"),
        new.get("format"),
    ):
        row.says("Q", BREAK, "the index type keyword and date change places, and a stored field has one type")
    elif said.get("role") == "event":
        verdict = BREAK if before else REVIEW
        row.says("Q", verdict, "the time of the event is read elsewhere: @timestamp changes its meaning")
    else:
        row.says("Q", REVIEW, "cannot prove that stored values are times of this unit")


def _personal(walk: Walk, old: Located, new: Located, path: Path) -> None:
    before, after = mapping(old.get("x-pii")), mapping(new.get("x-pii"))
    if same(before, after):
        return
    was, now = str(before.get("class", "")), str(after.get("class", ""))
    change = "pii_sinks_changed" if was == now else "pii_raised" if _rank(now) >= _rank(was) else "pii_lowered"
    told = (
        f"personal data: {was or 'none'} becomes {now or 'none'}" if was != now else "what each sink may hold changes"
    )
    row = walk.add(place(old, new, "x-pii"), change, MINOR, told)
    named = ", ".join(walk.approvers) or "nobody: name privacy_approvers in schemas/_policy.json"
    row.says("Q", REVIEW, f"what sinks store of it changes, privacy approver: {named}")
    used = walk.dimensions(path)
    if used:
        row.says("M", REVIEW, f"{', '.join(used)} would put it into the names of metrics")


def _rank(name: str) -> int:
    return CLASSES.index(name) if name in CLASSES else len(CLASSES)


def _cardinality(walk: Walk, old: Located, new: Located, path: Path) -> None:
    before, after = old.get("x-cardinality"), new.get("x-cardinality")
    if same(before, after):
        return
    more = _count(after) > _count(before)
    change = "cardinality_raised" if more else "cardinality_lowered"
    row = walk.add(
        place(old, new, "x-cardinality"),
        change,
        PATCH,
        f"expected values: {before or 'none'} becomes {after or 'none'}",
    )
    for name in walk.dimensions(path) if more else ():
        row.says("M", REVIEW, f"{name} would become more custom metrics")


def _count(said: Any) -> float:
    if isinstance(said, (int, float)) and not isinstance(said, bool):
        return float(said)
    return float("inf") if said == "unbounded" else 0.0


def _known_values(walk: Walk, old: Located, new: Located, path: Path) -> None:
    keyword = "x-known-values"
    if same(old.get(keyword), new.get(keyword)):
        return
    before = {digest(value): value for value in listing(old.get(keyword))}
    after = {digest(value): value for value in listing(new.get(keyword))}
    where = place(old, new, keyword)
    lost, won = before.keys() - after.keys(), after.keys() - before.keys()
    if not after or not before:
        change = "known_values_added" if after else "known_values_removed"
        walk.add(
            where, change, MINOR, "values that are not listed are drift" if after else "no value is drift any more"
        )
    elif lost:
        why = "known values are removed, and perhaps others added"
        row = walk.add(where, "known_values_narrowed", MINOR, why)
        if "enum" not in new and "const" not in new:
            row.says("V", REVIEW, "producers that still send them are not refused, and each is counted as drift")
        lost_values(walk, row, [before[key] for key in lost], path)
    elif won:
        row = walk.add(where, "known_values_widened", MINOR, f"{len(won)} more known values")
        for name in walk.dimensions(path):
            row.says("M", REVIEW, f"each new value is one more custom metric of {name}")


def _deprecated(walk: Walk, old: Located, new: Located) -> None:
    before, after = old.get("deprecated") is True, new.get("deprecated") is True
    if before != after:
        change = "field_deprecated" if after else "field_restored"
        why = "announced to be removed" if after else "no longer announced to be removed"
        walk.add(place(old, new, "deprecated"), change, MINOR, why)
