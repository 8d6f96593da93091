"""Kinesis data streams: the records that an event source mapping hands over, to batches.

`{"Records": [{"eventSource": "aws:kinesis", "eventID": "shardId-000000000006:4959…", "awsRegion": "us-east-2",
"eventSourceARN": "arn:aws:kinesis:us-east-2:123456789012:stream/orders", "kinesis": {"sequenceNumber": "4959…",
"partitionKey": "…", "approximateArrivalTimestamp": 1545084650.987, "data": "<base64>"}}]}`
(Lambda Developer Guide, "Using Lambda with Kinesis"; "Reporting batch item failures").

A record is a CloudWatch Logs payload, as a subscription writes it, or lines of plain text, mostly JSON; either may be
gzip of any number of members or not compressed. A log event has the id that it has when its subscription invokes the
function without a stream; a line has one of its stream, shard, sequence number and place. Nothing in a record makes
this raise: what cannot be decoded becomes a record with a `fault`, and the shard goes on.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import msgspec

from forwarders.errors import Transient
from forwarders.model import Batch, Origin, Record
from forwarders.sources.cloudwatch import envelopes, unbase64
from forwarders.sources.inflate import Damage, Inflated, inflate
from forwarders.sources.lines import lines
from forwarders.sources.unit import Unit

MAX_LINES = 1_000_000
"""Lines of one record; what follows is one fault. 10 MiB of gzip can hold 10,000 times as many empty ones."""

MAX_JOINED = 10_000
"""Objects of one line that are parted; a line of more is one line."""

MAX_SPREAD_BYTES = 1 << 20
"""One event that was written over several lines is no larger: CloudWatch would not take it either."""

LOOKED_AT_BYTES = 64 << 10
"""Of a record, to tell what it is. Where log events fill all of that, the rest of the envelope is behind them."""

BATCH_LINES = 10_000
PIECE_BYTES = 256 << 10

_AWS_STARTS = (b'{"messageType":"DATA_MESSAGE"', b'{"messageType":"CONTROL_MESSAGE"')
_MESSAGE_TYPES = (b'"DATA_MESSAGE"', b'"CONTROL_MESSAGE"')
_AGGREGATE = b"\xf3\x89\x9a\xc2"
_NO_TEXT = bytes(byte for byte in range(32) if byte not in b"\t\n\f\r\x1b")
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_MAX_TIME_S = 1e12


class _Place(msgspec.Struct, frozen=True):
    """What a record says of itself; `number` is empty where it has no sequence number that one can name."""

    origin: Origin
    shard: str
    number: str
    time_ms: int | None


def recognises(event: Any) -> bool:
    """True for an invocation by a stream's mapping: records, of which the first says `aws:kinesis`."""
    if not isinstance(event, dict):
        return False
    records = event.get("Records")
    return (
        isinstance(records, list)
        and bool(records)
        and isinstance(records[0], dict)
        and records[0].get("eventSource") == "aws:kinesis"
    )


def units(event: Any, region: str = "") -> Iterator[Unit]:
    """Each record of an invocation, in order; it is decoded when its batches are taken.

    `region` is that of the function, for records that do not name theirs.
    """
    for index, record in enumerate(event["Records"]):
        place = _place(record, region, index)
        yield Unit(place.number, _decoded(record, place), place.shard)


def reply(failed: Sequence[str]) -> dict[str, list[dict[str, str]]]:
    """What a mapping with ReportBatchItemFailures reads: the lowest of the sequence numbers that must come again.

    That is its checkpoint: it and everything after it comes again. Raises Transient when one of them has no number
    that could be named; then the whole invocation has to.
    """
    if not failed:
        return {"batchItemFailures": []}
    if not all(failed):
        raise Transient("kinesis_sequence_missing", "a record without a sequence number must come again")
    return {"batchItemFailures": [{"itemIdentifier": min(failed, key=int)}]}


def _place(record: Any, region: str, index: int) -> _Place:
    """Where a record is from; a record of the wrong shape is told from others by its index alone."""
    record = record if isinstance(record, dict) else {}
    kinesis = record.get("kinesis")
    kinesis = kinesis if isinstance(kinesis, dict) else {}
    number = _text(kinesis.get("sequenceNumber"))
    if not (number.isascii() and number.isdecimal() and len(number) <= 200):
        number = ""
    shard = _text(record.get("eventID")).partition(":")[0]
    arn = _text(record.get("eventSourceARN")).split(":")
    account, stream = (arn[4], arn[5].removeprefix("stream/")) if len(arn) == 6 else ("", "")
    container = f"{account}:{stream}:{shard}" + ("" if number else f":no sequence number:{index}")
    region = _text(record.get("awsRegion")) or region
    origin = Origin("kinesis", container, account, region, path=f"kinesis/{stream}")
    arrival = kinesis.get("approximateArrivalTimestamp")
    time_ms = round(arrival * 1000) if isinstance(arrival, int | float) and 0 < arrival < _MAX_TIME_S else None
    return _Place(origin, shard, number, time_ms)


def _decoded(record: Any, place: _Place) -> Iterator[Batch]:
    """The batches of one record."""
    kinesis = record.get("kinesis") if isinstance(record, dict) else None
    data = kinesis.get("data") if isinstance(kinesis, dict) else None
    if not isinstance(data, str):
        yield _fault(place, _as_it_came(record), f"a record without data, {type(data).__name__} in its place")
        return
    raw = data.encode("utf-8", "surrogatepass")
    payload = unbase64(data)
    if not payload:
        yield _fault(place, raw, f"{len(raw)} bytes of data: not base64, or empty")
        return
    inflated = inflate(payload)
    if not inflated.data and not inflated.damage:
        yield _fault(place, raw, f"nothing in {len(payload)} bytes of gzip")
    elif _is_envelope(inflated.data):
        yield from envelopes(inflated, place.origin.region, raw)
    elif payload.startswith(_AGGREGATE):
        text = f"{len(payload)} bytes that the Kinesis Producer Library has aggregated: switch its aggregation off"
        yield _fault(place, raw, text)
    elif _is_binary(inflated.data):
        yield _fault(place, raw, f"{len(inflated.data)} bytes that are neither text nor gzip")
    else:
        yield from _lines(inflated, place, raw)


def _is_envelope(data: bytes | bytearray) -> bool:
    """True for what a subscription writes, also where it is cut or broken: it is then told by its members."""
    if data.startswith(_AWS_STARTS):
        return True
    from forwarders.sources import scan  # 2 ms of a cold start

    head = bytes(data[:LOOKED_AT_BYTES])  # members cost 5 µs each to find, and a bomb can have millions
    try:
        envelope = scan.envelope(head, scan.space(head, 0))
    except scan.Broken:
        return False
    members = envelope.members
    start, end = members.get(b"logEvents", (0, 0))
    if head[start : start + 1] == b"[" and (b"logGroup" in members or end == len(head) < len(data)):
        return True
    start, end = members.get(b"messageType", (0, 0))
    return head[start:end] in _MESSAGE_TYPES


def _is_binary(data: bytes | bytearray) -> bool:
    """True for bytes that nobody would call a line: no UTF-8, and control characters that no text has."""
    head = bytes(data[:LOOKED_AT_BYTES])
    if head[:2] in _UTF16:
        return False
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)  # it may end within a character
    except UnicodeDecodeError:
        return len(head.translate(None, _NO_TEXT)) < len(head)
    return False


def _lines(inflated: Inflated, place: _Place, raw: bytes) -> Iterator[Batch]:
    """A batch for every BATCH_LINES of the record's lines; each is known by its number among them."""
    if inflated.damage and inflated.damage.reason == "decompressed_limit":
        text = f"more than {inflated.damage.offset} bytes after decompression"
        yield _fault(place, raw, text, "decompressed_limit")
        return
    run: list[Record] = []
    for number, line in enumerate(_each(inflated, place.time_ms)):
        line.position = f"{place.number}:{number}"
        if number == MAX_LINES:
            line = Record(line.position, place.time_ms, f"more than {MAX_LINES} lines", (), "decompressed_limit")
        run.append(line)
        if number == MAX_LINES:
            break
        if len(run) == BATCH_LINES:
            yield Batch(place.origin, run, raw)
            run = []
    if run:
        yield Batch(place.origin, run, raw)


def _each(inflated: Inflated, time_ms: int | None) -> Iterator[Record]:
    """One record for each line; one alone for an event that was written over several lines."""
    data = inflated.data
    if inflated.damage is None and _is_one_value(data):
        yield Record("", time_ms, data.decode().strip())
        return
    for records, _ in lines(_pieces(data, inflated.damage), time_ms):
        for record in records:
            yield from _split(record) if "}{" in record.text else (record,)


def _is_one_value(data: bytes | bytearray) -> bool:
    """True for JSON on several lines that is one object: a pretty-printed event, not one a line."""
    if data[:1] != b"{" or len(data) > MAX_SPREAD_BYTES or b"\n" not in data.rstrip():
        return False
    try:
        msgspec.json.decode(data, type=dict[str, msgspec.Raw])
        data.decode()
    except (ValueError, RecursionError):
        return False
    return True


def _pieces(data: bytes | bytearray, damage: Damage | None) -> Iterator[bytes | Damage]:
    for begin in range(0, len(data), PIECE_BYTES):
        yield bytes(data[begin : begin + PIECE_BYTES])
    if damage:
        yield damage


def _split(record: Record) -> Iterable[Record]:
    """A line of objects without anything between them, as some producers join events; any other line as it is."""
    from forwarders.sources import scan

    text = record.text.encode("utf-8", "surrogatepass")
    found: list[Record] = []
    at = 0
    try:
        while at < len(text):
            if text[at : at + 1] != b"{" or len(found) == MAX_JOINED:
                return (record,)
            end = scan.value(text, at)
            part = text[at:end].decode("utf-8", "surrogatepass")
            found.append(Record("", record.time_ms, part, record.flags))
            at = scan.space(text, end)
    except scan.Broken:
        return (record,)
    return found


def _fault(place: _Place, raw: bytes, text: str, reason: str = "envelope_invalid") -> Batch:
    """The batch of a record of which nothing can be decoded; its text says size and place only."""
    return Batch(place.origin, [Record(f"{place.number}:0", place.time_ms, text, (), reason)], raw)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _as_it_came(record: Any) -> bytes:
    try:
        return msgspec.json.encode(record)
    except (TypeError, ValueError, RecursionError):
        return b""
