"""Metric rules: what they read is there, has the right type, and takes a bounded number of values."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from forwarders.contracts.fields import Field
from forwarders.contracts.tree import pointer
from forwarders.governance.lint.finding import ERROR, WARNING
from forwarders.governance.lint.rule import Found, Rule
from forwarders.governance.lint.subject import Subject
from forwarders.governance.policy import Policy

_NUMBERS = {"integer", "number"}
_TYPE_NAMES = {str: "string", bool: "boolean", int: "number", float: "number"}
MAX_RANGE = 1_000
"""An integer between bounds no farther apart than this is a dimension without further words."""
MAX_DIMENSIONS = 9
"""Of a rule that the forwarder measures; the meta-schema says the same."""

Place = tuple[str | int, ...]


def metrics(subject: Subject, policy: Policy) -> Iterator[Found]:
    """CloudWatch bills every combination of dimension values, and a filter that never matches says nothing at all."""
    seen: dict[str, int] = {}
    for i, metric in subject.metrics:
        place: Place = ("x-event", "metrics", i)
        name = metric["name"]
        if seen.setdefault(name, i) != i:
            message = (
                f"{name} is metric {seen[name]} already: two rules would be added up. Name it after what it counts"
            )
            yield Found(pointer((*place, "name")), "metric-name", ERROR, message)
        yield from _value(subject, metric, place)
        yield from _buckets(metric, place)
        yield from _dimensions(subject, metric, place, policy)
        for path, condition in metric.get("where", {}).items():
            field = subject.fields.get(path)
            if field is not None:
                problem = _one_value(field) or _condition(field, condition, _values(subject, path))
                if problem:
                    yield Found(pointer((*place, "where", path)), "metric-where", ERROR, f"{path}: {problem}")


def cardinality(subject: Subject, name: str) -> int | None:
    """How many values a dimension takes in a month; None when nothing says so, -1 when the author says unbounded."""
    field = subject.fields.get(name)
    if field is None:
        return None
    nodes = [one.node for one in subject.said.get(field.path, ())]
    if field.cardinality == -1:
        return -1
    known = [len(node["enum"]) for node in nodes if "enum" in node] + [1 for node in nodes if "const" in node]
    if known:
        return min(known)
    if field.cardinality:
        return field.cardinality
    if set(field.types) == {"boolean"}:
        return 2
    low, high = (_bound(nodes, key) for key in ("minimum", "maximum"))
    if set(field.types) == {"integer"} and low is not None and high is not None and 0 <= high - low < MAX_RANGE:
        return int(high - low) + 1
    return None


def _bound(nodes: list[dict[str, Any]], key: str) -> float | None:
    return next((node[key] for node in nodes if key in node), None)


def _value(subject: Subject, metric: dict[str, Any], place: Place) -> Iterator[Found]:
    field = subject.fields.get(metric.get("value", ""))
    if field is None:  # that it is missing is found by the meta-schema, that it is nowhere by the paths
        return
    if not field.types or not set(field.types) <= _NUMBERS:
        found = " or ".join(field.types) or "of no type"
        message = f"{field.name} is {found}: a {metric['kind']} needs a number"
    else:
        message = _one_value(field)
    if message:
        yield Found(pointer((*place, "value")), "metric-value", ERROR, message)


def _one_value(field: Field) -> str:
    return f"{field.name} lies in an array: a metric reads one value of an event" if field.many else ""


def _buckets(metric: dict[str, Any], place: Place) -> Iterator[Found]:
    buckets = metric.get("buckets")
    if metric["kind"] != "histogram":
        if buckets is not None:
            message = f"buckets are a histogram's, and this is a {metric['kind']}: change the kind, or take them away"
            yield Found(pointer((*place, "buckets")), "metric-buckets", ERROR, message)
    elif not buckets:
        yield Found(
            pointer(place), "metric-buckets", ERROR, "a histogram without buckets: add its upper bounds, rising"
        )
    elif any(later <= earlier for earlier, later in pairwise(buckets)):
        message = "the buckets do not rise: write each upper bound once, the smallest first"
        yield Found(pointer((*place, "buckets")), "metric-buckets", ERROR, message)


def _dimensions(subject: Subject, metric: dict[str, Any], place: Place, policy: Policy) -> Iterator[Found]:
    dimensions = metric.get("dimensions", ())
    by_forwarder = metric.get("measured") == "forwarder" or "limit" in metric or metric["kind"] == "histogram"
    if len(dimensions) > policy.max_dimensions and not by_forwarder:
        message = (
            f"{len(dimensions)} dimensions, and a CloudWatch metric filter has at most {policy.max_dimensions}: "
            'take some away, or say "measured": "forwarder"'
        )
        yield Found(pointer((*place, "dimensions")), "metric-dimensions", ERROR, message)
    for j, name in enumerate(dimensions):
        field = subject.fields.get(name)
        if field is None:
            continue
        where = pointer((*place, "dimensions", j))
        if field.pii:
            message = f"{name} is personal data ({field.pii}): metrics are kept for 15 months and cannot be redacted"
            yield Found(where, "metric-personal", ERROR, message)
        count = cardinality(subject, name)
        if count is None:
            message = f"{name} does not say how many values it takes: add x-cardinality, or an enum"
            yield Found(where, "metric-cardinality", ERROR, message)
        elif count < 0 and "limit" not in metric:
            message = f"{name} is unbounded: every value is a metric that is billed. Drop it, or set a limit"
            yield Found(where, "metric-cardinality", ERROR, message)
        if _one_value(field) or set(field.types) & {"object", "array"}:
            message = _one_value(field) or f"{name} is no single value: a dimension is a string, number or boolean"
            yield Found(where, "metric-dimensions", ERROR, message)
        elif "number" in field.types:
            message = f"{name} is a number with decimals: a dimension for each of its values"
            yield Found(where, "metric-dimensions", WARNING, message)


def _values(subject: Subject, name: str) -> list[Any] | None:
    """All values that the contract allows of a field; None when it does not list them."""
    field = subject.fields[name]
    for one in subject.said.get(field.path, ()):
        if one.always and "const" in one.node:
            return [one.node["const"]]
        if one.always and "enum" in one.node:
            return list(one.node["enum"])
    return None


def _condition(field: Field, condition: dict[str, Any], allowed: list[Any] | None) -> str:
    types = {"number" if kind == "integer" else kind for kind in field.types}
    if types & {"object", "array"}:
        return "an object or array has no value to compare"
    wanted: list[tuple[str, Any]] = [(key, condition[key]) for key in ("eq", "ne") if key in condition]
    wanted += [("in", value) for value in condition.get("in", ())]
    for key, value in wanted:
        if value is None:
            if not field.nullable:
                return "it is never null"
        elif types and _TYPE_NAMES[type(value)] not in types:
            return f"{key} compares with a {_TYPE_NAMES[type(value)]}, and the field is {' or '.join(sorted(types))}"
        elif allowed is not None and key != "ne" and not any(same(value, one) for one in allowed):
            return f"{key} asks for a value that the contract does not allow, so it never holds"
    if types and "number" not in types and {"lt", "le", "gt", "ge"} & condition.keys():
        return f"lt, le, gt and ge compare numbers, and the field is {' or '.join(sorted(types))}"
    if types and "string" not in types and "prefix" in condition:
        return f"prefix is of text, and the field is {' or '.join(sorted(types))}"
    above = [condition[key] for key in ("gt", "ge") if key in condition]
    below = [condition[key] for key in ("lt", "le") if key in condition]
    if above and below and min(below) < max(above):
        return "no number is in this range"
    return ""


def same(one: Any, other: Any) -> bool:
    """Whether two JSON values are equal: true is not 1."""
    return isinstance(one, bool) == isinstance(other, bool) and bool(one == other)


RULE = Rule(
    (
        "metric-name",
        "metric-value",
        "metric-where",
        "metric-buckets",
        "metric-dimensions",
        "metric-personal",
        "metric-cardinality",
    ),
    metrics,
)
