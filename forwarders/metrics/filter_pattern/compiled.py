"""A JSON pattern as one function of the parsed event, written for it: three conditions take 0.5 µs.

The only text of an author in its source is keys and words, written by repr(). Whatever is not a plain comparison of one
value is a closure that the expression calls; trees and selectors too deep for Python's own parser are closures as a
whole.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from forwarders.metrics.filter_pattern.numbers import Number, may_be_printed
from forwarders.metrics.filter_pattern.tree import (
    Comparison,
    Condition,
    Every,
    Node,
    Selector,
    Some,
    State,
    Step,
    Text,
)
from forwarders.metrics.filter_pattern.values import json_test

Test = Callable[[dict[str, Any]], bool]

ABSENT = object()
"""What a selector finds where the event has nothing."""

_MAX_DEPTH = 12
"""Levels of `&&` and `||`, and steps of a selector, that are written out; Python takes 200 parentheses."""


def compiled(node: Node) -> Test:
    """The function that tells whether an event, as a JSON parser reads it, has what the pattern asks for.

    Integers must be int and all other numbers float, as msgspec and the standard library make them.
    """
    if _depth(node) > _MAX_DEPTH:
        return _closure(node)
    known: dict[str, Any] = {"A": ABSENT, "I": float("inf")}
    source = _source(node, known)
    test: Test = eval(f"lambda d: {source}", known)  # noqa: S307
    return test


def one_value(steps: tuple[Step, ...], event: Any) -> Any:
    """What the steps, none of them a wildcard, lead to, or ABSENT."""
    value = event
    for step in steps:
        if type(step) is str:
            value = value.get(step, ABSENT) if type(value) is dict else ABSENT
        elif type(value) is list and type(step) is int and len(value) > step:
            value = value[step]
        else:
            return ABSENT
    return value


def _depth(node: Node) -> int:
    """Levels of the tree, without recursion beyond the 300 levels that 1,024 characters can make."""
    return 1 + max(map(_depth, node.parts)) if isinstance(node, Every | Some) else 1


def _closure(node: Node) -> Test:
    if isinstance(node, Every | Some):
        tests = [_closure(part) for part in node.parts]
        return _every(tests) if isinstance(node, Every) else _some(tests)
    return _condition(node)


def _every(tests: list[Test]) -> Test:
    return lambda event: all(test(event) for test in tests)


def _some(tests: list[Test]) -> Test:
    return lambda event: any(test(event) for test in tests)


def _condition(condition: Condition) -> Test:
    """Any condition as a closure: the plain reading of the truth table."""
    subject = condition.subject
    assert isinstance(subject, Selector)
    if subject.has_wildcard:
        return _wildcard(subject, condition)
    steps = subject.steps
    if isinstance(condition, State):
        holds = _STATES[condition.state]
        return lambda event: holds(one_value(steps, event))
    compare = json_test(condition.operator, condition.literal)
    return lambda event: compare(one_value(steps, event))


def _is_null(value: Any) -> bool:
    """AWS calls an array null when one of its elements is."""
    return value is None or (type(value) is list and None in value)


_STATES: dict[str, Callable[[Any], bool]] = {
    "IS NULL": _is_null,
    "IS TRUE": lambda value: value is True,
    "IS FALSE": lambda value: value is False,
    "NOT EXISTS": lambda value: value is ABSENT,
}


def _wildcard(subject: Selector, condition: Condition) -> Test:
    """A condition on all that a wildcard selects: `=` and IS want one of them, `!=` and NOT EXISTS want none."""
    at = subject.steps.index(None)
    parent, rest = subject.steps[:at], subject.steps[at + 1 :]

    def selected(event: Any) -> Iterator[Any]:
        holder = one_value(parent, event)
        children = holder if type(holder) is list else holder.values() if type(holder) is dict else ()
        for child in children:
            value = one_value(rest, child)
            if value is not ABSENT:
                yield value

    if isinstance(condition, State):
        if condition.state == "NOT EXISTS":
            return lambda event: next(selected(event), ABSENT) is ABSENT
        wanted = {"IS NULL": None, "IS TRUE": True, "IS FALSE": False}[condition.state]
        return lambda event: any(value is wanted for value in selected(event))
    if condition.operator == "!=":
        equal = json_test("=", condition.literal)
        return lambda event: one_value(parent, event) is not ABSENT and not any(map(equal, selected(event)))
    holds = json_test(condition.operator, condition.literal)
    return lambda event: any(map(holds, selected(event)))


def _source(node: Node, known: dict[str, Any]) -> str:
    """The expression for a node; what it calls is put into `known`."""
    if isinstance(node, Every | Some):
        word = " and " if isinstance(node, Every) else " or "
        return "(" + word.join(_source(part, known) for part in node.parts) + ")"
    subject = node.subject
    if isinstance(subject, Selector) and not subject.has_wildcard and len(subject.steps) <= _MAX_DEPTH:
        value = _value(subject.steps)
        if isinstance(node, State):
            return _state(node.state, value)
        plain = _comparison(node, value, known)
        if plain:
            return plain
        return f"{_named(known, json_test(node.operator, node.literal))}({value})"
    return f"{_named(known, _condition(node))}(d)"


def _named(known: dict[str, Any], helper: Any) -> str:
    name = f"h{len(known)}"
    known[name] = helper
    return name


def _value(steps: tuple[Step, ...]) -> str:
    """The expression for what the steps lead to; `v` holds what is on the way."""
    source = "d"
    for step in steps:
        if source == "d":
            source = f"d.get({step!r}, A)"
        elif isinstance(step, str):
            source = f"(v.get({step!r}, A) if (v := {source}).__class__ is dict else A)"
        else:
            source = f"(v[{step}] if (v := {source}).__class__ is list and len(v) > {step} else A)"
    return source


def _state(state: str, value: str) -> str:
    if state == "IS NULL":
        return f"((v := {value}) is None or v.__class__ is list and None in v)"
    return f"({value} is {({'IS TRUE': 'True', 'IS FALSE': 'False', 'NOT EXISTS': 'A'})[state]})"


def _comparison(node: Comparison, value: str, known: dict[str, Any]) -> str:
    """The comparison written out, or "" where a function has to make it: globs, regexes, exact decimals."""
    literal, symbol = node.literal, node.operator
    if isinstance(literal, Text) and not literal.is_glob and not may_be_printed(literal.text):
        if symbol == "=":
            return f"({value} == {literal.text!r})"
        # Only a string can equal the word, and a number never does.
        return f"((t := (v := {value}).__class__) is str and v != {literal.text!r} or t is int or t is float)"
    if not isinstance(literal, Number) or literal.double is None:
        return ""
    if literal.whole is not None:
        whole, double = _named(known, literal.whole), _named(known, literal.double)
    else:
        # No integer lies between the decimal and its double.
        whole = double = _named(known, literal.double)
    symbol = {"=": "=="}.get(symbol, symbol)
    text = f" or t is str and v {symbol} {literal.source!r}" if symbol in ("==", "!=") else ""
    finite = "" if symbol == "==" else " and -I < v < I"
    numeric = f"is int and v {symbol} {whole} or t is float and v {symbol} {double}{finite}"
    return f"((t := (v := {value}).__class__) {numeric}{text})"
