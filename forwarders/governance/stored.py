"""What type a dataset stores each field as, across all contracts: the first to come has decided for all."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from forwarders.contracts.facts import ANY, Path, places
from forwarders.contracts.fields import Field
from forwarders.contracts.tree import pointer
from forwarders.governance.conjuncts import NUMBERS, types_of
from forwarders.governance.contract import Side, mapping
from forwarders.governance.located import Located, TooBig
from forwarders.governance.lock import stored_type

Taken = dict[str, dict[str, str]]
"""For each dotted name the stored types, and one contract that declares each."""


class Datasets:
    """The fields of all contracts, looked at when the first one asks for a dataset."""

    def __init__(self, sides: Iterable[Side]) -> None:
        self._sides = list(sides)
        self._taken: dict[tuple[str, str], list[tuple[Side, dict[str, str]]]] = {}

    def taken(self, new: Side) -> Taken:
        """What all other contracts of the dataset store, under the names that they use."""
        key = (new.dataset, _shape(new))
        if key not in self._taken:
            mine = [side for side in self._sides if (side.dataset, _shape(side)) == key]
            self._taken[key] = [(side, stored(side)) for side in mine]
        taken: Taken = {}
        for side, types in self._taken[key]:
            if (side.event, side.major) != (new.event, new.major):
                for name, kind in types.items():
                    taken.setdefault(name, {}).setdefault(kind, f"{side.event} v{side.major}")
        return taken


def conflict(name: str, kind: str, taken: Taken) -> str:
    """Why a field cannot be stored as it is declared; empty when it can."""
    for other, owner in taken.get(name, {}).items():
        if other != kind:
            return f"{name} is stored as {other} already (by {owner}), and this makes it {kind}"
    below = next((other for other in taken if other.startswith(f"{name}.")), None)
    if below is not None and kind != "time":
        return f"{name} is an object already ({below} of {next(iter(taken[below].values()))}), and here a value"
    parts = name.split(".")
    for length in range(1, len(parts)):
        above = ".".join(parts[:length])
        if above in taken:
            return f"{above} is a value already (of {next(iter(taken[above].values()))}), and here an object"
    return ""


def stored(side: Side) -> dict[str, str]:
    """The stored type of each field by its dotted name; a contract that is too big to be read has none."""
    return {field.name: stored_type(field) for field in fields(side)}


def fields(side: Side) -> list[Field]:
    """The fields of a contract, whatever else is wrong with it."""
    try:
        tree = side.tree
        found: dict[Path, list[dict[str, Any]]] = {}
        for path, node, _ in places(tree):
            found.setdefault(path, []).append(node)
    except (TooBig, RecursionError, AttributeError, TypeError):
        return []
    inner = {path[:-1] for path in found if path}
    return [_field(path, nodes) for path, nodes in found.items() if path and path not in inner]


def _field(path: Path, nodes: list[dict[str, Any]]) -> Field:
    kinds: set[str] = set()
    for node in nodes:
        types = types_of(node)
        kinds |= set() if len(types) > 5 else types
    if "fraction" in kinds:
        kinds = (kinds - NUMBERS) | {"number"}
    said: dict[str, Any] = {}
    for node in reversed(nodes):
        said |= node
    time = mapping(said.get("x-time"))
    return Field(
        path=path,
        types=tuple(sorted(kinds - {"null"})),
        format=str(said.get("format", "")),
        unit=str(said.get("x-unit", "")),
        time_unit=str(time.get("unit", "")),
        is_event_time=time.get("role") == "event",
    )


def place_of(tree: Located, path: Path) -> str:
    """The pointer of a field's declaration; of what holds it, where it is declared in a way that has no one place."""
    node: Any = tree
    where = ""
    for part in path:
        parent = node
        if part == ANY:
            keyword = next((key for key in ("items", "additionalProperties") if isinstance(node.get(key), dict)), "")
            node = node.get(keyword)
        else:
            node = mapping(node.get("properties")).get(part)
        if not isinstance(node, dict):
            return where
        where = parent.at + (f"/{keyword}" if part == ANY else pointer(("properties", part)))
    return where


def _shape(side: Side) -> str:
    return "ecs" if side.notes.get("shape") == "ecs" else "data"
