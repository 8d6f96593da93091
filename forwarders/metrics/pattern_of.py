"""The reading of a rule that CloudWatch evaluates: a filter pattern and selectors, or why there can be none.

Only what is known of the language is used: no escapes, no `*` but at an end, no equality with a number, which would
match the same text in quotes as well. What cannot be said exactly is left to the forwarder.
"""

from __future__ import annotations

import re

import msgspec

from forwarders.errors import LogharborError
from forwarders.metrics.rules import Condition, Path, Rule, Scalar, dotted

MAX_PATTERN = 1024
MAX_DIMENSIONS = 3
MAX_VALUE = 100
MAX_DIMENSION = 255
_MAX_LONG = 2**63 - 1

_PLAIN_KEY = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]*")
_QUOTED_KEY = re.compile(r"[ !#-&(-)+-Z^-~]+")
_TEXT = re.compile(r"(?![ %])[ !#-)+-\[\]-~]+(?<! )")
_LIKE_A_NUMBER = re.compile(r"-?(|[0-9][0-9.eE+-]*|Infinity)|NaN")
"""What a number may look like, or begin with, when CloudWatch compares it with a text."""

_ORDER = {"lt": "<", "le": "<=", "gt": ">", "ge": ">="}


class Pattern(msgspec.Struct, frozen=True):
    """A filter pattern, what it publishes (`1` or a selector), and a selector for each dimension by name."""

    text: str
    value: str
    dimensions: dict[str, str]


class Inexpressible(LogharborError):
    """CloudWatch cannot measure this rule as the contract means it; the text is the reason, for people."""


def pattern_of(rule: Rule, root: Path = ()) -> Pattern:
    """The pattern that matches exactly the lines whose event, under the keys `root`, the rule applies to.

    `{ ($.event = "order.placed") && ($.event_version NOT EXISTS || …) && ($.order.channel = "*") }`. Raises
    Inexpressible with the reason when the rule is the forwarder's.
    """
    _possible(rule)
    conditions = [
        Condition(("event",), "eq", rule.event),
        *rule.where,
        *(Condition(path, "exists", True) for path in rule.dimensions),
    ]
    texts = [_condition(condition, root) for condition in conditions]
    texts.insert(1, _version(rule, root))
    if rule.value is not None:
        value = selector(root + rule.value)
        texts.append(f"({value} >= 0 || {value} < 0)")  # the only way to say: a number, and not a text
    pattern = Pattern(
        "{ " + " && ".join(texts) + " }",
        "1" if rule.value is None else selector(root + rule.value),
        {dotted(path): selector(root + path) for path in rule.dimensions},
    )
    _fits(pattern)
    return pattern


def selector(path: Path) -> str:
    """`$.source.ip`, and `$.['http.status']` for keys that need quotes. Raises Inexpressible for others."""
    return "$" + "".join(_key(name) for name in path)


def _key(name: str) -> str:
    if _PLAIN_KEY.fullmatch(name):
        return f".{name}"
    if _QUOTED_KEY.fullmatch(name):
        return f".['{name}']"
    raise Inexpressible("a key holds a quote, a bracket, a star or a letter beyond ASCII: no selector is known for it")


def _possible(rule: Rule) -> None:
    if rule.forwarder_only:
        raise Inexpressible("the contract wants it measured in the forwarder")
    if rule.kind == "histogram":
        raise Inexpressible("a histogram has buckets of its own: a filter publishes values only")
    if rule.limit is not None:
        raise Inexpressible("the number of values of its dimensions is limited: a filter cannot count them")
    if rule.flags:
        raise Inexpressible(f"dimension {dotted(rule.flags[0])} is a boolean: a filter reads strings and numbers only")
    if len(rule.dimensions) > MAX_DIMENSIONS:
        raise Inexpressible(f"{len(rule.dimensions)} dimensions: a filter has at most {MAX_DIMENSIONS}")
    if not rule.named:
        raise Inexpressible("the lines do not say which event they are: the format does")


def _version(rule: Rule, root: Path) -> str:
    at = selector((*root, "event_version"))
    is_major = f"({at} >= {rule.major} && {at} <= {rule.major})"
    return f"({at} NOT EXISTS || {is_major})" if rule.by_default else is_major


def _condition(condition: Condition, root: Path) -> str:
    at = selector(root + condition.path)
    operand, name = condition.operand, dotted(condition.path)
    match condition.operator:
        case "eq" if not isinstance(operand, tuple):
            return _equals(at, operand, name)
        case "in" if isinstance(operand, tuple):
            return "(" + " || ".join(_equals(at, one, name) for one in operand) + ")"
        case "ne" if isinstance(operand, str):
            return f"({at} != {_text(operand, name)})"
        case "ne" if isinstance(operand, int | float):
            number = _number(operand, name)
            return f"({at} < {number} || {at} > {number})"
        case "prefix" if isinstance(operand, str):
            return f"({at} = {_text(operand, name, '*')})"
        case "exists":
            return f"({at} = *)" if operand else f"({at} NOT EXISTS)"
        case operator if isinstance(operand, int | float):
            return f"({at} {_ORDER[operator]} {_number(operand, name)})"
    raise Inexpressible(f"the condition on {name} compares with a value of another kind")


def _equals(at: str, operand: Scalar, name: str) -> str:
    match operand:
        case None:
            return f"({at} IS NULL && {at}[0] NOT EXISTS)"  # IS NULL alone is true of [null] as well
        case bool():
            return f"({at} IS {str(operand).upper()})"
        case str():
            return f"({at} = {_text(operand, name)})"
    number = _number(operand, name)
    return f"({at} >= {number} && {at} <= {number})"


def _text(text: str, name: str, star: str = "") -> str:
    if not _TEXT.fullmatch(text):
        why = "empty, at an end blank, or holds a quote, a star, a backslash or a letter beyond ASCII"
        raise Inexpressible(f"the text that {name} is compared with is {why}: how a filter reads that is not known")
    if _LIKE_A_NUMBER.fullmatch(text):
        raise Inexpressible(f"the text that {name} is compared with looks like a number: a filter would match both")
    return f'"{text}{star}"'


def _number(number: int | float, name: str) -> str:
    if isinstance(number, float) and number.is_integer() and abs(number) < 2**53:
        number = int(number)
    if isinstance(number, float):
        mantissa, _, exponent = repr(number).partition("e")
        return f"{mantissa}e{int(exponent)}" if exponent else mantissa
    if abs(number) > _MAX_LONG:
        raise Inexpressible(f"the number that {name} is compared with is beyond 64 bits")
    return str(number)


def _fits(pattern: Pattern) -> None:
    if len(pattern.text) > MAX_PATTERN:
        raise Inexpressible(f"the pattern would have {len(pattern.text):,} characters: at most {MAX_PATTERN:,}")
    if len(pattern.value) > MAX_VALUE:
        raise Inexpressible(f"the selector of the value has {len(pattern.value)} characters: at most {MAX_VALUE}")
    for name, at in pattern.dimensions.items():
        if max(len(name), len(at)) > MAX_DIMENSION or not name.isascii() or name.startswith(":"):
            raise Inexpressible(
                f"a dimension's name or selector is none for CloudWatch: {MAX_DIMENSION} ASCII characters"
            )
