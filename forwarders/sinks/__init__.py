"""Sinks: where events land. `ship` is the hot half of each, `prepare` the half that makes it ready."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from forwarders.model import Deadline, Encoder, Kind, Outcome


class Sink(Protocol):
    """The hot half of a sink; made once for a process from its configuration.

    `name` is the name in pipeline.yaml, `type` the kind of sink (`elasticsearch`). Connections open at the first ship.
    """

    name: str
    type: str
    max_body_bytes: int

    def encoder(self, kind: Kind) -> Encoder:
        """The function that makes this sink's redacted copy of an event; called once for each kind of a plan."""
        ...

    def ship(self, pieces: Sequence[str], ids: Sequence[str], deadline: Deadline) -> Sequence[Outcome]:
        """Sends encoded events and says what became of each, position by position, from the sink's own answer.

        `pieces[i]` came from an encoder of this sink for the event with id `ids[i]` (32 hex digits). Called with up to
        about `max_body_bytes` of text, several times for a batch. Returns exactly one outcome a piece: DELIVERED, DEAD
        (would be refused again) or RETURNED (no answer, no time, no room). Never raises for what a server does;
        what was not understood is not delivered. Retries inside the deadline are the sink's own business.
        """
        ...

    def close(self) -> None:
        """Gives back connections and files."""
        ...
