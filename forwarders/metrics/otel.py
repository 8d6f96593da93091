"""Points as OpenTelemetry metrics, sent by OTLP/HTTP with delta temporality.

The data model is filled in by hand and handed to the SDK's exporter: the SDK's instruments stamp what they record with
the time of recording, and the events of a log are older than that. Imported only where OTLP is configured:
opentelemetry costs 0.15 s.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceResponse
from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    Buckets,
    ExponentialHistogram,
    ExponentialHistogramDataPoint,
    Gauge,
    Histogram,
    HistogramDataPoint,
    Metric,
    MetricExportResult,
    MetricsData,
    NumberDataPoint,
    ResourceMetrics,
    ScopeMetrics,
    Sum,
)
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from requests import Response, Session

from forwarders.metrics.points import MINUTE_MS, Point

MAX_POINTS = 1_000
"""Data points of one request."""
MAX_BUCKETS = 160
"""Of a distribution's exponential histogram, as the specification suggests: 2 % error over two orders of magnitude."""
MAX_SCALE, MIN_SCALE = 20, -10

REST_S = 10.0
"""How long an endpoint that failed is left alone."""

FAILED, TOO_LATE, REJECTED, RESTING = "otlp_failed", "otlp_deadline", "otlp_rejected", "otlp_resting"
TOO_BIG, OUTSIDE_WINDOW = "value_too_big", "outside_window"

_DELTA = AggregationTemporality.DELTA
_NS = 1_000_000
_INT64 = 1 << 63
_LAST_MS = (1 << 64) // _NS - MINUTE_MS
"""The year 2554: times are nanoseconds in 64 bits."""
# CloudWatch's units in UCUM, which OpenTelemetry uses.
_UNITS = {"Seconds": "s", "Milliseconds": "ms", "Microseconds": "us", "Percent": "%", "Count": "1", "None": ""}
_UNITS |= {"Bytes": "By", "Kilobytes": "kBy", "Megabytes": "MBy", "Gigabytes": "GBy", "Terabytes": "TBy"}
_UNITS |= {"Bits": "bit", "Kilobits": "kbit", "Megabits": "Mbit", "Gigabits": "Gbit", "Terabits": "Tbit"}


class Exporter:
    """One OTLP endpoint; its connections are kept from one invocation to the next.

    `header` is a function because its value is a secret that is resolved when it is first needed.
    """

    def __init__(
        self,
        endpoint: str,
        headers: Callable[[], Mapping[str, str]],
        timeout_s: float,
        resource: Mapping[str, str],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        # What it logs quotes answers and values; what fails is counted here.
        logging.getLogger("opentelemetry.exporter.otlp").setLevel(logging.CRITICAL + 1)
        self._endpoint = endpoint
        self._headers = headers
        self._timeout_s = timeout_s
        self._resource = Resource(dict(resource))
        self._clock = clock
        self._rests_until = -math.inf
        self._rejected, self._session = _connected()

    def send(self, points: Sequence[Point], left_s: float, dropped: Counter[str]) -> None:
        """The points are at the endpoint, or counted in `dropped`: within `timeout_s` and `left_s`, whatever it does.

        | reason | what it is |
        |---|---|
        | otlp_failed | refused, or not reached; what may be tried again is, with the exporter's own pauses |
        | otlp_failed:ConfigError, … | the header's secret is not to be had |
        | otlp_deadline | no time was left, or no answer in time: it may have arrived |
        | otlp_resting | not tried: it failed less than REST_S ago, and each try may cost an invocation `timeout_s` |
        | otlp_rejected | the endpoint took the request and refused some of its points |
        | value_too_big | the sum of the values is beyond a double |
        | outside_window | before 1970 or after 2554 |
        """
        data, taken = metrics_data(points, self._resource, dropped)
        seconds = min(self._timeout_s, left_s)
        if not taken:
            return
        if seconds <= 0:
            dropped[TOO_LATE] += taken
            return
        if self._clock() < self._rests_until:
            dropped[RESTING] += taken
            return
        results: list[MetricExportResult] = []
        failures: list[str] = []
        exporters: list[OTLPMetricExporter] = []
        self._rejected.clear()

        def work() -> None:
            # Retries inside of its time-out; a server that trickles its answer is outside of it, hence the thread.
            try:
                exporter = OTLPMetricExporter(
                    self._endpoint,
                    headers=dict(self._headers()),
                    timeout=seconds,
                    session=self._session,
                    max_export_batch_size=MAX_POINTS,
                )
                exporters.append(exporter)
                results.append(exporter.export(data))
            except Exception as error:  # the secret is out of reach, say
                failures.append(f"{FAILED}:{type(error).__name__}")

        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        thread.join(seconds)
        if thread.is_alive():
            dropped[TOO_LATE] += taken
            # It may go on in a later invocation: then without another try, and apart from what is sent there.
            self._rejected, self._session = _connected()
            for exporter in exporters:
                exporter.shutdown()
        elif results != [MetricExportResult.SUCCESS]:
            dropped[failures[0] if failures else FAILED] += taken
        else:
            dropped.update(self._rejected)
            return
        self._rests_until = self._clock() + REST_S


def _connected() -> tuple[Counter[str], Session]:
    """A session, and the count of the data points that its endpoint refuses."""
    rejected: Counter[str] = Counter()
    session = Session()
    session.hooks["response"].append(partial(_look, rejected))
    return rejected, session


def _look(rejected: Counter[str], response: Response, *_: Any, **__: Any) -> None:
    """The exporter does not read what an answer says of a partial success."""
    if response.status_code != 200:
        return
    answer = ExportMetricsServiceResponse()
    try:
        answer.ParseFromString(response.content)
    except Exception:  # JSON, or nothing that we know: then it took all
        return
    if answer.partial_success.rejected_data_points > 0:
        rejected[REJECTED] += answer.partial_success.rejected_data_points


def metrics_data(points: Iterable[Point], resource: Resource, dropped: Counter[str]) -> tuple[MetricsData, int]:
    """The points in OpenTelemetry's data model, one scope for each namespace, and how many measurements are in it.

    A count is a monotonic sum, a sum one that is not, a gauge a gauge, a histogram has the contract's buckets, and a
    distribution is an exponential histogram; each with delta temporality over the minute of event time.
    """
    scopes: dict[str, dict[tuple[str, str, str], list[Point]]] = {}
    taken = 0
    for point in points:
        if not 0 <= point.time_ms <= _LAST_MS:
            dropped[OUTSIDE_WINDOW] += point.n
            continue
        if not math.isfinite(point.total()):
            dropped[TOO_BIG] += point.n
            continue
        taken += point.n
        scopes.setdefault(point.namespace, {}).setdefault((point.name, point.kind, point.unit), []).append(point)
    scope_metrics = [
        ScopeMetrics(InstrumentationScope(namespace), [_metric(*key, some) for key, some in metrics.items()], "")
        for namespace, metrics in scopes.items()
    ]
    return MetricsData([ResourceMetrics(resource, scope_metrics, "")]), taken


def _metric(name: str, kind: str, unit: str, points: Sequence[Point]) -> Metric:
    data: Any
    if kind == "gauge":
        data = Gauge([_number(point, point.last_ms) for point in points])
    elif kind == "histogram":
        data = Histogram([_histogram(point) for point in points], _DELTA)
    elif kind == "distribution":
        data = ExponentialHistogram([_distribution(point) for point in points], _DELTA)
    else:
        ends = [(point, point.time_ms + MINUTE_MS) for point in points]
        data = Sum([_number(*end) for end in ends], _DELTA, is_monotonic=kind == "count")
    return Metric(name, points[0].description, _unit(unit), data)


def _unit(unit: str) -> str:
    what, per, _ = unit.partition("/Second")
    return _UNITS.get(what, what) + ("/s" if per else "")


def _span(point: Point) -> tuple[int, int]:
    """Begin and end of the point's minute in ns."""
    return point.time_ms * _NS, (point.time_ms + MINUTE_MS) * _NS


def _number(point: Point, end_ms: int) -> NumberDataPoint:
    value = point.value if isinstance(point.value, float) or abs(point.value) < _INT64 else float(point.value)
    return NumberDataPoint(dict(point.dimensions), point.time_ms * _NS, end_ms * _NS, value)


def _histogram(point: Point) -> HistogramDataPoint:
    counts = [0] * (len(point.buckets) + 1)
    at = 0
    for value, n in point.measured():
        while at < len(point.buckets) and value > point.buckets[at]:
            at += 1
        counts[at] += n
    bounds = [float(bound) for bound in point.buckets]
    low, high = float(min(point.values)), float(max(point.values))
    start, end = _span(point)
    return HistogramDataPoint(dict(point.dimensions), start, end, point.n, point.total(), counts, bounds, low, high)


def _distribution(point: Point) -> ExponentialHistogramDataPoint:
    sizes = [abs(value) for value in point.values if value]
    scale = _scale(float(min(sizes)), float(max(sizes))) if sizes else MAX_SCALE
    positive: Counter[int] = Counter()
    negative: Counter[int] = Counter()
    for value, n in point.values.items():
        if value:
            (positive if value > 0 else negative)[_index(abs(float(value)), scale)] += n
    start, end = _span(point)
    return ExponentialHistogramDataPoint(
        attributes=dict(point.dimensions),
        start_time_unix_nano=start,
        time_unix_nano=end,
        count=point.n,
        sum=point.total(),
        scale=scale,
        zero_count=point.values.get(0, 0),
        positive=_buckets(positive),
        negative=_buckets(negative),
        flags=0,
        min=float(min(point.values)),
        max=float(max(point.values)),
    )


def _index(value: float, scale: int) -> int:
    """The bucket of a value at a scale: bucket i holds (base^i, base^(i+1)], base = 2^(2^-scale)."""
    return math.ceil(math.log2(value) * 2.0**scale) - 1


def _scale(low: float, high: float) -> int:
    """The finest scale at which both values are within MAX_BUCKETS buckets."""
    scale = MAX_SCALE
    while scale > MIN_SCALE and _index(high, scale) - _index(low, scale) >= MAX_BUCKETS:
        scale -= 1
    return scale


def _buckets(counts: Counter[int]) -> Buckets:
    if not counts:
        return Buckets(0, [])
    first = min(counts)
    return Buckets(first, [counts[i] for i in range(first, max(counts) + 1)])
