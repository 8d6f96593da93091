"""Points as OpenTelemetry metrics: what is sent, and what happens when it is not taken."""

from collections import Counter

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)

from forwarders.metrics.otel import REST_S, Exporter
from forwarders.metrics.points import Point
from forwarders.testing import ScriptedServer, drip, silence, status

MINUTE = 1_763_000_040_000
BEGIN, END = MINUTE * 1_000_000, (MINUTE + 60_000) * 1_000_000
RESOURCE = {"service.name": "logharbor", "cloud.account.id": "123456789012", "faas.name": "forward"}
DELTA = 1


def count(n=3, **dimensions):
    return Point("NS", "Logins", "count", "Count", MINUTE, tuple(dimensions.items()), n, n)


def valued(kind, *values, **more):
    return Point("NS", "Latency", kind, "Milliseconds", MINUTE, (), len(values), values=Counter(values), **more)


def sent(points, server, left_s=60.0, timeout_s=5.0, headers=dict):
    """The requests that arrived, decoded, and what was dropped."""
    dropped = Counter()
    exporter = Exporter(f"{server.url}/v1/metrics", headers, timeout_s, RESOURCE)
    exporter.send(points, left_s, dropped)
    return [ExportMetricsServiceRequest.FromString(request.body) for request in server.requests], dict(dropped)


def metrics_of(points):
    with ScriptedServer(otherwise=status(200)) as server:
        (request,), dropped = sent(points, server)
    assert dropped == {}
    (resource,) = request.resource_metrics
    return [metric for scope in resource.scope_metrics for metric in scope.metrics], resource


def test_a_count_is_a_monotonic_delta_over_the_minute_of_the_event():
    """With the resource that measured it, and the namespace as its scope."""
    (metric,), resource = metrics_of([count(3, method="sso"), count(2, method="password")])
    assert {one.key: one.value.string_value for one in resource.resource.attributes}.items() >= RESOURCE.items()
    assert resource.scope_metrics[0].scope.name == "NS"
    assert (metric.name, metric.unit) == ("Logins", "1")
    assert (metric.sum.aggregation_temporality, metric.sum.is_monotonic) == (DELTA, True)
    assert [
        (point.start_time_unix_nano, point.time_unix_nano, point.as_int, point.attributes[0].value.string_value)
        for point in metric.sum.data_points
    ] == [(BEGIN, END, 3, "sso"), (BEGIN, END, 2, "password")]


def test_a_sum_may_fall_and_a_gauge_has_the_time_of_its_value():
    """Numbers beyond 64 bits are doubles."""
    points = [
        Point("NS", "Refunds", "sum", "None", MINUTE, (), 2, -12.5),
        Point("NS", "Depth", "gauge", "Count", MINUTE, (), 2, 10**30, last_ms=MINUTE + 59_000),
    ]
    (refunds, depth), _ = metrics_of(points)
    assert (refunds.sum.is_monotonic, refunds.sum.data_points[0].as_double) == (False, -12.5)
    (point,) = depth.gauge.data_points
    assert (point.as_double, point.time_unix_nano) == (1e30, (MINUTE + 59_000) * 1_000_000)


def test_a_histogram_has_the_contracts_buckets():
    """A bound belongs to the bucket below it."""
    (metric,), _ = metrics_of([valued("histogram", 1, 10, 10.5, 99, 1000, -5, buckets=(10, 100))])
    assert metric.histogram.aggregation_temporality == DELTA
    (point,) = metric.histogram.data_points
    assert list(point.explicit_bounds) == [10, 100]
    assert list(point.bucket_counts) == [3, 2, 1]
    assert (point.count, point.sum, point.min, point.max) == (6, 1115.5, -5, 1000)


def test_a_distribution_is_an_exponential_histogram():
    """Every value lies in its bucket; zeros and negative values are where they belong."""
    values = [0.5, 1, 1000, 12.25, 12.25, 0, -3]
    (metric,), _ = metrics_of([valued("distribution", *values)])
    (point,) = metric.exponential_histogram.data_points
    assert (point.count, point.zero_count, point.min, point.max) == (7, 1, -3, 1000)
    base = 2 ** (2**-point.scale)
    for value in (0.5, 1, 1000, 12.25):
        inside = [
            n
            for i, n in enumerate(point.positive.bucket_counts, point.positive.offset)
            if base**i * (1 - 1e-9) < value <= base ** (i + 1) * (1 + 1e-9)
        ]
        assert sum(inside) >= values.count(value)
    assert (sum(point.positive.bucket_counts), sum(point.negative.bucket_counts)) == (5, 1)
    assert len(point.positive.bucket_counts) <= 160


@pytest.mark.parametrize("values", [[0], [5e-324, 1.7e308], [1] * 3, [7, 7.0], [-1]])
def test_any_values_fit(values):
    """From the smallest double to the largest."""
    (metric,), _ = metrics_of([valued("distribution", *values)])
    (point,) = metric.exponential_histogram.data_points
    counted = point.zero_count + sum(point.positive.bucket_counts) + sum(point.negative.bucket_counts)
    assert counted == point.count == len(values)


def test_what_a_double_cannot_hold_is_counted():
    """The others are sent."""
    big = Point("NS", "Big", "sum", "None", MINUTE, (), 2, 10**400)
    with ScriptedServer(otherwise=status(200)) as server:
        (request,), dropped = sent([big, count()], server)
    assert [metric.name for metric in request.resource_metrics[0].scope_metrics[0].metrics] == ["Logins"]
    assert dropped == {"value_too_big": 2}


def test_the_secret_is_in_the_header_and_asked_for_late():
    """Nothing is resolved before there is something to send."""
    asked = []

    def headers():
        asked.append(1)
        return {"x-token": "s3cret"}

    with ScriptedServer(otherwise=status(200)) as server:
        assert sent([], server, headers=headers) == ([], {})
        assert not asked
        sent([count()], server, headers=headers)
        assert [request.headers["x-token"] for request in server.requests] == ["s3cret"]


def test_a_refusal_is_counted_and_not_repeated():
    """400 would be refused again."""
    with ScriptedServer(otherwise=status(400)) as server:
        requests, dropped = sent([count(3)], server)
    assert (len(requests), dropped) == (1, {"otlp_failed": 3})


def test_what_may_pass_later_is_tried_again():
    """503, and then it is there."""
    with ScriptedServer([status(503)], otherwise=status(200)) as server:
        requests, dropped = sent([count(3)], server)
    assert (len(requests), dropped) == (2, {})


def test_points_that_the_endpoint_rejected_are_counted():
    """It answers 200 and says in its body how many it did not take."""
    answer = ExportMetricsServiceResponse()
    answer.partial_success.rejected_data_points = 2
    with ScriptedServer(otherwise=status(200, answer.SerializeToString())) as server:
        _, dropped = sent([count(3), count(2, a="b")], server)
    assert dropped == {"otlp_rejected": 2}


@pytest.mark.parametrize("rude", [silence(), drip(5, status(200))], ids=["silent", "dripping"])
def test_an_endpoint_that_does_not_answer_takes_no_more_time_than_is_left(rude):
    """The invocation must end, also where each byte comes in time; what was under way is counted."""
    with ScriptedServer(otherwise=rude) as server:
        _, dropped = sent([count(3)], server, left_s=0.3)
    assert dropped in ({"otlp_deadline": 3}, {"otlp_failed": 3})


def test_without_time_nothing_is_sent():
    """It is counted instead."""
    with ScriptedServer(otherwise=status(200)) as server:
        assert sent([count(3)], server, left_s=0.0) == ([], {"otlp_deadline": 3})


def test_an_endpoint_out_of_reach_is_counted():
    """A port where nobody listens."""
    with ScriptedServer() as server:
        pass
    assert sent([count(3)], server, timeout_s=0.5)[1] in ({"otlp_failed": 3}, {"otlp_deadline": 3})


@pytest.mark.parametrize("time_ms", [-60_000, 253_402_300_740_000, 10**30])
def test_a_time_that_no_64_bits_hold_costs_itself_alone(time_ms):
    """A clock that says the year 9999, or an EMF document that says anything."""
    with ScriptedServer(otherwise=status(200)) as server:
        ((request,), dropped) = sent([Point("NS", "Far", "count", "Count", time_ms, (), 2, 2), count()], server)
    (scope,) = request.resource_metrics[0].scope_metrics
    assert ([metric.name for metric in scope.metrics], dropped) == (["Logins"], {"outside_window": 2})


def test_an_endpoint_that_failed_is_left_alone_for_a_while():
    """Each try may cost an invocation all of `timeout_s`, and the second batch of the same one as well."""
    now = [0.0]
    with ScriptedServer([status(400)], otherwise=status(200)) as server:
        exporter = Exporter(f"{server.url}/v1/metrics", dict, 5.0, {}, clock=lambda: now[0])
        found = []
        for now[0] in (0.0, REST_S - 0.1, REST_S):
            dropped = Counter()
            exporter.send([count(3)], 60.0, dropped)
            found.append(dict(dropped))
    assert (found, len(server.requests)) == ([{"otlp_failed": 3}, {"otlp_resting": 3}, {}], 2)


def test_an_answer_is_not_quoted_in_our_log(caplog):
    """An endpoint may repeat the key that it refuses."""
    with ScriptedServer(otherwise=status(400, b"the key s3cret is wrong")) as server:
        sent([count()], server)
    assert "s3cret" not in caplog.text
