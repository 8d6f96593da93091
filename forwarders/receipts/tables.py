"""Receipts in the tables of a SQLite file."""

from __future__ import annotations

import contextlib
import sqlite3
import threading

from forwarders.errors import Transient
from forwarders.model import Receipt, Verdict
from forwarders.receipts import origin_members

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


def _insert(db: sqlite3.Connection, receipt: Receipt) -> None:
    (attempt,) = db.execute(
        "SELECT coalesce(max(attempt), 0) + 1 FROM receipts WHERE batch = ?", (receipt.batch,)
    ).fetchone()
    key = (receipt.batch, attempt)
    origin = [_storable(value) for value in origin_members(receipt.origin).values()]
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
