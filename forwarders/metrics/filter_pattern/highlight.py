"""The parts of a message that made it match, for a terminal."""

from __future__ import annotations

import json
import re

from forwarders.metrics.filter_pattern.pattern import Match, Pattern
from forwarders.metrics.filter_pattern.regexes import for_re2
from forwarders.metrics.filter_pattern.tree import Comparison, Selector

_MAX_SPANS = 1000


def spans(pattern: Pattern, match: Match) -> list[tuple[int, int]]:
    """Offsets in the message, in order and without overlaps, at most 1,000.

    Terms, and hits of a regex; of a JSON event the keys that the pattern names; of a line the fields with conditions.
    """
    if pattern.regex is not None:
        return _regex(pattern.regex.source, match.message)
    wanted = [word for word in _wanted(pattern, match) if word]
    if not wanted:
        return []
    longest_first = sorted(set(wanted), key=len, reverse=True)
    found = re.finditer("|".join(map(re.escape, longest_first)), match.message)
    return [hit.span() for hit, _ in zip(found, range(_MAX_SPANS), strict=False)]


def _wanted(pattern: Pattern, match: Match) -> list[str]:
    if pattern.terms is not None:
        terms = pattern.terms
        return list(terms.required if terms.required or terms.excluded else terms.optional)
    if pattern.fields is not None:
        names = {one.subject for one in pattern.conditions if isinstance(one, Comparison)}
        return [match.values[f"${name}"] for name in names]
    chosen = [one.subject for one in pattern.conditions]
    keys = [step for one in chosen if isinstance(one, Selector) for step in one.steps[-1:] if isinstance(step, str)]
    return [json.dumps(key, ensure_ascii=False) for key in keys]


def _regex(source: str, message: str) -> list[tuple[int, int]]:
    import re2  # type: ignore[import-untyped]  # 10 ms, only for patterns with a regex

    try:
        found = re2.finditer(for_re2(source), message)
        return [hit.span() for hit, _ in zip(found, range(_MAX_SPANS), strict=False) if hit.end() > hit.start()]
    except UnicodeEncodeError:  # half a surrogate pair
        return []
