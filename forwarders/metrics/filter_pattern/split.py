"""A line cut into fields as space-delimited patterns see it.

A field that begins with `"` or `[` runs to the next `"` or `]` and is kept without them; a closing one ends the field
even where no blank follows; an opening one that is never closed is an ordinary character.
"""

from __future__ import annotations

import re

WHITE = " \t\n\r\f\v"
"""What separates fields, and the words of a pattern."""
BLANKS = r" \t\n\r\f\v"
FIELD = rf'((?>"[^"]*+"|\[[^\]]*+\]|[^{BLANKS}]++))'
"""A field with its quotes or brackets. Atomic: a closed field is never tried again as an ordinary one."""
_NEXT = re.compile(rf"[{BLANKS}]*+{FIELD}").match
_ALL = re.compile(FIELD).findall
_ORDINARY = re.compile(rf"[^{BLANKS}]++").match
_MAX_OPEN = 64
"""Opening brackets up to which each may look for its closing one: then the search is linear enough."""


def fields(line: str) -> list[str]:
    """All fields, in linear time: an access log line takes 2 µs, a megabyte of opening brackets 0.3 s."""
    return list(map(bare, _one_by_one(line) if line.count("[") > _MAX_OPEN else _ALL(line)))


def bare(field: str) -> str:
    """A field without its quotes or brackets."""
    # One that only begins with a quote or bracket was never closed, so it cannot end with the closing one.
    if field[0] == '"' == field[-1] or (field[0] == "[" and field[-1] == "]"):
        return field[1:-1] if len(field) > 1 else field
    return field


def _one_by_one(line: str) -> list[str]:
    last = line.rfind("]")
    found: list[str] = []
    at = 0
    skip = re.compile(rf"[{BLANKS}]*+").match
    while True:
        blank = skip(line, at)
        at = blank.end() if blank else at
        if at >= len(line):
            return found
        cut = _ORDINARY(line, at) if line[at] == "[" and at > last else _NEXT(line, at)
        assert cut is not None
        found.append(line[at : cut.end()])
        at = cut.end()
