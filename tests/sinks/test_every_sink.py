"""What every registered sink keeps, whatever it writes to: the part of the contract that needs no server."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from forwarders.config import SinkConfig
from forwarders.errors import Withheld
from forwarders.model import Contract, Event, Fate, Flaw, Kind, Origin, Verdict, event_id
from forwarders.sinks import OPEN, Copies, LocalSink, Sink

CONTRACT = Contract("user.login.success", 1, "1.0.0", "team-identity", "user")
ORIGIN = Origin("cloudwatch", "here", "123456789012", "eu-central-1", "/aws/lambda/shop", "s")
CANARY = "canary-5f3a"
SETTINGS = {
    "elasticsearch": SinkConfig(type="elasticsearch", endpoint="http://127.0.0.1:9"),
    "honeycomb": SinkConfig(type="honeycomb", endpoint="http://127.0.0.1:9", dataset="shop", secret="env:KEY"),
    "sqlite": SinkConfig(type="sqlite", path="events.db"),
    "stdout": SinkConfig(type="stdout"),
}
KINDS = {
    Verdict.VALID: Kind(ORIGIN, CONTRACT, Verdict.VALID, "user", "test"),
    Verdict.INVALID: Kind(ORIGIN, CONTRACT, Verdict.INVALID, "quarantine", "test"),
    Verdict.UNREGISTERED: Kind(ORIGIN, None, Verdict.UNREGISTERED, "unregistered", "test"),
}


def _mask(text: str) -> str:
    return text.replace(CANARY, "***")


def _no_secret(reference: str) -> str:
    raise AssertionError("a secret was read before it was needed")


def _open(name: str, folder: Path, redact: Callable[[str], str] = _mask) -> Sink:
    settings = SETTINGS[name]
    if settings.path:
        settings = SinkConfig(type="sqlite", path=str(folder / settings.path))
    copies = Copies(lambda contract: lambda event: redact(event.text), _mask, _mask)
    sink = OPEN[name](name, settings, copies, _no_secret)
    if isinstance(sink, LocalSink):
        sink.prepare([CONTRACT], lambda contract: [])
    return sink


def _event(verdict: Verdict, number: int = 0) -> Event:
    data = {"event": CONTRACT.name, "user": CANARY}
    contract = None if verdict is Verdict.UNREGISTERED else CONTRACT
    flaws = (Flaw("/user", "type", "string", "integer"),) if verdict is Verdict.INVALID else ()
    id = event_id(b"every", str(number))
    return Event(id, 1493214552000, CONTRACT.name, json.dumps(data), data, contract, verdict, flaws, reason="contract")


def test_every_registered_sink_is_in_this_suite() -> None:
    """A new sink is tested here, or this fails."""
    assert set(SETTINGS) == set(OPEN)


@pytest.mark.parametrize("name", OPEN)
def test_opening_a_sink_connects_to_nothing_and_reads_no_secret(name: str, tmp_path: Path) -> None:
    """It has its name, its type and a limit for what it is handed at once."""
    sink = _open(name, tmp_path)
    assert (sink.name, sink.type) == (name, name)
    assert sink.max_body_bytes > 0
    sink.close()


@pytest.mark.parametrize("name", OPEN)
@pytest.mark.parametrize("verdict", Verdict)
def test_no_copy_holds_what_was_to_be_redacted(name: str, verdict: Verdict, tmp_path: Path) -> None:
    """Valid by contract, quarantined and unregistered by patterns."""
    sink = _open(name, tmp_path)
    assert CANARY not in sink.encoder(KINDS[verdict])(_event(verdict))
    sink.close()


@pytest.mark.parametrize("name", OPEN)
def test_no_copy_of_a_valid_event_is_made_when_redaction_fails(name: str, tmp_path: Path) -> None:
    """The encoder raises; nothing half redacted comes out."""

    def fail(text: str) -> str:
        raise Withheld("no key")

    sink = _open(name, tmp_path, fail)
    with pytest.raises(Withheld):
        sink.encoder(KINDS[Verdict.VALID])(_event(Verdict.VALID))
    sink.close()


@pytest.mark.parametrize("name", OPEN)
def test_nothing_to_ship_is_nothing(name: str, tmp_path: Path) -> None:
    """No pieces, no outcomes."""
    sink = _open(name, tmp_path)
    assert list(sink.ship([], [], lambda: 10.0)) == []
    sink.close()


@pytest.mark.parametrize("name", OPEN)
def test_without_time_everything_comes_again(name: str, tmp_path: Path) -> None:
    """One outcome for each piece: returned, because of the deadline."""
    sink = _open(name, tmp_path)
    encode = sink.encoder(KINDS[Verdict.VALID])
    events = [_event(Verdict.VALID, number) for number in range(3)]
    outcomes = sink.ship([encode(event) for event in events], [event.id for event in events], lambda: 0.0)
    assert [(outcome.fate, outcome.reason) for outcome in outcomes] == [(Fate.RETURNED, "deadline")] * 3
    sink.close()


@pytest.mark.parametrize("name", ["sqlite", "stdout"])
def test_a_local_sink_delivers_each_piece_by_position(name: str, tmp_path: Path) -> None:
    """Every verdict, in one call; closing twice does no harm."""
    sink = _open(name, tmp_path)
    events = [_event(verdict, number) for number, verdict in enumerate(Verdict)]
    pieces = [sink.encoder(KINDS[event.verdict])(event) for event in events]
    outcomes = sink.ship(pieces, [event.id for event in events], lambda: 10.0)
    assert [outcome.fate for outcome in outcomes] == [Fate.DELIVERED] * 3
    sink.close()
    sink.close()
