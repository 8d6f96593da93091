"""`"a phrase"`: text between double quotes, in all three languages."""

from __future__ import annotations

import re

from forwarders.metrics.filter_pattern.error import unknown

_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*+)"', re.DOTALL).match
_ESCAPED = re.compile(r'\\(["\\])')


def quoted(pattern: str, at: int) -> tuple[str, int]:
    """The text of the quotes that open at `at`, and the offset behind them.

    A backslash takes its meaning from a quote and from another backslash, and is itself before everything else.
    """
    found = _QUOTED(pattern, at)
    if found is None:
        raise unknown(pattern, at, len(pattern), 'a closing "')
    return _ESCAPED.sub(r"\1", found[1]), found.end()
