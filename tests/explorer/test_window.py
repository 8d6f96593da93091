"""Time windows: how they are written, read and chosen."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forwarders.explorer.window import DAY, HIGHEST, HOUR, LOWEST, Window, iso, parse, presets


@pytest.mark.parametrize(
    ("text", "time_ms"),
    [
        ("2026-11-01T08:00:00Z", 1_793_520_000_000),
        ("2026-11-01T09:00:00+01:00", 1_793_520_000_000),
        ("2026-11-01 08:00", 1_793_520_000_000),
        ("2026-11-01", 1_793_491_200_000),
        (" 1793520000000 ", 1_793_520_000_000),
        ("-86400000", -86_400_000),
        ("9" * 19, HIGHEST),
        ("yesterday", None),
        ("2026", None),
        ("", None),
        ("9" * 40, None),
        ("2026-13-01", None),
    ],
)
def test_a_time_is_read_as_people_write_it(text: str, time_ms: int | None) -> None:
    """ISO with or without a zone (UTC then), a date, or milliseconds."""
    assert parse(text) == time_ms


@given(st.integers(-30_000_000_000_000, 253_402_300_799_999))
def test_what_is_written_is_read_back(time_ms: int) -> None:
    """A link's window is the window that it was made for, to the millisecond."""
    assert parse(iso(time_ms)) == time_ms


@given(st.integers(LOWEST, HIGHEST))
def test_any_time_can_be_shown(time_ms: int) -> None:
    """No stored time breaks a page."""
    assert iso(time_ms)


@pytest.mark.parametrize(
    ("span", "per"), [(HOUR, "minute"), (12 * HOUR, "hour"), (30 * DAY, "day"), (3_650 * DAY, "month")]
)
def test_a_chart_has_bars_that_can_be_told_apart(span: int, per: str) -> None:
    """The step follows the window."""
    assert Window(0, span).per() == per


def test_presets_count_back_from_the_end_of_the_data() -> None:
    """Logs of last year have a last hour too; what is longer than the data is not offered."""
    window = Window(0, 2 * DAY)
    assert presets(window) == [("last hour", Window(2 * DAY - HOUR, 2 * DAY)), ("last day", Window(DAY, 2 * DAY))]
