"""The scripted server without a network and without waiting: a Transport, and a clock that only moves when told."""

from __future__ import annotations

from collections.abc import Sequence

from forwarders.model import Deadline
from forwarders.sinks.delivery import Surroundings
from forwarders.sinks.http import NoAnswer, Request, Response
from forwarders.testing.script import Action, Received, Reply, Script, Step


class FakeClock:
    """A clock that moves by sleeping. `slept` lists every wait in seconds."""

    def __init__(self, now: float = 1_000.0, random: float = 1.0) -> None:
        self.now = now
        self.slept: list[float] = []
        self._random = random

    def sleep(self, seconds: float) -> None:
        """Moves the clock."""
        self.slept.append(seconds)
        self.now += seconds

    def deadline(self, seconds: float) -> Deadline:
        """A deadline that many seconds from now."""
        ends = self.now + seconds
        return lambda: ends - self.now

    def surroundings(self) -> Surroundings:
        """This clock for an engine; its wall clock is the same, randomness always draws the highest wait."""
        return Surroundings(lambda: self.now, lambda: self.now, self.sleep, lambda: self._random)


class FakeHttp:
    """A Transport that answers by a script; `requests` are what it was sent, decompressed.

    What a real server does to a connection happens here at once: silence and a drip that takes too long move the clock
    by the whole time-out and end in NoAnswer.
    """

    def __init__(
        self, steps: Sequence[Step] = (), otherwise: Action | None = None, clock: FakeClock | None = None
    ) -> None:
        self._script = Script(steps, otherwise)
        self._clock = clock or FakeClock()

    @property
    def requests(self) -> list[Received]:
        """Every request so far."""
        return self._script.requests

    @property
    def left(self) -> int:
        """How many steps have not been used."""
        return self._script.left

    def __call__(self, request: Request, timeout_s: float) -> Response:
        unread: list[bytes] = []
        received = Received("POST", request.target, request.headers, lambda: unread.pop() if unread else request.body)
        reply = self._script.reply(received)
        if reply.drop == "before":
            unread.append(b"")
        if reply.drop:
            raise NoAnswer("connection_lost", sent=True)
        if reply.silent or _too_slow(reply, timeout_s):
            self._clock.now += timeout_s
            raise NoAnswer("timeout", sent=True)
        if reply.content_length is not None and reply.content_length > len(reply.body):
            raise NoAnswer("connection_lost", sent=True)
        end = reply.content_length if reply.cut_after is None else reply.cut_after
        headers = {name.lower(): value for name, value in reply.headers.items()}
        return Response(reply.status, headers, reply.body[:end])


def _too_slow(reply: Reply, timeout_s: float) -> bool:
    return bool(reply.bytes_per_s) and len(reply.body) / reply.bytes_per_s >= timeout_s
