"""A rule as a filter pattern, text by text; or why CloudWatch cannot measure it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from forwarders.metrics.filter_pattern import parse, parse_selector
from forwarders.metrics.pattern_of import Inexpressible, pattern_of
from forwarders.metrics.rules import Rule, rules

LINES = (Path(__file__).parents[1] / "data/metrics/patterns.jsonl").read_text("utf-8").splitlines()
CASES = [json.loads(line) for line in LINES]


def rule_of(case: dict[str, Any]) -> Rule:
    """The rule of a case, in a contract of version 2."""
    schema = {
        "$id": "urn:logharbor:order.placed:2",
        "$defs": {"flag": {"type": "boolean"}},
        "properties": {"event": {"const": "order.placed"}, **case.get("properties", {})},
        "x-event": {"metrics": [case["metric"]]},
    }
    (rule,) = rules(schema, case.get("by_default", False))
    return rule


@pytest.mark.parametrize("case", CASES, ids=[case["why"] for case in CASES])
def test_a_rule_is_this_pattern_or_the_forwarders(case: dict[str, Any]) -> None:
    """Each kind of condition, value and dimension has its text; what has none says why."""
    root = tuple(case.get("root", ()))
    if "reason" in case:
        with pytest.raises(Inexpressible) as caught:
            pattern_of(rule_of(case), root)
        assert str(caught.value) == case["reason"]
        return
    pattern = pattern_of(rule_of(case), root)
    assert (pattern.text, pattern.value, pattern.dimensions) == (case["pattern"], case["value"], case["dimensions"])
    assert parse(pattern.text).kind == "json"
    for selector in [*pattern.dimensions.values(), *([] if pattern.value == "1" else [pattern.value])]:
        assert parse_selector(selector).source == selector


def test_a_name_that_only_a_format_knows_is_the_forwarders() -> None:
    """A contract whose lines do not hold `event` (an access log) has no pattern."""
    schema = {
        "$id": "urn:logharbor:http.access:1",
        "properties": {"message": {"type": "string"}},
        "x-event": {"metrics": [{"name": "Requests", "kind": "count"}]},
    }
    with pytest.raises(Inexpressible, match="the format does"):
        pattern_of(rules(schema)[0])
