"""Metrics that log lines hold already: EMF documents, as libraries write them and as nobody should."""

from collections import Counter

import pytest

from forwarders.metrics.embedded import points
from forwarders.metrics.points import Point

MINUTE = 1_763_000_040_000


def document(metrics, *dimensions, at=MINUTE + 5, **members):
    directive = {"Namespace": "Shop", "Dimensions": list(dimensions) or [[]], "Metrics": metrics}
    return {"_aws": {"Timestamp": at, "CloudWatchMetrics": [directive]}, **members}


def taken(data, safe=lambda text: text):
    dropped = Counter()
    return list(points(data, MINUTE + 60_000, safe, dropped)), dict(dropped)


def point(values, dimensions=(), unit="None", name="Time"):
    values = Counter(values)
    return Point(
        "Shop", name, "distribution", unit, MINUTE, dimensions, values.total(), values=values, in_cloudwatch=True
    )


def test_each_metric_and_set_of_dimensions_is_a_point():
    """With the document's own time, and marked as CloudWatch's already."""
    data = document(
        [{"Name": "Time", "Unit": "Milliseconds"}], ["service"], ["service", "step"],
        service="checkout", step="pay", Time=[1, 2.5, 1],
    )  # fmt: skip
    assert taken(data) == (
        [
            point([1, 1, 2.5], (("service", "checkout"),), "Milliseconds"),
            point([1, 1, 2.5], (("service", "checkout"), ("step", "pay")), "Milliseconds"),
        ],
        {},
    )


@pytest.mark.parametrize("value", [7, 7.0, [7], {"Values": [7], "Counts": [1]}])
def test_a_value_is_a_number_an_array_or_values_with_counts(value):
    """The last one is in no specification, and CloudWatch takes it."""
    assert taken(document([{"Name": "Time"}], Time=value)) == ([point([7])], {})


def test_without_a_time_of_its_own_a_document_has_the_events():
    """`Timestamp` is required by the specification, and forgotten by people."""
    data = document([{"Name": "Time"}], Time=1)
    del data["_aws"]["Timestamp"]
    (found,), _ = taken(data)
    assert found.time_ms == MINUTE + 60_000


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"_aws": None},
        {"_aws": {"CloudWatchMetrics": {}}},
        {"_aws": {"CloudWatchMetrics": []}},
        {"_aws": "CloudWatchMetrics"},
    ],
)
def test_another_event_holds_no_metrics(data):
    """Nothing is taken, and nothing is counted."""
    assert taken(data) == ([], {})


@pytest.mark.parametrize(
    ("metrics", "members"),
    [
        ([{"Name": "Time"}], {}),
        ([{"Name": "Time"}], {"Time": "12"}),
        ([{"Name": "Time"}], {"Time": True}),
        ([{"Name": "Time"}], {"Time": []}),
        ([{"Name": "Time"}], {"Time": [1] * 101}),
        ([{"Name": "Time"}], {"Time": [1, None]}),
        ([{"Name": "Time"}], {"Time": 10**400}),
        ([{"Name": "Time"}], {"Time": {"Values": [1], "Counts": [-1]}}),
        ([{"Name": "Time"}], {"Time": {"Values": [1, 2], "Counts": [1]}}),
        ([{"Name": "Time"}], {"Time": {"Max": 2}}),
        ([{"Name": 5}], {}),
        (["Time"], {"Time": 1}),
        ([{"Name": "x" * 2000}], {"x" * 2000: 1}),
    ],
)
def test_a_metric_that_breaks_the_specification_is_counted(metrics, members):
    """CloudWatch would not take it either; its neighbour is taken."""
    data = document([*metrics, {"Name": "Good"}], Good=1, **members)
    assert taken(data) == ([point([1], name="Good")], {"emf_invalid": 1})


@pytest.mark.parametrize("directive", [None, 5, {}, {"Namespace": "", "Metrics": []}, {"Namespace": "N", "Metrics": 1}])
def test_a_directive_that_breaks_the_specification_is_counted(directive):
    """Whatever stands there."""
    assert taken({"_aws": {"Timestamp": 1, "CloudWatchMetrics": [directive]}}) == ([], {"emf_invalid": 1})


@pytest.mark.parametrize("names", [None, "a", [1], ["gone"], [["a"]]])
def test_dimensions_must_be_names_of_strings(names):
    """A dimension that is a number, or not there, is none."""
    assert taken(document([{"Name": "Time"}], names, Time=1, a=5)) == ([], {"emf_invalid": 1})


def test_personal_data_in_a_dimension_goes_nowhere():
    """A library puts the user into a dimension; no copy of ours holds it."""
    data = document([{"Name": "Time"}], ["user"], user="ada@example.com", Time=[1, 2])
    assert taken(data, lambda text: text.replace("@", "")) == ([], {"personal_data": 2})


@pytest.mark.parametrize("name", ["ada@example.com", "time"])
def test_personal_data_in_a_name_goes_nowhere_either(name):
    """A metric or a dimension for each user is a mistake that happens."""
    data = document([{"Name": name}], [f"by {name}"], **{name: 1, f"by {name}": "x"})
    found, dropped = taken(data, lambda text: text.replace("@", ""))
    assert (len(found), dropped) == ((0, {"personal_data": 1}) if "@" in name else (1, {}))
