"""Sources: a payload to batches, and receipts to the answer that its invoker reads.

A source for Lambda is one file and one line in SOURCES. Files (files.py) have no invoker and are not in it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from forwarders.model import Batch, Origin, Receipt, Record
from forwarders.sources import cloudwatch


class Source(msgspec.Struct, frozen=True):
    """One kind of payload. None of the three raises for what a payload holds.

    `recognises(event)`: is the payload of this kind. `batches(event, region)`: its batches, decoded while they are
    taken; the region is the function's own, for payloads that do not name theirs. `reply(receipts)`: what the function
    returns, given a receipt for each batch; None where nobody reads it.
    """

    recognises: Callable[[Any], bool]
    batches: Callable[[Any, str], Iterator[Batch]]
    reply: Callable[[Sequence[Receipt]], Any]


SOURCES: Mapping[str, Source] = {
    "cloudwatch": Source(cloudwatch.recognises, cloudwatch.batches, cloudwatch.reply),
}


def recognise(event: Any) -> Source | None:
    """The source whose payload this is; None for a payload that no source knows."""
    for source in SOURCES.values():
        if source.recognises(event):
            return source
    return None


def batches(event: Any, region: str = "") -> Iterator[Batch]:
    """The batches of a payload; one record with the fault `source_unknown` for a payload that no source knows."""
    source = recognise(event)
    if source is not None:
        yield from source.batches(event, region)
        return
    import xxhash

    try:
        raw = msgspec.json.encode(event)
    except (TypeError, ValueError, RecursionError):
        raw = b""
    text = f"a payload of {len(raw)} bytes that no source knows ({', '.join(SOURCES)})"
    record = Record(f"fault:{xxhash.xxh3_128_hexdigest(raw)}", None, text, (), "source_unknown")
    yield Batch(Origin("unknown", "", region=region), [record], raw)


def reply(event: Any, receipts: Sequence[Receipt]) -> Any:
    """What the function returns to the invoker of this payload."""
    source = recognise(event)
    return source.reply(receipts) if source else None
