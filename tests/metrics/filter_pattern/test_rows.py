"""Filter patterns against rows: AWS's recorded and documented answers, and what is decided where there are none."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from forwarders.metrics.filter_pattern import FilterPatternError, parse

DATA = Path(__file__).resolve().parents[2] / "data/filter_patterns"


def _rows(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (DATA / name).read_text("utf-8").splitlines()]


@pytest.mark.parametrize("row", _rows("matches.jsonl"), ids=lambda row: str(row["id"]))
def test_a_pattern_answers_as_aws_does(row: dict[str, Any]) -> None:
    """Every pair of pattern and message that is recorded or documented, with the extracted values where they are."""
    pattern = parse(row["pattern"])
    messages = row["message"] if isinstance(row["message"], list) else [row["message"]]
    found = [pattern.match(message) for message in messages]
    assert [match is not None for match in found] == [row["matches"]] * len(messages)
    if row["matches"] and "extracted" in row:
        expected = row["extracted"] if isinstance(row["extracted"], list) else [row["extracted"]]
        assert [match.values for match in found if match] == expected


@pytest.mark.parametrize("row", _rows("invalid.jsonl"), ids=lambda row: row["pattern"])
def test_what_aws_refuses_is_refused_in_its_words(row: dict[str, Any]) -> None:
    """Every pattern that AWS was recorded to refuse, with the exact text of its error."""
    with pytest.raises(FilterPatternError) as refusal:
        parse(row["pattern"])
    assert refusal.value.aws_message == row["error"]


@pytest.mark.parametrize("row", _rows("edges.jsonl"), ids=lambda row: row["why"])
def test_the_edges_are_as_the_page_says(row: dict[str, Any]) -> None:
    """What docs/filter-patterns.md says beyond the recorded answers, row by row."""
    pattern = parse(row["pattern"])
    matched = [pattern.match(message) for message in row["matches"]]
    assert None not in matched
    assert [pattern.match(message) for message in row["lacks"]] == [None] * len(row["lacks"])
    if "values" in row:
        assert [match.values for match in matched if match] == row["values"]


@pytest.mark.parametrize("row", _rows("refused.jsonl"), ids=lambda row: row["why"])
def test_a_refusal_points_at_the_place(row: dict[str, Any]) -> None:
    """Position and AWS's wording of what it would refuse; found and expected are never empty."""
    with pytest.raises(FilterPatternError) as refusal:
        parse(row["pattern"])
    error = refusal.value
    assert (error.position, error.aws_message) == (row["position"], row["aws_message"])
    assert error.found
    assert error.expected


def test_a_pattern_may_have_1024_characters() -> None:
    """One more is refused with AWS's validation error."""
    assert parse("a" * 1024).match("a" * 1024)
    with pytest.raises(FilterPatternError, match="Member must have length less than or equal to 1024"):
        parse("a" * 1025)


def test_a_refusal_shows_a_caret_under_the_place() -> None:
    """Of a long pattern the part around the place is shown."""
    with pytest.raises(FilterPatternError) as refusal:
        parse("{ " + " || ".join(["$.a = 1"] * 30) + " || $.a == 1 }")
    pattern, caret, wrong, said = refusal.value.shown().split("\n")
    assert len(pattern) <= 102
    assert pattern[caret.index("^")] == "="
    assert (wrong, said) == ("found '=', expected a value", "AWS says: Invalid metric filter pattern")
