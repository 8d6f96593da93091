"""Points as documents of CloudWatch's embedded metric format (EMF): lines of our own log that CloudWatch reads.

Specification: CloudWatch_Embedded_Metric_Format_Specification in the CloudWatch user guide. A metric's value is a
number or an array of at most 100 numbers; a value that was measured several times stands there several times. The form
`{"Values": […], "Counts": […]}`, which CloudWatch also takes, is not in the specification and not used here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import msgspec

from forwarders.metrics.points import Dimensions, Point
from forwarders.model import Deadline

MAX_METRICS = 100
MAX_VALUES = 100
MAX_DIMENSIONS = 30
MAX_BYTES = 256 * 1024
"""Of one document. The specification says 1 MB; a log event written from Lambda is cut at 256 kB."""
MAX_DIMENSION_NAME_CHARS = 250
MAX_DIMENSION_CHARS = 1024
DAY_MS = 86_400_000
PAST_MS = 14 * DAY_MS
AHEAD_MS = 2 * 3_600_000
"""CloudWatch takes points that are at most two weeks old or two hours ahead."""
MAX_VALUE = 2.0**360
"""CloudWatch refuses what is beyond (PutMetricData: -2^360 to 2^360)."""

EMPTY = "__empty__"
"""In place of a dimension's value that holds nothing but white space, which CloudWatch refuses."""

OUTSIDE_WINDOW, NEGATIVE, TOO_BIG = "outside_window", "negative_value", "value_too_big"
NAME_TAKEN, TOO_MANY_DIMENSIONS, TOO_LONG = "name_taken", "too_many_dimensions", "document_too_big"
TOO_LATE = "emf_deadline"

_INT64 = 1 << 63

_encode = msgspec.json.Encoder().encode


def documents(
    points: Iterable[Point], now_ms: int, dropped: Counter[str], deadline: Deadline = lambda: 1.0
) -> Iterator[str]:
    """The points as EMF documents, one line of ASCII JSON each; `dropped` counts what CloudWatch would not take.

    | reason | what it is |
    |---|---|
    | outside_window | event times older than 14 days or more than 2 hours ahead |
    | negative_value | of a distribution or histogram: one of them takes its percentiles away |
    | value_too_big | beyond 2^360, or a sum beyond a double |
    | name_taken | a dimension and a metric of one document would need the same name |
    | too_many_dimensions | more than 30 |
    | document_too_big | one metric's names and dimensions alone exceed what a log event may hold |
    | emf_deadline | the deadline came before they were written |
    """
    groups: dict[tuple[str, int, Dimensions], list[Point]] = {}
    for point in points:
        if point.in_cloudwatch:
            continue
        if not now_ms - PAST_MS <= point.time_ms <= now_ms + AHEAD_MS:
            dropped[OUTSIDE_WINDOW] += point.n
            continue
        groups.setdefault((point.namespace, point.time_ms, point.dimensions), []).append(point)
    for (namespace, time_ms, dimensions), some in groups.items():
        if deadline() <= 0:
            dropped[TOO_LATE] += sum(point.n for point in some)
            continue
        yield from _group(namespace, time_ms, dimensions, some, dropped)


def _group(
    namespace: str, time_ms: int, dimensions: Dimensions, points: Sequence[Point], dropped: Counter[str]
) -> Iterator[str]:
    """Documents for one namespace, minute and set of dimensions: as few as the limits let through."""
    shown = {_name(name): _dimension(value) for name, value in dimensions}
    ready: list[tuple[Point, list[list[int | float] | int | float]]] = []
    for point in points:
        if len(shown) > MAX_DIMENSIONS:
            dropped[TOO_MANY_DIMENSIONS] += point.n
            continue
        if point.name in shown or "_aws" in (point.name, *shown):
            dropped[NAME_TAKEN] += point.n
            continue
        ready.append((point, list(_values(point, dropped))))
    waiting: dict[str, tuple[str, list[int | float] | int | float]] = {}
    # The first array of every metric, then the second: a document holds as many metrics as it may.
    for i in range(max((len(values) for _, values in ready), default=0)):
        for point, values in ready:
            if i >= len(values):
                continue
            if len(waiting) == MAX_METRICS or point.name in waiting:
                yield from _document(namespace, time_ms, shown, waiting, points, dropped)
                waiting = {}
            waiting[point.name] = (point.unit, values[i])
    if waiting:
        yield from _document(namespace, time_ms, shown, waiting, points, dropped)


def _values(point: Point, dropped: Counter[str]) -> Iterator[list[int | float] | int | float]:
    """A point's value: one number, or arrays of at most 100."""
    if point.kind not in ("distribution", "histogram"):
        if abs(point.total()) <= MAX_VALUE:
            # A reader of JSON may take a number without a point for one of 64 bits.
            yield point.value if abs(point.value) < _INT64 else float(point.value)
        else:
            dropped[TOO_BIG] += point.n
        return
    some: list[int | float] = []
    for value, n in point.measured():
        if value < 0 or value > MAX_VALUE:
            dropped[NEGATIVE if value < 0 else TOO_BIG] += n
            continue
        while n:
            room = min(n, MAX_VALUES - len(some))
            some += [value if value < _INT64 else float(value)] * room
            n -= room
            if len(some) == MAX_VALUES:
                yield some
                some = []
    if some:
        yield some


def _document(
    namespace: str,
    time_ms: int,
    dimensions: dict[str, str],
    metrics: dict[str, tuple[str, list[int | float] | int | float]],
    points: Sequence[Point],
    dropped: Counter[str],
) -> Iterator[str]:
    """One document, or two halves of it where it would be too long for a log event."""
    text = _serialized(namespace, time_ms, dimensions, metrics)
    if len(text) <= MAX_BYTES:
        yield text
    elif len(metrics) == 1:
        (name,) = metrics
        dropped[TOO_LONG] += sum(point.n for point in points if point.name == name)
    else:
        names = list(metrics)
        for half in (names[: len(names) // 2], names[len(names) // 2 :]):
            some = {name: metrics[name] for name in half}
            yield from _document(namespace, time_ms, dimensions, some, points, dropped)


def _serialized(namespace: str, time_ms: int, dimensions: dict[str, str], metrics: dict[str, Any]) -> str:
    # Powertools writes the document: importing its Logger has imported this already (a healthy cold start pays
    # nothing), and its form is the one that CloudWatch reads everywhere. Its Metrics class prints on its own terms and
    # knows no event time, so only the serializer is used.
    from aws_lambda_powertools.metrics.provider.cloudwatch_emf.cloudwatch import AmazonCloudWatchEMFProvider

    provider = AmazonCloudWatchEMFProvider(namespace=namespace)
    provider.service = ""  # the environment's POWERTOOLS_SERVICE_NAME would become a dimension that no alarm has
    provider.timestamp = time_ms
    written: dict[str, Any] = {name: {"Unit": unit, "Value": value} for name, (unit, value) in metrics.items()}
    document = provider.serialize_metric_set(metrics=written, dimensions=dimensions, metadata={})
    return _ascii(_encode(document).decode())


def _ascii(text: str) -> str:
    """JSON in ASCII: a dimension's value must not move a cursor or turn text round where our log is read."""
    return text if text.isascii() else "".join(c if c < "\x7f" else _escaped(c) for c in text)


def _escaped(character: str) -> str:
    units = character.encode("utf-16-be")
    return "".join(f"\\u{int.from_bytes(units[i : i + 2]):04x}" for i in range(0, len(units), 2))


def _dimension(value: str) -> str:
    """A value that CloudWatch takes: ASCII without controls, not empty, at most 1,024 characters."""
    return _plain(value, MAX_DIMENSION_CHARS)


def _name(name: str) -> str:
    """A dimension's name that CloudWatch takes: as a value, at most 250 characters, and no colon in front."""
    return _plain(f"_{name}" if name.startswith(":") else name, MAX_DIMENSION_NAME_CHARS)


def _plain(text: str, at_most: int) -> str:
    if not text.isascii() or not text.isprintable():
        text = text.encode("unicode_escape").decode()
    text = text if len(text) <= at_most else text[: at_most - 3] + "..."
    return text if text.strip() else EMPTY
