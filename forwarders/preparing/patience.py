"""Doing again what a busy or silent server did not do, for as long as there is time."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

import msgspec

from forwarders.model import Deadline
from forwarders.sinks.changes import Answered, Unanswered

T = TypeVar("T")

BUSY = (429, 500, 502, 503, 504)
FIRST_WAIT_S = 0.5
LONGEST_WAIT_S = 10.0
TRIES_UNANSWERED = 3
"""A server that does not answer is asked so often: a wrong address shall not use up an apply's time."""


class Patience(msgspec.Struct, frozen=True):
    """How long to wait for a server. `remaining` gives the seconds that are left for all of it."""

    remaining: Deadline
    sleep: Callable[[float], None] = time.sleep
    tries_unanswered: int = TRIES_UNANSWERED

    def __call__(self, step: Callable[[], T]) -> T:
        """What `step` gives, asked again while the server is busy; its last error when time is up.

        Every step can be repeated: a plan changes nothing, a change that is made already does no harm.
        """
        wait_s, unanswered = FIRST_WAIT_S, 0
        while True:
            try:
                return step()
            except Answered as error:
                if error.status not in BUSY:
                    raise
                pause_s = wait_s if error.wait_s is None else max(error.wait_s, 0.1)
                if pause_s >= self.remaining():
                    raise
            except Unanswered:
                unanswered += 1
                pause_s = wait_s
                if unanswered >= self.tries_unanswered or pause_s >= self.remaining():
                    raise
            self.sleep(pause_s)
            wait_s = min(wait_s * 2, LONGEST_WAIT_S)


def seconds(number: float, clock: Callable[[], float] = time.monotonic) -> Deadline:
    """A deadline that many seconds from now."""
    ends = clock() + number
    return lambda: ends - clock()
