"""CloudWatch Logs payloads: data files say what each payload must become."""

from __future__ import annotations

import base64
import gzip
import json
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forwarders.model import Batch, Origin, Record, event_id
from forwarders.sources import cloudwatch

TESTS = Path(__file__).parents[1]
CASES = [json.loads(line) for line in (TESTS / "data/sources/cloudwatch.jsonl").read_text().splitlines()]
EVENTS = [json.loads(line) for line in (TESTS / "data/sources/events.jsonl").read_text().splitlines()]

Make = Callable[[list[list[Any]]], bytes]
Told = Callable[[list[Batch]], list[dict[str, Any]]]
Invocation = Callable[[bytes], dict[str, Any]]


def envelope(events: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    return {"owner": "1", "logGroup": "g", "logStream": "s", "logEvents": events, **more}


def log_event(n: int, message: str = "hello") -> dict[str, Any]:
    return {"id": str(n), "timestamp": n, "message": message}


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_payload(case: dict[str, Any], make: Make, told: Told, invocation: Invocation) -> None:
    """Each payload becomes exactly the batches that the data file says, through Lambda's event and on its own."""
    payload = make(case["steps"])
    assert told(list(cloudwatch.decode(payload, region="eu-west-1"))) == case["batches"]
    assert told(list(cloudwatch.batches(invocation(payload), "eu-west-1"))) == case["batches"]


@pytest.mark.parametrize("case", EVENTS, ids=[case["file"] for case in EVENTS])
def test_event_file(case: dict[str, Any], told: Told) -> None:
    """The events in tests/events/ decode to the log events that AWS documents for them."""
    event = json.loads((TESTS / "events" / case["file"]).read_text())
    assert cloudwatch.recognises(event)
    assert told(list(cloudwatch.batches(event, "eu-central-1"))) == case["batches"]


def test_every_event_file_has_a_case() -> None:
    """No event in tests/events/ is without an expectation."""
    assert sorted(path.name for path in (TESTS / "events").glob("cloudwatch-*.json")) == sorted(
        case["file"] for case in EVENTS
    )


@pytest.mark.parametrize("name", ["cloudWatchLogEvent.json", "cloudWatchLogEventWithPolicyLevel.json"])
def test_real_payload(name: str, real: Path) -> None:
    """The payloads that AWS made hold two log events each, and nothing in them is a fault."""
    event = json.loads((real / "aws-events" / name).read_text())
    (batch,) = cloudwatch.batches(event, "eu-west-1")
    assert (len(batch.records), batch.drop, [record.fault for record in batch.records]) == (2, "", ["", ""])


def test_healthy_payload_is_a_whole_value(invocation: Invocation) -> None:
    """Origin, records, raw payload: everything that the pipeline gets of a payload."""
    event = invocation(gzip.compress(json.dumps(envelope([log_event(7)])).encode()))
    assert list(cloudwatch.batches(event, "eu-west-1")) == [
        Batch(
            Origin("cloudwatch", "1:g:s", "1", "eu-west-1", "g", "s"),
            [Record("7", 7, "hello")],
            event["awslogs"]["data"].encode(),
        )
    ]


def test_redelivery_has_the_same_ids(invocation: Invocation) -> None:
    """The same log events in another payload, compressed differently, have the same ids."""
    body = json.dumps(envelope([log_event(1), log_event(2)])).encode()

    def ids(payload: bytes) -> list[str]:
        return [
            event_id(batch.origin.id_prefix(), record.position)
            for batch in cloudwatch.batches(invocation(payload), "eu-west-1")
            for record in batch.records
        ]

    assert ids(gzip.compress(body, 1)) == ids(gzip.compress(body, 9)) == ids(body)


@pytest.mark.parametrize(
    "data",
    ["", "   ", "!", "?not base64?", "H4sI\u00e9", "\ud800", "====", "a", None, 5, ["x"]],
    ids=lambda data: type(data).__name__ + str(len(str(data))),
)
def test_not_base64(data: Any) -> None:
    """Data that is no base64 is one fault, not an error; its text quotes none of it."""
    (batch,) = cloudwatch.batches({"awslogs": {"data": data}}, "eu-west-1")
    (record,) = batch.records
    assert (batch.origin, record.fault) == (Origin("cloudwatch", "", region="eu-west-1"), "envelope_invalid")
    assert batch.raw == (data.encode("utf-8", "surrogatepass") if isinstance(data, str) else batch.raw)
    assert "base64?" not in record.text


@pytest.mark.parametrize("event", [{"awslogs": None}, {"awslogs": []}, {"awslogs": {}}])
def test_wrong_shape(event: Any) -> None:
    """An event that only looks like a subscription's is one fault."""
    (batch,) = cloudwatch.batches(event)
    assert [record.fault for record in batch.records] == ["envelope_invalid"]


def test_base64_with_white_space() -> None:
    """Line ends in base64, as mail and YAML put them, make no difference."""
    data = base64.encodebytes(gzip.compress(json.dumps(envelope([log_event(i) for i in range(1, 99)])).encode()))
    (batch,) = cloudwatch.batches({"awslogs": {"data": "  " + data.decode().replace("\n", "\r\n")}})
    assert [record.position for record in batch.records] == [str(i) for i in range(1, 99)]


@pytest.mark.parametrize("kept", [0.2, 0.5, 0.9, 0.99])
def test_truncated_anywhere(kept: float) -> None:
    """Of a payload that was cut, as bytes or as base64, all whole log events land with their ids; one fault more."""
    events = [log_event(i, f"message {i * 7919 % 1000} of many") for i in range(1, 3000)]
    payload = gzip.compress(json.dumps(envelope(events)).encode())
    data = base64.b64encode(payload).decode()
    cut = int(len(data) * kept)
    for batches in (
        list(cloudwatch.decode(payload[: cut * 3 // 4])),
        list(cloudwatch.batches({"awslogs": {"data": data[:cut]}})),
    ):
        records = [record for batch in batches for record in batch.records]
        whole, fault = records[:-1], records[-1]
        assert [record.position for record in whole] == [str(i) for i in range(1, len(whole) + 1)]
        assert len(whole) > 3000 * kept * 0.8
        assert fault.fault == "decode_truncated"
        assert {batch.origin.container for batch in batches} == {"1:g:s"}


def test_corrupt_in_the_middle() -> None:
    """A bit that flips inside gzip costs what follows it: what precedes lands, nothing raises, one fault says so."""
    events = [log_event(i, f"message {i * 7919 % 1000} of many") for i in range(1, 3000)]
    payload = gzip.compress(json.dumps(envelope(events)).encode())
    for at in range(500, len(payload) - 8, 997):
        broken = bytearray(payload)
        broken[at] ^= 0xFF
        records = [record for batch in cloudwatch.decode(bytes(broken)) for record in batch.records]
        assert records[-1].fault in ("decode_corrupt", "decode_truncated")
        sound = zlib.decompressobj(31).decompress(payload[: at - 16]).count(b'"}')
        assert [record.position for record in records[:sound]] == [str(i) for i in range(1, sound + 1)]


def test_broken_log_events_are_bounded() -> None:
    """A payload of broken log events is worked off to 10,000 of them; the rest of it is one fault."""
    body = json.dumps(envelope([])).encode()[:-2] + b"{}," * 1_000_000 + b"{}]}"
    batches = list(cloudwatch.decode(gzip.compress(body)))
    assert [len(batch.records) for batch in batches] == [10_000, 1]
    assert batches[1].records[0].text == "2970005 of 3000068 bytes cannot be decoded, after 10000 log events"


def test_envelopes_are_bounded() -> None:
    """A payload of a million empty envelopes ends after the first thousand."""
    batches = list(cloudwatch.decode(gzip.compress(b"{}" * 1_000_000)))
    assert len(batches) == 1_001
    assert batches[-1].records[0].text == "1998000 of 2000000 bytes are no envelope"


def test_fifty_thousand_log_events() -> None:
    """A payload larger than is parsed at once comes in runs of 10,000, with every log event in its place."""
    events = [log_event(i, "x" * 400) for i in range(1, 50_001)]
    batches = list(cloudwatch.decode(gzip.compress(json.dumps(envelope(events)).encode(), 1)))
    assert [len(batch.records) for batch in batches] == [10_000] * 5
    assert [record.position for batch in batches for record in batch.records] == [str(i) for i in range(1, 50_001)]


TEXT = st.text(st.characters(), max_size=40)
LOG_EVENTS = st.lists(st.tuples(TEXT.filter(bool), st.integers(-(2**63), 2**63 - 1), TEXT), max_size=5)


@given(LOG_EVENTS, st.sampled_from([gzip.compress, lambda body: body]), st.booleans())
def test_round_trip(events: list[tuple[str, int, str]], pack: Callable[[bytes], bytes], ascii_only: bool) -> None:
    """Whatever text log events hold, it comes out as it went in; only lone surrogates are replaced, and flagged."""
    body = json.dumps(
        envelope([{"id": id, "timestamp": time_ms, "message": text} for id, time_ms, text in events]),
        ensure_ascii=ascii_only,
    ).encode("utf-8", "surrogatepass" if ascii_only else "replace")
    batches = list(cloudwatch.decode(pack(body)))
    assert [record.time_ms for batch in batches for record in batch.records] == [event[1] for event in events]
    for record, (_, _, text) in zip([r for b in batches for r in b.records], events, strict=True):
        clean = "".join("\ufffd" if "\ud800" <= c <= "\udfff" else c for c in text)
        if ascii_only:
            assert (record.text, record.flags) == (clean, ("lone_surrogate",) if clean != text else ())
        else:
            assert record.text == text.encode("utf-8", "replace").decode()


@given(st.binary(max_size=300), st.booleans())
def test_decode_never_raises(payload: bytes, pack: bool) -> None:
    """Any bytes at all become batches, and what is no log event is a record with a fault."""
    for batch in cloudwatch.decode(gzip.compress(payload) if pack else payload):
        assert all(record.fault for record in batch.records)


@given(st.data())
def test_damaged_envelope_never_raises(data: st.DataObject) -> None:
    """A good envelope with bytes cut out, changed or added anywhere still becomes batches, and is accounted for."""
    body = bytearray(json.dumps(envelope([log_event(i, 'a "b" {c} [d] \\ \u2028') for i in range(1, 6)])).encode())
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(body)))
        body[at : at + data.draw(st.integers(0, 9))] = data.draw(
            st.sampled_from([b"", b'"', b"{", b"]", b"\xff", b"\\"])
        )
    batches = list(cloudwatch.decode(bytes(body)))
    assert batches
    for record in [record for batch in batches for record in batch.records]:
        record.text.encode()


@given(st.recursive(st.none() | st.booleans() | st.integers() | TEXT, lambda v: st.lists(v) | st.dictionaries(TEXT, v)))
def test_batches_never_raise(value: Any) -> None:
    """Whatever stands where the data should be, the answer is batches."""
    assert list(cloudwatch.batches({"awslogs": value}))
    assert list(cloudwatch.batches({"awslogs": {"data": value}}))
