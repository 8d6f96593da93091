"""A rule as a function over the parsed event: what it reads, what it leaves, and how it stays within bounds."""

import json
import math
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forwarders import jsontext, redact
from forwarders.metrics.measure import GUARD, MAX_CELLS, Measure, Measurement, compile
from forwarders.metrics.points import Point, Totals
from forwarders.metrics.rules import rules
from forwarders.model import Event, Verdict

DATA = Path(__file__).parent.parent / "data" / "metrics"
READINGS = [json.loads(line) for line in (DATA / "readings.jsonl").read_text().splitlines()]
MINUTE = 1_763_000_000_000 // 60_000 * 60_000


def rule(**said):
    flag = {"type": "boolean"}
    schema = {"$id": "urn:logharbor:e:1", "properties": {"event": {"const": "e"}, "flag": flag}}
    (one,) = rules(schema | {"x-event": {"metrics": [{"name": "N", "kind": "count"} | said]}})
    return one


def measured(one, text):
    return compile(one)(jsontext.decode(text), text)


def event(data, time_ms=MINUTE):
    return Event("0" * 32, time_ms, "e", json.dumps(data), data, None, Verdict.VALID)


def points(one, events, safe=lambda text: text):
    """What the pipeline's function gives for the events: points, what was dropped, and how many went to __other__."""
    measure = Measure([one], "NS")
    dropped = Counter()
    cells, guards = measure.cells(), measure.guards(safe, dropped)
    measure.take(events, cells, guards, dropped)
    return (
        sorted(measure.points(cells), key=lambda point: (point.time_ms, point.dimensions)),
        +dropped,
        guards[0].others,
    )


@pytest.mark.parametrize("case", READINGS, ids=[case["why"] for case in READINGS])
def test_what_a_rule_reads_off_an_event(case):
    """The same rows for one event alone and for the function that the pipeline runs over many."""
    one = rule(**case["metric"])
    text = json.dumps(case["event"])
    expected = case["value"]
    found = measured(one, text)
    if expected is None:
        assert found is None
    else:
        assert found == Measurement(expected, tuple(case.get("dimensions", {}).items()))
    if case["event"].get("event") == "e":  # the pipeline has looked up the contract by name before
        some, _, _ = points(one, [event(case["event"])])
        assert [point.n for point in some] == ([] if expected is None else [1])
        assert [dict(point.dimensions) for point in some] == ([] if expected is None else [case.get("dimensions", {})])


@pytest.mark.parametrize("digits", ["1.50", "1e0", "-0", "12345678901234567890123", "1E-2", "0.0"])
def test_a_number_as_a_dimension_is_printed_as_its_line_has_it(digits):
    """1.50 is not 1.5: CloudWatch reads the line."""
    text = f'{{"event":"e","a":{{"b":{digits}}}}}'
    assert measured(rule(dimensions=["a.b"]), text) == Measurement(1, (("a.b", digits),))


def test_counts_sums_gauges_and_values_are_kept_by_minute_and_dimensions():
    """One number for a minute of a count and a sum, the latest of a gauge, every value of a distribution."""
    some = [
        event({"a": "x", "v": 2}),
        event({"a": "x", "v": 3.5}, MINUTE + 59_999),
        event({"a": "y", "v": 2}, MINUTE + 60_000),
        event({"a": "x", "v": 9}, MINUTE + 1),
    ]
    x, y = (("a", "x"),), (("a", "y"),)
    expected = {
        "count": [Point("NS", "N", "count", "Count", MINUTE, x, 3, 3)],
        "sum": [Point("NS", "N", "sum", "None", MINUTE, x, 3, 14.5)],
        "gauge": [Point("NS", "N", "gauge", "None", MINUTE, x, 3, 3.5, last_ms=MINUTE + 59_999)],
        "distribution": [Point("NS", "N", "distribution", "None", MINUTE, x, 3, values=Counter([2, 3.5, 9]))],
    }
    for kind, first in expected.items():
        value = {} if kind == "count" else {"value": "v"}
        found, dropped, _ = points(rule(kind=kind, dimensions=["a"], **value), some)
        assert found[:1] == first
        assert [(point.time_ms, point.dimensions, point.n) for point in found[1:]] == [(MINUTE + 60_000, y, 1)]
        assert not dropped


def test_a_value_that_is_no_number_is_counted_and_a_missing_one_is_not():
    """Missing and null are CloudWatch's own 'no point'; text, a boolean and an object are somebody's mistake."""
    some = [event({"v": value}) for value in ("12", True, {}, [], None)] + [event({})]
    assert points(rule(kind="sum", value="v"), some) == ([], {"not_a_number": 4}, 0)


def test_ten_thousand_values_of_a_dimension_become_as_many_as_the_guard_lets_through():
    """The rest is `__other__`, and nothing is lost of the count."""
    some = [event({"a": f"v{i}"}) for i in range(10_000)]
    found, dropped, others = points(rule(dimensions=["a"]), some)
    assert len(found) == GUARD + 1
    assert sum(point.value for point in found) == 10_000
    assert {point.value for point in found if dict(point.dimensions)["a"] == "__other__"} == {10_000 - GUARD}
    assert (dropped, others) == ({}, 10_000 - GUARD)


def test_the_contract_may_set_the_guard_itself():
    """`limit` is for each dimension of the rule."""
    some = [event({"a": f"v{i}", "b": "only"}) for i in range(10)]
    found, _, _ = points(rule(dimensions=["a", "b"], limit=2), some)
    assert [(dict(point.dimensions), point.n) for point in found] == [
        ({"a": "__other__", "b": "only"}, 8),
        ({"a": "v0", "b": "only"}, 1),
        ({"a": "v1", "b": "only"}, 1),
    ]


def test_a_clock_gone_wild_cannot_fill_the_memory():
    """As many minutes as events: beyond the bound they are dropped, with a count."""
    some = [event({}, MINUTE + i * 60_000) for i in range(MAX_CELLS + 7)]
    found, dropped, _ = points(rule(), some)
    assert (len(found), dropped) == (MAX_CELLS, {"too_many_series": 7})


def test_a_dimension_that_looks_like_a_secret_is_not_shown():
    """All of them are one series."""
    some = [event({"a": value}) for value in ("ada@example.com", "sso", "bob@example.com")]
    found, _, _ = points(rule(dimensions=["a"]), some, lambda text: text.replace("@", " at "))
    assert {dict(point.dimensions)["a"]: point.n for point in found} == {"__redacted__": 2, "sso": 1}


def test_the_number_of_a_card_is_no_dimension_either():
    """Written as a number it is the same card."""
    some = [event({"a": 4111111111111111}), event({"a": 404})]
    found, _, _ = points(rule(dimensions=["a"]), some, redact.patterns)
    assert {dict(point.dimensions)["a"]: point.n for point in found} == {"__redacted__": 1, "404": 1}


def test_a_sum_beyond_a_double_costs_itself_alone():
    """Integers of 308 digits add up to one that no double holds; what follows is still counted."""
    some = [event({"v": value}) for value in (10**308, 10**308, 0.5, 10**308, 1)]
    (found,), dropped, _ = points(rule(kind="sum", value="v"), some)
    assert (found.n, found.total(), dropped) == (5, math.inf, {})
    totals = Totals()
    for value in (2 * 10**308, 0.5):
        totals.add(Point("NS", "N", "sum", "None", MINUTE, (), 1, value))
    assert [(point.n, point.total()) for point in totals.points()] == [(2, math.inf)]


def test_an_author_cannot_write_code():
    """Names and literals of a contract are text in the function that is made of them."""
    hostile = "'); raise SystemExit(\"\\n#"
    one = rule(kind="sum", value=f"{hostile}.v", dimensions=[hostile], where={hostile: {"eq": hostile}})
    assert measured(one, json.dumps({"event": "e", hostile: hostile})) is None
    where = rule(where={hostile: {"in": [hostile, 1]}}, dimensions=[hostile])
    expected = Measurement(1, ((hostile, hostile),))
    assert measured(where, json.dumps({"event": "e", hostile: hostile})) == expected


SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.text(max_size=5)
)
JSON = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner))
CONDITIONS = st.one_of(
    st.builds(lambda v: {"eq": v}, SCALARS),
    st.builds(lambda v: {"ne": v}, st.integers() | st.text(max_size=3)),
    st.builds(lambda v: {"lt": v, "ge": v - 5}, st.integers()),
    st.builds(lambda v: {"prefix": v}, st.text(min_size=1, max_size=3)),
    st.builds(lambda v: {"exists": v}, st.booleans()),
)


@given(
    where=st.dictionaries(st.sampled_from(["a", "b", "a.b"]), CONDITIONS, min_size=1, max_size=3),
    data=st.dictionaries(st.sampled_from(["a", "b", "event_version"]), JSON),
)
@settings(max_examples=300, deadline=None)
def test_whatever_an_event_holds_both_forms_of_the_function_say_the_same(where, data):
    """One event alone, and the pipeline's loop: no event makes either of them raise."""
    one = rule(kind="sum", value="a", dimensions=["b"], where=where)
    data = {"event": "e", **data}
    text = json.dumps(data)
    alone = compile(one)(data, text)
    some, dropped, _ = points(one, [event(data)])
    assert [(point.value, point.dimensions) for point in some] == (
        [] if alone is None else [(alone.value, alone.dimensions)]
    )
    assert not (alone and dropped)
