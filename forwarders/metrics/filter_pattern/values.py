"""A literal against one value: the cells of the truth table, docs/filter-patterns.md."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from forwarders.metrics.filter_pattern.globs import globbed
from forwarders.metrics.filter_pattern.numbers import MAX_PLAIN_INTEGER, OPERATORS, Number, decimal, printed
from forwarders.metrics.filter_pattern.regexes import Regex
from forwarders.metrics.filter_pattern.tree import Literal, Text

Holds = Callable[[Any], bool]


def text_test(literal: Text | Regex) -> Callable[[str], bool]:
    """Whether a text equals the literal, fits its stars, or holds its regex."""
    if isinstance(literal, Regex):
        return literal.found
    wanted = literal.text
    return globbed(wanted) if literal.is_glob else lambda text: text == wanted


def json_test(symbol: str, literal: Literal) -> Holds:
    """Whether `value symbol literal` holds for a value of an event; nothing holds but for strings and numbers."""
    if isinstance(literal, Number):
        return _number_test(symbol, literal)
    fits = text_test(literal)
    wanted = symbol == "="

    def holds(value: Any) -> bool:
        kind = type(value)
        if kind is str:
            return fits(value) is wanted
        return (kind is int or kind is float) and fits(printed(value)) is wanted

    return holds


def _number_test(symbol: str, literal: Number) -> Holds:
    """Numbers compare by value; a string equals the literal when it is written like it, and has no order."""

    def holds(value: Any) -> bool:
        kind = type(value)
        if kind is int or kind is float:
            return literal.compare(symbol, value)
        if kind is not str or symbol not in ("=", "!="):
            return False
        return (value == literal.source) is (symbol == "=")

    return holds


def field_test(symbol: str, literal: Literal) -> Callable[[str], bool]:
    """Whether `field symbol literal` holds for a field of text; unquoted numbers compare by value."""
    if not isinstance(literal, Number):
        fits, wanted = text_test(literal), symbol == "="
        return lambda text: fits(text) is wanted
    test, exact, whole = OPERATORS[symbol], literal.value, literal.whole

    def holds(text: str) -> bool:
        if whole is not None and text.isascii() and text.isdigit() and len(text) < MAX_PLAIN_INTEGER:
            return test(int(text), whole)
        value = decimal(text)
        return symbol == "!=" if value is None else test(value, exact)

    return holds
