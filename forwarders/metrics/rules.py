"""A contract's metric rules as frozen structs: what both readings, filter pattern and function, are made from.

A rule applies to an event, as it came and whatever its verdict, when all of this holds:

- its `event` is the string `Rule.event`; its `event_version` is a number equal to `Rule.major`, or is not there at all
  and `Rule.by_default` is set (null, true and "1" are no version);
- every condition holds (see Condition);
- the value's field is there as a finite number, and every dimension's field as a string or a number: without a
  dimension CloudWatch would publish the point all the same, in a second series that nobody asked for.

A path leads through objects only: nothing is found inside an array. What a number looks like in a line (`1`, `1.0`,
`1e0`) makes no difference to a condition. A duplicate key has the value that stands last.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal

import msgspec

Path = tuple[str, ...]
"""Names from the root of the event to a field: `("source", "ip")`."""

Kind = Literal["count", "sum", "gauge", "distribution", "histogram"]
Operator = Literal["eq", "ne", "in", "lt", "le", "gt", "ge", "prefix", "exists"]
Scalar = str | int | float | bool | None


class Condition(msgspec.Struct, frozen=True):
    """One comparison of one field.

    | operator | operand | holds when the field |
    |---|---|---|
    | eq | string | is that string |
    | eq | number | is a finite number of that value |
    | eq | true, false, null | is just that |
    | in | strings and numbers | is one of them, as eq says |
    | ne | string | is another string, or any number |
    | ne | number | is a finite number of another value |
    | lt le gt ge | number | is a finite number that compares so |
    | prefix | string | is a string that begins so |
    | exists | true | is a string or a number |
    | exists | false | is not there at all (null is there) |

    A number beyond a double (1e400) is a number, but not a finite one. A boolean is no number.
    """

    path: Path
    operator: Operator
    operand: Scalar | tuple[str | int | float, ...]


class Alarm(msgspec.Struct, frozen=True, rename="camel"):
    """An alarm as the contract's author wrote it. `period` is in seconds; `notify` is a channel's name."""

    name: str
    statistic: str
    period: int
    evaluation_periods: int
    op: Literal["<", "<=", ">", ">="]
    threshold: int | float
    missing: Literal["breaching", "notBreaching", "ignore", "missing"]
    notify: str
    datapoints_to_alarm: int | None = None
    description: str = ""
    runbook: str = ""


class Rule(msgspec.Struct, frozen=True):
    """One metric of one contract.

    `value` is the path of the number to publish, None for kind count, whose value is 1. A dimension's name is its
    dotted path (see `dotted`). `flags` are the dimensions that the contract declares as booleans: there, and only
    there, true and false are values too. `limit` caps the values of a dimension that are told apart in an invocation;
    the others are `__other__`. `buckets` are a histogram's upper bounds. `forwarder_only`: the author wants it measured
    there. `named` is False when the line does not say `event`: a format knows the name, and only the forwarder does.
    """

    event: str
    major: int
    by_default: bool
    name: str
    kind: Kind
    value: Path | None = None
    where: tuple[Condition, ...] = ()
    dimensions: tuple[Path, ...] = ()
    flags: tuple[Path, ...] = ()
    unit: str = "None"
    description: str = ""
    limit: int | None = None
    buckets: tuple[int | float, ...] = ()
    forwarder_only: bool = False
    alarms: tuple[Alarm, ...] = ()
    named: bool = True


def rules(schema: Mapping[str, Any], by_default: bool = True) -> list[Rule]:
    """The metric rules of a contract's schema, which has been checked before, in the author's order.

    `by_default`: events that do not say `event_version` are of this major.
    """
    _, _, name = str(schema["$id"]).partition("urn:logharbor:")
    event, _, major = name.rpartition(":")
    named = "event" in schema.get("properties", {})
    return [
        _rule(schema, said, Rule(event, int(major), by_default, said["name"], said["kind"], named=named))
        for said in schema.get("x-event", {}).get("metrics", ())
    ]


def dotted(path: Path) -> str:
    """The name of a dimension: `source.ip`."""
    return ".".join(path)


def _rule(schema: Mapping[str, Any], said: Mapping[str, Any], rule: Rule) -> Rule:
    found = {name: _field(schema, name) for name in said.get("dimensions", ())}
    return msgspec.structs.replace(
        rule,
        value=_field(schema, said["value"])[0] if "value" in said else None,
        where=tuple(_conditions(schema, said.get("where", {}))),
        dimensions=tuple(path for path, _ in found.values()),
        flags=tuple(path for path, is_flag in found.values() if is_flag),
        unit=said.get("unit") or ("Count" if rule.kind == "count" else "None"),
        description=said.get("description", ""),
        limit=said.get("limit"),
        buckets=tuple(said.get("buckets", ())),
        forwarder_only=said.get("measured") == "forwarder",
        alarms=tuple(msgspec.convert(alarm, Alarm) for alarm in said.get("alarms", ())),
    )


def _conditions(schema: Mapping[str, Any], where: Mapping[str, Any]) -> Iterator[Condition]:
    for name, comparisons in where.items():
        path, _ = _field(schema, name)
        for operator, operand in comparisons.items():
            yield Condition(path, operator, tuple(operand) if operator == "in" else operand)


def _field(schema: Mapping[str, Any], name: str) -> tuple[Path, bool]:
    """The path of the field with that dotted name, and whether the contract declares it as a boolean.

    A key may hold a dot itself (`"http.status": {…}`); what the contract does not declare is split at every dot.
    """
    for path, is_flag in _found(schema, name, schema.get("$defs", {})):
        return path, is_flag
    return tuple(name.split(".")), False


def _found(node: Any, name: str, definitions: Mapping[str, Any]) -> Iterator[tuple[Path, bool]]:
    if not isinstance(node, Mapping):
        return
    for key, child in node.get("properties", {}).items():
        if key == name:
            yield (key,), _is_flag(child, definitions)
        elif name.startswith(f"{key}."):
            for path, is_flag in _found(child, name.removeprefix(f"{key}."), definitions):
                yield (key, *path), is_flag
    for branch in _branches(node, definitions):
        yield from _found(branch, name, definitions)


def _is_flag(node: Any, definitions: Mapping[str, Any]) -> bool:
    if not isinstance(node, Mapping):
        return False
    types = node.get("type", ())
    values = [node["const"]] if "const" in node else node.get("enum", ())
    if "boolean" in ([types] if isinstance(types, str) else types) or any(isinstance(value, bool) for value in values):
        return True
    return any(_is_flag(branch, definitions) for branch in _branches(node, definitions))


def _branches(node: Mapping[str, Any], definitions: Mapping[str, Any]) -> Iterator[Any]:
    """What else is said of the same place: a definition that is referred to, and the branches of a choice."""
    if "$ref" in node:
        yield definitions.get(node["$ref"].removeprefix("#/$defs/"))
    for keyword in ("allOf", "anyOf", "oneOf"):
        yield from node.get(keyword, ())
    for keyword in ("then", "else"):
        if keyword in node:
            yield node[keyword]
    yield from node.get("dependentSchemas", {}).values()
