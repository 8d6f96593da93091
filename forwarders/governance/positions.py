"""Where in a JSON text each value stands: for lines in messages, and to change one value and nothing else."""

from __future__ import annotations

import re

from forwarders.contracts.tree import pointer

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\]:,]|[^\s{}\[\]:,"]+')


def positions(text: str) -> dict[str, tuple[int, int]]:
    """Start and end of every value by its JSON pointer; of a key that is there twice the last. `text` is valid JSON."""
    found: dict[str, tuple[int, int]] = {}
    path: list[str | int] = []
    starts: list[int] = []
    key: str | None = None
    for token in _TOKEN.finditer(text):
        what = token[0]
        if what in "{[":
            starts.append(token.start())
            path.append("" if what == "{" else 0)
            key = None
        elif what in "}]":
            path.pop()
            found[pointer(path)] = (starts.pop(), token.end())
        elif what == ",":
            if path and isinstance(path[-1], int):
                path[-1] += 1
            key = None
        elif what == ":":
            if path and key is not None:
                path[-1] = _plain(key)
        elif path and isinstance(path[-1], str) and key is None and what[0] == '"':
            key = what
        else:
            found[pointer(path)] = token.span()
    return found


def line_of(text: str, where: str, known: dict[str, tuple[int, int]] | None = None) -> int:
    """The line, from 1, of what a pointer leads to, or of the nearest that is there of what holds it."""
    known = positions(text) if known is None else known
    while where not in known and where:
        where = where.rpartition("/")[0]
    return text.count("\n", 0, known.get(where, (0, 0))[0]) + 1


def _plain(quoted: str) -> str:
    import json

    return str(json.loads(quoted))
