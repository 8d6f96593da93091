"""Sources: a payload to batches, and what became of them to the answer that its invoker reads.

A source for Lambda is one file and one line in SOURCES. Files (files.py) have no invoker and are not in it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from forwarders.model import Batch, Origin, Record
from forwarders.sources import cloudwatch, kinesis
from forwarders.sources.unit import Unit


class Source(msgspec.Struct, frozen=True):
    """One kind of payload. None of the three raises for what a payload holds.

    `recognises(event)`: is the payload of this kind. `units(event, region)`: its units, decoded while their batches are
    taken; the region is the function's own, for payloads that do not name theirs. `reply(failed)`: what the function
    returns, given the names of the units that must come again; Transient when that cannot be said. `reports_part`: the
    invoker reads that answer. Where it does not, what must come again goes into the store, and no unit fails.
    """

    recognises: Callable[[Any], bool]
    units: Callable[[Any, str], Iterator[Unit]]
    reply: Callable[[Sequence[str]], Any]
    reports_part: bool = False


SOURCES: Mapping[str, Source] = {
    "cloudwatch": Source(cloudwatch.recognises, cloudwatch.units, cloudwatch.reply),
    "kinesis": Source(kinesis.recognises, kinesis.units, kinesis.reply, reports_part=True),
}


def recognise(event: Any) -> Source | None:
    """The source whose payload this is; None for a payload that no source knows."""
    for source in SOURCES.values():
        if source.recognises(event):
            return source
    return None


def source_of(event: Any) -> Source:
    """The source whose payload this is; else one that makes of any payload a record with the fault `source_unknown`."""
    return recognise(event) or _UNKNOWN


def batches(event: Any, region: str = "") -> Iterator[Batch]:
    """The batches of a payload, whatever units they are in."""
    for unit in source_of(event).units(event, region):
        yield from unit.batches


def _unknown(event: Any, region: str) -> Iterator[Unit]:
    import xxhash

    try:
        raw = msgspec.json.encode(event)
    except (TypeError, ValueError, RecursionError):
        raw = b""
    text = f"a payload of {len(raw)} bytes that no source knows ({', '.join(SOURCES)})"
    record = Record(f"fault:{xxhash.xxh3_128_hexdigest(raw)}", None, text, (), "source_unknown")
    yield Unit("", iter([Batch(Origin("unknown", "", region=region), [record], raw)]))


_UNKNOWN = Source(lambda event: True, _unknown, lambda failed: None)
