"""A real OpenTelemetry Collector takes what the OTLP output sends, and says the same in its file."""

from __future__ import annotations

import importlib.util
import json
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from forwarders.metrics.otel import Exporter
from forwarders.metrics.points import Point

MINUTE = 1_763_000_040_000
NAMESPACE = "Logharbor/Events"
WAIT_SECONDS = 20

pytestmark = pytest.mark.live


def _builder() -> ModuleType:
    spec = importlib.util.spec_from_file_location("build_collector", Path(__file__).with_name("build_collector.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def collector(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """Its endpoint, and its file. It is never required: building it takes Go, and 90 s."""
    builder = _builder()
    try:
        with builder.running(tmp_path) as running:
            yield running
    except builder.Missing as missing:
        pytest.skip(str(missing))


def _metrics(file: Path) -> dict[str, Any]:
    """The metrics in the collector's file by name, once it has written them."""
    ends = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < ends:
        lines = file.read_text().splitlines() if file.exists() else []
        if lines:
            scopes = [
                scope for line in lines for one in json.loads(line)["resourceMetrics"] for scope in one["scopeMetrics"]
            ]
            return {metric["name"]: metric for scope in scopes for metric in scope["metrics"]} | {
                "resource": json.loads(lines[0])["resourceMetrics"][0]["resource"],
                "scope": scopes[0]["scope"],
            }
        time.sleep(0.1)
    raise AssertionError("the collector has written nothing")


def test_a_collector_takes_every_kind_of_metric(collector: tuple[str, Path]) -> None:
    """A count, a sum, a gauge, a histogram with the contract's buckets and a distribution arrive as they are."""
    endpoint, file = collector
    by = (("method", "sso"),)
    values = Counter([1, 10, 250, 250])
    points = [
        Point(NAMESPACE, "Logins", "count", "Count", MINUTE, by, 3, 3, description="Logins by method."),
        Point(NAMESPACE, "Refunds", "sum", "None", MINUTE, (), 2, -12.5),
        Point(NAMESPACE, "Depth", "gauge", "Count", MINUTE, (), 2, 7, last_ms=MINUTE + 59_000),
        Point(NAMESPACE, "Size", "histogram", "Bytes", MINUTE, (), 4, values=values, buckets=(10, 100)),
        Point(NAMESPACE, "Latency", "distribution", "Milliseconds", MINUTE, (), 4, values=values),
    ]
    dropped: Counter[str] = Counter()
    Exporter(endpoint, dict, 10.0, {"service.name": "logharbor"}).send(points, 60.0, dropped)
    assert not dropped
    found = _metrics(file)
    begin, end = str(MINUTE * 1_000_000), str((MINUTE + 60_000) * 1_000_000)
    span = {"startTimeUnixNano": begin, "timeUnixNano": end}
    attributes = [{"key": "method", "value": {"stringValue": "sso"}}]
    assert found["resource"]["attributes"] == [{"key": "service.name", "value": {"stringValue": "logharbor"}}]
    assert found["scope"] == {"name": NAMESPACE}
    assert found["Logins"] == {
        "name": "Logins",
        "description": "Logins by method.",
        "unit": "1",
        "sum": {
            "aggregationTemporality": 1,
            "isMonotonic": True,
            "dataPoints": [{**span, "attributes": attributes, "asInt": "3"}],
        },
    }
    assert found["Refunds"]["sum"] == {"aggregationTemporality": 1, "dataPoints": [{**span, "asDouble": -12.5}]}
    last = str((MINUTE + 59_000) * 1_000_000)
    assert found["Depth"]["gauge"] == {"dataPoints": [{"timeUnixNano": last, "asInt": "7"}]}
    (size,) = found["Size"]["histogram"]["dataPoints"]
    assert size == {
        **span,
        "count": "4",
        "sum": 511,
        "bucketCounts": ["2", "0", "2"],
        "explicitBounds": [10, 100],
        "min": 1,
        "max": 250,
    }
    (latency,) = found["Latency"]["exponentialHistogram"]["dataPoints"]
    assert (latency["count"], latency["sum"], latency["min"], latency["max"]) == ("4", 511, 1, 250)
    assert sum(map(int, latency["positive"]["bucketCounts"])) == 4
