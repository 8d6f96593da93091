"""Space-delimited patterns: `[ip, user, ..., status = 4* || status = 5*, size > 1000]`."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from forwarders.metrics.filter_pattern.error import FilterPatternError
from forwarders.metrics.filter_pattern.json_pattern import check_limits, comparison
from forwarders.metrics.filter_pattern.logic import expression
from forwarders.metrics.filter_pattern.split import BLANKS, FIELD, bare, fields
from forwarders.metrics.filter_pattern.tokens import Token, tokens
from forwarders.metrics.filter_pattern.tree import Comparison, Condition, Every, Node, Some
from forwarders.metrics.filter_pattern.values import field_test

ELLIPSIS = "..."
_NAME = re.compile(r"[^\W\d]\w*").fullmatch
_VARIABLES = "Multiple variables used in a single filter"


@dataclass(frozen=True)
class Entry:
    """One entry between commas: its name ("" when it has none, `...` for the ellipsis) and what its field must be."""

    name: str = ""
    condition: Node | None = None


@dataclass(frozen=True)
class Fields:
    """The entries of a pattern; none means any event, with all its fields numbered."""

    entries: tuple[Entry, ...]

    @property
    def ellipsis(self) -> int | None:
        """The place of `...`, which `[]` has as well."""
        names = [entry.name for entry in self.entries]
        return names.index(ELLIPSIS) if ELLIPSIS in names else None if names else 0


def field_pattern(pattern: str, start: int, end: int) -> Fields:
    """The entries of the pattern whose opening bracket is at `start`; `end` is the offset behind its last character."""
    if pattern[end - 1] != "]" or end - start < 2:
        raise FilterPatternError(pattern, end - 1, repr(pattern[end - 1]), "']' at the end")
    words = tokens(pattern, start + 1, end - 1, json=False)
    if not words:
        return Fields(())
    groups: list[tuple[list[Token], int]] = [([], end - 1)]
    for word in words:
        if word.text == ",":
            groups[-1] = (groups[-1][0], word.at)
            groups.append(([], end - 1))
        else:
            groups[-1][0].append(word)
    entries = tuple(_entry(pattern, words, end) for words, end in groups)
    seen: set[str] = set()
    for entry, (group, _) in zip(entries, groups, strict=True):
        if entry.name and entry.name in seen:
            said = f"Duplicate field '{entry.name}'"
            raise FilterPatternError(pattern, group[0].at, f"the field {entry.name} again", "every name once", said)
        seen.add(entry.name)
    check_limits(pattern, words)
    return Fields(entries)


def _name(words: list[Token]) -> str:
    return next((word.text for word in words if word.text != "("), "")


def _entry(pattern: str, words: list[Token], end: int) -> Entry:
    if not words:
        return Entry()
    if len(words) == 1:
        if words[0].text != ELLIPSIS:
            _check_name(pattern, words[0])
        return Entry(words[0].text)
    name = _name(words)

    def read(words: list[Token], at: int) -> tuple[Condition, int]:
        _check_name(pattern, words[at])
        if words[at].text != name:
            expected = f"conditions on {name} alone; another field has its own entry"
            raise FilterPatternError(pattern, words[at].at, f"the field {words[at].text}", expected, _VARIABLES)
        return comparison(pattern, words, at, end, name)

    return Entry(name, expression(pattern, words, end, read))


def _check_name(pattern: str, word: Token) -> None:
    if not word.bare or not _NAME(word.text):
        expected = "a name of letters, digits and _ that does not begin with a digit"
        raise FilterPatternError(pattern, word.at, repr(word.text), expected)


Extract = Callable[[str], "dict[str, str] | None"]
"""A line to its extracted values (`$name`, and `$3` for what has no name), or None when it does not match."""


def extractor(wanted: Fields) -> Extract:
    """The function that matches a line and takes its values."""
    if wanted.ellipsis is None:
        return _last_takes_the_rest(wanted.entries)
    return _with_ellipsis(wanted)


def _keys(entries: tuple[Entry, ...], first: int) -> list[str]:
    return [f"${entry.name or place}" for place, entry in enumerate(entries, first)]


def _tests(entries: tuple[Entry, ...]) -> list[tuple[int, Callable[[str], bool]]]:
    """The conditions by the place of their entry."""
    return [(place, _test(entry.condition)) for place, entry in enumerate(entries) if entry.condition is not None]


def _test(node: Node) -> Callable[[str], bool]:
    if isinstance(node, Every | Some):
        tests = [_test(part) for part in node.parts]
        if isinstance(node, Every):
            return lambda text: all(test(text) for test in tests)
        return lambda text: any(test(text) for test in tests)
    assert isinstance(node, Comparison)
    return field_test(node.operator, node.literal)


def _last_takes_the_rest(entries: tuple[Entry, ...]) -> Extract:
    """Without an ellipsis the last entry is the rest of the line as it stands, and as many entries must be filled.

    A rest that is a single field loses its blanks, quotes and brackets as any other field does.
    """
    keys, tests = _keys(entries, 1), _tests(entries)
    blanks = f"[{BLANKS}]*+"
    cut = re.compile(f"{(blanks + FIELD) * (len(entries) - 1)}{blanks}([^{BLANKS}].*)", re.DOTALL)
    single = re.compile(FIELD + blanks).fullmatch

    def extract(line: str) -> dict[str, str] | None:
        found = cut.match(line)
        if found is None:
            return None
        *before, rest = found.groups()
        values = list(map(bare, before))
        alone = single(rest)
        values.append(bare(alone[1]) if alone else rest)
        for place, test in tests:
            if not test(values[place]):
                return None
        return dict(zip(keys, values, strict=True))

    return extract


def _with_ellipsis(wanted: Fields) -> Extract:
    """With an ellipsis every entry is one field, and what lies between is numbered."""
    at = wanted.ellipsis or 0
    entries = wanted.entries
    head, tail = entries[:at], entries[at + 1 :]
    head_keys, head_tests, tail_tests = _keys(head, 1), _tests(head), _tests(tail)
    known = len(head) + len(tail)

    def extract(line: str) -> dict[str, str] | None:
        values = fields(line)
        first = len(values) - len(tail)
        if len(values) < known:
            return None
        for place, test in head_tests:
            if not test(values[place]):
                return None
        for place, test in tail_tests:
            if not test(values[first + place]):
                return None
        keys = [*head_keys, *(f"${place + 1}" for place in range(at, first)), *_keys(tail, first + 1)]
        return dict(zip(keys, values, strict=True))

    return extract
