"""The local place to land: one SQLite file with a table of events, full-text search, and a view for each contract.

A piece is the columns of `sqlite_schema.COLUMNS` joined by U+001F, `fields` last: it splits in 0.4 µs, a JSON array
in 1.1 µs. Whether an event was inserted or was there already is read from the table itself inside the transaction.
"""

from __future__ import annotations

import contextlib
import re
import secrets
import sqlite3
import sys
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import Any

import msgspec
import xxhash

from forwarders.errors import ConfigError
from forwarders.model import (
    ALREADY_PRESENT,
    DELIVERED,
    ID_MODULUS,
    Contract,
    Deadline,
    Encoder,
    Event,
    Fate,
    Kind,
    Outcome,
    Verdict,
)
from forwarders.sinks import Copies
from forwarders.sinks.sqlite_schema import COLUMNS, FieldsOf, create_tables, create_views

SEPARATOR = "\x1f"
MAX_NAME_CHARS = 256
MAX_DRIFT_PATHS = 50
BUSY_TIMEOUT_S = 5.0

_NULLABLE = frozenset(COLUMNS) - {"time", "dataset", "event", "verdict", "source", "fields"}
_VALUES = ", ".join("NULLIF(?, '')" if column in _NULLABLE else "?" for column in COLUMNS)
_INSERT = f"INSERT INTO events(id, {', '.join(COLUMNS)}) VALUES (?, {_VALUES}) ON CONFLICT(id) DO NOTHING"  # noqa: S608
_INDEX = "INSERT INTO events_fts(rowid, event, fields) SELECT rowid, event, fields FROM events WHERE rowid > ?"
_LANDING = """INSERT INTO landings(run, sink, started, ended, inserted, inserted_sum, present, present_sum, seal)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT(run) DO UPDATE SET ended = excluded.ended, inserted = excluded.inserted,
inserted_sum = excluded.inserted_sum, present = excluded.present, present_sum = excluded.present_sum,
seal = excluded.seal"""
_SPLITS = len(COLUMNS) - 1
_CONTROL = re.compile("[\x00-\x1f\x7f\ud800-\udfff]")
_SURROGATE = re.compile("[\ud800-\udfff]")
_INT64 = (-(1 << 63), (1 << 63) - 1)

# By SQLite's primary result code. What is not here is `sqlite_error`.
_REASONS = {
    sqlite3.SQLITE_BUSY: "sqlite_locked",
    sqlite3.SQLITE_LOCKED: "sqlite_locked",
    sqlite3.SQLITE_FULL: "sqlite_full",
    sqlite3.SQLITE_READONLY: "sqlite_readonly",
    sqlite3.SQLITE_PERM: "sqlite_readonly",
    sqlite3.SQLITE_CORRUPT: "sqlite_corrupt",
    sqlite3.SQLITE_NOTADB: "sqlite_corrupt",
    sqlite3.SQLITE_IOERR: "sqlite_io",
    sqlite3.SQLITE_CANTOPEN: "sqlite_cannot_open",
    sqlite3.SQLITE_NOMEM: "sqlite_memory",
}


def open_sink(name: str, settings: Any, copies: Copies, secret: Callable[[str], str]) -> SqliteSink:
    """The sink of `settings.path`; nothing is opened yet."""
    return SqliteSink(name, settings.path, copies)


class _Landing(msgspec.Struct, frozen=True):
    """What one run has stored so far: numbers and sums of ids modulo 2^128, and the seal over what was inserted."""

    inserted: int = 0
    inserted_sum: int = 0
    present: int = 0
    present_sum: int = 0
    seal: int = 0


class SqliteSink:
    """Lands events in the file at `path`, each once by its id; opened at the first ship, made if it is not there.

    One thread at a time ships; others wait.
    """

    type = "sqlite"

    def __init__(
        self,
        name: str,
        path: str,
        copies: Copies,
        *,
        max_body_bytes: int = 2_000_000,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.name = name
        self.path = path
        self.max_body_bytes = max_body_bytes
        self._copies = copies
        self._clock = clock
        self._db: sqlite3.Connection | None = None
        self._lock = threading.Lock()
        self._run = secrets.token_hex(8)
        self._started_ms = int(clock() * 1000)
        self._landing = _Landing()

        @lru_cache(maxsize=2048)
        def name_column(text: str) -> str:
            return _column(copies.patterns(text))

        self._name_column = name_column

    def prepare(self, contracts: Iterable[Contract], fields_of: FieldsOf) -> None:
        """The file has every table, index and view afterwards; nothing changes when it had them.

        Raises ConfigError when the file cannot be opened or belongs to another program.
        """
        with self._lock:
            try:
                create_views(self._open(BUSY_TIMEOUT_S), contracts, fields_of)
            except (sqlite3.Error, OSError) as error:
                self._forget()
                expected = "a SQLite file that can be written, or a path where one can be made"
                raise ConfigError(self.path, f"sink {self.name}", _reason(error), expected) from error

    def encoder(self, kind: Kind) -> Encoder:
        """The columns of an event as one text; redacted."""
        if kind.verdict is Verdict.VALID and kind.contract is not None:
            return self._valid(kind, kind.contract)
        return self._unusable(kind)

    def ship(self, pieces: Sequence[str], ids: Sequence[str], deadline: Deadline) -> Sequence[Outcome]:
        """One transaction: every piece is in the table afterwards, or (locked, full, broken) none is and all return."""
        if not pieces:
            return []
        if len(pieces) != len(ids):
            return [Outcome(Fate.RETURNED, "sqlite_mismatch")] * len(pieces)
        with self._lock:
            left_s = deadline()
            if left_s <= 0:
                return [Outcome(Fate.RETURNED, "deadline")] * len(pieces)
            try:
                return self._store(self._open(min(BUSY_TIMEOUT_S, left_s)), pieces, ids)
            except UnicodeEncodeError:
                return self._retry([_SURROGATE.sub("\ufffd", piece) for piece in pieces], ids)
            except (sqlite3.Error, ConfigError, OSError, OverflowError, MemoryError, ValueError) as error:
                self._undo(error)
                if _is_the_events(error):
                    return self._retry(pieces, ids)
                return [Outcome(Fate.RETURNED, _reason(error))] * len(pieces)
            except BaseException:
                self._forget()  # Ctrl-C in the middle of a transaction: closing rolls it back
                raise

    def close(self, finished: bool | None = None) -> None:
        """The run is marked as ended and the file is left without its write-ahead log.

        `finished=False`: it was cut short, so that an audit does not miss the receipt of what landed last. None: it
        was, if this is called on the way out of an exception.
        """
        if finished is None:
            finished = sys.exc_info()[0] is None
        with self._lock:
            db, self._db = self._db, None
            if db is None:
                return
            with contextlib.suppress(sqlite3.Error):
                if finished and self._landing != _Landing():
                    db.execute(_LANDING, self._landing_row(self._landing, int(self._clock() * 1000)))
                # Without statistics SQLite counts a facet of 400,000 events through the index by time: 0.7 s, not 0.03.
                db.execute("PRAGMA analysis_limit = 1000")
                db.execute("ANALYZE")
                db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            with contextlib.suppress(sqlite3.Error):
                db.close()

    def _valid(self, kind: Kind, contract: Contract) -> Encoder:
        redact = self._copies.redactor(contract)
        middle = self._middle(kind)
        plain = middle(_column(contract.name), "", "", "", "", "", "")
        name = _column(contract.name)
        column, marks = self._name_column, self._marks

        def encode(event: Event) -> str:
            text = event.text if redact is None else redact(event)
            context = event.context
            if not (context or event.drift or event.flags or event.reason):
                return f"{_time(event.time_ms)}{plain}{text}"
            level = request_id = ""
            if context:
                level, request_id = column(context.get("level", "")), column(context.get("request_id", ""))
            drift, flags = marks(event)
            between = middle(name, level, request_id, _column(event.reason), "", drift, flags)
            return f"{_time(event.time_ms)}{between}{text}"

        return encode

    def _unusable(self, kind: Kind) -> Encoder:
        contract = kind.contract
        redact = self._copies.redactor(contract) if contract is not None else None
        middle = self._middle(kind)
        column, marks = self._name_column, self._marks
        patterns, patterns_json = self._copies.patterns, self._copies.patterns_json

        def encode(event: Event) -> str:
            text = event.text or "{}"  # a copy withheld has none
            if _is_json(text):
                text = patterns_json(redact(event) if redact is not None and event.text else text)
            if not _is_json(text):
                message = _SURROGATE.sub("\ufffd", patterns(event.text))
                text = msgspec.json.encode({"message": message}).decode()
            context = event.context or {}
            drift, flags = marks(event)
            between = middle(
                _column(contract.name) if contract is not None else column(event.name),
                column(context.get("level", "")),
                column(context.get("request_id", "")),
                _column(event.reason),
                self._errors(event),
                drift,
                flags,
            )
            return f"{_time(event.time_ms)}{between}{text}"

        return encode

    def _middle(self, kind: Kind) -> Callable[[str, str, str, str, str, str, str], str]:
        """All between `time` and `fields`; what is constant for the kind is text built once."""
        contract, origin = kind.contract, kind.origin
        owner, identity = (contract.owner, f"{contract.name}:{contract.major}") if contract is not None else ("", "")
        dataset, verdict = _column(kind.dataset), kind.verdict.value
        who = SEPARATOR.join(map(_column, (verdict, origin.source, owner, identity)))
        places = (origin.account, origin.region, origin.log_group, origin.log_stream, origin.path)
        where = SEPARATOR.join(_column(place, 4096) for place in places)

        def middle(event: str, level: str, request_id: str, reason: str, errors: str, drift: str, flags: str) -> str:
            return SEPARATOR.join(("", dataset, event, who, level, request_id, where, reason, errors, drift, flags, ""))

        return middle

    def _marks(self, event: Event) -> tuple[str, str]:
        drift = [self._name_column(path) for path in event.drift[:MAX_DRIFT_PATHS]]
        flags = [_column(flag) for flag in event.flags]
        return _json(drift) if drift else "", _json(flags) if flags else ""

    def _errors(self, event: Event) -> str:
        flaws = [
            {
                "pointer": self._name_column(flaw.pointer),
                "keyword": _column(flaw.keyword),
                "expected": _column(flaw.expected),
                "found": _column(flaw.found),
            }
            for flaw in event.flaws[:5]
        ]
        return _json(flaws) if flaws else ""

    def _open(self, timeout_s: float) -> sqlite3.Connection:
        db = self._db
        if db is None:
            db = sqlite3.connect(self.path, timeout=timeout_s, isolation_level=None, check_same_thread=False)
            try:
                if db.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
                    db.execute("PRAGMA page_size = 8192")
                    db.execute("PRAGMA journal_mode = WAL")
                # With a write-ahead log a power cut may undo the last commits, never tear one; a killed process, none.
                db.execute("PRAGMA synchronous = NORMAL")
                db.execute("PRAGMA cache_size = -65536")
                # Pages of the index by id change again and again: copying them back every 64 MB and not 8 saves 8 %.
                db.execute("PRAGMA wal_autocheckpoint = 8000")
                db.execute("PRAGMA temp_store = MEMORY")
                db.execute("PRAGMA secure_delete = OFF")
                create_tables(db, self.path)
            except BaseException:
                db.close()
                raise
            self._db = db
        db.execute(f"PRAGMA busy_timeout = {max(1, int(timeout_s * 1000))}")
        return db

    def _store(self, db: sqlite3.Connection, pieces: Sequence[str], ids: Sequence[str]) -> list[Outcome]:
        db.execute("BEGIN IMMEDIATE")
        # Nobody else writes until COMMIT, and a new row gets the highest rowid: rows above `top` are this ship's.
        (top,) = db.execute("SELECT coalesce(max(rowid), 0) FROM events").fetchone()
        rows = ([id, *piece.split(SEPARATOR, _SPLITS)] for id, piece in zip(ids, pieces, strict=True))
        inserted = db.executemany(_INSERT, rows).rowcount
        db.execute(_INDEX, (top,))
        if inserted == len(pieces):
            fresh = list(range(len(pieces)))
            outcomes = [DELIVERED] * len(pieces)
        else:
            fresh, outcomes = _read_back(db, top, ids)
        landing = self._landed(fresh, outcomes, pieces, ids)
        db.execute(_LANDING, self._landing_row(landing, None))
        db.execute("COMMIT")
        self._landing = landing
        return outcomes

    def _landed(
        self, fresh: Sequence[int], outcomes: Sequence[Outcome], pieces: Sequence[str], ids: Sequence[str]
    ) -> _Landing:
        digest: Callable[[bytes], int] = xxhash.xxh3_128_intdigest
        old = self._landing
        new_sum = sum(int(ids[i], 16) for i in fresh)
        # The seal binds every column to its id: an audit sees two swapped ids, which the sum of ids does not.
        seal: int = sum(digest(f"{ids[i]}{SEPARATOR}{pieces[i]}".encode()) for i in fresh)
        present = [i for i, outcome in enumerate(outcomes) if outcome is ALREADY_PRESENT]
        return _Landing(
            inserted=old.inserted + len(fresh),
            inserted_sum=(old.inserted_sum + new_sum) % ID_MODULUS,
            present=old.present + len(present),
            present_sum=(old.present_sum + sum(int(ids[i], 16) for i in present)) % ID_MODULUS,
            seal=(old.seal + seal) % ID_MODULUS,
        )

    def _landing_row(self, landing: _Landing, ended_ms: int | None) -> tuple[str | int | None, ...]:
        sums = (landing.inserted_sum, landing.present_sum, landing.seal)
        inserted_sum, present_sum, seal = (f"{value:032x}" for value in sums)
        counts = (landing.inserted, inserted_sum, landing.present, present_sum)
        return (self._run, self.name, self._started_ms, ended_ms, *counts, seal)

    def _retry(self, pieces: Sequence[str], ids: Sequence[str]) -> list[Outcome]:
        """Each event by itself: one that SQLite refuses for what it is (too big) is dead, its neighbours land."""
        outcomes: list[Outcome] = []
        self._undo(None)
        for piece, id in zip(pieces, ids, strict=True):
            try:
                outcomes += self._store(self._open(BUSY_TIMEOUT_S), [piece], [id])
            except (sqlite3.Error, ConfigError, OSError, OverflowError, MemoryError, ValueError) as error:
                self._undo(error)
                if not _is_the_events(error):
                    outcomes += [Outcome(Fate.RETURNED, _reason(error))] * (len(pieces) - len(outcomes))
                    break
                outcomes.append(Outcome(Fate.DEAD, "sink_rejected:sqlite"))
        return outcomes

    def _undo(self, error: BaseException | None) -> None:
        if self._db is None:
            return
        if isinstance(error, sqlite3.Error) and _code(error) not in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_TOOBIG):
            self._forget()  # closing rolls back, and the next ship meets the file as it is then
            return
        with contextlib.suppress(sqlite3.Error):
            self._db.execute("ROLLBACK")

    def _forget(self) -> None:
        db, self._db = self._db, None
        if db is not None:
            with contextlib.suppress(sqlite3.Error):
                db.close()


def _read_back(db: sqlite3.Connection, top: int, ids: Sequence[str]) -> tuple[list[int], list[Outcome]]:
    """Which positions were inserted, and the outcome of each: read from the table, not inferred."""
    added = {id for (id,) in db.execute("SELECT id FROM events WHERE rowid > ?", (top,))}
    there = set(added)
    for start in range(0, len(ids), 500):
        some = ids[start : start + 500]
        marks = ",".join("?" * len(some))
        there.update(id for (id,) in db.execute(f"SELECT id FROM events WHERE id IN ({marks})", some))  # noqa: S608
    fresh: list[int] = []
    outcomes: list[Outcome] = []
    for i, id in enumerate(ids):
        if id in added:
            added.discard(id)
            fresh.append(i)
            outcomes.append(DELIVERED)
        else:
            outcomes.append(ALREADY_PRESENT if id in there else Outcome(Fate.RETURNED, "sqlite_not_stored"))
    return fresh, outcomes


def _time(time_ms: int) -> int:
    low, high = _INT64
    return time_ms if low <= time_ms <= high else (low if time_ms < 0 else high)


def _column(text: str, limit: int = MAX_NAME_CHARS) -> str:
    text = str(text)
    return _CONTROL.sub("\ufffd", text if len(text) <= limit else text[: limit - 1] + "…")


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()


def _is_json(text: str) -> bool:
    # SQLite's own JSON functions refuse to go deeper than 1,000; one such row would break a whole query.
    try:
        msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return False
    return text.count("[") + text.count("{") < 1000 or _depth(text) < 1000


def _depth(text: str) -> int:
    depth = deepest = 0
    for bracket in re.sub(r'"(?:[^"\\]|\\.)*"', "", text):
        if bracket in "[{":
            depth += 1
            deepest = max(deepest, depth)
        elif bracket in "]}":
            depth -= 1
    return deepest


def _code(error: sqlite3.Error) -> int:
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def _is_the_events(error: BaseException) -> bool:
    """True when the event is at fault, not the file: it would be refused again."""
    if isinstance(error, sqlite3.Error):
        return isinstance(error, sqlite3.DataError | sqlite3.IntegrityError | sqlite3.ProgrammingError)
    return isinstance(error, OverflowError | ValueError)


def _reason(error: BaseException) -> str:
    if isinstance(error, sqlite3.Error):
        return _REASONS.get(_code(error), "sqlite_error")
    if isinstance(error, ConfigError):
        return "sqlite_foreign_file"
    return "sqlite_memory" if isinstance(error, MemoryError) else "sqlite_io"
