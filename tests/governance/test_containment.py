"""What is called contained is contained: by cases, and by random contracts that the native validator judges."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forwarders.contracts.compiled import validator, variant
from forwarders.governance.compare import Context, compare
from forwarders.governance.containment import contained
from forwarders.governance.contract import Side
from forwarders.governance.located import expand
from forwarders.governance.prover import Rule
from forwarders.governance.rules import RULES

DATA = Path(__file__).resolve().parents[1] / "data/governance/containment.jsonl"
CASES = [json.loads(line) for line in DATA.read_text("utf-8").splitlines()]
SEEDS = st.integers(0, 1 << 32)
EVENTS = 40


def load() -> Any:
    """tests/governance/strategies.py; tests are no package."""
    import importlib.util

    spec = importlib.util.spec_from_file_location("strategies", Path(__file__).with_name("strategies.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


MADE = load()


def grown(schema: Any) -> Any:
    return expand(schema, lambda reference: None)


@pytest.mark.parametrize("case", CASES, ids=[case["title"] for case in CASES])
def test_each_keyword_is_decided_or_doubted(case: dict[str, Any]) -> None:
    """The doubts about a change, each with its place in the new schema; none means proved."""
    doubts = contained(grown(case["old"]), grown(case["new"]))
    told = [[doubt.pointer, "break" if doubt.sure else "review"] for doubt in doubts]
    assert told == case["doubts"]


def pair(seed: int) -> tuple[dict[str, Any], dict[str, Any], Random] | None:
    """An old and a new contract, mostly one a change of the other; None when the validator knows better."""
    random = Random(seed)
    old = MADE.contract(random)
    new = MADE.mutated(random, old) if random.random() < 0.85 else MADE.contract(random)
    try:
        validator(old), validator(new)
    except ValueError:
        return None
    return old, new, random


def refused(old: dict[str, Any], new: dict[str, Any], judge: Any, random: Random) -> Any:
    """An event that the old contract accepts and `judge` refuses, or None when none was found."""
    accepts = validator(old).is_valid
    refuses = validator(judge).is_valid
    for _ in range(EVENTS):
        event = MADE.event(random, old if random.random() < 0.7 else new)
        if accepts(event) and not refuses(event):
            return [event]
    return None


@settings(max_examples=1500, deadline=None)
@given(SEEDS)
def test_no_event_that_kept_to_the_old_contract_is_refused_by_one_that_contains_it(seed: int) -> None:
    """What is proved holds for any validator, and so for the forwarder's, which lets unknown fields through."""
    made = pair(seed)
    if made is None:
        return
    old, new, random = made
    if not contained(grown(old), grown(new)):
        assert refused(old, new, new, random) is None
        assert refused(old, new, variant(new, closed=False), random) is None


@settings(max_examples=700, deadline=None)
@given(SEEDS)
def test_no_event_is_refused_where_v_says_ok(seed: int) -> None:
    """Where no change breaks V every event of before is accepted, whatever the other readers say."""
    made = pair(seed)
    if made is None:
        return
    old, new, random = made
    changes = compare(side(old), side(new), Context())
    if all(one.V == "ok" for one in changes):
        assert refused(old, new, new, random) is None


def side(schema: dict[str, Any]) -> Side:
    return Side("shop.tested", 1, "v1.schema.json", b"", schema, lambda reference: None)


@pytest.mark.parametrize(
    "keyword", ["type", "maxLength", "minimum", "required", "properties", "items", "enum", "pattern"]
)
def test_a_rule_that_proves_too_much_would_be_found(keyword: str) -> None:
    """The property fails for each rule that is switched off: the random contracts and events do reach it."""
    broken: dict[str, Rule] = {**RULES, keyword: lambda prover, old, new: []}
    for seed in range(20_000):
        made = pair(seed)
        if made is None or contained(grown(made[0]), grown(made[1]), broken):
            continue
        if refused(made[0], made[1], made[1], made[2]) is not None:
            return
    pytest.fail(f"nothing was found with the rule of {keyword} switched off")


def test_narrowing_is_not_only_suspected() -> None:
    """Of the narrowings that containment is sure of, an event that is newly refused is found for most."""
    sure = shown = 0
    for seed in range(600):
        made = pair(seed)
        if made is None:
            continue
        old, new, random = made
        if any(doubt.sure for doubt in contained(grown(old), grown(new))):
            sure += 1
            shown += refused(old, new, new, random) is not None
    assert sure > 100
    assert shown > sure / 2


def test_many_branches_end_in_a_doubt() -> None:
    """Every branch against every other would be millions of questions: the budget of steps ends them."""
    old = {"anyOf": [{"type": "string", "pattern": f"^{number}$"} for number in range(3000)]}
    new = {"anyOf": [{"type": "string", "pattern": f"^{number}?$"} for number in range(3000)]}
    doubts = contained(grown(old), grown(new))
    assert [(doubt.pointer, doubt.sure) for doubt in doubts] == [("", False)]
    assert doubts[0].why == "cannot prove: too many combinations to decide"
