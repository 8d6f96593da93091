"""Times: a unit, bounds that fit it, and no number called a time that does not say so."""

from __future__ import annotations

import re
from collections.abc import Iterator

from forwarders.governance.lint.finding import ERROR, WARNING
from forwarders.governance.lint.rule import Found, Rule
from forwarders.governance.lint.subject import Said, Subject
from forwarders.governance.policy import Policy

PER_SECOND = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}
_EARLIEST_S, _LATEST_S = 1_000_000_000, 32_503_680_000
"""An upper bound before 2001 or after 2999 is one of another unit."""
_NAME = re.compile(r"(^|_)(timestamp|datetime|time|at|ts|date)\Z")
_NUMBERS = {"integer", "number"}


def times(subject: Subject, policy: Policy) -> Iterator[Found]:
    """Seconds and milliseconds are told apart by bounds, so that a wrong unit is an invalid event, not a wrong year."""
    for path, many in subject.said.items():
        timed = next((one for one in many if "x-time" in one.node), None)
        types = {kind for one in many for kind in _types(one)}
        if timed is not None and timed.node["x-time"]["unit"] in PER_SECOND:
            yield from _bounds(timed, many)
        elif timed is None and path and types & _NUMBERS and _NAME.search(path[-1]):
            wanted = '"x-time": {"role": "event" or "other", "unit": "s", "ms", "us" or "ns"}'
            yield Found(
                many[0].at(), "time-unmarked", WARNING, f"a number called {path[-1]}: if it is a time, add {wanted}"
            )


def _types(said: Said) -> list[str]:
    types = said.node.get("type", ())
    return [types] if isinstance(types, str) else list(types)


def _bounds(timed: Said, many: list[Said]) -> Iterator[Found]:
    unit = timed.node["x-time"]["unit"]
    factor = PER_SECOND[unit]
    says = [one.node for one in many if one.always]
    low = [node[key] for node in says for key in ("minimum", "exclusiveMinimum") if key in node]
    high = [node[key] for node in says for key in ("maximum", "exclusiveMaximum") if key in node]
    example = f"minimum {946_684_800 * factor} and maximum {4_102_444_800 * factor - 1} are the years 2000 to 2099"
    if not low or not high:
        lacks = " and ".join(word for word, bound in (("minimum", low), ("maximum", high)) if not bound)
        yield Found(timed.at(), "time-bounds", ERROR, f"a time in {unit} without {lacks}: {example}")
        return
    if not _EARLIEST_S * factor <= min(high) <= _LATEST_S * factor:
        yield Found(timed.at("maximum"), "time-bounds", ERROR, f"{min(high)} is no time in {unit}: {example}")
    elif not -_LATEST_S * factor <= max(low) < min(high):
        yield Found(timed.at("minimum"), "time-bounds", ERROR, f"{max(low)} is not before {min(high)}: {example}")


RULE = Rule(("time-bounds", "time-unmarked"), times)
