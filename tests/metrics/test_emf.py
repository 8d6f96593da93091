"""Points as EMF documents: valid by the specification, within CloudWatch's limits, and with an account of the rest."""

import json
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from forwarders.metrics.emf import AHEAD_MS, MAX_BYTES, MAX_VALUE, PAST_MS, documents
from forwarders.metrics.points import Point

SCHEMA = json.loads((Path(__file__).parent.parent / "data" / "metrics" / "emf.schema.json").read_text())
VALIDATOR = Draft202012Validator(SCHEMA)
NOW = 1_763_000_040_000


def written(*points, now_ms=NOW):
    """The documents, each checked by the specification, and what was dropped."""
    dropped = Counter()
    lines = list(documents(points, now_ms, dropped))
    for line in lines:
        assert line.isascii()
        assert "\n" not in line
        assert len(line) <= MAX_BYTES
        check(json.loads(line))
    return [json.loads(line) for line in lines], +dropped


def check(document):
    """The JSON schema, and what it cannot say: every name that is referred to is there, and of the right kind."""
    VALIDATOR.validate(document)
    for directive in document["_aws"]["CloudWatchMetrics"]:
        for name in (name for names in directive["Dimensions"] for name in names):
            assert isinstance(document[name], str)
        for metric in directive["Metrics"]:
            assert isinstance(document[metric["Name"]], int | float | list)


def count(name="Logins", n=1, dimensions=(), time_ms=NOW):
    return Point("NS", name, "count", "Count", time_ms, dimensions, n, n)


def distribution(*values, dimensions=(), name="Latency"):
    return Point("NS", name, "distribution", "Milliseconds", NOW, dimensions, len(values), values=Counter(values))


def test_metrics_of_one_minute_and_set_of_dimensions_are_one_document():
    """The document of the specification, with the event's minute and each dimension under its dotted path."""
    by = (("http.method", "GET"),)
    (document,), dropped = written(count(n=3, dimensions=by), distribution(12, 7.5, 12, dimensions=by))
    metrics = [{"Name": "Logins", "Unit": "Count"}, {"Name": "Latency", "Unit": "Milliseconds"}]
    directive = {"Namespace": "NS", "Dimensions": [["http.method"]], "Metrics": metrics}
    assert document == {
        "_aws": {"Timestamp": NOW, "CloudWatchMetrics": [directive]},
        "http.method": "GET",
        "Logins": 3,
        "Latency": [7.5, 12, 12],
    }
    assert not dropped


def test_another_minute_and_other_dimensions_are_another_document():
    """A document has one time and one set of dimensions."""
    some, _ = written(count(), count(time_ms=NOW - 60_000), count(dimensions=(("a", "x"),)))
    assert [(one["_aws"]["Timestamp"], one["_aws"]["CloudWatchMetrics"][0]["Dimensions"]) for one in some] == [
        (NOW, [[]]),
        (NOW - 60_000, [[]]),
        (NOW, [["a"]]),
    ]


def test_more_than_a_hundred_metrics_are_split():
    """100 to a document."""
    some, _ = written(*[count(f"M{i}") for i in range(250)])
    assert [len(one["_aws"]["CloudWatchMetrics"][0]["Metrics"]) for one in some] == [100, 100, 50]


def test_more_than_a_hundred_values_are_split():
    """100 to an array; a value that was measured often is there as often."""
    some, _ = written(distribution(*[1] * 150, *[2] * 101))
    arrays = [one["Latency"] for one in some]
    assert [len(array) for array in arrays] == [100, 100, 51]
    assert [value for array in arrays for value in array] == [1] * 150 + [2] * 101


@pytest.mark.parametrize(
    ("point", "reason", "n"),
    [
        (count(n=4, time_ms=NOW - PAST_MS - 60_000), "outside_window", 4),
        (count(n=4, time_ms=NOW + AHEAD_MS + 60_000), "outside_window", 4),
        (count(n=4, time_ms=-(10**18)), "outside_window", 4),
        (distribution(-1, -1), "negative_value", 2),
        (distribution(MAX_VALUE * 2), "value_too_big", 1),
        (Point("NS", "S", "sum", "None", NOW, (), 2, 1e308 * 10), "value_too_big", 2),
        (Point("NS", "S", "sum", "None", NOW, (), 2, 10**400), "value_too_big", 2),
        (count("a", dimensions=(("a", "x"),)), "name_taken", 1),
        (count("_aws"), "name_taken", 1),
        (count(dimensions=tuple((f"d{i}", "x") for i in range(31))), "too_many_dimensions", 1),
    ],
)
def test_what_cloudwatch_would_not_take_is_counted_with_a_reason(point, reason, n):
    """It costs itself alone: its neighbours are there."""
    some, dropped = written(point, count("Other"))
    assert [one["Other"] for one in some] == [1]
    assert dropped == {reason: n}


def test_a_negative_value_does_not_take_the_percentiles_of_the_others_away():
    """CloudWatch shows no percentile of a metric with one negative value: one broken clock must not blind an alarm."""
    (document,), dropped = written(distribution(5, -1, 7))
    assert (document["Latency"], dropped) == ([5, 7], {"negative_value": 1})


def test_a_negative_sum_or_gauge_is_a_value():
    """Percentiles are no matter there."""
    (document,), dropped = written(Point("NS", "Refunds", "sum", "None", NOW, (), 1, -12.5))
    assert (document["Refunds"], dropped) == (-12.5, {})


def test_what_cloudwatch_has_taken_itself_is_not_given_to_it_again():
    """The EMF documents of a log line would count twice."""
    point = distribution(1)
    point.in_cloudwatch = True
    assert written(point) == ([], {})


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("café", "caf\\xe9"),
        ("\u202eevil", "\\u202eevil"),
        ("a\nb", "a\\nb"),
        ("", "__empty__"),
        (" ", "__empty__"),
        ("x" * 2000, "x" * 1021 + "..."),
        ("\U0001f600" * 1000, ("\\U0001f600" * 1000)[:1021] + "..."),
    ],
)
def test_a_dimension_is_what_cloudwatch_takes(value, shown):
    """ASCII without controls, at least one character that is to be seen, at most 1,024."""
    (document,), _ = written(count(dimensions=(("a", value),)))
    assert document["a"] == shown


def test_a_dimensions_name_is_what_cloudwatch_takes():
    """ASCII, no colon in front, at most 250."""
    names = ("é.x", ":a", "d" * 300)
    (document,), _ = written(count(dimensions=tuple((name, "v") for name in names)))
    assert document["_aws"]["CloudWatchMetrics"][0]["Dimensions"] == [["\\xe9.x", "_:a", "d" * 247 + "..."]]


def test_an_integer_beyond_64_bits_is_written_as_a_double():
    """A reader may have no other place for it."""
    (document,), _ = written(Point("NS", "S", "sum", "None", NOW, (), 2, 10**30), distribution(10**30))
    assert (document["S"], document["Latency"]) == (1e30, [1e30])
    assert [type(value) for value in (document["S"], *document["Latency"])] == [float, float]


def test_many_values_of_many_metrics_share_documents():
    """The first hundred values of every metric, then the second: not a document for each array."""
    some, dropped = written(*[distribution(*range(250), name=f"M{i}") for i in range(100)])
    assert [len(one["_aws"]["CloudWatchMetrics"][0]["Metrics"]) for one in some] == [100, 100, 100]
    assert ([sum(len(one[f"M{i}"]) for one in some) for i in range(100)], dropped) == ([250] * 100, {})


def test_what_no_time_was_left_to_write_is_counted():
    """Ten thousand series are a tenth of a second and more; the reply must not wait for them."""
    left = iter([1.0, 0.0, -1.0])
    dropped = Counter()
    some = [count(n=n, dimensions=(("a", str(n)),)) for n in (2, 3, 4)]
    assert len(list(documents(some, NOW, dropped, lambda: next(left)))) == 1
    assert dropped == {"emf_deadline": 7}


def test_a_document_that_is_too_long_for_a_log_event_is_halved():
    """Long dimensions and a hundred metrics of a hundred values each."""
    long = tuple((f"{i}{'d' * 200}", "v" * 1024) for i in range(30))
    points = [
        distribution(*[i + 0.123456789012345 for i in range(100)], name=f"{n:M>250}", dimensions=long)
        for n in range(100)
    ]
    some, dropped = written(*points)
    assert sum(len(one["_aws"]["CloudWatchMetrics"][0]["Metrics"]) for one in some) == 100
    assert (len(some) > 1, dropped) == (True, {})


NAMES = st.text("abcDEF_é", min_size=1, max_size=4)
POINTS = st.builds(
    lambda name, kind, value, values, dimensions, time_ms: Point(
        "NS", name, kind, "None", time_ms, tuple(dimensions.items()), 1 + len(values), value, Counter(values)
    ),
    NAMES,
    st.sampled_from(["count", "sum", "gauge", "distribution", "histogram"]),
    st.integers() | st.floats(),
    st.lists(st.integers() | st.floats(allow_nan=False), min_size=1, max_size=300),
    st.dictionaries(st.text("abc.", min_size=1, max_size=4), st.text(), max_size=3),
    st.sampled_from([NOW, NOW - 60_000, 0, 2**60]),
)


@given(st.lists(POINTS, max_size=20))
@settings(max_examples=150, deadline=None)
def test_every_document_is_valid_whatever_was_measured(points):
    """And JSON that everybody reads: no NaN, no infinity."""
    written(*points)


def test_an_environment_variable_adds_no_dimension(monkeypatch):
    """A dimension more is another metric, which no alarm looks at."""
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "logharbor")
    (document,), _ = written(count())
    assert document["_aws"]["CloudWatchMetrics"][0]["Dimensions"] == [[]]
