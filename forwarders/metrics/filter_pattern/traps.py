"""Where a pattern does not mean what it seems to: each trap in a sentence or two, for `filters explain`."""

from __future__ import annotations

import re
from collections.abc import Iterator

from forwarders.metrics.filter_pattern.field_pattern import Fields
from forwarders.metrics.filter_pattern.numbers import Number, may_be_printed
from forwarders.metrics.filter_pattern.pattern import Pattern
from forwarders.metrics.filter_pattern.regexes import PER_GROUP, Regex
from forwarders.metrics.filter_pattern.terms import Terms
from forwarders.metrics.filter_pattern.tree import Comparison, Condition, Selector, State, Text

_HYPHEN_IN_WORD = re.compile(r"[\w.]([-?])[\w.\"]").search


def traps(pattern: Pattern) -> Iterator[str]:
    """The traps of a pattern, each once, the general ones first."""
    if pattern.terms is not None:
        yield from _terms(pattern.terms, pattern.text)
    if pattern.kind == "json":
        yield (
            "The whole message must be one JSON object: behind a time stamp or another prefix, or inside a string of "
            "another object, nothing matches, not even NOT EXISTS."
        )
    if pattern.fields is not None:
        yield from _fields(pattern.fields)
    found = [trap for condition in pattern.conditions for trap in _condition(condition)]
    yield from dict.fromkeys(found)
    if pattern.regexes:
        yield (
            f"A regex counts: two in a pattern, and {PER_GROUP} filters with a regex in a log group, metric and "
            "subscription filters together. `^` and `$` are the ends of the whole text, `.` is not a line end."
        )


def _terms(terms: Terms, text: str) -> Iterator[str]:
    if terms.ignores_optional:
        yield "`?` is ignored as soon as one term has no `?`: only the other terms count."
    unquoted = re.sub(r'"(?:[^"\\]|\\.)*"', '""', text)
    if _HYPHEN_IN_WORD(unquoted):
        yield (
            '`-` and `?` begin a new term even inside a word: `a-b` has an "a" and lacks a "b", so it does not match '
            "`a-b`. Put the word in double quotes."
        )
    if terms.excluded and not terms.required:
        yield "With exclusions alone every other event matches, whatever it is."
    if " " in terms.required:
        yield "A quoted blank matches only messages that hold a blank; all of them match the empty pattern."
    words = (*terms.required, *terms.excluded, *terms.optional)
    if any("*" in word for word in words):
        yield "`*` is an ordinary character in a phrase."
    if any('"' in word for word in words):
        yield 'A phrase is looked for in the message as it is written: `{"a": 1}` and `{"a":1}` are two phrases.'
    yield "Terms are found inside of words as well (`ERROR` in `ERRORS`), and upper and lower case differ."


def _fields(fields: Fields) -> Iterator[str]:
    if fields.ellipsis is None:
        yield (
            "Without `...` the last entry takes the rest of the line, blanks and quotes included, so the number of "
            "entries is a minimum; put `...` at the end to have one field only."
        )
    elif fields.entries:
        yield "With `...` the last entry is one field."
    yield 'Fields end at blanks; "two words" and [two words] are one field, without the quotes or brackets.'


def _condition(condition: Condition) -> Iterator[str]:
    if isinstance(condition, State):
        yield from _state(condition)
    elif isinstance(condition.subject, Selector):
        yield from _json(condition, condition.subject)
    else:
        yield from _field(condition, condition.subject)
    if isinstance(condition.subject, Selector) and condition.subject.has_wildcard:
        yield f"The wildcard of {condition.subject.source} reaches the children of one array or object, no deeper."


def _state(condition: State) -> Iterator[str]:
    source = condition.subject.source
    if condition.state == "IS NULL" and not condition.subject.has_wildcard:
        yield f"{source} IS NULL is true as well for an array that holds a null, and false when {source} is absent."
    if condition.state == "NOT EXISTS" and condition.subject.has_wildcard:
        yield f"{source} NOT EXISTS is true as well for an empty array or object, for null and for a plain value there."
    elif condition.state == "NOT EXISTS":
        yield f"{source} NOT EXISTS is false when {source} is null: that is {source} IS NULL."


def _json(condition: Comparison, subject: Selector) -> Iterator[str]:
    literal, source = condition.literal, subject.source
    if condition.operator == "!=":
        if subject.has_wildcard:
            yield (
                "`!=` with a wildcard means that none is equal: it is true for an empty array, null and a plain "
                "value, and false when one of several is equal or when the array is absent."
            )
        else:
            yield (
                f"`!=` is false when {source} is absent, null, a boolean, an object or an array. To have absent and "
                f"null ones, too, add || ({source} NOT EXISTS) || ({source} IS NULL)."
            )
    if isinstance(literal, Text):
        yield from _text(literal, subject, condition.operator)
    if isinstance(literal, Number) and condition.operator in ("=", "!="):
        yield (
            f"{literal.source} is compared by value with numbers (1, 1.0 and 1e0 are equal); a string is equal only if "
            f'it is written exactly "{literal.source}".'
        )
    if isinstance(literal, Number) and condition.operator not in ("=", "!="):
        yield f"Order is for numbers alone: {condition.operator} is never true for a numeric string."
        yield from _metric_value(subject)
    if isinstance(literal, Regex):
        yield "A regex on a number sees its printed form (1e3 is 1000.0); it hits no boolean, null, object or array."


def _text(literal: Text, subject: Selector, operator: str) -> Iterator[str]:
    if literal.text.casefold() in ("true", "false"):
        state = f"{subject.source} IS {literal.text.upper()}"
        yield f'{literal.text} here is the string "{literal.text}": a boolean is {state}.'
    if literal.text == "*":
        yield "`= *` is true for strings and numbers; not for booleans, null, objects and arrays."
        if operator == "=":
            yield from _metric_value(subject)
        elif not subject.has_wildcard:
            yield "`!= *` is never true."
    elif literal.is_glob:
        yield from _glob(literal)
    elif may_be_printed(literal.text):
        yield (
            f'"{literal.text}" is compared as text with the printed form of a number: 1.0 is not "1". Without quotes '
            "numbers are compared by value."
        )


def _glob(literal: Text) -> Iterator[str]:
    head, *middle, tail = literal.text.split("*")
    if tail or any(middle):
        yield (
            "What follows a `*` is looked for once, where it first occurs: `*ab` does not match `abab`. Stars that "
            "are not at the end are better written as a regex."
        )
    if head and middle and tail:
        yield "AWS documents `*` only at the start and at the end of a value."
    yield "A `*` cannot be escaped; a literal star is the regex \\x2A."


def _metric_value(subject: Selector) -> Iterator[str]:
    """A wildcard can be no metric's value."""
    if not subject.has_wildcard:
        value = f"If {subject.source} is a metric's value"
        yield f"{value}: a string gives no point, and a negative value takes all percentiles away."


def _field(condition: Comparison, name: str) -> Iterator[str]:
    literal = condition.literal
    if literal == Text("*") and condition.operator == "!=":
        yield "`!= *` is never true."
    if isinstance(literal, Number):
        yield f"{literal.source} is compared by value with the text of {name}: 1.0 equals 1. In quotes it is text."
        if condition.operator == "!=":
            yield f"`!=` with a number is true when {name} is no number at all."
        elif condition.operator != "=":
            yield f"{condition.operator} is never true when {name} is no number, `-` for instance."
    elif isinstance(literal, Text) and literal.is_glob and literal.text.strip("*"):
        yield from _glob(literal)
