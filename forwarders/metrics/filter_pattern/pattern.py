"""A filter pattern of CloudWatch Logs, compiled: what it says, and whether a message matches it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import islice
from typing import Any, Literal

from forwarders.metrics.filter_pattern.compiled import ABSENT, Test, compiled, one_value
from forwarders.metrics.filter_pattern.error import FilterPatternError, unknown
from forwarders.metrics.filter_pattern.field_pattern import Extract, Fields, extractor, field_pattern
from forwarders.metrics.filter_pattern.json_pattern import json_pattern
from forwarders.metrics.filter_pattern.message import parsed
from forwarders.metrics.filter_pattern.regexes import Regex, regex
from forwarders.metrics.filter_pattern.selectors import parse_selector
from forwarders.metrics.filter_pattern.split import WHITE
from forwarders.metrics.filter_pattern.terms import Terms, terms, tester
from forwarders.metrics.filter_pattern.tree import Comparison, Condition, Node, Selector, conditions

MAX_LENGTH = 1024
"""Characters of a pattern."""

Kind = Literal["all", "terms", "regex", "json", "fields"]

_PLACE = re.compile(r"\$[1-9][0-9]{0,8}").fullmatch


@dataclass(frozen=True, slots=True)
class Match:
    """A message that matched: what TestMetricFilter calls extractedValues, and any other value on demand.

    `values`: `{"$level": "ERROR", "$2": "one two"}` for space-delimited patterns, {} for all others.
    """

    message: str
    values: dict[str, str]

    def value(self, chosen: str) -> float | str | None:
        """What a metric filter with this `metricValue` would read: `$.latency`, `$size` or `$3`.

        A number of a JSON event (int, or float), a string of it, or the text of a field, by its name or its place (with
        a name or without); None where there is nothing, null, a boolean, an object or an array. CloudWatch publishes
        numbers; that it publishes nothing for a string is recorded, but not for one that looks like a number. A number
        as text (`200`) stands for itself.

        Raises FilterPatternError for a selector that is none, or has a wildcard.
        """
        if chosen.startswith("$."):
            found = one_value(_steps(chosen), parsed(self.message))
            return found if type(found) in (int, float, str) else None
        if not chosen.startswith("$"):
            return chosen
        if chosen in self.values or _PLACE(chosen) is None:
            return self.values.get(chosen)
        return next(islice(self.values.values(), int(chosen[1:]) - 1, None), None)


@dataclass(frozen=True)
class Pattern:
    """A compiled pattern. `text` is as written; of `terms`, `tree`, `fields` and `regex` the one of its kind is set.

    `match_parsed(event)` tells of a JSON pattern whether an event that a JSON parser has read matches: integers int,
    all other numbers float, as msgspec and the standard library give them. It answers as `match` does of the text: what
    decides is a number's value and whether it has a point or an exponent, never its digits as written. It raises
    TypeError for the other kinds.
    """

    text: str
    kind: Kind
    match_parsed: Test = field(repr=False, compare=False)
    _extract: Extract = field(repr=False, compare=False)
    terms: Terms | None = None
    tree: Node | None = None
    fields: Fields | None = None
    regex: Regex | None = None

    def match(self, message: str) -> Match | None:
        """What a log event with this message gives, or None when it does not match. Never raises; linear time."""
        values = self._extract(message)
        return None if values is None else Match(message, values)

    @property
    def conditions(self) -> tuple[Condition, ...]:
        """Every comparison and state of a JSON or space-delimited pattern, from left to right."""
        if self.fields is not None:
            return tuple(one for entry in self.fields.entries for one in conditions(entry.condition))
        return tuple(conditions(self.tree))

    @property
    def selectors(self) -> tuple[str, ...]:
        """What the pattern names, each once: `$.a.b` as written of a JSON pattern, `$name` of a space-delimited one."""
        if self.fields is not None:
            return tuple(f"${entry.name}" for entry in self.fields.entries if entry.name not in ("", "..."))
        chosen = [one.subject for one in self.conditions]
        return tuple(dict.fromkeys(one.source for one in chosen if isinstance(one, Selector)))

    @property
    def regexes(self) -> int:
        """How many regexes it has; a filter with at least one counts towards the five of a log group."""
        literals = [one.literal for one in self.conditions if isinstance(one, Comparison)]
        return sum(isinstance(literal, Regex) for literal in literals) + (self.regex is not None)


def parse(pattern: str) -> Pattern:
    """The compiled pattern: whatever PutMetricFilter takes.

    Raises FilterPatternError for what AWS refuses, with the position, what stands there and what could. What nobody
    has documented or recorded is decided in docs/filter-patterns.md.
    """
    if len(pattern) > MAX_LENGTH:
        said = (
            f"1 validation error detected: Value '{pattern}' at 'filterPattern' failed to satisfy constraint: "
            f"Member must have length less than or equal to {MAX_LENGTH}"
        )
        raise FilterPatternError(pattern, MAX_LENGTH, f"{len(pattern)} characters", f"at most {MAX_LENGTH}", said)
    start, end = len(pattern) - len(pattern.lstrip(WHITE)), len(pattern.rstrip(WHITE))
    if start >= end:
        return Pattern(pattern, "all", _not_json, lambda message: {})
    if pattern[start] == "{":
        return _json(pattern, start, end)
    if pattern[start] == "[":
        wanted = field_pattern(pattern, start, end)
        return Pattern(pattern, "fields", _not_json, extractor(wanted), fields=wanted)
    if pattern[start] == "%":
        return _regex(pattern, start, end)
    wanted_terms = terms(pattern)
    return Pattern(pattern, "terms", _not_json, _bare(tester(wanted_terms)), terms=wanted_terms)


def _json(pattern: str, start: int, end: int) -> Pattern:
    tree = json_pattern(pattern, start, end)
    test = compiled(tree)

    def extract(message: str) -> dict[str, str] | None:
        event = parsed(message)
        return {} if event is not None and test(event) else None

    return Pattern(pattern, "json", test, extract, tree=tree)


def _regex(pattern: str, start: int, end: int) -> Pattern:
    alone, behind = regex(pattern, start)
    if behind < end:
        raise unknown(pattern, behind, behind, "the end: a regex stands alone, or in a JSON or space-delimited pattern")
    return Pattern(pattern, "regex", _not_json, _bare(alone.found), regex=alone)


def _bare(test: Callable[[str], bool]) -> Extract:
    return lambda message: {} if test(message) else None


def _not_json(event: dict[str, Any]) -> bool:
    raise TypeError("only a JSON pattern can be asked about a parsed event")


@lru_cache(maxsize=256)
def _steps(source: str) -> tuple[Any, ...]:
    return parse_selector(source).steps


__all__ = ["ABSENT", "MAX_LENGTH", "FilterPatternError", "Kind", "Match", "Pattern", "parse"]
