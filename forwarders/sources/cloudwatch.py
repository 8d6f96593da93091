"""CloudWatch Logs subscriptions: the payload as Lambda gets it, to batches.

`{"awslogs": {"data": "H4sIAAAA…"}}`: base64 of gzip (or zlib) of one JSON object, sometimes of several:
`{"messageType": "DATA_MESSAGE", "owner": "123456789012", "logGroup": "/aws/lambda/shop", "logStream": "…",
"subscriptionFilters": ["…"], "logEvents": [{"id": "3195…", "timestamp": 1510109208016, "message": "…"}]}`
(CloudWatch Logs User Guide, "Log group-level subscription filters"; `extractedFields` of a log event come with the
subscription's `emitSystemFields`: PutSubscriptionFilter, API reference).

Nothing in a payload makes this raise: what cannot be decoded becomes a record with a `fault`. The healthy payload is
one base64 call, one inflate, one typed parse (measured: 0.07, 0.15 and 0.4 µs an event of 240 B); all others are worked
off piece by piece in piecemeal.py.
"""

from __future__ import annotations

import binascii
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import msgspec

from forwarders.model import Batch, Record
from forwarders.sources.inflate import ONE_CALL_BYTES, Inflated, inflate
from forwarders.sources.piecemeal import CONTROL, LogEvent, Payload, batches_by_place, origin_of, piecemeal, undecodable
from forwarders.sources.unit import Unit


class _Envelope(msgspec.Struct, rename="camel"):
    """What of the envelope is used; `policyLevel`, `subscriptionFilters` and what AWS adds next year are skipped."""

    owner: str
    log_group: str
    log_stream: str
    log_events: list[Record]
    message_type: str = "DATA_MESSAGE"


class _Special(msgspec.Struct, rename="camel"):
    """The same, with the fields that the subscription extracted."""

    owner: str
    log_group: str
    log_stream: str
    log_events: list[LogEvent]
    message_type: str = "DATA_MESSAGE"


_ENVELOPE = msgspec.json.Decoder(_Envelope)
_SPECIAL = msgspec.json.Decoder(_Special)


def recognises(event: Any) -> bool:
    """True for an invocation by a subscription: an object with `awslogs`, whatever state its data is in."""
    return isinstance(event, dict) and "awslogs" in event


def batches(event: Any, region: str = "") -> Iterator[Batch]:
    """The batches of an invocation: one, unless it holds several envelopes, accounts or regions, or damage.

    `region` is that of the function (its ARN says it): the payload does not name its own unless the subscription
    emits system fields.
    """
    awslogs = event["awslogs"]
    data = awslogs.get("data") if isinstance(awslogs, dict) else None
    if not isinstance(data, str):
        found = "no object" if not isinstance(awslogs, dict) else f"data of type {type(data).__name__}"
        yield undecodable(_as_it_came(event), region, "envelope_invalid", f"awslogs: {found}")
        return
    raw = data.encode("utf-8", "surrogatepass")
    payload = unbase64(data)
    if not payload:
        yield undecodable(raw, region, "envelope_invalid", f"{len(raw)} bytes of data: not base64, or empty")
        return
    yield from decode(payload, region=region, raw=raw)


def decode(payload: bytes, *, region: str = "", raw: bytes | None = None) -> Iterator[Batch]:
    """The batches of a compressed payload, as Kinesis and Firehose carry it too.

    `raw` is what `Batch.raw` keeps, to be decoded again later: the payload as the invoker sent it. Empty, truncated,
    corrupt and oversized payloads give every whole log event before the damage, and one record for the rest.
    """
    yield from envelopes(inflate(payload), region, payload if raw is None else raw)


def envelopes(inflated: Inflated, region: str, kept: bytes) -> Iterator[Batch]:
    """The batches of a payload after decompression; `kept` is what `Batch.raw` keeps of it."""
    if inflated.damage is None and len(inflated.data) <= ONE_CALL_BYTES:
        batches = _at_once(inflated.data, region, kept)
        if batches is not None:
            yield from batches
            return
    yield from piecemeal(Payload(inflated.data, inflated.damage, region, kept))


def units(event: Any, region: str = "") -> Iterator[Unit]:
    """The invocation as one unit: nobody can be told about a part of it."""
    yield Unit("", batches(event, region))


def reply(failed: Sequence[str]) -> None:
    """An asynchronous invoker reads no answer: what must come again is in the store already."""


def _at_once(data: bytes | bytearray, region: str, raw: bytes) -> Iterable[Batch] | None:
    """The batches of a payload that is as AWS makes it; None for any other."""
    try:
        envelope = _ENVELOPE.decode(data)
    except (ValueError, RecursionError):
        return None
    records = envelope.log_events
    # A payload may say more than is read here. Quotes tell the member from a message that mentions it (there they
    # are escaped); rfind is 1.6 times as fast as `in`, and `@` (in every system field) 20 times. `flags` and `fault`
    # are ours, and a payload that brings its own must not set them (0.02 µs an event).
    if (
        envelope.message_type == CONTROL
        or (b"@" in data and data.rfind(b'"extractedFields"') >= 0)
        or [1 for record in records if record.fault or record.flags or not record.position]
    ):
        return _specially(data, region, raw)
    origin, drop = origin_of(envelope.owner, envelope.log_group, envelope.log_stream, region)
    return (Batch(origin, records, raw, drop),)


def _specially(data: bytes | bytearray, region: str, raw: bytes) -> Iterable[Batch] | None:
    try:
        envelope = _SPECIAL.decode(data)
    except (ValueError, RecursionError):
        return None
    events = envelope.log_events
    origin, drop = origin_of(envelope.owner, envelope.log_group, envelope.log_stream, region)
    if envelope.message_type == CONTROL:
        drop = "control"
    elif not all(event.id for event in events):
        return None
    return batches_by_place(events, origin, drop, raw) if events else (Batch(origin, [], raw, drop),)


def unbase64(text: str) -> bytes:
    """The bytes of a base64 text; white space is skipped and a text that was cut is read up to there.

    Empty when it is not base64."""
    try:
        return binascii.a2b_base64(text, strict_mode=True)
    except ValueError:
        pass
    text = "".join(text.split()).rstrip("=")
    try:
        if len(text) % 4 == 1:  # six bits are no byte, but they must be base64
            binascii.a2b_base64(text[-1] + "AAA", strict_mode=True)
            text = text[:-1]
        return binascii.a2b_base64(text + "=" * (-len(text) % 4), strict_mode=True)
    except ValueError:
        return b""


def _as_it_came(event: Any) -> bytes:
    try:
        return msgspec.json.encode(event)
    except (TypeError, ValueError, RecursionError):
        return b""
