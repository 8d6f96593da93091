"""A subscription payload that is not as AWS makes it, log event by log event: as much of it as there is lands.

Truncated or corrupt, several envelopes one after the other, log events of the wrong type among good ones, invalid
UTF-8, lone surrogates, and payloads too large to be parsed at once. Slower (5 to 10 µs an event) and bounded: linear in
the payload, no recursion, 10,000 events at a time.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import msgspec
import xxhash

from forwarders.model import Batch, Origin, Record
from forwarders.sources.inflate import Damage

CONTROL = "CONTROL_MESSAGE"
OWN_LOG_GROUPS = "/logharbor/"
RUN_EVENTS = 10_000
RUN_BYTES = 8 << 20
MAX_FAULTS = 10_000
"""So many broken log events, and the rest of the envelope is one fault: a bomb of 30 million `{}` is 90 KB of gzip."""
MAX_ENVELOPES = 1_000
"""Envelopes of one payload; what follows is one fault. CloudWatch sends one, those who concatenate send a few."""

if TYPE_CHECKING:
    from forwarders.sources import scan  # 2 ms of a cold start, imported for damaged payloads only

# Compiled by `re` with the first text: 1 ms of a cold start that a healthy payload never needs.
_SURROGATE = "[\ud800-\udfff]"
_SURROGATE_OF_NO_BYTE = "[\ud800-\udc7f\udd00-\udfff]"
_TYPES = {str: "a string", bool: "a boolean", int: "a number", float: "a number", dict: "an object", list: "an array"}


class Payload(msgspec.Struct):
    """What is the same for all of a payload, and how much of it was found to be broken."""

    data: bytes | bytearray
    damage: Damage | None
    region: str
    raw: bytes
    faults: int = 0

    def fault(self, at: int, text: str, reason: str = "") -> Record:
        """The record that stands for what cannot be decoded from `at` on; without a reason it has the damage's."""
        if not reason and self.damage:
            reason = self.damage.reason
            text = f"{text}; {reason} at compressed byte {self.damage.offset}"
        position = f"fault:{xxhash.xxh3_128_hexdigest(self.raw)}:{at}"
        return Record(position, None, text, (), reason or "envelope_invalid")

    def broken(self, broken: scan.Broken | None, text: str, at: int) -> Record:
        """The record for what follows a place where the JSON breaks."""
        is_cut = broken is not None and broken.truncated and not self.damage
        return self.fault(at, text, "decode_truncated" if is_cut else "")

    def flags(self) -> tuple[str, ...]:
        """What every record of the payload has to say about itself."""
        return ("checksum_mismatch",) if self.damage and self.damage.checksum else ()


class LogEvent(msgspec.Struct, gc=False):
    """A log event with the fields that a subscription extracted for it; it has no room for flags and faults."""

    id: str
    timestamp: int | None
    message: str
    extractedFields: dict[str, Any] | None = None


_Place = tuple[str, str]
"""The account and region that a log event says it is from; empty where it does not say."""

_LOG_EVENTS = msgspec.json.Decoder(list[LogEvent])


def origin_of(owner: str, group: str, stream: str, region: str) -> tuple[Origin, str]:
    """The origin of an envelope's log events, and the reason to drop them, if there is one."""
    drop = "self" if group.startswith(OWN_LOG_GROUPS) else ""
    return Origin("cloudwatch", f"{owner}:{group}:{stream}", owner, region, group, stream), drop


def undecodable(raw: bytes, region: str, reason: str, text: str) -> Batch:
    """The batch of a payload of which nothing can be decoded: one record, whose text says size and place only."""
    record = Record(f"fault:{xxhash.xxh3_128_hexdigest(raw)}:0", None, text, (), reason)
    return Batch(Origin("cloudwatch", "", region=region), [record], raw)


def piecemeal(payload: Payload) -> Iterator[Batch]:
    """Every whole log event of the payload comes out once, and one record for each stretch that cannot be decoded."""
    from forwarders.sources import scan

    data = payload.data
    nowhere = Origin("cloudwatch", "", region=payload.region)
    if payload.damage and payload.damage.reason == "decompressed_limit":
        text = f"more than {payload.damage.offset} bytes after decompression"
        yield Batch(nowhere, [payload.fault(0, text, "decompressed_limit")], payload.raw)
        return
    at = scan.space(data, 0)
    if at == len(data):
        yield Batch(nowhere, [payload.fault(at, "nothing could be decoded")], payload.raw)
        return
    last, drop, is_broken = nowhere, "", False
    envelopes = 0
    while at < len(data):
        envelopes += 1
        try:
            if envelopes > MAX_ENVELOPES:
                raise scan.Broken(at, truncated=False)
            envelope = scan.envelope(data, at)
        except scan.Broken:
            text = f"{len(data) - at} of {len(data)} bytes are no envelope"
            yield Batch(nowhere, [payload.fault(at, text)], payload.raw)
            return
        for batch in _envelope(payload, envelope, at):
            last, drop = batch.origin, batch.drop
            yield batch
        is_broken = envelope.broken is not None
        at = scan.space(data, envelope.end)
    if payload.damage and not is_broken:
        text = f"damage behind {len(data)} decoded bytes"
        yield Batch(last, [payload.fault(at, text)], payload.raw, drop)


def _envelope(payload: Payload, envelope: scan.Envelope, at: int) -> Iterator[Batch]:
    from forwarders.sources import scan

    data = payload.data
    owner, group, stream = (_header(data, envelope, name) for name in (b"owner", b"logGroup", b"logStream"))
    events = envelope.members.get(b"logEvents")
    if owner is None or group is None or stream is None or events is None or data[events[0] : events[0] + 1] != b"[":
        text = f"an envelope of {envelope.end - at} bytes without owner, logGroup, logStream or logEvents"
        nowhere = Origin("cloudwatch", "", region=payload.region)
        yield Batch(nowhere, [payload.broken(envelope.broken, text, at)], payload.raw)
        return
    origin, drop = origin_of(owner, group, stream, payload.region)
    if _header(data, envelope, b"messageType") == CONTROL:
        drop = "control"
    broken = envelope.broken
    spans: list[tuple[int, int]] = []
    taken = 0
    try:
        for span in scan.items(data, events[0]):
            spans.append(span)
            if len(spans) == RUN_EVENTS or span[1] - spans[0][0] >= RUN_BYTES:
                yield from _run(payload, origin, drop, spans, taken)
                taken += len(spans)
                spans = []
                if payload.faults >= MAX_FAULTS:
                    raise scan.Broken(span[1], truncated=False)
    except scan.Broken as error:
        broken = error
    if spans:
        yield from _run(payload, origin, drop, spans, taken)
        taken += len(spans)
    if broken is not None:
        text = f"{envelope.end - broken.at} of {len(data)} bytes cannot be decoded, after {taken} log events"
        yield Batch(origin, [payload.broken(broken, text, broken.at)], payload.raw, drop)
    elif not taken:
        yield Batch(origin, [], payload.raw, drop)


def batches_by_place(
    events: Sequence[LogEvent], origin: Origin, drop: str, raw: bytes, flags: tuple[str, ...] = ()
) -> Iterator[Batch]:
    """A batch for each account and region that log events say they are from; the container stays that of the origin."""
    places: dict[_Place, list[Record]] = {}
    for event in events:
        record = Record(event.id, event.timestamp, event.message, flags)
        places.setdefault(_place(event.extractedFields), []).append(record)
    yield from _batches(places, origin, drop, raw)


def _batches(places: dict[_Place, list[Record]], origin: Origin, drop: str, raw: bytes) -> Iterator[Batch]:
    for (account, region), records in places.items():
        from_there = msgspec.structs.replace(origin, account=account or origin.account, region=region or origin.region)
        yield Batch(from_there, records, raw, drop)


def _run(payload: Payload, origin: Origin, drop: str, spans: list[tuple[int, int]], index: int) -> Iterator[Batch]:
    """The log events that lie one after the other at `spans`."""
    flags = payload.flags()
    events = _typed(payload.data[spans[0][0] : spans[-1][1]])
    if events is not None and (drop == "control" or all(event.id for event in events)):
        yield from batches_by_place(events, origin, drop, payload.raw, flags)
        return
    places: dict[_Place, list[Record]] = {}
    for number, (start, end) in enumerate(spans, index):
        place, record = _one(payload, start, end, number, flags)
        payload.faults += bool(record.fault)
        places.setdefault(place, []).append(record)
    yield from _batches(places, origin, drop, payload.raw)


def _typed(text: bytes | bytearray) -> list[LogEvent] | None:
    try:
        return _LOG_EVENTS.decode(b"[" + text + b"]")
    except (ValueError, RecursionError):
        return None


def _one(payload: Payload, start: int, end: int, number: int, flags: tuple[str, ...]) -> tuple[_Place, Record]:
    """One log event, repaired where that can be done; else a record with a fault that says what is wrong with it."""
    event, is_utf8 = _parsed(payload.data[start:end])
    problem, position, time_ms = "is not an object in JSON", "", None
    place: _Place = ("", "")
    if isinstance(event, dict):
        id, time_ms, message = event.get("id"), event.get("timestamp"), event.get("message")
        place = _place(event.get("extractedFields"))
        if (isinstance(id, str) and id) or type(id) is int:
            position = str(id).encode("utf-8", "backslashreplace").decode()
        if type(time_ms) is not int:
            problem, time_ms = f"timestamp is {_type(time_ms)}", None
        elif not position:
            problem = f"id is {'empty' if id == '' else _type(id)}"
        elif not isinstance(message, str):
            problem = f"message is {_type(message)}"
        else:
            text, repairs = _repaired(message, is_utf8)
            return place, Record(position, time_ms, text, flags + repairs)
    text = f"log event {number}, {end - start} bytes: {problem}"
    record = payload.fault(start, text, "envelope_invalid")
    return place, Record(position or record.position, time_ms, text, flags, record.fault)


def _parsed(text: bytes | bytearray) -> tuple[Any, bool]:
    """The value, or None when it is no JSON; and whether its bytes are UTF-8."""
    try:
        decoded, is_utf8 = text.decode(), True
    except UnicodeDecodeError:
        decoded, is_utf8 = text.decode("utf-8", "surrogateescape"), False
    try:
        return json.loads(decoded, strict=False), is_utf8
    except (ValueError, RecursionError):
        return None, is_utf8


def _repaired(text: str, is_utf8: bool) -> tuple[str, tuple[str, ...]]:
    """The text without lone surrogates, and what that took. Bytes that are no UTF-8 arrive as U+DC80 to U+DCFF."""
    if not re.search(_SURROGATE, text):
        return text, ()
    if is_utf8:
        return re.sub(_SURROGATE, "\ufffd", text), ("lone_surrogate",)
    flags: tuple[str, ...] = ()
    if re.search(_SURROGATE_OF_NO_BYTE, text):
        text, flags = re.sub(_SURROGATE_OF_NO_BYTE, "\ufffd", text), ("lone_surrogate",)
    if re.search(_SURROGATE, text):
        text, flags = text.encode("utf-8", "surrogateescape").decode("utf-8", "replace"), (*flags, "invalid_utf8")
    return text, flags


def _place(fields: Any) -> _Place:
    if not isinstance(fields, dict):
        return "", ""
    account, region = fields.get("@aws.account"), fields.get("@aws.region")
    return (
        _repaired(account, True)[0] if isinstance(account, str) else "",
        _repaired(region, True)[0] if isinstance(region, str) else "",
    )


def _header(data: bytes | bytearray, envelope: scan.Envelope, name: bytes) -> str | None:
    """A member of the envelope as text; None where it is not there or could not tell one container from another."""
    span = envelope.members.get(name)
    if span is None:
        return None
    found, is_utf8 = _parsed(data[span[0] : span[1]])
    if type(found) is int:
        return str(found)
    return _repaired(found, is_utf8)[0] if isinstance(found, str) else None


def _type(value: Any) -> str:
    return "missing or null" if value is None else _TYPES[type(value)]
