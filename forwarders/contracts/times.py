"""The time of an event, read from the field that its contract marks with `x-time`."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

TimeOf = Callable[[dict[str, Any]], "int | None"]

MAX_TIME_MS = 253_402_300_799_999
"""The last millisecond of the year 9999: beyond it neither datetime nor a person can say when that is."""

_PER_SECOND = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


def no_time(data: dict[str, Any]) -> None:
    """None, whatever the event: its contract marks no field as its time."""
    return


def time_of(path: tuple[str, ...], unit: str) -> TimeOf:
    """A function that reads an event's time at `path` in ms since the epoch; None where there is no usable time.

    Integers are converted exactly (rounded down), other numbers to the nearest ms. Not usable: a missing field, another
    type (true is not a number), a text without an offset from UTC, a time before 1970 or after 9999.
    """
    convert = _from_text if unit == "rfc3339" else _from_number(_PER_SECOND[unit])
    first, *rest = path
    if not rest:
        return _flat(first, unit, convert)

    def nested(data: dict[str, Any]) -> int | None:
        value = data.get(first)
        for key in rest:
            if type(value) is not dict:
                return None
            value = value.get(key)
        return convert(value)

    return nested


def at_once(unit: str) -> tuple[int, int]:
    """Factor to ms and largest value for integers that are converted without a call; (0, -1): none are."""
    factor = {"s": 1000, "ms": 1}.get(unit, 0)
    return factor, MAX_TIME_MS // factor if factor else -1


def _flat(key: str, unit: str, convert: Callable[[Any], int | None]) -> TimeOf:
    """The usual contract: a number at the root. An integer in s or ms, of today, is converted without a call and
    without a division: 0.05 µs instead of 0.2."""
    if unit == "rfc3339":
        return lambda data: convert(data.get(key))
    factor, latest = at_once(unit)

    def read(data: dict[str, Any]) -> int | None:
        value = data.get(key)
        if type(value) is int and 0 <= value <= latest:
            return value * factor
        return convert(value)

    return read


def _from_number(per_second: int) -> Callable[[Any], int | None]:
    def convert(value: Any) -> int | None:
        if type(value) is int:
            ms = value * 1000 // per_second
        elif type(value) is float and -1e30 < value < 1e30:  # also false for inf and nan
            ms = round(value * 1000 / per_second)
        else:
            return None
        return ms if 0 <= ms <= MAX_TIME_MS else None

    return convert


def _from_text(value: Any) -> int | None:
    """An RFC 3339 time. datetime.fromisoformat reads all of it but the lower case and the leap second."""
    if type(value) is not str or len(value) > 64:
        return None
    leap = 0
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        value = value.upper()
        if value[16:19] == ":60":
            value, leap = value[:16] + ":59" + value[19:], 1000
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            return None
    if moment.tzinfo is None:
        return None
    ms = (moment - _EPOCH) // _MILLISECOND + leap
    return ms if 0 <= ms <= MAX_TIME_MS else None
