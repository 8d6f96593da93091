"""Bounds and forms: every string ends somewhere, formats are known ones, objects are closed, patterns read alike."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from forwarders.contracts.check import nearest
from forwarders.governance.lint.finding import ERROR, WARNING
from forwarders.governance.lint.regex import is_slow, longest, read_otherwise
from forwarders.governance.lint.rule import Found, Rule
from forwarders.governance.lint.subject import Said, Subject
from forwarders.governance.policy import Policy

BOUNDING = frozenset({"date", "date-time", "time", "duration", "email", "hostname", "ipv4", "ipv6", "uuid"})
FORMATS = BOUNDING | frozenset(
    {"idn-email", "idn-hostname", "iri", "iri-reference", "json-pointer", "regex", "relative-json-pointer"}
    | {"uri", "uri-reference", "uri-template"}
)


def strings(subject: Subject, policy: Policy) -> Iterator[Found]:
    """No text of any length: an index, a column and a redaction cost what the longest value costs."""
    for many in subject.said.values():
        bounded = any(one.always and is_bounded(one.node) for one in many)
        for said in many:
            if not bounded and _holds_text(said.node) and not is_bounded(said.node):
                message = "a string of any length: add maxLength (or enum, const, or a pattern that ends)"
                if "pattern" in said.node:
                    message = (
                        "its pattern sets no limit to the string: add maxLength, or write ^…$ with {1,64} for + and *"
                    )
                yield Found(said.at(), "string-unbounded", ERROR, message)
            yield from _forms(said)
            yield from _never(said)
        yield from _undeclared(many)


def is_bounded(node: dict[str, Any]) -> bool:
    """Whether a subschema by itself says how long a string may be."""
    if {"maxLength", "const", "enum"} & node.keys() or node.get("format") in BOUNDING:
        return True
    if "pattern" in node and longest(node["pattern"]) is not None:
        return True
    if any(isinstance(one, dict) and is_bounded(one) for one in node.get("allOf", ())):
        return True
    return any(
        branches and all(one is False or (isinstance(one, dict) and is_bounded(one)) for one in branches)
        for branches in (node.get("anyOf"), node.get("oneOf"))
    )


def _holds_text(node: dict[str, Any]) -> bool:
    types = node.get("type", ())
    return "string" in ([types] if isinstance(types, str) else types)


def _forms(said: Said) -> Iterator[Found]:
    node = said.node
    if node.get("format", "date") not in FORMATS:
        hint = nearest(node["format"], FORMATS) or f"Known are {', '.join(sorted(FORMATS))}."
        message = f"the format {node['format'][:60]!r} is checked by nobody. {hint}"
        yield Found(said.at("format"), "format-unknown", ERROR, message)
    for key, pattern in _patterns(node):
        if is_slow(pattern):
            message = (
                "it may take a backtracking reader for ever: let no repeat stand in another, or share its characters"
            )
            yield Found(said.at(*key), "pattern-slow", ERROR, message)
        otherwise = read_otherwise(pattern)
        if otherwise:
            yield Found(said.at(*key), "pattern-dialect", ERROR, otherwise)
    if isinstance(node.get("multipleOf"), float) and not node["multipleOf"].is_integer():
        message = "decimals are exact for one validator and binary for the other: use minor units as an integer"
        yield Found(said.at("multipleOf"), "decimals", WARNING, message)
    if node.get("properties") and not {"additionalProperties", "$ref"} & node.keys() and said.always:
        message = "an open object: add additionalProperties: false (unknown fields are drift, not errors, at run time)"
        yield Found(said.at(), "object-open", WARNING, message)


_BOUNDS = (
    ("minimum", "maximum"), ("minLength", "maxLength"), ("minItems", "maxItems"), ("minProperties", "maxProperties"),
    ("minContains", "maxContains"),
)  # fmt: skip


def _never(said: Said) -> Iterator[Found]:
    if said.node.get("enum") == []:
        yield Found(said.at("enum"), "never-valid", ERROR, "no value is listed, so that no value fits: list one")
    for low, high in _BOUNDS:
        if low in said.node and high in said.node and said.node[low] > said.node[high]:
            message = f"{low} is more than {high}, so that no value fits: exchange them?"
            yield Found(said.at(low), "never-valid", ERROR, message)


def _undeclared(many: list[Said]) -> Iterator[Found]:
    """What is required and not declared: in a closed object such an event can never come."""
    declared = {name for one in many for name in one.node.get("properties", ())}
    for said in many:
        for index, name in enumerate(said.node.get("required", ())):
            if declared and name not in declared and not _takes_any(many):
                message = (
                    f"{name[:60]} is required and not declared, so no event fits. {nearest(name, declared)}".strip()
                )
                yield Found(said.at("required", index), "never-valid", ERROR, message)


def _takes_any(many: list[Said]) -> bool:
    return any(
        one.node.get("patternProperties") or one.node.get("additionalProperties", False) is not False for one in many
    )


def _patterns(node: dict[str, Any]) -> Iterator[tuple[tuple[str, ...], str]]:
    if "pattern" in node:
        yield ("pattern",), node["pattern"]
    for name in node.get("patternProperties", ()):
        yield ("patternProperties", name), name
    names = node.get("propertyNames")
    if isinstance(names, dict) and "pattern" in names:
        yield ("propertyNames", "pattern"), names["pattern"]


RULE = Rule(
    ("string-unbounded", "format-unknown", "pattern-slow", "pattern-dialect", "decimals", "object-open", "never-valid"),
    strings,
)
