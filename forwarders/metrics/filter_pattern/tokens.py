"""The words of JSON and space-delimited patterns, cut as AWS's scanner cuts them: the longest word wins."""

from __future__ import annotations

import re
from dataclasses import dataclass

from forwarders.metrics.filter_pattern.error import FilterPatternError, unknown
from forwarders.metrics.filter_pattern.numbers import number
from forwarders.metrics.filter_pattern.quoted import quoted
from forwarders.metrics.filter_pattern.regexes import regex
from forwarders.metrics.filter_pattern.selectors import selector
from forwarders.metrics.filter_pattern.split import WHITE
from forwarders.metrics.filter_pattern.tree import Literal, Selector, Text

_NUMBER = re.compile(r"[+-]?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?").match
_BARE = re.compile(r"(?:[^\W]|[.*-])+").match
_SYMBOLS = ("&&", "||", "!=", "<=", ">=", "=", "<", ">", "(", ")", "{", "}", "]", ",", "[")
_JSON_SYMBOLS = frozenset(_SYMBOLS) - {"]", ",", "["}
_FIELD_SYMBOLS = frozenset(_SYMBOLS) - {"{", "}"}


@dataclass(frozen=True)
class Token:
    """A word: its text as written, where it begins, and its meaning where it has one of its own.

    `bare`: an unquoted word, which may be a keyword, a name or a value.
    """

    text: str
    at: int
    meaning: Literal | Selector | None = None
    bare: bool = False


def tokens(pattern: str, start: int, end: int, *, json: bool) -> list[Token]:
    """The words between two offsets; quotes and regexes may not reach beyond `end` either.

    Raises FilterPatternError with AWS's "Invalid character(s) in term" for what begins no word.
    """
    words: list[Token] = []
    at = start
    while at < end:
        if pattern[at] in WHITE:
            at += 1
            continue
        word, at = _word(pattern, at, _JSON_SYMBOLS if json else _FIELD_SYMBOLS)
        words.append(word)
    if at > end:  # what was opened swallowed the closing brace
        raise unknown(pattern, words[-1].at, len(pattern), "the end of what was opened")
    return words


def _word(pattern: str, at: int, symbols: frozenset[str]) -> tuple[Token, int]:
    letter = pattern[at]
    if letter == '"':
        text, end = quoted(pattern, at)
        return Token(pattern[at:end], at, Text(text)), end
    if letter == "%":
        found, end = regex(pattern, at)
        return Token(pattern[at:end], at, found), end
    if letter == "$" and "{" in symbols:
        chosen, end = selector(pattern, at)
        return Token(chosen.source, at, chosen), end
    if pattern.startswith("...", at) and "[" in symbols:
        return Token("...", at), at + 3
    for size in (2, 1):
        if pattern[at : at + size] in symbols:
            return Token(pattern[at : at + size], at), at + size
    return _bare(pattern, at)


def _bare(pattern: str, at: int) -> tuple[Token, int]:
    figures, word = _NUMBER(pattern, at), _BARE(pattern, at)
    ends = [found.end() for found in (figures, word) if found]
    if not ends:
        raise _unknown_symbol(pattern, at)
    end = max(ends)
    text = pattern[at:end]
    if figures and figures.end() == end:
        try:
            return Token(text, at, number(text), bare=True), end
        except OverflowError:
            expected = "an exponent below 2,147,483,648"
            raise FilterPatternError(pattern, at, f"the number {text}", expected) from None
    return Token(text, at, Text(text), bare=True), end


def _unknown_symbol(pattern: str, at: int) -> FilterPatternError:
    """`&`, `|` and `!` are half of a word: AWS's text then holds what follows them, too."""
    half = pattern[at] in "&|!" and not pattern[at + 1 : at + 2].isspace() and at + 1 < len(pattern)
    expected = "a selector, an operator or a value; a value with other signs than _ . * - needs double quotes"
    return unknown(pattern, at, at + 1 if half else at, expected)
