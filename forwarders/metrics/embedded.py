"""Metrics that a log line holds already: documents of CloudWatch's embedded metric format.

CloudWatch has taken them from the raw line, so they are never given to CloudWatch again; other outputs get them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from itertools import chain
from typing import Any, TypeGuard

from forwarders.metrics.points import MINUTE_MS, Dimensions, Point, is_finite

MAX_DIRECTIVES, MAX_SETS, MAX_METRICS, MAX_VALUES = 20, 30, 100, 100
MAX_NAME_CHARS = 1024
BROKEN = "emf_invalid"
"""Counted for each metric of a document that breaks the specification: CloudWatch would not take it either."""

_UNITS = frozenset(
    ["Seconds", "Microseconds", "Milliseconds", "Percent", "Count", "None", "Count/Second"]
    + [f"{size}{per}" for size in ("Bytes", "Bits") for per in ("", "/Second")]
    + [
        f"{prefix}{size}{per}"
        for prefix in ("Kilo", "Mega", "Giga", "Tera")
        for size in ("bytes", "bits")
        for per in ("", "/Second")
    ]
)


def directives(data: dict[str, Any]) -> list[Any] | None:
    """What an event says under `_aws.CloudWatchMetrics`; None when it holds no metrics."""
    meta = data.get("_aws")
    found = meta.get("CloudWatchMetrics") if type(meta) is dict else None
    return found if type(found) is list else None


def points(data: dict[str, Any], event_ms: int, safe: Callable[[str], str], dropped: Counter[str]) -> Iterator[Point]:
    """The metrics of a document as points, one for each set of dimensions; none when the event is no document.

    `event_ms` is its time where `_aws.Timestamp` says none. A point with a name or a dimension that `safe` would change
    is left out, and counted as `personal_data`. Raises nothing for what the event holds.
    """
    found = directives(data)
    if found is None:
        return
    stamp = data["_aws"].get("Timestamp")
    at_ms = stamp if type(stamp) is int else event_ms
    for directive in found[:MAX_DIRECTIVES]:
        if type(directive) is not dict:
            dropped[BROKEN] += 1
            continue
        namespace = directive.get("Namespace")
        sets = directive.get("Dimensions") or [[]]
        metrics = directive.get("Metrics")
        if not _is_name(namespace) or type(sets) is not list or type(metrics) is not list:
            dropped[BROKEN] += 1
            continue
        for names in sets[:MAX_SETS]:
            dimensions = _dimensions(data, names)
            for metric in metrics[:MAX_METRICS]:
                point = _point(data, namespace, dimensions, metric, at_ms) if dimensions is not None else None
                if point is None:
                    dropped[BROKEN] += 1
                elif any(safe(text) != text for text in (namespace, point.name, *chain(*point.dimensions))):
                    dropped["personal_data"] += point.n
                else:
                    yield point


def _dimensions(data: dict[str, Any], names: Any) -> Dimensions | None:
    if type(names) is not list or len(names) > MAX_SETS:
        return None
    if any(not _is_name(name) or type(data.get(name)) is not str for name in names):
        return None
    return tuple((name, data[name]) for name in names)


def _point(data: dict[str, Any], namespace: str, dimensions: Dimensions, metric: Any, at_ms: int) -> Point | None:
    if type(metric) is not dict or not _is_name(metric.get("Name")):
        return None
    values = _values(data.get(metric["Name"]))
    if not values:
        return None
    unit = metric.get("Unit")
    return Point(
        namespace=namespace,
        name=metric["Name"],
        kind="distribution",
        unit=unit if type(unit) is str and unit in _UNITS else "None",
        time_ms=at_ms // MINUTE_MS * MINUTE_MS,
        dimensions=dimensions,
        n=values.total(),
        values=values,
        in_cloudwatch=True,
    )


def _values(value: Any) -> Counter[int | float] | None:
    """A number, an array of at most 100, or `{"Values": […], "Counts": […]}`, which is not in the specification and
    which CloudWatch takes."""
    if is_finite(value):
        return Counter((value,))
    if type(value) is list and len(value) <= MAX_VALUES and all(map(is_finite, value)):
        return Counter(value)
    if type(value) is not dict:
        return None
    values, counts = value.get("Values"), value.get("Counts")
    if type(values) is not list or type(counts) is not list or not 0 < len(values) == len(counts) <= MAX_VALUES:
        return None
    if not all(map(is_finite, values)) or not all(is_finite(n) and 0 < n <= 1e12 and n == int(n) for n in counts):
        return None
    both: Counter[int | float] = Counter()
    for one, n in zip(values, counts, strict=True):
        both[one] += int(n)
    return both


def _is_name(name: Any) -> TypeGuard[str]:
    return type(name) is str and 0 < len(name) <= MAX_NAME_CHARS
