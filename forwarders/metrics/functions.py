"""The profile of every Lambda function, read off what the Lambda service says of its invocations.

`lambda.report` is a REPORT line or platform.report, `lambda.platform` all else (see formats/lambda_platform.py).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from forwarders.metrics.points import MINUTE_MS, Kind, Point, is_finite

REPORT, PLATFORM = "lambda.report", "lambda.platform"
EVENTS = frozenset({REPORT, PLATFORM})
NAMESPACE = "Logharbor/Functions"
DIMENSION = "FunctionName"
LOG_GROUP_PREFIX = "/aws/lambda/"
_FOLDER = re.compile(r"(?:^|/)lambda/([^/]+)/")
_KILLED = re.compile(r"signal: killed\b")


class Prices(msgspec.Struct, frozen=True):
    """What Lambda costs: USD for a GB-second and for a request. On demand, first tier, no free tier, no savings plan.

    As of November 2026 in us-east-1: x86 0.0000166667, arm64 0.0000133334 for a GB-second, 0.20 for a million requests.
    A log line does not say the architecture.
    """

    gb_second: float = 0.0000166667
    request: float = 0.20 / 1_000_000


IsNew = Callable[[str, str], bool]
"""Whether this failure (a metric's name) of this request was not counted before; asked once for each."""


class Profile:
    """What the service's lines say, as points."""

    def __init__(self, prices: Prices = Prices()) -> None:  # noqa: B008 - frozen
        self._prices = prices

    def points(self, name: str, data: dict[str, Any], time_ms: int, function: str, is_new: IsNew) -> Iterator[Point]:
        """The points of one event; `function` is the function's name. None for what says nothing to count. A failure
        may be told of twice, by a line of its own and by the report: `is_new` tells.

        | metric | what it is |
        |---|---|
        | Invocations | reports |
        | Duration, BilledDuration, InitDuration, RestoreDuration | ms, every value |
        | MemoryUsed, MemorySize | MB, every value; the size that is configured, the last one |
        | ColdStarts | reports with an init duration, or of a snapshot that was restored |
        | Timeouts, OutOfMemory, Errors | invocations that ended so; Errors are all of them, each once |
        | EstimatedCost | USD |
        """
        minute = time_ms // MINUTE_MS * MINUTE_MS

        def point(metric: str, kind: Kind, unit: str, value: int | float) -> Point:
            one = Point(NAMESPACE, metric, kind, unit, minute, ((DIMENSION, function),), 1)
            if kind == "distribution":
                one.values[value] = 1
            else:
                one.value, one.last_ms = value, time_ms
            return one

        if name == REPORT and is_finite(data.get("duration_ms")):
            yield point("Invocations", "count", "Count", 1)
            for field, metric, kind, unit in _FIELDS:
                if is_finite(data.get(field)):
                    yield point(metric, kind, unit, data[field])
            if is_finite(data.get("init_duration_ms")) or is_finite(data.get("restore_duration_ms")):
                yield point("ColdStarts", "count", "Count", 1)
            cost = self._cost(data)
            if cost is not None:
                yield point("EstimatedCost", "sum", "None", cost)
        request = data.get("request_id")
        for metric in _report_failures(data) if name == REPORT else _platform_failures(data):
            if type(request) is not str or is_new(request, metric):
                yield point(metric, "count", "Count", 1)

    def _cost(self, data: dict[str, Any]) -> float | None:
        billed, memory = data.get("billed_duration_ms"), data.get("memory_size_mb")
        if not is_finite(billed) or not is_finite(memory):
            return None
        restored = data.get("billed_restore_duration_ms")
        billed = float(billed) + (float(restored) if is_finite(restored) else 0.0)
        return billed / 1000 * float(memory) / 1024 * self._prices.gb_second + self._prices.request


_FIELDS: tuple[tuple[str, str, Kind, str], ...] = (
    ("duration_ms", "Duration", "distribution", "Milliseconds"),
    ("billed_duration_ms", "BilledDuration", "distribution", "Milliseconds"),
    ("init_duration_ms", "InitDuration", "distribution", "Milliseconds"),
    ("restore_duration_ms", "RestoreDuration", "distribution", "Milliseconds"),
    ("max_memory_used_mb", "MemoryUsed", "distribution", "Megabytes"),
    ("memory_size_mb", "MemorySize", "gauge", "Megabytes"),
)


def _report_failures(data: dict[str, Any]) -> list[str]:
    status, error = _lower(data.get("status")), _lower(data.get("error_type"))
    if status == "timeout" or error == "sandbox.timedout":
        return ["Timeouts", "Errors"]
    if error == "runtime.outofmemory":
        return ["OutOfMemory", "Errors"]
    return ["Errors"] if status in ("error", "failure") or error else []


def _platform_failures(data: dict[str, Any]) -> list[str]:
    """What older runtimes say in lines of their own, before the report."""
    type_, message = _lower(data.get("type")), data.get("message")
    if type_ == "timeout":
        return ["Timeouts", "Errors"]
    if type_ != "exit":
        return []
    killed = type(message) is str and _KILLED.search(message) is not None
    return ["OutOfMemory", "Errors"] if killed else ["Errors"]


def _lower(value: Any) -> str:
    return value.lower() if type(value) is str else ""


def function_name(log_group: str, path: str) -> str:
    """The function that a log group belongs to: `web-login` for `/aws/lambda/web-login`, and for a file in a folder
    `lambda/web-login`; else the group's or the file's own name."""
    if log_group:
        return log_group.removeprefix(LOG_GROUP_PREFIX)
    below = _FOLDER.search(path)
    return below[1] if below else path.rsplit("/", 1)[-1] or "(unknown)"
