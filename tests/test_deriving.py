"""Contracts × routes: every rule has one home, within CloudWatch's limits; alarms and dashboards beside them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from forwarders import bundle
from forwarders.config import Config, from_plain, read_yaml
from forwarders.contracts.check import check
from forwarders.contracts.load import read_folder
from forwarders.deriving import Derived, derive, files, homes, measured_by_route
from forwarders.errors import ConfigError
from forwarders.metrics.alarms import Alarm
from forwarders.metrics.filter_pattern import parse
from forwarders.metrics.filters import Filter, Metric, Source, read_handwritten
from forwarders.model import Contract

ROOT = Path(__file__).parents[1]
COUNT = {"name": "Orders", "kind": "count"}
MAYBE_TEXT = "the lines may begin with Lambda's text prefix, or hold JSON as a string: no JSON pattern matches those"
LINE = {"name": "shop", "log_groups": ["/shop"], "envelope": "line"}


def contract(*metrics: dict[str, Any], name: str = "order.placed", major: int = 1, **event: Any) -> Contract:
    """A contract with a few fields of every kind, and these metrics."""
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:logharbor:{name}:{major}",
        "title": name,
        "type": "object",
        "additionalProperties": False,
        "required": ["event"],
        "properties": {
            "event": {"const": name},
            "event_version": {"const": major},
            "country": {"type": "string", "x-cardinality": 200},
            "session": {"type": "string", "x-cardinality": "unbounded"},
            "user": {"type": "string", "x-pii": {"class": "identifier"}},
            "total": {"type": "number"},
            "items": {"type": "array", "items": {"type": "object", "properties": {"sku": {"type": "string"}}}},
        },
        "x-event": {
            "version": f"{major}.0.0",
            "owner": "team-shop",
            "stability": "stable",
            "severity": "info",
            "dataset": "order",
            "metrics": list(metrics),
            **event,
        },
    }
    return check(schema, name)


def config(*routes: dict[str, Any], **more: Any) -> Config:
    plain = {"routes": list(routes), "sinks": {"out": {"type": "stdout"}}, **more}
    return from_plain(plain, "pipeline.yaml")


def why(derived: Derived) -> dict[tuple[str, str], str]:
    """The reasons of what the forwarder measures, by route and metric."""
    return {(one.route, one.metric): one.why for one in derived.measured}


def test_a_rule_becomes_one_filter_for_the_log_groups_of_a_route() -> None:
    """Name, groups, pattern, metric and the contract it is from: all that Terraform needs."""
    route = {"name": "shop", "log_groups": ["/b", "/a", "/b"], "envelope": "line"}
    derived = derive(config(route, metrics={"namespace": "Shop"}), [contract(COUNT)])
    assert derived.filters == [
        Filter(
            name="shop--order.placed--v1--Orders",
            log_groups=("/a", "/b"),
            pattern='{ ($.event = "order.placed") && '
            "($.event_version NOT EXISTS || ($.event_version >= 1 && $.event_version <= 1)) }",
            metric=Metric("Orders", "Shop", "1", "Count", 0, {}),
            contract=Source("order.placed", 1, "1.0.0", "team-shop"),
        )
    ]
    assert {one.route for one in derived.measured} == {"(no route)"}


@pytest.mark.parametrize(
    ("route", "reason"),
    [
        ({"log_groups": ["/aws/lambda/*"]}, "the route's log groups are not all known by name"),
        ({"log_groups": ["/a", "/b?"]}, "the route's log groups are not all known by name"),
        ({"envelope": "auto"}, MAYBE_TEXT),
        ({"envelope": "prefix"}, MAYBE_TEXT),
        ({"envelope": "line", "format": "text"}, "the lines are text, not events"),
        ({"envelope": "line", "format": "access_log"},
         "the format access_log makes events of text: no pattern says which lines it takes"),
        ({"envelope": "line", "filters": ["user.*"]}, "the route's `filters` leave this event out"),
    ],
)  # fmt: skip
def test_what_no_pattern_can_reach_is_the_forwarders(route: dict[str, Any], reason: str) -> None:
    """A glob, a text prefix, text: the rule is measured in the forwarder, which says why."""
    derived = derive(config({"name": "shop", "log_groups": ["/a"], **route}), [contract(COUNT)])
    assert derived.filters == []
    assert why(derived)["shop", "Orders"] == reason


def test_an_earlier_route_takes_its_log_groups_from_a_later_one() -> None:
    """A log group gets the filters of the route that its lines take, and of no other."""
    routes = (
        {"name": "all", "log_groups": ["/aws/*"]},
        {"name": "some", "log_groups": ["/aws/a", "/shop"], "envelope": "line"},
        {"name": "none", "log_groups": ["/aws/b"], "envelope": "line"},
    )
    derived = derive(config(*routes), [contract(COUNT)])
    assert [(one.name, one.log_groups) for one in derived.filters] == [("some--order.placed--v1--Orders", ("/shop",))]
    assert why(derived)["none", "Orders"] == "a route before this one takes all of its log groups"


def test_dimensions_without_end_are_the_forwarders() -> None:
    """CloudWatch may switch off a filter with 1,000 values of a dimension in an hour; the forwarder caps them."""
    metric = {"name": "BySession", "kind": "count", "dimensions": ["session"]}
    derived = derive(config(LINE), [contract(metric)])
    assert (
        why(derived)["shop", "BySession"] == "dimension session has unbounded values: only the forwarder can cap them"
    )


def test_the_default_is_zero_only_where_it_does_no_harm() -> None:
    """A default counts once for each other line: right for a sum, wrong for an average, refused beside dimensions."""
    alarm = {
        "name": "low", "statistic": "Average", "period": 60, "evaluationPeriods": 1, "op": "<", "threshold": 1,
        "missing": "ignore", "notify": "oncall",
    }  # fmt: skip
    metrics = (
        COUNT,
        {"name": "Total", "kind": "sum", "value": "total"},
        {"name": "Watched", "kind": "sum", "value": "total", "alarms": [alarm]},
        {"name": "ByCountry", "kind": "count", "dimensions": ["country"]},
        {"name": "Size", "kind": "distribution", "value": "total"},
        {"name": "Last", "kind": "gauge", "value": "total"},
    )
    found = {one.metric.name: one.metric.default_value for one in derive(config(LINE), [contract(*metrics)]).filters}
    assert found == {"Orders": 0, "Total": 0, "Watched": None, "ByCountry": None, "Size": None, "Last": None}


def many(n: int, **more: Any) -> list[Contract]:
    metrics = [{"name": f"M{i:02}", "kind": "count"} for i in range(40)]
    return [contract(*metrics, name=f"event.n{i}", **more) for i in range(n)]


def test_a_log_group_has_a_hundred_filters_and_the_rest_is_the_forwarders() -> None:
    """Filters by hand count; who has an alarm goes first; what does not fit says so."""
    by_hand = [Filter(f"hand-{i}", ("/shop",), "ERROR", Metric("Errors", "Legacy", "1")) for i in range(3)]
    alarm = {
        "name": "none", "statistic": "Sum", "period": 60, "evaluationPeriods": 1, "op": "<", "threshold": 1,
        "missing": "breaching", "notify": "oncall",
    }  # fmt: skip
    last = contract({"name": "Watched", "kind": "count", "alarms": [alarm]}, name="zzz")
    derived = derive(config(LINE), [*many(3), last], by_hand)
    names = [one.metric.name for one in derived.filters]
    assert len(names) == 97
    assert "Watched" in names
    beyond = [one for one in derived.measured if one.route == "shop"]
    assert [one.metric for one in beyond] == [f"M{i}" for i in range(16, 40)]
    assert {one.why for one in beyond} == {"log group /shop has its 100 metric filters without it"}


def test_every_rule_has_one_home_on_every_route() -> None:
    """CloudWatch or the forwarder, never both and never none: for our own contracts on several pipelines."""
    contracts = read_folder(ROOT / "schemas")
    rules = [
        (one.name, one.major, metric["name"])
        for one in contracts
        for metric in one.schema["x-event"].get("metrics", ())
    ]
    for pipeline in (
        read_yaml(ROOT / "pipeline.yaml"),
        config(LINE),
        config(),
        config({"name": "x", "format": "lambda"}),
    ):
        filters, measured = homes(pipeline, contracts)
        names = [route.name for route in pipeline.routes]
        if not any("*" in route.log_groups for route in pipeline.routes):
            names.append("(no route)")
        found = Counter((one.route, one.event, one.major, one.metric) for one in measured)
        for one in filters:
            route = pipeline.route(one.log_groups[0])
            assert route is not None
            assert one.contract is not None
            found[route.name, one.contract.event, one.contract.major, one.metric.name] += 1
        assert found == Counter((name, *rule) for name in names for rule in rules)


def test_the_bundle_says_what_the_forwarder_measures() -> None:
    """By route and contract, so that a Lambda need not load contracts to know; an old bundle measures nothing."""
    pipeline, contracts = config(LINE, {"name": "rest"}), [contract(COUNT)]
    expected = {"rest": {"order.placed:1": ["Orders"]}}
    assert measured_by_route(pipeline, contracts) == expected
    assert json.loads(bundle.build(pipeline, contracts))["measured"] == expected
    assert bundle.read_measured(b'{"format":1,"pipeline":{},"contracts":[]}') == {}


def test_the_major_of_events_that_do_not_say_one() -> None:
    """It is the highest, or the one that its author chose: one pattern takes them, the other does not."""
    first, second = contract(COUNT), contract(COUNT, major=2)
    flagged = contract(COUNT, wireDefault=True)
    for contracts, default in (([first, second], 2), ([flagged, second], 1)):
        taking = [one.contract for one in derive(config(LINE), contracts).filters if "NOT EXISTS" in one.pattern]
        assert [one.major for one in taking if one] == [default]


@pytest.mark.parametrize(
    ("metrics", "message"),
    [
        ([COUNT, COUNT], "order.placed v1: /x-event/metrics/1/name: found the metric Orders twice"),
        (
            [{**COUNT, "dimensions": ["user"]}],
            "found user, which is x-pii of class identifier, expected a dimension that",
        ),
        ([{**COUNT, "dimensions": ["items.sku"]}], "found items.sku, which lies in an array"),
        ([{**COUNT, "where": {"items.sku": {"eq": "a"}}}], "found items.sku, which lies in an array"),
        ([{**COUNT, "kind": "histogram", "value": "total", "buckets": [1, 5, 5]}], "found buckets that do not rise"),
    ],
)
def test_a_rule_that_can_be_measured_nowhere_is_refused(metrics: list[dict[str, Any]], message: str) -> None:
    """One sentence names contract, rule, what was found and what was expected."""
    with pytest.raises(ConfigError, match=message):
        derive(config(LINE), [contract(*metrics)])


def test_an_alarm_in_cloudwatchs_words() -> None:
    """Operators, missing data, percentiles and data points, as PutMetricAlarm has them."""
    alarm = {
        "name": "slow", "description": "Too slow.", "statistic": "p99.9", "period": 300, "evaluationPeriods": 3,
        "op": ">=", "datapointsToAlarm": 2, "threshold": 2.5, "missing": "notBreaching", "notify": "oncall", "runbook": "https://r/1",
    }  # fmt: skip
    derived = derive(
        config(LINE), [contract({"name": "T", "kind": "distribution", "value": "total", "alarms": [alarm]})]
    )
    assert derived.alarms[0] == Alarm(
        name="order.placed-v1-T-slow",
        description="Too slow.",
        namespace="Logharbor/Events",
        metric="T",
        statistic="p99.9",
        period=300,
        evaluation_periods=3,
        datapoints_to_alarm=2,
        comparison_operator="GreaterThanOrEqualToThreshold",
        threshold=2.5,
        treat_missing_data="notBreaching",
        notify="oncall",
        owner="team-shop",
        runbook="https://r/1",
    )


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"dimensions": ["country"]}, "found a metric with dimensions, expected one without"),
        ({"period": 10}, "found a period of 10 seconds, expected 60 or more"),
        ({"period": 86400, "evaluationPeriods": 8}, "found 8 periods of 86400 seconds, expected at most 604,800"),
        ({"period": 300, "evaluationPeriods": 289}, "found 289 periods of 300 seconds, expected at most 86,400"),
        ({"datapointsToAlarm": 2}, "found 2 data points of 1 periods"),
    ],
)
def test_an_alarm_that_could_never_sound_is_refused(changed: dict[str, Any], message: str) -> None:
    """CloudWatch would refuse it, or it would wait for data for ever."""
    alarm = {
        "name": "a", "statistic": "Sum", "period": 60, "evaluationPeriods": 1, "op": "<", "threshold": 1,
        "missing": "missing", "notify": "oncall", **changed,
    }  # fmt: skip
    dimensions = {"dimensions": alarm.pop("dimensions")} if "dimensions" in alarm else {}
    with pytest.raises(ConfigError, match=f"order.placed v1: metric Orders, alarm a: {message}"):
        derive(config(LINE), [contract({**COUNT, **dimensions, "alarms": [alarm]})])


def test_the_pipeline_watches_itself() -> None:
    """Alarms for every sink and owner, and for what Terraform repeats for functions, streams and subscriptions."""
    sinks = {"out": {"type": "stdout"}, "few": {"type": "stdout", "events": {"include": ["user.*"]}}}
    derived = derive(config(LINE, sinks=sinks), [contract(COUNT)])
    own = {
        one.name: (one.metric, one.dimensions, one.for_each, one.when)
        for one in derived.alarms
        if one.owner == "platform"
    }
    assert own == {
        "pipeline-async-age": ("AsyncEventAge", {}, "forwarder", "direct"),
        "pipeline-async-dropped": ("AsyncEventsDropped", {}, "forwarder", "direct"),
        "pipeline-canary-out": ("Lag", {"sink": "out"}, None, "canary"),
        "pipeline-dead-few": ("Dead", {"sink": "few"}, None, None),
        "pipeline-dead-out": ("Dead", {"sink": "out"}, None, None),
        "pipeline-delivery-errors": ("DeliveryErrors", {}, "subscription", None),
        "pipeline-delivery-throttled": ("DeliveryThrottling", {}, "subscription", None),
        "pipeline-destination-failures": ("DestinationDeliveryFailures", {}, "forwarder", None),
        "pipeline-emf-invalid": ("EMFValidationErrors", {}, "log", None),
        "pipeline-errors": ("Errors", {}, "function", None),
        "pipeline-iterator-age": ("IteratorAge", {}, "forwarder", "stream"),
        "pipeline-not-subscribed": ("NotSubscribed", {}, None, "sweep"),
        "pipeline-quarantined": ("Quarantined", {"owner": "(no contract)"}, None, None),
        "pipeline-quarantined-team-shop": ("Quarantined", {"owner": "team-shop"}, None, None),
        "pipeline-stream-age": ("GetRecords.IteratorAgeMilliseconds", {}, "stream", None),
        "pipeline-stream-throttled": ("WriteProvisionedThroughputExceeded", {}, "stream", None),
        "pipeline-throttles": ("Throttles", {}, "function", None),
        "pipeline-unbalanced": ("Unbalanced", {}, None, None),
    }


def test_the_alarm_on_the_canary_bears_that_it_comes_every_quarter_of_an_hour() -> None:
    """A canary that falls between two periods is no alarm; two periods without one, or two late ones, are."""
    alarm = next(one for one in derive(config(LINE), []).alarms if one.metric == "Lag")
    found = (alarm.period, alarm.evaluation_periods, alarm.datapoints_to_alarm, alarm.treat_missing_data)
    assert found == (900, 3, 2, "breaching")


def test_an_event_that_no_route_expects_has_no_alarm() -> None:
    """An alarm that sounds when nothing comes would sound for ever in an account where nothing can come."""
    alarm = {
        "name": "none", "statistic": "Sum", "period": 300, "evaluationPeriods": 1, "op": "<", "threshold": 1,
        "missing": "breaching", "notify": "oncall",
    }  # fmt: skip
    contracts = [contract({**COUNT, "alarms": [alarm]})]

    def of_contracts(filters: list[str]) -> list[str]:
        found = derive(config({**LINE, "filters": filters}), contracts).alarms
        return [one.name for one in found if one.owner != "platform"]

    assert of_contracts(["*"]) == ["order.placed-v1-Orders-none"]
    assert of_contracts(["order.*"]) == ["order.placed-v1-Orders-none"]
    assert of_contracts(["user.*"]) == []


def test_what_hosts_write_into_a_stream_is_measured_by_the_forwarder() -> None:
    """`kinesis/STREAM` is no log group: no metric filter can be put on it, and the whole route is measured once."""
    derived = derive(config({**LINE, "log_groups": ["/app/one", "kinesis/orders"]}), [contract(COUNT)])
    assert derived.filters == []
    told = [(one.route, one.metric, one.why) for one in derived.measured if one.route != "(no route)"]
    assert told == [("shop", "Orders", "what hosts write into a stream themselves passes no log group")]


def overlaps(widgets: Sequence[dict[str, Any]]) -> bool:
    taken: set[tuple[int, int]] = set()
    for one in widgets:
        cells = {
            (x, y) for x in range(one["x"], one["x"] + one["width"]) for y in range(one["y"], one["y"] + one["height"])
        }
        if cells & taken:
            return True
        taken |= cells
    return False


def test_dashboards_lie_on_their_grid_and_hide_what_is_personal() -> None:
    """One for each dataset and owner, one for the pipeline; names, widgets and queries that CloudWatch takes."""
    contracts = read_folder(ROOT / "schemas")
    derived = derive(read_yaml(ROOT / "pipeline.yaml"), contracts)
    names = [one.name for one in derived.dashboards]
    assert names == sorted({f"{one.dataset}-{one.owner}" for one in contracts} | {"pipeline"})
    for dashboard in derived.dashboards:
        widgets = dashboard.body["widgets"]
        assert not overlaps(widgets)
        assert all(one["x"] + one["width"] <= 24 for one in widgets)
        for one in widgets:
            properties = one["properties"]
            assert one["type"] == "text" or properties["region"] == "${region}"
            if one["type"] == "log":
                assert properties["query"].startswith("SOURCE '/aws/")
                assert "user," not in properties["query"]


def test_the_pipelines_dashboard_shows_one_pipeline() -> None:
    """Every series of its own metrics is narrowed to the name that Terraform puts there; no contract's is."""
    derived = derive(read_yaml(ROOT / "pipeline.yaml"), read_folder(ROOT / "schemas"))
    bodies = {one.name: one.body for one in derived.dashboards}
    metrics = [metric for one in bodies.pop("pipeline")["widgets"] for metric in one["properties"].get("metrics", ())]
    assert metrics
    for metric in metrics:
        searched = metric[0].get("expression", "") if isinstance(metric[0], dict) else None
        if searched is None:
            assert metric[2:4] == ["Pipeline", "${pipeline}"]
        else:
            assert searched.startswith('SEARCH(\'{"Logharbor","Pipeline",')
            assert '"Pipeline"="${pipeline}"' in searched
    assert "${pipeline}" not in str(bodies)


def test_the_order_of_contracts_changes_nothing() -> None:
    """The same input gives the same files, byte for byte."""
    contracts, pipeline = read_folder(ROOT / "schemas"), read_yaml(ROOT / "pipeline.yaml")
    assert files(derive(pipeline, contracts)) == files(derive(pipeline, contracts[::-1]))


def test_a_handwritten_filter_does_not_count_a_metric_of_a_contract_again() -> None:
    """In a log group that has the derived filter it is refused; in another one it may add to the metric."""
    metric = Metric("Orders", "Logharbor/Events", "1")
    with pytest.raises(ConfigError, match="it would count twice"):
        derive(config(LINE), [contract(COUNT)], [Filter("again", ("/shop",), "ORDER", metric)])
    derived = derive(config(LINE), [contract(COUNT)], [Filter("legacy", ("/legacy",), "ORDER", metric)])
    assert [one.name for one in derived.filters] == ["shop--order.placed--v1--Orders"]


def test_the_filters_in_this_repository_are_up_to_date() -> None:
    """`logharbor filters build` would change nothing, and CloudWatch takes every pattern."""
    by_hand = read_handwritten(ROOT / "filters/handwritten")
    derived = derive(read_yaml(ROOT / "pipeline.yaml"), read_folder(ROOT / "schemas"), by_hand)
    wanted = files(derived)
    there = {
        path.relative_to(ROOT / "filters").as_posix(): path.read_bytes() for path in ROOT.glob("filters/**/*.json")
    }
    assert wanted == {name: body for name, body in there.items() if not name.startswith("handwritten/")}
    for one in [*by_hand, *derived.filters]:
        assert parse(one.pattern).text == one.pattern
