"""Every HTTP sink behaves alike: each row of tests/data/sinks/delivery.jsonl, with and without a network."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

from forwarders.model import Contract, Event, Fate, Kind, Origin, Outcome, Verdict, event_id
from forwarders.sinks import Copies, Sink
from forwarders.sinks.delivery import Limits, Surroundings
from forwarders.sinks.elasticsearch import Elasticsearch
from forwarders.sinks.honeycomb import Honeycomb
from forwarders.sinks.http import Transport, endpoint
from forwarders.testing import (
    Action,
    FakeClock,
    FakeHttp,
    Received,
    Reply,
    ScriptedServer,
    drip,
    drop,
    elasticsearch_items,
    honeycomb_items,
    html,
    redirect,
    silence,
    status,
    truncated,
    wrong_length,
)

ROWS = [json.loads(line) for line in Path(__file__).parents[1].joinpath("data/sinks/delivery.jsonl").open()]
PLAIN = Copies(lambda contract: None, lambda text: text, lambda text: text)
CONTRACT = Contract("user.login.success", 1, "1.0.0", "team-identity", "user")
ORIGIN = Origin("cloudwatch", "here", "123456789012", "eu-central-1", "/aws/lambda/shop", "s")
STATUSES = {"busy": 429, "bad": 400, "broken": 503, "forbidden": 403, "odd": 299}


class Row(msgspec.Struct, frozen=True):
    """What the suite has to know of a sink to test it."""

    make: Callable[..., Sink]
    items: Callable[[Sequence[int]], Action]
    ids: Callable[[Received], list[str]]
    ok: int
    words: dict[str, str]
    idempotent: bool


def _elasticsearch_ids(request: Received) -> list[str]:
    lines: list[Any] = request.lines()
    return [line["create"]["_id"] for line in lines[::2]]


def _honeycomb_ids(request: Received) -> list[str]:
    events: Any = request.json()
    return [event["data"]["logharbor.id"] for event in events]


SINKS = {
    "elasticsearch": Row(
        Elasticsearch,
        elasticsearch_items,
        _elasticsearch_ids,
        201,
        {
            "$bad": "sink_rejected:document_parsing_exception",
            "$refusal": '{"error": {"type": "x_content_e_o_f_exception", "reason": "ryansb"}, "status": 400}',
            "$refused": "sink_rejected:x_content_e_o_f_exception",
        },
        True,
    ),
    "honeycomb": Row(
        Honeycomb,
        honeycomb_items,
        _honeycomb_ids,
        202,
        {
            "$bad": "sink_rejected:malformed",
            "$refusal": '{"error": "Request body is malformed and cannot be read"}',
            "$refused": "sink_rejected:malformed",
        },
        False,
    ),
}


def _healthy(sink: Row) -> Action:
    return lambda request: sink.items([sink.ok] * len(sink.ids(request)))(request)


def _items(sink: Row, step: dict[str, Any]) -> Action:
    codes = [sink.ok if word == "ok" else STATUSES[word] for word in step["items"]]
    if not step.get("extra"):
        return sink.items(codes)

    def longer(request: Received) -> Reply:
        reply = sink.items(codes)(request)
        answer: Any = msgspec.json.decode(reply.body)
        items = answer["items"] if isinstance(answer, dict) else answer
        items.extend(items[:1] * step["extra"])
        return Reply(200, msgspec.json.encode(answer))

    return longer


def _action(sink: Row, step: dict[str, Any]) -> Action:
    """A step of a row as an action."""
    ways: dict[str, Callable[[Any], Action]] = {
        "items": lambda _: _items(sink, step),
        "html": html,
        "drop": drop,
        "silence": lambda _: silence(),
        "drip": lambda speed: drip(speed, _healthy(sink)),
        "truncated": lambda keep: truncated(keep, _healthy(sink)),
        "wrong_length": lambda length: wrong_length(length, _healthy(sink)),
        "redirect": redirect,
        "status": lambda code: status(code, _said(sink, step.get("body", "")), step.get("headers")),
    }
    name = next(name for name in ways if name in step)
    return ways[name](step[name])


def _said(sink: Row, text: str) -> str:
    return sink.words.get(text, text)


def _script(sink: Row, row: dict[str, Any], ids: Sequence[str]) -> tuple[list[Action], Action]:
    steps = [_action(sink, step) for step in row["script"]]
    otherwise = _action(sink, row["otherwise"]) if "otherwise" in row else _healthy(sink)
    poison = row.get("poison")
    if not poison:
        return steps, otherwise
    culprit, refuse, healthy = ids[poison["position"]], _action(sink, poison), otherwise
    return steps, lambda request: (refuse if culprit in sink.ids(request) else healthy)(request)


def _told(outcomes: Sequence[Outcome]) -> list[str]:
    return [f"{outcome.fate}:{outcome.reason}" if outcome.reason else str(outcome.fate) for outcome in outcomes]


def _unfolded(outcomes: Sequence[str]) -> list[str]:
    pairs = (outcome.partition(" x") for outcome in outcomes)
    return [text for text, _, times in pairs for _ in range(int(times or 1))]


def _check(sink: Row, row: dict[str, Any], ship: Callable[[], Sequence[Outcome]], requests: list[Received]) -> None:
    outcomes = ship()
    expected = [_spoken(sink, outcome) for outcome in _unfolded(row["outcomes"])]
    assert _told(outcomes) == expected
    doubtful = [
        position
        for position in row.get("doubtful", [])
        if outcomes[position].fate is Fate.RETURNED or not sink.idempotent
    ]
    assert [position for position, outcome in enumerate(outcomes) if outcome.ambiguous] == doubtful
    if "most_requests" in row:
        assert len(requests) <= row["most_requests"]
    if "again" in row:
        before = len(requests)
        assert _told(ship()) == row["again"]
        assert len(requests) == before


def _spoken(sink: Row, outcome: str) -> str:
    fate, _, reason = outcome.partition(":")
    return f"{fate}:{_said(sink, reason)}" if reason else fate


def _sent(sink: Row, requests: Sequence[Received], ids: Sequence[str]) -> list[list[int]]:
    return [[ids.index(id) for id in sink.ids(request)] if request.body else [] for request in requests]


def _named(row: dict[str, Any]) -> str:
    return str(row["name"])


@pytest.mark.parametrize("name", SINKS)
@pytest.mark.parametrize("row", ROWS, ids=_named)
def test_delivery_without_a_network(name: str, row: dict[str, Any]) -> None:
    """Whatever a sink answers, every event ends as promised; waiting takes no time here."""
    sink = SINKS[name]
    clock = FakeClock()
    ids = _ids(row)
    http = FakeHttp(*_script(sink, row, ids), clock=clock)
    shipper, pieces = _made(sink, http, clock.surroundings(), ids)
    deadline = clock.deadline(row.get("deadline_s", 300))
    _check(sink, row, lambda: shipper.ship(pieces, ids, deadline), http.requests)
    assert clock.now <= 1_000 + max(row.get("deadline_s", 300), 0)
    if "waits" in row:
        assert [round(wait, 6) for wait in clock.slept] == row["waits"]
    if "sent" in row:
        assert _sent(sink, http.requests, ids) == row["sent"]


@pytest.mark.parametrize("name", SINKS)
@pytest.mark.parametrize("row", ROWS, ids=_named)
def test_delivery_over_a_socket(name: str, row: dict[str, Any]) -> None:
    """The same with a real server: resets, drips and lies are what the operating system makes of them."""
    sink = SINKS[name]
    clock = FakeClock()
    ids = _ids(row)
    with ScriptedServer(*_script(sink, row, ids)) as server:
        shipper, pieces = _made(sink, None, clock.surroundings(), ids, server.url)
        deadline = clock.deadline(row.get("deadline_s", 300))
        _check(sink, row, lambda: shipper.ship(pieces, ids, deadline), server.requests)
        shipper.close()
        if "sent" in row:
            assert _sent(sink, server.requests, ids) == row["sent"]


def _ids(row: dict[str, Any]) -> list[str]:
    return [event_id(b"suite", str(number)) for number in range(row["pieces"])]


def _made(
    sink: Row, transport: Transport | None, around: Surroundings, ids: Sequence[str], url: str = "http://sink.test"
) -> tuple[Sink, list[str]]:
    """A sink, and one of its pieces for each id."""
    limits = Limits(timeout_s=0.4)
    shipper = sink.make("sink", endpoint(url), copies=PLAIN, transport=transport, around=around, limits=limits)
    encode = shipper.encoder(Kind(ORIGIN, CONTRACT, Verdict.VALID, "user", "test"))
    return shipper, [encode(_event(id)) for id in ids]


def _event(id: str) -> Event:
    data = {"event": CONTRACT.name, "user": "ryansb"}
    return Event(id, 1493214552000, CONTRACT.name, json.dumps(data), data, CONTRACT, Verdict.VALID)


def test_every_outcome_of_the_suite_is_a_fate_of_a_sink() -> None:
    """The rows themselves are right: one outcome for each event, and only fates that a sink may give."""
    for row in ROWS:
        outcomes = _unfolded(row["outcomes"])
        assert len(outcomes) == row["pieces"], row["name"]
        assert {outcome.partition(":")[0] for outcome in outcomes} <= {Fate.DELIVERED, Fate.DEAD, Fate.RETURNED}
