"""Whatever people write, lint answers with findings; whatever was logged, the draft made from it takes it."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from forwarders.contracts import check
from forwarders.contracts.compiled import Compiled
from forwarders.governance.drafts import refused
from forwarders.governance.lint import lint
from forwarders.governance.lint.regex import is_slow, longest, read_otherwise
from forwarders.governance.propose import propose
from forwarders.governance.propose.observe import Seen

ROOT = Path(__file__).parents[2]
GOOD = [json.loads(file.read_text()) for file in sorted((ROOT / "schemas").glob("*/*/v1.schema.json"))]
WORDS = [*json.loads(check.META_FILE.read_text())["propertyNames"]["enum"], "unevaluatedItems", "x-foo", "a.b", "a/b~"]

KEYS = st.sampled_from(
    ["a", "time", "email", "x.y", "é", "client_ip", "ts", "user_id", "$ref", "items", "duration", ""]
)
TEXTS = st.sampled_from(
    ["", "x" * 200, "2026-01-02T03:04:05Z", "10.0.0.1", "::1", "a@b.co", "4111111111111111", "abcdef0123456789"]
)
NUMBERS = st.sampled_from([0, -5, 1.5, 10**30, -1e300, 1753862400, 1753862400123])
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=8,
)
EVENTS = st.lists(st.dictionaries(KEYS, VALUES, max_size=5), min_size=1, max_size=12)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, child in children for place in places(child, (*path, key)))]


def broken(schema: dict[str, Any], random: Random, values: list[Any]) -> dict[str, Any]:
    """A contract with a few values exchanged, added or taken away, anywhere."""
    schema = copy.deepcopy(schema)
    for value in values:
        *path, last = random.choice(places(schema)[1:])
        node: Any = schema
        for part in path:
            node = node[part]
        how = random.randrange(3)
        if how == 0:
            node[last] = value
        elif how == 1 and isinstance(node, dict):
            node[random.choice(WORDS)] = value
        else:
            del node[last]
    return schema


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(GOOD), st.randoms(use_true_random=False), st.lists(VALUES, min_size=1, max_size=3))
def test_a_broken_contract_is_findings_and_never_a_traceback(good: Any, random: Random, values: list[Any]) -> None:
    """Each finding names a rule, a line that the file has, and what to do."""
    schema = broken(good, random, values)
    with TemporaryDirectory() as work:
        file = Path(work, "user", "user.thing.done", "v1.schema.json")
        file.parent.mkdir(parents=True)
        text = json.dumps(schema, indent=1)
        file.write_text(text)
        for finding in lint(work).findings:
            assert finding.rule
            assert finding.message
            assert 0 <= finding.line <= text.count("\n") + 1


@settings(max_examples=150, deadline=None)
@given(EVENTS)
def test_a_draft_takes_all_that_it_has_seen(events: list[dict[str, Any]]) -> None:
    """A draft is a contract that compiles, accepts every event of its corpus, and refuses its invalid example."""
    events = [{"event": "shop.cart.opened", **event} for event in events]
    seen = Seen()
    for event in events:
        seen.add(event)
    proposal = propose("shop.cart.opened", seen, events, "team-shop")
    assert proposal is not None
    compiled = Compiled(check.check(proposal.draft.schema, "draft"))
    assert [compiled.judge(event) for event in events if not compiled.is_strict(event)] == []
    _, case = refused(proposal.draft)
    assert not compiled.is_strict(case["event"])


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="ab[]()|*+?{},^$\\.-d0:=<!", max_size=24))
def test_any_pattern_can_be_looked_at(pattern: str) -> None:
    """What is no regular expression, or a hostile one, is looked at in bounded time and without an error."""
    assert is_slow(pattern) in (True, False)
    assert longest(pattern) is None or longest(pattern) >= 0  # type: ignore[operator]
    assert isinstance(read_otherwise(pattern), str)
