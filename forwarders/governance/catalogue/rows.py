"""The fields of a contract as rows of a table: what a person asks of a field, in words."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from forwarders.contracts.facts import ANY, Path, places
from forwarders.contracts.fields import Field, fields_of
from forwarders.model import Contract

MAX_VALUES = 40
"""Of an enum that are shown; the contract has them all."""

_TIMES = {"s": "s since 1970", "ms": "ms since 1970", "us": "µs since 1970", "ns": "ns since 1970"}
_STORED = {
    "keep": "as it is",
    "drop": "left out",
    "mask": "masked",
    "hmac": "a keyed hash",
    "patterns": "without what looks personal",
}


class Row(msgspec.Struct, frozen=True):
    """One field, in words; what is not said is empty.

    `path` is `items[].sku`, `name` the same without brackets, `anchor` its place on the event's page. `values` are all
    that are allowed, or, when `open_values`, all that are known. `stored` is what each sink's copy holds of personal
    data; `*` stands for the sinks that the contract does not name.
    """

    path: str
    name: str
    anchor: str
    type: str
    required: str
    unit: str
    rules: tuple[str, ...]
    patterns: tuple[str, ...]
    values: tuple[str, ...]
    more_values: int
    open_values: bool
    cardinality: str
    pii: str
    stored: tuple[tuple[str, str], ...]
    description: str
    deprecated: bool


def rows(contract: Contract, tree: Mapping[str, Any]) -> list[Row]:
    """The fields of a contract in the order of their declaration; `tree` is its expanded schema."""
    nodes: dict[Path, dict[str, Any]] = {}
    for path, node, _ in places(tree):
        nodes[path] = {**node, **nodes.get(path, {})}
    return [_row(contract, field, nodes) for field in fields_of(tree)]


def anchor(name: str) -> str:
    """A place on a page for whatever name a field has: no two share one, and it needs no escape in an address."""
    return "f-" + re.sub("[^A-Za-z0-9_.-]", lambda match: f"~{ord(match[0]):x}~", name)


def plain(value: Any) -> str:
    """A JSON value as a person would write it: texts without quotes, everything else as JSON."""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def number(value: Any) -> str:
    """A number with separators: 10,000."""
    return f"{value:,}" if isinstance(value, int) and abs(value) < 10**15 else plain(value)


def _row(contract: Contract, field: Field, nodes: Mapping[Path, dict[str, Any]]) -> Row:
    node = nodes[field.path]
    above = [nodes.get(field.path[:length], {}) for length in range(1, len(field.path))]
    is_open = "enum" not in node and "const" not in node
    values = [plain(value) for value in ([] if "const" in node else field.known_values)]
    pii, stored = _personal(contract, field.path, [*above, node])
    return Row(
        path=_shown(field.path),
        name=field.name,
        anchor=anchor(field.name),
        type=_type(field),
        required=_required(field, above),
        unit=_TIMES.get(field.time_unit, field.unit),
        rules=(*_time(field), *_rules(node), *_items([*above, node])),
        patterns=tuple(str(one) for one in [node.get("pattern")] if one is not None),
        values=tuple(values[:MAX_VALUES]),
        more_values=max(0, len(values) - MAX_VALUES),
        open_values=is_open,
        cardinality={0: "", -1: "unbounded"}.get(field.cardinality, number(field.cardinality)),
        pii=pii.replace("_", " "),
        stored=stored,
        description=field.description,
        deprecated=any(one.get("deprecated") is True for one in [*above, node]),
    )


def _required(field: Field, above: Sequence[Mapping[str, Any]]) -> str:
    """Whether an event must have the field, or only what the field lies in must."""
    if field.required:
        return "required"
    inner = len(above) and field.path[-1] in above[-1].get("required", ())
    return f"required in {_shown(field.path[:-1])}" if inner else ""


def _time(field: Field) -> Iterator[str]:
    if field.is_event_time:
        yield "the time of the event"


def _shown(path: Path) -> str:
    return "".join("[]" if part == ANY else f".{part}" for part in path).removeprefix(".")


def _type(field: Field) -> str:
    types = " or ".join(field.types) or "any"
    if field.format:
        types = f"{types}, {field.format}"
    if field.time_unit == "rfc3339" and not field.format:
        types = f"{types}, RFC 3339"
    return f"{types} or null" if field.nullable else types


def _rules(node: Mapping[str, Any]) -> Iterator[str]:
    if "const" in node:
        yield f"always {plain(node['const'])}"
    low, high = node.get("minimum"), node.get("maximum")
    if low is not None and high is not None:
        yield f"{number(low)} to {number(high)}"
    elif low is not None or high is not None:
        yield f"at least {number(low)}" if low is not None else f"at most {number(high)}"
    if "exclusiveMinimum" in node:
        yield f"more than {number(node['exclusiveMinimum'])}"
    if "exclusiveMaximum" in node:
        yield f"less than {number(node['exclusiveMaximum'])}"
    if "multipleOf" in node:
        yield f"a multiple of {number(node['multipleOf'])}"
    yield from _span(node.get("minLength"), node.get("maxLength"), "characters")


def _items(nodes: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for node in nodes:
        yield from _span(node.get("minItems"), node.get("maxItems"), "items")


def _span(low: Any, high: Any, what: str) -> Iterator[str]:
    if low and high is not None:
        yield f"{number(low)} {what}" if low == high else f"{number(low)} to {number(high)} {what}"
    elif high is not None:
        yield f"at most {number(high)} {what}"
    elif low:
        yield f"at least {number(low)} {what}"


def _personal(
    contract: Contract, path: Path, nodes: Sequence[Mapping[str, Any]]
) -> tuple[str, tuple[tuple[str, str], ...]]:
    """The class of a field, or of what it lies in, and what each sink holds."""
    classes = [node["x-pii"]["class"] for node in nodes if "x-pii" in node]
    for length in range(1, len(path) + 1):
        actions = contract.redactions.get(path[:length])
        if actions is not None:
            named = sorted(actions.items(), key=lambda one: (one[0] == ANY, one[0]))
            return (classes or [""])[0], tuple((sink, _STORED.get(action, action)) for sink, action in named)
    return "", ()
