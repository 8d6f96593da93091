"""What differs between two versions of one contract, and what its three readers say of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from forwarders.governance.compare_event import compare_event
from forwarders.governance.compare_fields import compare_fields
from forwarders.governance.containment import contained
from forwarders.governance.contract import Side, mapping
from forwarders.governance.folders import Key
from forwarders.governance.located import TooBig
from forwarders.governance.lock import stored_type
from forwarders.governance.prover import COMBINERS, Doubt
from forwarders.governance.rows import BREAK, MINOR, PATCH, REVIEW, Change, Row, Rows
from forwarders.governance.stored import Datasets, conflict, fields, place_of, stored


class Context(msgspec.Struct, frozen=True):
    """What a comparison knows beyond the two files: who approves personal data, and which names are taken."""

    approvers: tuple[str, ...] = ()
    tombstones: frozenset[str] = frozenset()
    datasets: Datasets | None = None
    default: int | None = None
    """The major that judged events without a version before."""


def compare(old: Side, new: Side, context: Context) -> list[Change]:
    """Every change from one version of a contract to another, none when they mean the same."""
    rows = Rows()
    try:
        compare_fields(rows, old, new, context.approvers, context.tombstones)
        doubts = contained(old.tree, new.tree)
        _conflicts(rows, old, new, context)
    except (TooBig, RecursionError):
        why = "the schema is too big or too deep to be compared"
        rows.add("", "cannot_prove", MINOR, why).says("V", REVIEW, f"cannot prove: {why}").says("Q", REVIEW, why)
        doubts = []
    for doubt in doubts:
        _blame(rows, doubt)
    if rows.have_bounds() and not doubts and not contained(new.tree, old.tree):
        rows.accept_the_same()
    compare_event(rows, old, new)
    if old.is_wire_default != new.is_wire_default:
        row = rows.add("/x-event/wireDefault", "wire_default_changed", PATCH, "the default on the wire")
        if new.is_wire_default and context.default not in (None, old.major):
            row.says(
                "V", REVIEW, f"events that name no version are judged by this major, and were by v{context.default}"
            )
    return rows.told(new.event, new.major)


def _conflicts(rows: Rows, old: Side, new: Side, context: Context) -> None:
    """A field that is new here may be stored as another type already, by another contract of the dataset."""
    before = stored(old) if old.dataset == new.dataset else {}
    fresh = [field for field in fields(new) if field.name not in before]
    if not fresh or context.datasets is None:
        return
    taken = context.datasets.taken(new)
    for field in fresh:
        why = conflict(field.name, stored_type(field), taken)
        if why:
            where = place_of(new.tree, field.path)
            found = rows.at(where) or rows.above(where)
            row = found[0] if found else rows.add(where, "field_type_conflict", MINOR, "the dataset has this field")
            row.says("Q", BREAK, why)


def _blame(rows: Rows, doubt: Doubt) -> None:
    """The doubt stands in the row of what has changed there, or near there; else in a row of its own."""
    verdict = BREAK if doubt.sure else REVIEW
    for row in _rows(rows, doubt):
        row.says("V", verdict, doubt.why)


def _rows(rows: Rows, doubt: Doubt) -> Sequence[Row]:
    found = rows.at(doubt.pointer)[:1] or rows.above(doubt.pointer)[:1] or rows.below(doubt.pointer)
    if doubt.keyword in COMBINERS:
        found = [*found, *(row for row in rows.below(doubt.pointer) if row.change == "branch_removed")]
    if found:
        return found
    return [rows.add(doubt.pointer, "narrowed" if doubt.sure else "cannot_prove", MINOR, "")]


def newcomer(new: Side, before: Mapping[Key, Side], after: Mapping[Key, Side], context: Context) -> list[Change]:
    """The changes that a contract makes by being new: a new event, or a new major beside the others."""
    rows = Rows()
    others = sorted(major for name, major in before.keys() | after.keys() if name == new.event and major != new.major)
    if others:
        row = rows.add("", "major_added", MINOR, _beside(new, others, after))
        _default(row, new, before, after)
    else:
        rows.add("", "event_added", MINOR, f"{new.event} is new")
    taken = context.datasets.taken(new) if context.datasets is not None else {}
    for field in fields(new):
        where = place_of(new.tree, field.path)
        if field.name in context.tombstones and field.name not in new.tombstones:
            row = rows.add(where, "field_reuses_tombstone", MINOR, f"{field.name} is the name of a removed field")
            row.says("Q", BREAK, "older events of the dataset hold another meaning under this name")
        if why := conflict(field.name, stored_type(field), taken):
            rows.add(where, "field_type_conflict", MINOR, "the dataset has this field").says("Q", BREAK, why)
    return rows.told(new.event, new.major)


def _beside(new: Side, others: Sequence[int], after: Mapping[Key, Side]) -> str:
    left = [f"v{major}" for major in others if (new.event, major) in after]
    return f"{new.event} v{new.major} is new" + (f" beside {', '.join(left)}" if left else "")


def default_major(event: str, contracts: Mapping[Key, Side]) -> int | None:
    """The major by which events that name no version are judged: the flagged one, else the highest."""
    majors = [side for (name, _), side in contracts.items() if name == event]
    flagged = [side.major for side in majors if side.is_wire_default]
    return max(flagged or [side.major for side in majors], default=None)


def _default(row: Row, new: Side, before: Mapping[Key, Side], after: Mapping[Key, Side]) -> None:
    """A new major that takes over what names no version must accept what the old one did."""
    was = default_major(new.event, before)
    if was is None or default_major(new.event, after) != new.major:
        return
    old = before[new.event, was]
    if (new.event, was) not in after:
        return  # that the old one is gone is told there
    if "event_version" in old.tree.get("required", ()):
        return
    if not any(side.is_wire_default for (name, _), side in after.items() if name == new.event):
        row.why.append(f"mark one major with wireDefault, as lint asks: else v{new.major} judges what names no version")
    elif contained(old.tree, _unversioned(new)):
        row.says("V", REVIEW, f"events that name no version are judged by v{new.major}, and were by v{was}")


def _unversioned(new: Side) -> dict[str, object]:
    """The new contract without what only names it."""
    properties = {name: node for name, node in mapping(new.tree.get("properties")).items() if name != "event_version"}
    return {**new.tree, "properties": properties}
