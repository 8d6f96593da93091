"""Waiting for a busy server, and not for ever."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from forwarders.preparing.patience import Patience
from forwarders.sinks.changes import Answered, Unanswered
from forwarders.testing import FakeClock


def failing(*errors: Exception) -> Callable[[], str]:
    """A step that raises these, one after the other, and then succeeds."""
    left = list(errors)

    def step() -> str:
        if left:
            raise left.pop(0)
        return "done"

    return step


@pytest.mark.parametrize(
    ("errors", "slept"),
    [
        ([], []),
        ([Answered(503, "503")] * 3, [0.5, 1.0, 2.0]),
        ([Answered(429, "429", 30.0)], [30.0]),
        ([Answered(429, "429", 0.0)], [0.1]),
        ([Unanswered("reset"), Answered(503, "503"), Unanswered("reset")], [0.5, 1.0, 2.0]),
        ([Answered(503, "503")] * 8, [0.5, 1.0, 2.0, 4.0, 8.0, 10.0, 10.0, 10.0]),
    ],
)
def test_a_server_that_comes_back(errors: list[Exception], slept: list[float]) -> None:
    """Waits double, but for what the server itself asks."""
    clock = FakeClock()
    assert Patience(clock.deadline(100), clock.sleep)(failing(*errors)) == "done"
    assert clock.slept == slept


@pytest.mark.parametrize(
    ("errors", "slept"),
    [
        ([Answered(403, "403")], []),
        ([Answered(302, "302")], []),
        ([Answered(429, "429", 101.0)], []),
        ([Unanswered("reset")] * 3, [0.5, 1.0]),
    ],
)
def test_a_server_that_says_no_or_nothing(errors: list[Exception], slept: list[float]) -> None:
    """A refusal is told at once, as is a wait that is longer than the time; silence after the third try."""
    clock = FakeClock()
    with pytest.raises(type(errors[-1])):
        Patience(clock.deadline(100), clock.sleep)(failing(*errors))
    assert clock.slept == slept


def test_the_last_error_is_told_in_time() -> None:
    """And no wait begins that would end after the deadline."""
    clock = FakeClock()
    with pytest.raises(Answered):
        Patience(clock.deadline(20), clock.sleep)(failing(*[Answered(503, "503")] * 100))
    assert sum(clock.slept) < 20
