"""A contract's schema as a finite tree: local references put in place, and the places where a subschema may stand.

Everything that reads a schema (validators, facts, fields, the key count) reads this tree, so that none of them has to
follow a reference or to know when to stop.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from forwarders.errors import ConfigError

MAPS = ("properties", "patternProperties", "dependentSchemas")
LISTS = ("prefixItems", "allOf", "anyOf", "oneOf")
ONES = ("items", "additionalProperties", "contains", "propertyNames", "not", "if", "then", "else")

_BELOW = frozenset({*MAPS, *LISTS, *ONES})

NOTES = frozenset(
    {"title", "description", "$comment", "default", "deprecated", "readOnly", "writeOnly", "examples"}
    | {"x-event", "x-time", "x-pii", "x-cardinality", "x-unit"}
)
"""Keywords that never decide whether an event is valid. (`x-known-values` does: it decides about drift.)"""

MAX_NODES = 20_000
"""Nested `$defs` can double at every step; a contract that grows beyond this is refused, not compiled for minutes."""


MAX_LEVELS = 200
"""The native validator gives up at 255."""


def pointer(path: tuple[str | int, ...] | list[str | int]) -> str:
    """A path as a JSON pointer (RFC 6901): `("a/b", 0)` is `/a~1b/0`, the whole document is the empty text."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in path)


def is_too_deep(raw: bytes, value: Any) -> bool:
    """Whether what was read from `raw` has more than 200 levels. Pythons differ in how deep they can read."""
    if raw.count(b"{") + raw.count(b"[") <= MAX_LEVELS:
        return False
    level = [value] if isinstance(value, (dict, list)) else []
    for _ in range(MAX_LEVELS):
        level = [
            inner
            for outer in level
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, (dict, list))
        ]
        if not level:
            return False
    return True


def subschemas(node: dict[str, Any]) -> Iterator[tuple[tuple[str | int, ...], Any]]:
    """Every direct subschema of a node, with its place: `(("properties", "user"), {...})`; `$defs` are left out."""
    if _BELOW.isdisjoint(node):
        return  # most nodes: fifteen look-ups less, for each of the times that a contract is walked through
    for keyword in MAPS:
        for name, child in node.get(keyword, {}).items():
            yield (keyword, name), child
    for keyword in LISTS:
        for index, child in enumerate(node.get(keyword, ())):
            yield (keyword, index), child
    for keyword in ONES:
        if keyword in node:
            yield (keyword,), node[keyword]


def expand(schema: dict[str, Any], file: str) -> dict[str, Any]:
    """The schema with every `#/$defs/…` reference replaced by what it names, and without `$defs`.

    Raises ConfigError for a reference that leads nowhere, elsewhere or back to itself, and for a tree of more than
    20,000 nodes.
    """
    definitions = schema.get("$defs", {})
    nodes = 0

    def grow(node: Any, path: tuple[str | int, ...], open_references: tuple[str, ...]) -> Any:
        nonlocal nodes
        nodes += 1
        if nodes > MAX_NODES:
            raise ConfigError(file, pointer(path), "a bigger schema", f"at most {MAX_NODES} subschemas, $refs expanded")
        if not isinstance(node, dict):
            return node
        grown = {key: value for key, value in node.items() if key not in ("$ref", "$defs")}
        for place, child in subschemas(grown):
            child = grow(child, path + place, open_references)
            if len(place) == 1:
                grown[place[0]] = child
            else:
                branch = grown[place[0]]
                if branch is node[place[0]]:
                    branch = grown[place[0]] = branch.copy()
                branch[place[1]] = child
        reference = node.get("$ref")
        if reference is None:
            return grown
        name = reference.removeprefix("#/$defs/")
        if name == reference or name not in definitions:
            raise ConfigError(file, pointer((*path, "$ref")), reference[:100], "the name of a definition: #/$defs/NAME")
        if name in open_references:
            raise ConfigError(
                file, pointer((*path, "$ref")), f"a reference back to {name}", "a schema of finite depth",
                "A recursive event has no columns: write out the levels that it has.",
            )  # fmt: skip
        return merged(grow(definitions[name], ("$defs", name), (*open_references, name)), grown)

    return grow(schema, (), ())  # type: ignore[no-any-return]


def merged(target: Any, beside: dict[str, Any]) -> Any:
    """One node that says what a reference's target and the keywords beside the reference say together."""
    if not beside:
        return target
    if isinstance(target, dict) and beside.keys() <= NOTES:
        return {**target, **beside}
    return {**beside, "allOf": [target, *beside.get("allOf", ())]}
