"""The canary: an event that `subscribe` writes on a schedule and the forwarder recognises, to measure the whole way.

Floor 0. It is written into a log group of its own, `/logharbor-canary/<name>`, which is subscribed like any other;
groups under `/logharbor/` never are. It is shipped like any event; once a sink has it, its age is the lag of that sink.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from forwarders.model import Fate, Receipt, Record

EVENT = "logharbor.canary"
GROUP_PREFIX = "/logharbor-canary/"
MAX_MEASURED = 100
"""Canaries of one batch that are measured: who floods the group makes neither work nor metrics."""


MAX_AHEAD_MS, MAX_AGE_MS = 3_600_000, 31 * 86_400_000
"""A canary that claims another time than these around now is not measured: it is nobody's of ours."""


class Lag(msgspec.Struct, frozen=True):
    """How long a canary took to a sink: ms from when it was written to when the sink had said that it has it."""

    sink: str
    ms: int


class _Canary(msgspec.Struct):
    event: str
    timestamp: int


_DECODER = msgspec.json.Decoder(_Canary)


def log_group(name: str) -> str:
    """The log group that the canaries of the pipeline `name` are written into."""
    return GROUP_PREFIX + name


def message(now_ms: int, id: str) -> str:
    """The text of a canary, one line of JSON; `id` tells two of the same millisecond apart."""
    return msgspec.json.encode({"event": EVENT, "timestamp": now_ms, "id": id}).decode()


def lags(log_group: str, records: Sequence[Record], receipt: Receipt, now_ms: int) -> list[Lag]:
    """The lag of each canary among `records`, for each sink that has all of them; none for any other log group.

    A clock that is a little ahead of ours gives 0. Never raises for what a record holds.
    """
    if not log_group.startswith(GROUP_PREFIX):
        return []
    times = (_written(record.text) for record in records[:MAX_MEASURED])
    written = [at for at in times if at is not None and -MAX_AHEAD_MS <= now_ms - at <= MAX_AGE_MS]
    there = [
        sink for sink, account in receipt.accounts.items() if account.fates[Fate.DELIVERED].n == receipt.taken.n > 0
    ]
    return [Lag(sink, max(0, now_ms - at)) for at in written for sink in there]


def _written(text: str) -> int | None:
    """When a canary was written; None for a text that is none."""
    try:
        canary = _DECODER.decode(text)
    except (ValueError, RecursionError):
        return None
    return canary.timestamp if canary.event == EVENT and canary.timestamp > 0 else None
