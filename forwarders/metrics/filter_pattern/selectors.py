"""Selectors of JSON patterns: `$.name`, `.name`, `[0]`, `[*]`, `.*`, `.['any key']`."""

from __future__ import annotations

import re

from forwarders.metrics.filter_pattern.error import FilterPatternError, unknown
from forwarders.metrics.filter_pattern.tree import Selector, Step

MAX_WILDCARDS = 3
"""Wildcards in a pattern; a selector has one at most."""

_NAME = re.compile(r"[\w-]+").match
_QUOTED_KEY = re.compile(r"\['((?:[^'\\]|\\.)++)'\]", re.DOTALL).match
_INDEX = re.compile(r"\[(?:([0-9]{1,9})|\*)\]").match
_INDEX_PART = re.compile(r"\[(?:[0-9]+|\*)?").match


def selector(pattern: str, at: int) -> tuple[Selector, int]:
    """The selector that begins with the `$` at `at`, and the offset behind it."""
    if pattern[at + 1 : at + 2] != ".":
        raise unknown(pattern, at, at + 1, "'.' after '$'")
    steps: list[Step] = []
    end = at + 1
    while True:
        step, behind = _step(pattern, at if not steps else end, end)
        if behind == end:
            break
        steps.append(step)
        end = behind
    chosen = Selector(pattern[at:end], tuple(steps))
    if steps.count(None) > 1:
        raise FilterPatternError(pattern, at, f"{steps.count(None)} wildcards", "at most one in a selector", "")
    return chosen, end


def parse_selector(source: str) -> Selector:
    """The selector that is the whole of `source`, as the value or a dimension of a metric; it may have no wildcard.

    Raises FilterPatternError.
    """
    if not source.startswith("$"):
        raise FilterPatternError(source, 0, repr(source[:1]), "a selector that begins with '$.'", "")
    chosen, end = selector(source, 0)
    if end < len(source):
        raise FilterPatternError(source, end, repr(source[end]), "the end of the selector", "")
    if chosen.has_wildcard:
        raise FilterPatternError(source, source.index("*"), "a wildcard", "a selector of one value", "")
    return chosen


def _step(pattern: str, word: int, at: int) -> tuple[Step, int]:
    """The step at `at` and the offset behind it, or `at` itself when there is none.

    `word` is where AWS's word begins: `$.` and the first name are one word.
    """
    if pattern.startswith("[", at):
        index = _INDEX(pattern, at)
        if index is None:
            part = _INDEX_PART(pattern, at)
            raise unknown(pattern, at, part.end() if part else at, "an index from 0 or '*', and ']'")
        return (None if index[1] is None else int(index[1])), index.end()
    if not pattern.startswith(".", at):
        return None, at
    if pattern.startswith("*", at + 1):
        return None, at + 2
    if pattern.startswith("[", at + 1):
        key = _QUOTED_KEY(pattern, at + 1)
        if key is None:
            raise unknown(pattern, word, _broken_key(pattern, at + 1), "a key in single quotes and brackets: ['a key']")
        return re.sub(r"\\(['\\])", r"\1", key[1]), key.end()
    name = _NAME(pattern, at + 1)
    if name is None:
        raise unknown(pattern, word, at + 1, "a name, '*' or ['a key']")
    return name[0], name.end()


def _broken_key(pattern: str, at: int) -> int:
    """The offset of the character at which `['key']`, which begins at `at`, goes wrong."""
    if not pattern.startswith("['", at):
        return at + 1
    closing = pattern.find("'", at + 2)
    return len(pattern) if closing < 0 else closing if closing == at + 2 else closing + 1
