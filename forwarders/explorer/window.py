"""The time window that every link of the explorer carries: `from` and `to`, ISO in UTC, `to` not included."""

from __future__ import annotations

import re
import sqlite3
from datetime import UTC, datetime, timedelta

import msgspec

LOWEST, HIGHEST = -(1 << 63), (1 << 63) - 1
MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
STEPS = {"minute": MINUTE, "hour": HOUR, "day": DAY, "month": 30 * DAY}
"""What `per` may be, in ms; a month is 30 days."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECONDS = re.compile(r"-?\d{5,19}")


class Window(msgspec.Struct, frozen=True):
    """A span of time in ms since the epoch, `to_ms` not included."""

    from_ms: int
    to_ms: int

    def iso(self) -> dict[str, str]:
        """As the parameters of a link."""
        return {"from": iso(self.from_ms), "to": iso(self.to_ms)}

    def per(self) -> str:
        """The step that gives a chart of this window at most about 100 bars."""
        span = self.to_ms - self.from_ms
        fitting = (name for name, step in STEPS.items() if span <= 100 * step)
        return next(fitting, "month")


def iso(time_ms: int) -> str:
    """`1493214552000` as `2017-04-26T13:49:12Z`, with milliseconds where there are any; else the number itself."""
    try:
        at = _EPOCH + timedelta(milliseconds=time_ms)
    except OverflowError:
        return str(time_ms)
    text = f"{at:%Y-%m-%dT%H:%M:%S}" if at.year >= 1000 else str(time_ms)
    if text == str(time_ms):
        return text
    return f"{text}.{at.microsecond // 1000:03d}Z" if at.microsecond else f"{text}Z"


def utc_minute(time_ms: int) -> str:
    """A chart's time: without its zone, so that a browser shows UTC's digits and not those of its own zone."""
    return iso(time_ms)[:16].replace("T", " ")


def parse(text: str) -> int | None:
    """A time as a person or a link writes it: ISO (UTC when it names no zone) or ms since the epoch; None: neither."""
    text = text.strip()
    if _MILLISECONDS.fullmatch(text):
        return max(LOWEST, min(HIGHEST, int(text)))
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    if at.tzinfo is None:
        at = at.replace(tzinfo=UTC)
    return round((at - _EPOCH) / timedelta(milliseconds=1))


def data_window(db: sqlite3.Connection) -> tuple[Window, int]:
    """The window that holds the data, on whole seconds, and how many events lie outside of it.

    A few events with a broken clock (1970, 2099) do not stretch it: when the middle 99 % span less than a twentieth of
    the whole, the window is theirs.
    """
    n, low, high = db.execute("SELECT count(*), min(time), max(time) FROM events").fetchone()
    if not n:
        return Window(0, DAY), 0
    query = "SELECT time FROM events ORDER BY time LIMIT 1 OFFSET ?"
    (inner_low,) = db.execute(query, (n // 200,)).fetchone()
    (inner_high,) = db.execute(query, (n - 1 - n // 200,)).fetchone()
    if high - low > 20 * max(inner_high - inner_low, HOUR):
        low, high = inner_low, inner_high
    window = Window(low // 1000 * 1000, min(HIGHEST, (high // 1000 + 1) * 1000))
    query = "SELECT count(*) FROM events WHERE time < ? OR time >= ?"
    (outside,) = db.execute(query, (window.from_ms, window.to_ms)).fetchone()
    return window, outside


def presets(window: Window) -> list[tuple[str, Window]]:
    """Windows worth a click, counted back from the end of the data, not from now."""
    spans = [("last hour", HOUR), ("last day", DAY), ("last 7 days", 7 * DAY), ("last 30 days", 30 * DAY)]
    whole = window.to_ms - window.from_ms
    return [(name, Window(window.to_ms - span, window.to_ms)) for name, span in spans if span < whole]


def register(db: sqlite3.Connection) -> None:
    """The SQL functions of the prepared questions exist on this connection: since, until, step, utc."""
    db.create_function("since", 1, lambda text: _bound(text, LOWEST), deterministic=True)
    db.create_function("until", 1, lambda text: _bound(text, HIGHEST), deterministic=True)
    db.create_function("step", 1, lambda per: STEPS.get(str(per or "").strip(), HOUR), deterministic=True)
    db.create_function("utc", 1, utc_minute, deterministic=True)


def _bound(text: object, default: int) -> int:
    found = parse(str(text)) if text not in (None, "") else None
    return default if found is None else found
