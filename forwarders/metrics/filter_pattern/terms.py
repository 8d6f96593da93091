"""Unstructured terms: `ERROR -"health check"`, `?ERROR ?WARN`; every one is a test for a part of the message."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from forwarders.metrics.filter_pattern.error import FilterPatternError, unknown
from forwarders.metrics.filter_pattern.quoted import quoted
from forwarders.metrics.filter_pattern.split import WHITE

_EXPECTED = "a letter, a digit, '_', '.', '-', '?' or a phrase in double quotes"


@dataclass(frozen=True)
class Terms:
    """What must occur, what must not, and what is only asked for when nothing else is."""

    required: tuple[str, ...]
    excluded: tuple[str, ...]
    optional: tuple[str, ...]

    @property
    def ignores_optional(self) -> bool:
        """True when terms with `?` stand beside others: then AWS silently ignores them."""
        return bool(self.optional and (self.required or self.excluded))


def terms(pattern: str) -> Terms:
    """The terms of a pattern. `-` and `?` begin a new one even inside a word: `a-b` has an `a` and lacks a `b`."""
    kinds: dict[str, list[str]] = {"": [], "-": [], "?": []}
    at, prefix, glued = 0, "", False
    while at < len(pattern):
        letter = pattern[at]
        if letter in WHITE:
            at, glued = at + 1, False
        elif letter in "-?":
            if prefix:
                raise FilterPatternError(pattern, at, repr(letter), f"a term after {prefix!r}")
            prefix, at, glued = letter, at + 1, False
        elif letter == '"' or letter.isalnum() or letter in "_.":
            if glued:
                raise FilterPatternError(pattern, at, repr(letter), "a blank after the term before")
            text, at = _term(pattern, at)
            kinds[prefix].append(text)
            prefix, glued = "", True
        else:
            raise unknown(pattern, at, at, _EXPECTED)
    if prefix:
        raise FilterPatternError(pattern, at, "the end of the pattern", f"a term after {prefix!r}")
    return Terms(*(tuple(kinds[kind]) for kind in ("", "-", "?")))


def _term(pattern: str, at: int) -> tuple[str, int]:
    """The word or phrase at `at`, and the offset behind it."""
    if pattern[at] == '"':
        if pattern[at : at + 2] == '""':
            raise unknown(pattern, at, at + 1, "at least one character between the quotes")
        return quoted(pattern, at)
    end = at
    while end < len(pattern) and (pattern[end].isalnum() or pattern[end] in "_."):
        end += 1
    return pattern[at:end], end


def tester(wanted: Terms) -> Callable[[str], bool]:
    """Whether a message has what the terms ask for."""
    required, excluded, optional = wanted.required, wanted.excluded, wanted.optional
    if len(required) == 1 and not excluded:
        only = required[0]
        return lambda message: only in message
    if required or excluded:
        return lambda message: (
            all(term in message for term in required) and not any(term in message for term in excluded)
        )
    return lambda message: any(term in message for term in optional)
