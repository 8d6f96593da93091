"""The changes of a contract's fields: added, removed, renamed, required, and what each says of itself."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from forwarders.contracts.tree import pointer
from forwarders.governance.compare_keywords import compare_keywords
from forwarders.governance.compare_notes import compare_notes
from forwarders.governance.conjuncts import facts, types_of
from forwarders.governance.contract import Side, listing, mapping
from forwarders.governance.located import Located, at, digest, same
from forwarders.governance.rows import BREAK, MINOR, REVIEW, Row, Rows
from forwarders.governance.stored import stored
from forwarders.governance.walk import ANY, Path, Walk, dotted

MAX_LIKE = 20
"""Candidates for a new name whose likeness is measured: thousands of renamed fields would take half a minute."""


def compare_fields(rows: Rows, old: Side, new: Side, approvers: tuple[str, ...], tombstones: frozenset[str]) -> None:
    """Rows for every difference of the two schemas. V is left to containment, but for what it cannot see."""
    _walk(Walk(rows, old, new, approvers, tombstones), old.tree, new.tree, (), "")


def _walk(walk: Walk, old: Any, new: Any, path: Path, where: str) -> None:
    if same(old, new):
        return
    if not isinstance(old, Located) or not isinstance(new, Located):
        row = walk.bounds(at(new, where), "constraint_changed", "the field is declared in another way")
        row.says("Q", REVIEW, "what is stored may be of another type")
        return
    compare_notes(walk, old, new, path)
    compare_keywords(walk, old, new, path)
    _members(walk, old, new, path)
    _elements(walk, old, new, path)
    for keyword in ("allOf", "anyOf", "oneOf"):
        _branches(walk, old, new, path, keyword)
    for keyword in ("then", "else"):
        if keyword in old and keyword in new:
            _walk(walk, old[keyword], new[keyword], path, f"{new.at}/{keyword}")


def _members(walk: Walk, old: Located, new: Located, path: Path) -> None:
    before: dict[str, Any] = old.get("properties", {})
    after: dict[str, Any] = new.get("properties", {})
    required = facts(new).required
    removed = [name for name in before if name not in after]
    added = [name for name in after if name not in before]
    renamed = _renamed({name: before[name] for name in removed}, {name: after[name] for name in added})
    for name in removed:
        _removed(walk, old, new, (*path, name), renamed.get(name))
    for name in added:
        _added(walk, new, (*path, name), name in required)
    _requirements(walk, old, new, path, {*removed, *added})
    for name in [name for name in before if name in after]:
        _walk(walk, before[name], after[name], (*path, name), new.at + pointer(("properties", name)))
    _patterns(walk, old, new, path)
    _rest(walk, old, new, path)


def _renamed(removed: dict[str, Any], added: dict[str, Any]) -> dict[str, str]:
    """What looks like a new name for an old field: the same constraints under another name."""
    free: dict[str, list[str]] = {}
    for name, node in added.items():
        free.setdefault(_kernel(node), []).append(name)
    renamed = {}
    for name, node in removed.items():
        near = free.get(_kernel(node), [])
        if near:
            best = max(near[:MAX_LIKE], key=lambda one: _likeness(name, one))
            renamed[name] = best
            near.remove(best)
    return renamed


def _kernel(node: Any) -> str:
    if not isinstance(node, dict):
        return digest(node)
    return digest({key: value for key, value in node.items() if key not in ("title", "description", "deprecated")})


def _likeness(one: str, other: str) -> float:
    from difflib import SequenceMatcher

    return SequenceMatcher(None, one, other).ratio()


def _removed(walk: Walk, old: Located, new: Located, path: Path, successor: str | None) -> None:
    name = dotted(path)
    change, why = "field_removed", f"{name} is removed"
    if successor is not None:
        change, why = "field_renamed", f"{name} looks renamed to {successor}"
    row = walk.add(old.at + pointer(("properties", path[-1])), change, MINOR, why)
    row.says("Q", BREAK, "what is stored under this name gets no more values, and columns, boards and queries lose it")
    shown = _boards(walk.old, name)
    if shown:
        row.says("Q", BREAK, f"it is shown in {_list(shown)}")
    used = [metric.name for metric in walk.old.metrics if metric.reads(name)]
    if used:
        row.says("M", BREAK, f"read by {_list(used)}")
    node = old["properties"][path[-1]]
    planned = isinstance(node, dict) and node.get("deprecated") is True
    if new.get("additionalProperties") is False and _is_drift(row.pointer):
        row.why.append("the forwarder lets it through as drift, under _extra")
    if not planned:
        row.why.append("deprecate a field first (`deprecated: true`), and remove it in the next major")
    if name not in walk.new.tombstones:
        row.why.append(f"leave a tombstone: x-event.removed: {name}")


def _is_drift(where: str) -> bool:
    """Whether the forwarder lets unknown fields of this place through; a branch that is closed tells events apart."""
    return not {"anyOf", "oneOf", "not", "if", "then", "else", "dependentSchemas"} & set(where.split("/"))


def _boards(side: Side, name: str) -> list[str]:
    """The parts of the event's board that show a field or one below it."""
    views = mapping(side.notes.get("views"))
    return [key for key in views if any(f"{one}.".startswith(f"{name}.") for one in listing(views[key]))]


def _added(walk: Walk, new: Located, path: Path, required: bool) -> None:
    name = dotted(path)
    change = "field_added_required" if required else "field_added_optional"
    kind = "a required" if required else "an optional"
    row = walk.add(new.at + pointer(("properties", path[-1])), change, MINOR, f"{name} is {kind} field with a new name")
    dead = [one for one in walk.tombstones if one == name or (one.startswith(f"{name}.") and one in stored(walk.new))]
    if dead:
        row.change = "field_reuses_tombstone"
        row.why[0] = f"{_list(sorted(dead))} is the name of a field that was removed"
        row.says("Q", BREAK, "older events hold another meaning under this name")


def _requirements(walk: Walk, old: Located, new: Located, path: Path, moved: set[str]) -> None:
    before, after = set(old.get("required", ())), set(new.get("required", ()))
    for name in sorted(after - before - moved - facts(old).required):
        where = pointer(("properties", name)) if name in new.get("properties", {}) else "/required"
        walk.add(new.at + where, "required_added", MINOR, f"{dotted((*path, name))} becomes required")
    for name in sorted(before - after - moved - facts(new).required):
        where = pointer(("properties", name)) if name in new.get("properties", {}) else "/required"
        row = walk.add(new.at + where, "required_removed", MINOR, f"{dotted((*path, name))} becomes optional")
        reading = [metric.name for metric, _ in walk.readers((*path, name))]
        if reading:
            row.says("M", BREAK, f"events without it are not counted by {_list(reading)}")


def _patterns(walk: Walk, old: Located, new: Located, path: Path) -> None:
    before: dict[str, Any] = old.get("patternProperties", {})
    after: dict[str, Any] = new.get("patternProperties", {})
    for pattern in {**before, **after}:
        where = pointer(("patternProperties", pattern))
        if pattern in before and pattern in after:
            _walk(walk, before[pattern], after[pattern], (*path, ANY), new.at + where)
        elif pattern in after:
            walk.add(new.at + where, "pattern_fields_added", MINOR, "more names of fields are declared")
        else:
            row = walk.add(old.at + where, "pattern_fields_removed", MINOR, "names of fields are no longer declared")
            row.says("Q", BREAK, "such fields become drift, under _extra")


def _rest(walk: Walk, old: Located, new: Located, path: Path) -> None:
    before, after = old.get("additionalProperties", True), new.get("additionalProperties", True)
    where = f"{new.at if 'additionalProperties' in new else old.at}/additionalProperties"
    if isinstance(before, dict) and isinstance(after, dict):
        _walk(walk, before, after, (*path, ANY), where)
    elif same(before, after):
        return
    elif after is False:
        row = walk.bounds(where, "closed", "fields that are not declared are no longer part of the contract")
        row.says("Q", BREAK, "such fields move under _extra, where no query of theirs finds them")
    elif before is False:
        walk.bounds(where, "opened", "fields that are not declared are accepted, and no longer drift")
    else:
        row = walk.bounds(where, "other_fields_changed", "what fields that are not declared may hold has changed")
        row.says("Q", REVIEW, "cannot prove that what is stored of them keeps its type")


def _elements(walk: Walk, old: Located, new: Located, path: Path) -> None:
    first, then = old.get("prefixItems", []), new.get("prefixItems", [])
    inner = (*path, ANY)
    for index, (one, other) in enumerate(zip(first, then, strict=False)):
        _walk(walk, one, other, inner, f"{new.at}/prefixItems/{index}")
    if len(first) != len(then):
        longer = new if len(then) > len(first) else old
        change = "prefix_items_added" if longer is new else "prefix_items_removed"
        row = walk.bounds(f"{longer.at}/prefixItems", change, "other positions of the list are declared")
        row.says("Q", REVIEW, "cannot prove that what is stored keeps its type")
    if "items" in old and "items" in new:
        _walk(walk, old["items"], new["items"], inner, f"{new.at}/items")
    elif ("items" in old or "items" in new) and "array" in types_of(old) & types_of(new):
        change = "items_added" if "items" in new else "items_removed"
        row = walk.bounds(f"{(new if 'items' in new else old).at}/items", change, "the list's elements")
        row.says("Q", REVIEW, "cannot prove that what is stored keeps its type")


def _branches(walk: Walk, old: Located, new: Located, path: Path, keyword: str) -> None:
    before: list[Any] = old.get(keyword, [])
    after: list[Any] = new.get(keyword, [])
    known, found = set(map(digest, before)), set(map(digest, after))
    gone = [(index, one) for index, one in enumerate(before) if digest(one) not in found]
    come = [(index, one) for index, one in enumerate(after) if digest(one) not in known]
    if len(gone) == len(come):
        for (_, one), (index, other) in zip(gone, come, strict=True):
            _walk(walk, one, other, path, f"{new.at}/{keyword}/{index}")
        return
    for index, one in gone:
        row = walk.bounds(at(one, f"{old.at}/{keyword}/{index}"), "branch_removed", f"a branch of {keyword} is gone")
        _fields_of_branch(row, one, new, "no longer declared there")
    for index, one in come:
        walk.bounds(at(one, f"{new.at}/{keyword}/{index}"), "branch_added", f"{keyword} has one more branch")


def _fields_of_branch(row: Row, branch: Any, new: Located, what: str) -> None:
    lost = set(_names(branch)) - set(_names(new))
    if lost:
        row.says("Q", BREAK, f"{_list(sorted(lost))}: {what}")


def _names(node: Any) -> Iterable[str]:
    if isinstance(node, dict):
        yield from node.get("properties", {})
        for keyword in ("allOf", "anyOf", "oneOf"):
            for branch in node.get(keyword, ()):
                yield from _names(branch)


def _list(names: list[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
