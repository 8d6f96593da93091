"""JSON patterns: `{ ($.level = "ERROR" || $.status >= 500) && $.user NOT EXISTS }`."""

from __future__ import annotations

from forwarders.metrics.filter_pattern.error import INVALID, FilterPatternError
from forwarders.metrics.filter_pattern.logic import expression
from forwarders.metrics.filter_pattern.numbers import OPERATORS, Number
from forwarders.metrics.filter_pattern.regexes import LIMIT, TOO_MANY, Regex
from forwarders.metrics.filter_pattern.selectors import MAX_WILDCARDS
from forwarders.metrics.filter_pattern.tokens import Token, tokens
from forwarders.metrics.filter_pattern.tree import Comparison, Condition, Node, Selector, State, Text

_STATES = frozenset({"NULL", "TRUE", "FALSE"})
_KEYWORDS = frozenset({"null", "is", "not", "exists"})
"""Words that are no values without quotes; `true` and `false` are, and mean the strings."""
_UNBALANCED = "If a filter pattern starts with '{' it must end with '}'"


def json_pattern(pattern: str, start: int, end: int) -> Node:
    """The tree of the pattern whose opening brace is at `start`; `end` is the offset behind its last character."""
    if pattern[end - 1] != "}" or end - start < 2:
        raise FilterPatternError(pattern, end - 1, repr(pattern[end - 1]), "'}' at the end", _UNBALANCED)

    def read(words: list[Token], at: int) -> tuple[Condition, int]:
        return _condition(pattern, words, at, end - 1)

    words = tokens(pattern, start + 1, end - 1, json=True)
    node = expression(pattern, words, end - 1, read)
    check_limits(pattern, words)
    return node


def check_limits(pattern: str, words: list[Token]) -> None:
    """Raises FilterPatternError when there are more regexes or wildcards than AWS takes."""
    regexes = [word for word in words if isinstance(word.meaning, Regex)]
    if len(regexes) > LIMIT:
        raise FilterPatternError(pattern, regexes[LIMIT].at, "one regex more", f"at most {LIMIT}", TOO_MANY)
    chosen = [word for word in words if isinstance(word.meaning, Selector) and word.meaning.has_wildcard]
    if len(chosen) > MAX_WILDCARDS:
        at = chosen[MAX_WILDCARDS].at
        raise FilterPatternError(pattern, at, "one wildcard more", f"at most {MAX_WILDCARDS} in a pattern", "")


def _condition(pattern: str, words: list[Token], at: int, end: int) -> tuple[Condition, int]:
    word = words[at]
    if not isinstance(word.meaning, Selector):
        raise FilterPatternError(pattern, word.at, repr(word.text), "a selector ($.name) or '('")
    following = [_text(words, at + ahead) for ahead in (1, 2)]
    if following[0].casefold() == "is":
        state = following[1].upper()
        if state not in _STATES or not words[at + 2].bare:
            raise _wrong(pattern, words, at + 2, end, "NULL, TRUE or FALSE")
        return State(word.meaning, f"IS {state}"), at + 3
    if following[0].casefold() == "not":
        if following[1].casefold() != "exists":
            raise _wrong(pattern, words, at + 2, end, "EXISTS")
        return State(word.meaning, "NOT EXISTS"), at + 3
    return comparison(pattern, words, at, end, word.meaning)


def comparison(pattern: str, words: list[Token], at: int, end: int, subject: Selector | str) -> tuple[Comparison, int]:
    """The comparison whose subject is the word of number `at`, and the number of the word behind it."""
    symbol = _text(words, at + 1)
    if symbol not in OPERATORS:
        states = ", IS or NOT EXISTS" if isinstance(subject, Selector) else ""
        raise _wrong(pattern, words, at + 1, end, f"=, !=, <, <=, >, >={states}")
    if at + 2 >= len(words):
        raise _wrong(pattern, words, at + 2, end, "a value")
    value = words[at + 2]
    if not isinstance(value.meaning, Text | Number | Regex):
        raise _wrong(pattern, words, at + 2, end, "a value")
    if isinstance(subject, Selector) and value.bare and value.text.casefold() in _KEYWORDS:
        expected = "a value; quotes make this word one"
        raise FilterPatternError(pattern, value.at, f"the keyword {value.text}", expected)
    if symbol not in ("=", "!=") and not isinstance(value.meaning, Number):
        said = f"Invalid character(s) in term '{value.text}'"
        raise FilterPatternError(pattern, value.at, value.text, f"a number without quotes after {symbol}", said)
    return Comparison(subject, symbol, value.meaning), at + 3


def _text(words: list[Token], at: int) -> str:
    return words[at].text if at < len(words) else ""


def _wrong(pattern: str, words: list[Token], at: int, end: int, expected: str) -> FilterPatternError:
    missing = at >= len(words)
    found, position = ("the end", end) if missing else (repr(words[at].text), words[at].at)
    return FilterPatternError(pattern, position, found, expected, INVALID)
