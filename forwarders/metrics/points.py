"""A metric's value for one minute and one set of dimensions, and how many of them become one."""

from __future__ import annotations

import math
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Literal, TypeGuard

import msgspec

MINUTE_MS = 60_000
PIPELINE = "Pipeline"
"""The dimension of the pipeline's own metrics that tells two pipelines of an account apart."""
TOO_MANY_SERIES = "too_many_series"

Kind = Literal["count", "sum", "gauge", "distribution", "histogram"]
Dimensions = tuple[tuple[str, str], ...]
"""Names and values, in the rule's order."""


class Point(msgspec.Struct):
    """What one minute of event time gave for one metric and one set of dimensions.

    `time_ms` is the minute's begin in ms since the epoch, `n` how many measurements are in it. `value` is the number of
    a count, a sum or a gauge (the one with the latest time, `last_ms`); `values` are a distribution's or a histogram's
    with how often each was there. `buckets` are a histogram's upper bounds. `in_cloudwatch`: CloudWatch has taken it
    from the raw line already, so it must not be given to CloudWatch again.
    """

    namespace: str
    name: str
    kind: Kind
    unit: str
    time_ms: int
    dimensions: Dimensions = ()
    n: int = 0
    value: int | float = 0
    values: Counter[int | float] = msgspec.field(default_factory=Counter)
    last_ms: int = 0
    buckets: tuple[int | float, ...] = ()
    description: str = ""
    in_cloudwatch: bool = False

    def measured(self) -> Iterator[tuple[int | float, int]]:
        """The values of a distribution or histogram, rising, with how often each was there."""
        yield from sorted(self.values.items())

    def total(self) -> float:
        """The sum of all that was measured; infinite when it is beyond a double."""
        try:
            if self.kind in ("distribution", "histogram"):
                return math.fsum(value * n for value, n in self.values.items())
            return float(self.value)
        except OverflowError:
            return math.inf


class Totals:
    """Points added up: at most one for each metric, minute and set of dimensions, and at most `most` of them."""

    def __init__(self, most: int = sys.maxsize) -> None:
        self._most = most
        self._points: dict[tuple[str, str, str, int, Dimensions, bool], Point] = {}
        self.dropped: Counter[str] = Counter()
        """How many measurements are in no point, by reason."""

    def add(self, point: Point) -> None:
        """`point` is in the totals."""
        key = (point.namespace, point.name, point.kind, point.time_ms, point.dimensions, point.in_cloudwatch)
        there = self._points.get(key)
        if there is None:
            if len(self._points) >= self._most:
                self.dropped[TOO_MANY_SERIES] += point.n
                return
            self._points[key] = point
            return
        there.n += point.n
        if point.kind in ("distribution", "histogram"):
            there.values.update(point.values)
        elif point.kind != "gauge":
            there.value = plus(there.value, point.value)
        elif point.last_ms >= there.last_ms:
            there.value, there.last_ms = point.value, point.last_ms

    def update(self, points: Iterable[Point]) -> None:
        """All `points` are in the totals."""
        for point in points:
            self.add(point)

    def points(self) -> list[Point]:
        """All points, by metric, minute and dimensions."""
        return [self._points[key] for key in sorted(self._points)]

    def __len__(self) -> int:
        return len(self._points)


def plus(a: int | float, b: int | float) -> int | float:
    """The sum, exact for integers; infinite where an integer beyond a double meets a double."""
    try:
        return a + b
    except OverflowError:
        return math.inf


def percentile(values: Mapping[int | float, int], percent: float) -> int | float:
    """The smallest value that so many percent of the values are not above (nearest rank).

    Raises ValueError when there are none.
    """
    rank = math.ceil(percent / 100 * sum(values.values()))
    seen = 0
    for value, n in sorted(values.items()):
        seen += n
        if seen >= rank:
            return value
    raise ValueError("no values")


def is_finite(value: object) -> TypeGuard[int | float]:
    """Whether a JSON value is a number that a double can hold."""
    return type(value) in (int, float) and -_MAX <= value <= _MAX  # type: ignore[operator]


_MAX = sys.float_info.max
