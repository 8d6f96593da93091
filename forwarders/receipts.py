"""Where receipts are kept: a SQLite file, one line each in our own log, or memory. Floor 1.

A receipt is written after what it says is durable, and before the invoker gets its reply.
"""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from forwarders.errors import Transient
from forwarders.model import Account, Fate, Origin, Receipt, Tally, Verdict

MAX_LOGGED = 50
"""Reasons, drifting fields and owners that one log line names; the rest are added up under `other`."""

_TABLES = (
    """CREATE TABLE IF NOT EXISTS receipts (
  batch TEXT NOT NULL, attempt INTEGER NOT NULL, time INTEGER NOT NULL, source TEXT NOT NULL, container TEXT NOT NULL,
  account TEXT, region TEXT, log_group TEXT, log_stream TEXT, path TEXT,
  taken INTEGER NOT NULL, taken_sum TEXT NOT NULL, valid INTEGER NOT NULL, invalid INTEGER NOT NULL,
  unregistered INTEGER NOT NULL, drifted INTEGER NOT NULL, balanced INTEGER NOT NULL,
  PRIMARY KEY (batch, attempt)
)""",
    """CREATE TABLE IF NOT EXISTS receipt_sinks (
  batch TEXT NOT NULL, attempt INTEGER NOT NULL, sink TEXT NOT NULL, ambiguous INTEGER NOT NULL,
  PRIMARY KEY (batch, attempt, sink)
)""",
    """CREATE TABLE IF NOT EXISTS receipt_fates (
  batch TEXT NOT NULL, attempt INTEGER NOT NULL, sink TEXT NOT NULL, fate TEXT NOT NULL, n INTEGER NOT NULL,
  sum TEXT NOT NULL, PRIMARY KEY (batch, attempt, sink, fate)
)""",
    """CREATE TABLE IF NOT EXISTS receipt_reasons (
  batch TEXT NOT NULL, attempt INTEGER NOT NULL, sink TEXT NOT NULL, reason TEXT NOT NULL, n INTEGER NOT NULL,
  PRIMARY KEY (batch, attempt, sink, reason)
)""",
    # `what` is `drift` (unknown fields and values by contract) or `owner` (quarantined events by owner).
    """CREATE TABLE IF NOT EXISTS receipt_counts (
  batch TEXT NOT NULL, attempt INTEGER NOT NULL, what TEXT NOT NULL, name TEXT NOT NULL, n INTEGER NOT NULL,
  PRIMARY KEY (batch, attempt, what, name)
)""",
    "CREATE INDEX IF NOT EXISTS receipts_by_time ON receipts(time)",
)


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


def sqlite_receipts(path: str, busy_timeout_s: float = 5.0) -> SqliteReceipts:
    """A recorder that writes to the tables `receipts…` of the SQLite file at `path`, which may also hold the events."""
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


class SqliteReceipts:
    """Receipts in tables: one row a batch and attempt, one for each sink, fate and reason of it."""

    def __init__(self, path: str, busy_timeout_s: float) -> None:
        self._path = path
        self._timeout_s = busy_timeout_s
        self._db: sqlite3.Connection | None = None
        self._lock = threading.Lock()

    def write(self, receipt: Receipt) -> None:
        """The receipt is durable; a batch that was accounted for before gets the next attempt's number."""
        with self._lock:
            try:
                db = self._open()
                db.execute("BEGIN IMMEDIATE")
                _insert(db, receipt)
                db.execute("COMMIT")
            except (sqlite3.Error, OSError, UnicodeError) as error:
                self._forget()
                raise Transient("receipt_store", type(error).__name__) from error

    def close(self) -> None:
        """The file is closed."""
        with self._lock:
            self._forget()

    def _open(self) -> sqlite3.Connection:
        if self._db is None:
            db = sqlite3.connect(self._path, timeout=self._timeout_s, isolation_level=None, check_same_thread=False)
            try:
                if db.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
                    db.execute("PRAGMA journal_mode = WAL")
                db.execute("PRAGMA synchronous = NORMAL")
                # As the SQLite sink has it: whoever commits last with a lower limit would copy the whole log back.
                db.execute("PRAGMA wal_autocheckpoint = 8000")
                for statement in _TABLES:
                    db.execute(statement)
            except BaseException:
                db.close()
                raise
            self._db = db
        return self._db

    def _forget(self) -> None:
        db, self._db = self._db, None
        if db is not None:
            with contextlib.suppress(sqlite3.Error):
                db.close()


def to_dict(receipt: Receipt, most: int | None = None) -> dict[str, Any]:
    """The receipt as JSON can hold it: sums as 32 hex digits, fates that are zero left out.

    `most` bounds the reasons, drifting fields and owners that are named; the rest are added up under `other`.
    """
    origin = {name: value for name, value in _origin(receipt.origin).items() if value}
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


def _insert(db: sqlite3.Connection, receipt: Receipt) -> None:
    (attempt,) = db.execute(
        "SELECT coalesce(max(attempt), 0) + 1 FROM receipts WHERE batch = ?", (receipt.batch,)
    ).fetchone()
    key = (receipt.batch, attempt)
    origin = [_storable(value) for value in _origin(receipt.origin).values()]
    verdicts = [receipt.verdicts.get(verdict, 0) for verdict in Verdict]
    row = (*key, receipt.time_ms, *origin, receipt.taken.n, f"{receipt.taken.sum:032x}", *verdicts, receipt.drifted)
    marks = ", ".join("?" * (len(row) + 1))
    db.execute(f"INSERT INTO receipts VALUES ({marks})", (*row, receipt.balances()))  # noqa: S608
    for sink, account in receipt.accounts.items():
        db.execute("INSERT INTO receipt_sinks VALUES (?, ?, ?, ?)", (*key, sink, account.ambiguous))
        fates = [(*key, sink, str(fate), t.n, f"{t.sum:032x}") for fate, t in account.fates.items() if t.n or t.sum]
        db.executemany("INSERT INTO receipt_fates VALUES (?, ?, ?, ?, ?, ?)", fates)
        reasons = [(*key, sink, _storable(reason), n) for reason, n in account.reasons.items()]
        db.executemany("INSERT INTO receipt_reasons VALUES (?, ?, ?, ?, ?)", reasons)
    counts = [(*key, "drift", _storable(name), n) for name, n in receipt.drift.items()]
    counts += [(*key, "owner", _storable(name), n) for name, n in receipt.owners.items()]
    db.executemany("INSERT OR REPLACE INTO receipt_counts VALUES (?, ?, ?, ?, ?)", counts)


def _storable(text: str) -> str:
    """A path may hold bytes that are no UTF-8 (as lone surrogates), which SQLite refuses."""
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode()


def _origin(origin: Origin) -> dict[str, str]:
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
