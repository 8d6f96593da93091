"""The fields of a contract, for what is made from it: index templates, columns, the catalogue."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from forwarders.contracts.facts import ANY, Path, places
from forwarders.contracts.tree import expand
from forwarders.model import Contract


class Field(msgspec.Struct, frozen=True):
    """One field that holds values: no declared object, but the things in it; an object without properties is a field.

    `path` has the element `*` for the items of an array (and for the keys of an object that declares none), `name` is
    the dotted path without it: `items.sku`. `types` are JSON types, sorted, without null; empty when the contract does
    not say. `many`: the field lies in an array. `time_unit` is s, ms, us, ns, rfc3339 or empty. `cardinality` is the
    number of different values that the author expects in a month, 0 when the author does not say, -1 for unbounded.
    """

    path: Path
    types: tuple[str, ...]
    nullable: bool = False
    many: bool = False
    required: bool = False
    format: str = ""
    unit: str = ""
    time_unit: str = ""
    is_event_time: bool = False
    description: str = ""
    pii: str = ""
    cardinality: int = 0
    known_values: tuple[Any, ...] = ()
    max_length: int | None = None

    @property
    def name(self) -> str:
        return ".".join(part for part in self.path if part != ANY)


def fields(contract: Contract) -> list[Field]:
    """The fields that a contract declares, in the order of their declaration; several branches of one are merged."""
    return fields_of(expand(dict(contract.schema), f"{contract.name} v{contract.major}"))


def fields_of(tree: Mapping[str, Any]) -> list[Field]:
    """As `fields`, from a contract's expanded schema."""
    nodes: dict[Path, list[dict[str, Any]]] = {}
    required: set[Path] = set()
    for path, node, always in places(tree):
        nodes.setdefault(path, []).append(node)
        if always:
            required.update((*path, name) for name in node.get("required", ()))
    inner = {path[:-1] for path in nodes if path}
    return [
        _field(path, said, all(path[: i + 1] in required for i in range(len(path))))
        for path, said in nodes.items()
        if path and path not in inner
    ]


def _field(path: Path, nodes: list[dict[str, Any]], required: bool) -> Field:
    types = frozenset().union(*(_types(node) for node in nodes))
    said: dict[str, Any] = {}
    for node in reversed(nodes):
        said |= node
    if types >= {"integer", "number"}:
        types -= {"integer"}
    time = said.get("x-time", {})
    cardinality = said.get("x-cardinality", 0)
    return Field(
        path=path,
        types=tuple(sorted(types - {"null"})),
        nullable="null" in types,
        many=ANY in path,
        required=required,
        format=said.get("format", ""),
        unit=said.get("x-unit", ""),
        time_unit=time.get("unit", ""),
        is_event_time=time.get("role") == "event",
        description=said.get("description", said.get("title", "")),
        pii=said.get("x-pii", {}).get("class", ""),
        cardinality=-1 if cardinality == "unbounded" else cardinality,
        known_values=tuple(said.get("x-known-values", said.get("enum", ()))),
        max_length=said.get("maxLength"),
    )


def _types(node: Mapping[str, Any]) -> frozenset[str]:
    """The JSON types that a node names, or that its const or enum show."""
    if "type" in node:
        types = node["type"]
        return frozenset([types] if isinstance(types, str) else types)
    values = [node["const"]] if "const" in node else node.get("enum", ())
    return frozenset(_TYPE_NAMES[type(value)] for value in values)


_TYPE_NAMES = {
    str: "string",
    bool: "boolean",
    int: "integer",
    float: "number",
    dict: "object",
    list: "array",
    type(None): "null",
}
