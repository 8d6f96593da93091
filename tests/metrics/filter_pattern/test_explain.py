"""A pattern in words, and its traps."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from forwarders.metrics.filter_pattern import parse
from forwarders.metrics.filter_pattern.explain import explain

DATA = Path(__file__).resolve().parents[2] / "data/filter_patterns"
PATTERNS = sorted(
    {json.loads(line)["pattern"] for name in ("matches", "edges") for line in (DATA / f"{name}.jsonl").open()}
)


@pytest.mark.parametrize(
    ("pattern", "means"),
    [
        ("", ["Matches every log event."]),
        ("a -b ?c", ['Matches a message that contains "a" and does not contain "b".', 'Ignored: "c".']),
        ('?a ?"b c"', ['Matches a message that contains "a" or "b c".']),
        ("%^a%", ["Matches a message in which %^a% is found, wherever it stands."]),
        (
            '{ $.a = "x" && ($.b >= 1 || $.c NOT EXISTS) && $.d[*] != 5* }',
            [
                "Matches a message that is one JSON object, and in which",
                "  all of these hold:",
                '    $.a is "x"',
                "    at least one of these holds:",
                "      $.b is a number at least 1",
                "      $.c is not there",
                '    $.d is there, and nothing that $.d[*] selects is text that begins with "5"',
            ],
        ),
        (
            "[, b, ...,]",
            [
                "Matches a message of at least 3 fields, in which",
                "  $1 (without a name) is one field",
                "  $b is one field",
                "  then come any number of fields, or none",
                "  the next is one field",
            ],
        ),
        (
            "[ip, status = 4*, size]",
            [
                "Matches a message of at least 3 fields, in which",
                "  $ip is field 1",
                "  $status is a field that",
                '    is text that begins with "4"',
                "  $size is field 3 and all that follows",
            ],
        ),
    ],
)
def test_a_pattern_is_said_in_words(pattern: str, means: list[str]) -> None:
    """Conditions are indented by their level."""
    assert list(explain(parse(pattern)).means) == means


@pytest.mark.parametrize(
    ("pattern", "trap"),
    [
        ("?a b", "`?` is ignored"),
        ("a-b", "`-` and `?` begin a new term"),
        ('" "', "all of them match the empty pattern"),
        ("{ $.a != * }", "`!= *` is never true"),
        ("[a != *, b]", "`!= *` is never true"),
        ("{ $.a[*] NOT EXISTS }", "true as well for an empty array or object, for null"),
        ("-a", "With exclusions alone"),
        ('" "', "A quoted blank"),
        ('"a*"', "`*` is an ordinary character"),
        ("{ $.a != 1 }", "`!=` is false when $.a is absent"),
        ("{ $.a[*] != 1 }", "`!=` with a wildcard"),
        ("{ $.a = true }", "a boolean is $.a IS TRUE"),
        ("{ $.a = * }", "not for booleans"),
        ("{ $.a = * }", "percentiles"),
        ("{ $.a > 1 }", "never true for a numeric string"),
        ("{ $.a = 1 }", "a string is equal only if"),
        ('{ $.a = "1" }', "compared as text"),
        ("{ $.a = *x }", "where it first occurs"),
        ("{ $.a IS NULL }", "an array that holds a null"),
        ("{ $.a NOT EXISTS }", "is false when $.a is null"),
        ("{ $.a = %x% }", "5 filters with a regex"),
        ("{ $.a = 1 }", "The whole message must be one JSON object"),
        ("[a, b]", "the last entry takes the rest"),
        ("[..., b]", "the last entry is one field"),
        ("[a != 1, b]", "true when a is no number"),
    ],
)
def test_a_trap_is_told(pattern: str, trap: str) -> None:
    """Each trap of the language, for a pattern that has it."""
    assert [told for told in explain(parse(pattern)).traps if trap in told]


@pytest.mark.parametrize("pattern", PATTERNS)
def test_every_pattern_can_be_explained(pattern: str) -> None:
    """All patterns of the data, without an empty sentence or one said twice."""
    told = explain(parse(pattern))
    assert told.means
    assert all((*told.means, *told.traps))
    assert len(set(told.traps)) == len(told.traps)
