"""What is known of every value that a schema accepts: the facts from which containment is proved.

Leaving a fact out only makes the accepted set look bigger than it is, so that a proof from these facts stays a proof.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from forwarders.governance.located import digest, same

INTEGER, FRACTION = "integer", "fraction"
ALL = frozenset({"null", "boolean", "object", "array", "string", INTEGER, FRACTION})
"""JSON's types, numbers in two parts: those that are whole, and those that are not."""
NUMBERS = frozenset({INTEGER, FRACTION})

_SAME_PLACE = ("anyOf", "oneOf")
_WIDE = ("anyOf", "oneOf", "enum", "properties")


class Facts(msgspec.Struct, frozen=True):
    """`nodes` are the schemas that all hold; `values` is every accepted value where they can be counted, else None."""

    nodes: tuple[dict[str, Any], ...]
    types: frozenset[str]
    values: tuple[Any, ...] | None

    def says(self, keyword: str) -> Iterator[Any]:
        """What each of the nodes says by a keyword."""
        return (node[keyword] for node in self.nodes if keyword in node)

    def has_same(self, keyword: str, wanted: Any) -> bool:
        """Whether one of the nodes says exactly this."""
        return any(same(said, wanted) for said in self.says(keyword))

    @property
    def weight(self) -> int:
        """What it costs to look at these facts, in steps."""
        return 1 + sum(len(node.get(keyword, ())) for node in self.nodes for keyword in _WIDE) // 10

    @property
    def required(self) -> frozenset[str]:
        return frozenset(name for names in self.says("required") for name in names)

    def least(self, keyword: str) -> Any:
        """The lowest of all upper bounds, infinity when there is none."""
        return min(self.says(keyword), default=math.inf)

    def most(self, keyword: str) -> Any:
        """The highest of all lower bounds of a length, 0 when there is none."""
        return max(self.says(keyword), default=0)


def facts(schema: Any) -> Facts:
    """The facts of a schema; of `true`, that nothing is known; of `false`, that there is no value."""
    if schema is False:
        return Facts((), frozenset(), ())
    nodes = tuple(flat(schema))
    types = ALL
    for node in nodes:
        types &= types_of(node)
    return Facts(nodes, types, _values(nodes, types))


def flat(schema: Any) -> Iterator[dict[str, Any]]:
    """The schema and what its allOf say, each a node of its own."""
    if not isinstance(schema, dict):
        if schema is False:
            yield {"enum": []}
        return
    yield schema
    for node in schema.get("allOf", ()):
        yield from flat(node)


def both(*schemas: Any) -> Any:
    """The schema that holds where all of these hold."""
    real = [schema for schema in schemas if schema is not True and schema != {}]
    if not real:
        return True
    return real[0] if len(real) == 1 else {"allOf": real}


def types_of(schema: Any) -> frozenset[str]:
    """The types of the values that a schema accepts, as far as type, const, enum and the branches of it say."""
    if not isinstance(schema, dict):
        return ALL if schema is True else frozenset()
    types = ALL
    if "type" in schema:
        named = schema["type"]
        types = atoms([named] if isinstance(named, str) else named)
    if "const" in schema:
        types &= {type_of(schema["const"])}
    if "enum" in schema:
        types &= {type_of(value) for value in schema["enum"]}
    for keyword in _SAME_PLACE:
        if keyword in schema:
            types &= frozenset().union(*map(types_of, schema[keyword]))
    for part in schema.get("allOf", ()):
        types &= types_of(part)
    return types


def atoms(types: Iterable[str]) -> frozenset[str]:
    """JSON Schema's names of types as ours."""
    return frozenset(atom for name in types for atom in (NUMBERS if name == "number" else (name,)))


def type_of(value: Any) -> str:
    """The type of a JSON value; 1.0 is a whole number."""
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, (int, float)):
        return INTEGER if value == math.floor(value) else FRACTION
    return _NAMES.get(type(value), "null")


_NAMES = {str: "string", dict: "object", list: "array", type(None): "null"}
_FINITE: dict[str, tuple[Any, ...]] = {"null": (None,), "boolean": (False, True)}


def _values(nodes: Iterable[dict[str, Any]], types: frozenset[str]) -> tuple[Any, ...] | None:
    values: dict[str, Any] | None = None
    for node in nodes:
        for said in ([node["const"]] if "const" in node else None, node.get("enum")):
            if said is None:
                continue
            named = {digest(value): value for value in said if type_of(value) in types}
            values = named if values is None else {key: value for key, value in values.items() if key in named}
    if values is None and types <= _FINITE.keys():
        return tuple(value for type_ in sorted(types) for value in _FINITE[type_])
    return None if values is None else tuple(values.values())


def lower(known: Facts) -> tuple[Any, bool]:
    """The lower bound of a number, and whether it is excluded itself; whole numbers have whole bounds."""
    bound = max(
        [(value, False) for value in known.says("minimum")]
        + [(value, True) for value in known.says("exclusiveMinimum")],
        default=(-math.inf, False),
    )
    if known.types & NUMBERS == {INTEGER} and math.isfinite(bound[0]):
        return (math.floor(bound[0]) + 1 if bound[1] else math.ceil(bound[0])), False
    return bound


def upper(known: Facts) -> tuple[Any, bool]:
    """As `lower`, for the upper bound."""
    bound = min(
        [(value, 1) for value in known.says("maximum")] + [(value, 0) for value in known.says("exclusiveMaximum")],
        default=(math.inf, 1),
    )
    if known.types & NUMBERS == {INTEGER} and math.isfinite(bound[0]):
        return (math.floor(bound[0]) if bound[1] else math.ceil(bound[0]) - 1), False
    return bound[0], not bound[1]
