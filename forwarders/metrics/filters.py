"""Metric filters as files that Terraform reads: their form, those written by hand, and CloudWatch's limits for them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path
from typing import Literal

import msgspec

from forwarders.errors import ConfigError
from forwarders.metrics.filter_pattern import FilterPatternError, Pattern, parse, parse_selector
from forwarders.metrics.pattern_of import MAX_DIMENSIONS, MAX_VALUE

MAX_FILTERS = 100
"""Metric filters of one log group."""
MAX_REGEX_FILTERS = 5
"""Filters of one log group whose pattern has a regular expression."""

Unit = Literal[
    "Seconds", "Microseconds", "Milliseconds", "Bytes", "Kilobytes", "Megabytes", "Gigabytes", "Terabytes",
    "Bits", "Kilobits", "Megabits", "Gigabits", "Terabits", "Percent", "Count", "Bytes/Second", "Kilobytes/Second",
    "Megabytes/Second", "Gigabytes/Second", "Terabytes/Second", "Bits/Second", "Kilobits/Second", "Megabits/Second",
    "Gigabits/Second", "Terabits/Second", "Count/Second", "None",
]  # fmt: skip

_MAX_SLUG = 150
_GROUP = re.compile(r"[A-Za-z0-9_/.#-]{1,512}")
_PLACE = re.compile(r"\$[1-9][0-9]?")
_NUMBER = re.compile(r"-?[0-9]{1,30}(\.[0-9]{1,30})?")
_METRIC = re.compile(r"[^:*$\x00-\x1f\x7f-\U0010ffff]{1,255}")
_NAMESPACE = re.compile(r"(?!AWS/)[0-9A-Za-z._/#-]{1,255}")


class Metric(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a filter publishes. `value` is a number or a selector; dimensions have a selector each."""

    name: str
    namespace: str
    value: str
    unit: Unit = "None"
    default_value: int | float | None = None
    dimensions: dict[str, str] = {}


class Source(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The contract that a filter is derived from."""

    event: str
    major: int
    version: str
    owner: str


class Filter(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """One metric filter of one or several log groups. `contract` is None for one that a person has written."""

    name: str
    log_groups: tuple[str, ...]
    pattern: str
    metric: Metric
    contract: Source | None = None


def is_log_group(name: str) -> bool:
    """Whether `name` names one log group; a glob, and what is no name at all, does not."""
    return _GROUP.fullmatch(name) is not None


def slug(*parts: str) -> str:
    """A name for a file and a filter, made of `parts`: no two lists of parts have the same one.

    Neither have two on a file system that takes upper and lower case for the same, unless the case of a later part than
    the first is all that differs.
    """
    plain = [re.sub(r"[^A-Za-z0-9._-]+", "-", part).strip("-.") for part in parts]
    text = "--".join(plain)
    if (
        tuple(plain) == parts
        and plain[0] == plain[0].lower()
        and len(text) <= _MAX_SLUG
        and not any("--" in part for part in parts)
    ):
        return text
    return f"{text[:_MAX_SLUG]}-{sha256(repr(parts).encode()).hexdigest()[:8]}"


def read_handwritten(folder: Path) -> list[Filter]:
    """The filters in the files of a folder, sorted by their files' names; none where there is no folder.

    Raises ConfigError for the first that CloudWatch would refuse, or that would publish nothing.
    """
    return [_read(file) for file in sorted(folder.glob("*.json"))] if folder.is_dir() else []


def check_limits(filters: Iterable[Filter], place: str) -> None:
    """Raises ConfigError when a log group has too many filters, or two of one name; `place` is named in it."""
    filters = list(filters)
    for (group, name), n in Counter((group, one.name) for one in filters for group in one.log_groups).items():
        if n > 1:
            raise ConfigError(place, name, f"{n} filters of this name for {group}", "one")
    for group, n in Counter(group for one in filters for group in one.log_groups).items():
        if n > MAX_FILTERS:
            raise ConfigError(place, group, f"{n} metric filters", f"at most {MAX_FILTERS} for a log group")
    with_regex = [one for one in filters if parse(one.pattern).regexes]
    for group, n in Counter(group for one in with_regex for group in one.log_groups).items():
        if n > MAX_REGEX_FILTERS:
            found = f"{n} metric filters with a regular expression"
            raise ConfigError(place, group, found, f"at most {MAX_REGEX_FILTERS} for a log group")


def _read(file: Path) -> Filter:
    try:
        one = msgspec.json.decode(file.read_bytes(), type=Filter)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ConfigError(str(file), "(whole file)", str(error), "a metric filter, see filters/README.md") from error
    _check(one, str(file))
    return one


def _check(one: Filter, file: str) -> None:
    metric = one.metric
    if one.contract is not None:
        raise ConfigError(file, "contract", "a contract", "nothing", "What a contract derives is in filters/derived.")
    if not re.fullmatch(r"[A-Za-z0-9._-]{1,200}", one.name):
        raise ConfigError(file, "name", repr(one.name)[:100], "1 to 200 letters, digits and . _ -")
    if not one.log_groups:
        raise ConfigError(file, "log_groups", "none", "the names of log groups")
    for group in one.log_groups:
        if not is_log_group(group):
            raise ConfigError(file, "log_groups", repr(group)[:100], "the name of one log group, no glob")
    if len(set(one.log_groups)) != len(one.log_groups):
        raise ConfigError(file, "log_groups", "a log group twice", "each once")
    if not _METRIC.fullmatch(metric.name):
        raise ConfigError(file, "metric.name", repr(metric.name)[:100], "1 to 255 ASCII characters without : * $")
    if not _NAMESPACE.fullmatch(metric.namespace):
        expected = "1 to 255 letters, digits and . - _ / #, not beginning with AWS/"
        raise ConfigError(file, "metric.namespace", repr(metric.namespace)[:100], expected)
    if metric.dimensions and metric.default_value is not None:
        raise ConfigError(file, "metric.default_value", "a number beside dimensions", "one of the two")
    if len(metric.dimensions) > MAX_DIMENSIONS:
        raise ConfigError(
            file, "metric.dimensions", f"{len(metric.dimensions)} dimensions", f"at most {MAX_DIMENSIONS}"
        )
    _check_selectors(one, file)


def _check_selectors(one: Filter, file: str) -> None:
    """Raises ConfigError for a pattern that CloudWatch refuses, and for a value or dimension that it cannot read."""
    try:
        pattern = parse(one.pattern)
    except FilterPatternError as error:
        raise ConfigError(file, f"pattern, position {error.position}", error.found, error.expected) from error
    metric = one.metric
    if metric.dimensions and pattern.kind not in ("json", "fields"):
        found = "dimensions of a pattern that names no fields"
        raise ConfigError(file, "metric.dimensions", found, "a JSON or a space-delimited pattern, or none")
    chosen = {f"metric.dimensions.{name}": at for name, at in metric.dimensions.items()}
    if not _is_number(metric.value):
        chosen["metric.value"] = metric.value
    if len(metric.value) > MAX_VALUE:
        raise ConfigError(file, "metric.value", f"{len(metric.value)} characters", f"at most {MAX_VALUE}")
    for key, at in chosen.items():
        _check_selector(pattern, at, file, key)
    absent = set(metric.dimensions.values()) - set(pattern.selectors)
    if pattern.kind == "json" and absent:
        found = f"{sorted(absent)[0]}, of which the pattern says nothing"
        hint = "Lines without it would be a second series, without dimensions: add && SELECTOR = *"
        raise ConfigError(file, "metric.dimensions", found, "a selector that the pattern has", hint)


def _check_selector(pattern: Pattern, at: str, file: str, key: str) -> None:
    if pattern.kind == "json":
        try:
            parse_selector(at)
        except FilterPatternError as error:
            raise ConfigError(file, key, error.found, error.expected) from error
    elif pattern.kind == "fields":
        is_place = pattern.fields is not None and _PLACE.fullmatch(at) is not None
        if at not in pattern.selectors and not is_place:
            named = ", ".join(pattern.selectors) or "none has a name"
            raise ConfigError(file, key, repr(at)[:100], f"a field of the pattern ({named}), or its place such as $3")
    else:
        raise ConfigError(file, key, repr(at)[:100], "a number: the pattern names no fields")


def _is_number(text: str) -> bool:
    return _NUMBER.fullmatch(text) is not None
