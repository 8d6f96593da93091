"""Sinks: where events land. `ship` is the hot half of each, `prepare` the half that makes it ready."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from importlib import import_module
from typing import Any, Protocol, runtime_checkable

import msgspec

from forwarders.model import Contract, Deadline, Encoder, Event, Kind, Outcome

Redact = Callable[[str], str]
"""A text to its redacted copy; linear time; raises errors.Withheld when no safe copy can be made."""


RedactEvent = Callable[[Event], str]
"""A readable event to the JSON text of its redacted copy; raises errors.Withheld when no safe copy can be made."""


class Copies(msgspec.Struct, frozen=True):
    """How a sink's copies are redacted; handed in because sinks do not know redaction.

    `redactor(contract)`: from an event of that contract to its redacted JSON text, None where nothing is redacted.
    `patterns`: for text without a usable contract. `patterns_json`: the same over JSON, giving JSON.
    """

    redactor: Callable[[Contract], RedactEvent | None]
    patterns: Redact
    patterns_json: Redact


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


@runtime_checkable
class LocalSink(Sink, Protocol):
    """A sink on this machine, which is made ready where it is used."""

    def prepare(self, contracts: Iterable[Contract], fields_of: Callable[[Contract], Sequence[Any]]) -> None:
        """Tables and views are there; called before the first ship, idempotent. Raises ConfigError."""
        ...


Open = Callable[[str, Any, Copies, Callable[[str], str]], Sink]
"""Name, settings (config.SinkConfig), how copies are redacted, and how a secret reference is resolved -> a sink.
Does no I/O. Raises ConfigError for settings that cannot be right."""


def _opener(module: str) -> Open:
    """`open_sink` of a module of this folder, imported when a pipeline has such a sink."""

    def open_sink(name: str, settings: Any, copies: Copies, secret: Callable[[str], str]) -> Sink:
        sink: Sink = import_module(f"forwarders.sinks.{module}").open_sink(name, settings, copies, secret)
        return sink

    return open_sink


OPEN: dict[str, Open] = {
    "elasticsearch": _opener("elasticsearch"),
    "honeycomb": _opener("honeycomb"),
    "sqlite": _opener("sqlite"),
    "stdout": _opener("stdout"),
}
"""Every type of sink. A new one is a file with `open_sink`, a line here, and its tests."""
