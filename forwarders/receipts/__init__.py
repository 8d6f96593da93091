"""Where receipts are kept: a SQLite file, one line each in our own log, or memory. Floor 1.

A receipt is written after what it says is durable, and before the invoker gets its reply.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from forwarders.model import Account, Fate, Origin, Receipt, Tally, Verdict

MAX_LOGGED = 50
"""Reasons, drifting fields and owners that one log line names; the rest are added up under `other`."""


class Recorder(Protocol):
    """Keeps receipts: `write` returns when one is kept, else raises Transient; then nothing may be acknowledged."""

    def write(self, receipt: Receipt) -> None: ...

    def close(self) -> None: ...


def memory_receipts() -> MemoryReceipts:
    """A recorder that keeps receipts in its list `receipts`."""
    return MemoryReceipts()


def log_receipts(emit: Callable[[dict[str, Any]], None]) -> LogReceipts:
    """A recorder that hands `emit` one dict a receipt, ready for JSON and bounded in size: a line of our own log."""
    return LogReceipts(emit)


def sqlite_receipts(path: str, busy_timeout_s: float = 5.0) -> Recorder:
    """A recorder that writes to the tables `receipts…` of the SQLite file at `path`, which may also hold the events."""
    from forwarders.receipts.tables import SqliteReceipts  # SQLite is 2 ms that a Lambda has no use for

    return SqliteReceipts(path, busy_timeout_s)


class MemoryReceipts:
    """Receipts in a list, in the order in which they were written."""

    def __init__(self) -> None:
        self.receipts: list[Receipt] = []

    def write(self, receipt: Receipt) -> None:
        self.receipts.append(receipt)

    def close(self) -> None:
        """Nothing is held open."""


class LogReceipts:
    """Receipts as lines of our own log."""

    def __init__(self, emit: Callable[[dict[str, Any]], None]) -> None:
        self._emit = emit

    def write(self, receipt: Receipt) -> None:
        self._emit(to_dict(receipt, MAX_LOGGED))

    def close(self) -> None:
        """Nothing is held open."""


def to_dict(receipt: Receipt, most: int | None = None) -> dict[str, Any]:
    """The receipt as JSON can hold it: sums as 32 hex digits, fates that are zero left out.

    `most` bounds the reasons, drifting fields and owners that are named; the rest are added up under `other`.
    """
    origin = {name: value for name, value in origin_members(receipt.origin).items() if value}
    return {
        "batch": receipt.batch,
        "time_ms": receipt.time_ms,
        "origin": origin,
        "taken": _tally(receipt.taken),
        "accounts": {
            sink: {
                "fates": {str(fate): _tally(tally) for fate, tally in account.fates.items() if tally.n or tally.sum},
                "reasons": _bounded(account.reasons, most),
                "ambiguous": account.ambiguous,
            }
            for sink, account in receipt.accounts.items()
        },
        "verdicts": {str(verdict): n for verdict, n in receipt.verdicts.items()},
        "drifted": receipt.drifted,
        "drift": _bounded(receipt.drift, most),
        "owners": _bounded(receipt.owners, most),
        "balanced": receipt.balances(),
    }


def from_dict(data: Mapping[str, Any]) -> Receipt:
    """The receipt that `to_dict` was given, but for fates that are zero. Raises KeyError, TypeError or ValueError
    when `data` is not one."""
    accounts = {
        sink: Account(
            {Fate(fate): _from_tally(tally) for fate, tally in account["fates"].items()},
            dict(account["reasons"]),
            account["ambiguous"],
        )
        for sink, account in data["accounts"].items()
    }
    return Receipt(
        batch=data["batch"],
        origin=Origin(**{"source": "", "container": "", **data["origin"]}),
        taken=_from_tally(data["taken"]),
        accounts=accounts,
        verdicts={Verdict(verdict): n for verdict, n in data["verdicts"].items()},
        drift=dict(data["drift"]),
        drifted=data["drifted"],
        owners=dict(data["owners"]),
        time_ms=data["time_ms"],
    )


def origin_members(origin: Origin) -> dict[str, str]:
    """An origin as a dict, field by field."""
    return {name: getattr(origin, name) for name in origin.__struct_fields__}


def _tally(tally: Tally) -> dict[str, Any]:
    return {"n": tally.n, "sum": f"{tally.sum:032x}"}


def _from_tally(data: Mapping[str, Any]) -> Tally:
    return Tally(data["n"], int(data["sum"], 16))


def _bounded(counts: Mapping[str, int], most: int | None) -> dict[str, int]:
    """The `most` largest counts and, under `other`, the sum of the rest."""
    if most is None or len(counts) <= most:
        return dict(counts)
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    kept = dict(ranked[:most])
    kept["other"] = kept.get("other", 0) + sum(n for _, n in ranked[most:])
    return kept
