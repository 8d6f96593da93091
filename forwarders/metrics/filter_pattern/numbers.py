"""Numbers as CloudWatch Logs compares them: integers exactly, decimals as the shortest text of a double.

What the recorded answers show is a Java program: an integer of an event is of any size; a number with a point or an
exponent is a double (1e309 becomes Infinity, 1e-999 becomes 0.0), and its text is what Double.toString prints (`1e3`
is "1000.0"). A number in a pattern is an exact decimal.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}

INFINITY = float("inf")
_MAX_EXPONENT = (1 << 31) - 1
_LITERAL = re.compile(r"[+-]?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?").fullmatch
_FIELD = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?").fullmatch
MAX_PLAIN_INTEGER = 400
"""Digits up to which an integral literal is an int: `1e999999999` is legal and must not become one."""
_SMALLEST_PLAIN, _LARGEST_PLAIN = 1e-3, 1e7


@dataclass(frozen=True)
class Number:
    """A bare numeric literal: `source` as written, `value` exactly, and both in the forms that compare fast.

    `whole` is the int that equals it, where it is one of at most 400 digits; `double` is the double that stands for it
    in every comparison with another double, where there is one.
    """

    source: str
    value: Decimal
    whole: int | None
    double: float | None

    def compare(self, symbol: str, event: float) -> bool:
        """Whether `event symbol literal` holds; nothing holds for infinities, not even `!=`."""
        test = OPERATORS[symbol]
        if type(event) is int:
            return test(event, self.value if self.whole is None else self.whole)
        if event in (INFINITY, -INFINITY):
            return False
        if self.double is not None:
            return test(event, self.double)
        return test(Decimal(repr(event)), self.value)


def number(source: str) -> Number | None:
    """The literal that `source` is, else None. Raises OverflowError for an exponent beyond 32 bits."""
    if _LITERAL(source) is None:
        return None
    value = decimal(source)
    if value is None:
        raise OverflowError(source)
    whole = int(value) if value.adjusted() < MAX_PLAIN_INTEGER and value == value.to_integral_value() else None
    double = float(value)
    # Doubles are as far apart as their shortest texts: if the literal is such a text, comparing doubles is exact.
    exact = double not in (INFINITY, -INFINITY) and Decimal(repr(double)) == value
    return Number(source, value, whole, double if exact else None)


def decimal(text: str) -> Decimal | None:
    """The exact value of a field of text, or None when it is no number; `1.`, `.5` and `+1` are numbers here."""
    if _FIELD(text) is None:
        return None
    exponent = re.search(r"[eE]([+-]?[0-9]+)$", text)
    if exponent and (len(exponent[1]) > 11 or abs(int(exponent[1])) > _MAX_EXPONENT):
        return None
    try:
        return Decimal(text)
    except InvalidOperation:
        return None


def printed(value: float) -> str:
    """The text of an event's number, which `= "text"`, globs and regexes see: `1`, `1.0`, `1.0E10`, `Infinity`.

    Source: java.lang.Double.toString; that of integers is their digits.
    """
    if type(value) is int:
        return str(value)
    if value in (INFINITY, -INFINITY):
        return "Infinity" if value > 0 else "-Infinity"
    size = abs(value)
    if size and not _SMALLEST_PLAIN <= size < _LARGEST_PLAIN:
        sign, digits, exponent = Decimal(repr(value)).normalize().as_tuple()
        first, *rest = map(str, digits)
        power = int(exponent) + len(digits) - 1
        return f"{'-' if sign else ''}{first}.{''.join(rest) or '0'}E{power}"
    return repr(value)


def may_be_printed(text: str) -> bool:
    """False when no number of an event can have this text."""
    return text.endswith("Infinity") or _FIELD(text) is not None
