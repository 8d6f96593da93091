"""Adds up receipts and says whether the account balances. Floor 1.

An outsider's arithmetic: it shares no code with the pipeline's, only the form of a receipt. For a SQLite file it also
counts the events that are there and holds them against what the receipts and the sink itself say landed.
"""

from __future__ import annotations

import json
import sqlite3
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import xxhash

from forwarders.errors import ConfigError

FATES = ("delivered", "quarantined", "dead", "filtered", "sampled", "returned")
MAX_PROBLEMS = 20
_MODULUS = 2**128


class Sum(msgspec.Struct, frozen=True):
    """A number of events and the sum of their ids modulo 2^128, as 32 hex digits."""

    n: int = 0
    sum: str = "0" * 32

    def plus(self, other: Sum) -> Sum:
        return Sum(self.n + other.n, _hex(int(self.sum, 16) + int(other.sum, 16)))


class SinkSum(msgspec.Struct):
    """One sink's side over all receipts."""

    taken: Sum
    fates: dict[str, Sum]
    reasons: dict[str, int]
    ambiguous: int = 0


class Report(msgspec.Struct):
    """What an audit found; ready for JSON.

    `problems` is empty when the account balances; `notes` are worth knowing and no fault. `landed`: the events in the
    table, None where there is none.
    """

    source: str
    balanced: bool = True
    receipts: int = 0
    batches: int = 0
    taken: int = 0
    sinks: dict[str, SinkSum] = {}
    landed: int | None = None
    problems: list[str] = []
    more_problems: int = 0
    notes: list[str] = []


class _Line(msgspec.Struct):
    """What an audit needs of one receipt."""

    batch: str
    taken: Sum
    fates: dict[str, dict[str, Sum]]
    reasons: dict[str, dict[str, int]]
    ambiguous: dict[str, int]
    said_balanced: bool


def audit(source: str | Path | Iterable[str]) -> Report:
    """The report on a SQLite file, a file of log lines (`-`: standard input), or an iterable of log lines.

    A log line is a receipt as JSON, or JSON with one under `receipt` or inside `message`, after any prefix; other lines
    are passed over. Raises ConfigError when the source cannot be read or holds no receipts at all.
    """
    if source == "-":
        return _add_up("standard input", _receipt_lines(sys.stdin))
    if isinstance(source, str | Path):
        return _audit_path(Path(source))
    return _add_up("lines", _receipt_lines(source))


def render(report: Report) -> str:
    """The report as plain text: the sum of each sink, then what does not add up, then the verdict in one line."""
    lines = [
        f"{report.source}: {report.receipts:,} receipts for {report.batches:,} batches, {report.taken:,} records in"
    ]
    for name, sink in sorted(report.sinks.items()):
        lines += ["", name, f"  {'in':<12}{sink.taken.n:>14,}  {sink.taken.sum}"]
        shown = [(fate, sink.fates[fate]) for fate in FATES if sink.fates.get(fate, Sum()) != Sum()]
        lines += [f"  {fate:<12}{amount.n:>14,}  {amount.sum}" for fate, amount in shown]
        lines += [
            f"    {reason:<40}{n:>10,}" for reason, n in sorted(sink.reasons.items(), key=lambda r: (-r[1], r[0]))
        ]
        if sink.ambiguous:
            lines.append(f"  {sink.ambiguous:,} events in requests that were never answered: copies may be there twice")
    if report.landed is not None:
        lines += ["", f"{report.landed:,} events are in the table"]
    lines += [""] + [f"note: {note}" for note in report.notes] + [f"PROBLEM: {problem}" for problem in report.problems]
    if report.more_problems:
        lines.append(f"PROBLEM: and {report.more_problems:,} more")
    lines.append("The account balances." if report.balanced else "The account does NOT balance.")
    return "\n".join(lines)


def _audit_path(path: Path) -> Report:
    try:
        with path.open("rb") as file:
            is_sqlite = file.read(16) == b"SQLite format 3\x00"
        if is_sqlite:
            return _audit_sqlite(path)
        with path.open(encoding="utf-8", errors="replace") as text:
            return _add_up(str(path), _receipt_lines(text))
    except OSError as error:
        raise ConfigError(str(path), "audit", error.strerror or type(error).__name__, "a readable file") from error
    except sqlite3.Error as error:
        raise ConfigError(str(path), "audit", f"SQLite: {error}", "a SQLite file that `logharbor run` wrote") from error


def _add_up(source: str, lines: Iterable[_Line]) -> Report:
    report = Report(source)
    batches = set()
    for line in lines:
        report.receipts += 1
        report.taken += line.taken.n
        batches.add(line.batch)
        for problem in _check(line):
            _problem(report, problem)
        for name, fates in line.fates.items():
            sink = report.sinks.setdefault(name, SinkSum(Sum(), {}, {}))
            sink.taken = sink.taken.plus(line.taken)
            for fate, amount in fates.items():
                sink.fates[fate] = sink.fates.get(fate, Sum()).plus(amount)
            for reason, n in line.reasons.get(name, {}).items():
                sink.reasons[reason] = sink.reasons.get(reason, 0) + n
            sink.ambiguous += line.ambiguous.get(name, 0)
    report.batches = len(batches)
    if not report.receipts:
        raise ConfigError(source, "receipts", "none", "at least one receipt", "Was anything run into it?")
    for name, sink in report.sinks.items():
        if sink.taken != _total(sink.fates.values()):
            _problem(report, f"{name}: over all receipts, in is not the sum of the fates")
    return report


def _check(line: _Line) -> Iterator[str]:
    broken = False
    for name, fates in line.fates.items():
        unknown = sorted(set(fates) - set(FATES))
        if unknown:
            yield f"receipt {line.batch}: {name}: unknown fate {unknown[0][:40]!r}"
        out = _total(fates.values())
        if out.n != line.taken.n:
            yield f"receipt {line.batch}: {name}: {line.taken.n:,} in, {out.n:,} accounted for"
        elif out.sum != line.taken.sum:
            yield f"receipt {line.batch}: {name}: the ids accounted for are not those that came in"
        broken = broken or out != line.taken
    if not broken and not line.said_balanced:
        yield f"receipt {line.batch}: it was marked as out of balance when it was written"


def _audit_sqlite(path: Path) -> Report:
    db = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
    try:
        tables = {name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        if "receipts" not in tables:
            raise ConfigError(str(path), "receipts", "no such table", "a file that `logharbor run` wrote")
        db.execute("BEGIN")  # one snapshot, while a run may still be writing
        report = _add_up(str(path), _receipt_rows(db))
        if "events" in tables:
            _check_events(db, report, "landings" in tables)
    finally:
        db.close()
    return report


def _check_events(db: sqlite3.Connection, report: Report, has_landings: bool) -> None:
    """The table against what the sink says it stored, and that against what the receipts say was delivered."""
    there, seal = _count_events(db, report)
    report.landed = there.n
    if not has_landings:
        _problem(report, "events are there, and no account of the runs that stored them")
        return
    stored, stored_seal = Sum(), 0
    answered: dict[str, Sum] = {}
    cut_short: dict[str, int] = {}
    query = "SELECT sink, ended, inserted, inserted_sum, present, present_sum, seal FROM landings"
    for sink, ended, inserted, inserted_sum, present, present_sum, run_seal in db.execute(query):
        new, old = Sum(inserted, inserted_sum), Sum(present, present_sum)
        stored = stored.plus(new)
        stored_seal = (stored_seal + int(run_seal, 16)) % _MODULUS
        answered[sink] = answered.get(sink, Sum()).plus(new).plus(old)
        if ended is None:
            cut_short[sink] = cut_short.get(sink, 0) + inserted + present
    if there.n != stored.n:
        _problem(report, f"events: {there.n:,} are in the table, {stored.n:,} were stored")
    elif there.sum != stored.sum:
        _problem(report, "events: the ids in the table are not those that were stored")
    elif seal != stored_seal:
        _problem(report, "events: what is in the table is not what was stored (a row was changed)")
    for sink, amount in answered.items():
        _check_landing(report, sink, amount, cut_short.get(sink, 0))


def _check_landing(report: Report, sink: str, answered: Sum, cut_short: int) -> None:
    """What the sink answered for must be what receipts say it took, but for a run that ended before its receipt."""
    fates = report.sinks[sink].fates if sink in report.sinks else {}
    receipted = _total(fates[fate] for fate in ("delivered", "quarantined") if fate in fates)
    surplus = answered.n - receipted.n
    if surplus < 0:
        _problem(report, f"{sink}: receipts say {receipted.n:,} landed, the sink stored or found {answered.n:,}")
    elif surplus > cut_short:
        _problem(report, f"{sink}: {surplus:,} events landed that no receipt accounts for")
    elif surplus:
        report.notes.append(
            f"{sink}: {surplus:,} events landed in a run that was cut short before its receipt;"
            " running the same source again accounts for them and stores nothing twice"
        )
    elif answered.sum != receipted.sum:
        _problem(report, f"{sink}: the ids that landed are not those that the receipts account for")


def _count_events(db: sqlite3.Connection, report: Report) -> tuple[Sum, int]:
    columns = [row[1] for row in db.execute("PRAGMA table_info(events)")]
    total, seal, n = 0, 0, 0
    strange = 0
    for row in db.execute("SELECT * FROM events"):
        n += 1
        try:
            total += int(row[0], 16)
        except (TypeError, ValueError):
            strange += 1
        sealed = "\x1f".join("" if value is None else str(value) for value in row)
        seal += xxhash.xxh3_128_intdigest(sealed.encode())
    if strange or not columns or columns[0] != "id":
        _problem(report, f"events: {strange:,} rows have an id that is no event id")
    return Sum(n, _hex(total)), seal % _MODULUS


def _receipt_rows(db: sqlite3.Connection) -> Iterator[_Line]:
    query = "SELECT batch, attempt, taken, taken_sum, balanced FROM receipts ORDER BY time, batch, attempt"
    for batch, attempt, taken, taken_sum, balanced in db.execute(query).fetchall():
        key = (batch, attempt)
        sinks = db.execute("SELECT sink, ambiguous FROM receipt_sinks WHERE batch = ? AND attempt = ?", key).fetchall()
        fates: dict[str, dict[str, Sum]] = {sink: {} for sink, _ in sinks}
        reasons: dict[str, dict[str, int]] = {sink: {} for sink, _ in sinks}
        for sink, fate, n, id_sum in db.execute(
            "SELECT sink, fate, n, sum FROM receipt_fates WHERE batch = ? AND attempt = ?", key
        ):
            fates.setdefault(sink, {})[fate] = Sum(n, id_sum)
        for sink, reason, n in db.execute(
            "SELECT sink, reason, n FROM receipt_reasons WHERE batch = ? AND attempt = ?", key
        ):
            reasons.setdefault(sink, {})[reason] = n
        yield _Line(batch, Sum(taken, taken_sum), fates, reasons, dict(sinks), bool(balanced))


def _receipt_lines(lines: Iterable[str]) -> Iterator[_Line]:
    for text in lines:
        start = text.find("{")
        if start < 0 or '"taken' not in text.replace("\\", ""):
            continue
        try:
            found = _receipt_in(json.loads(text[start:]))
        except (ValueError, RecursionError):
            continue
        if found is not None:
            yield _line(found)


def _receipt_in(value: Any) -> dict[str, Any] | None:
    """The receipt that a log line holds: at its root, under `receipt`, or inside `message` (an object or its text)."""
    for _ in range(4):
        if isinstance(value, str):
            try:
                value = json.loads(value)
            except ValueError:
                return None
        if not isinstance(value, dict):
            return None
        if {"batch", "taken", "accounts"} <= value.keys():
            return value
        value = value.get("receipt", value.get("message"))
    return None


def _line(data: dict[str, Any]) -> _Line:
    """A line that looks like a receipt and cannot be read is one that does not balance."""
    try:
        accounts = data["accounts"].items()
        return _Line(
            str(data["batch"])[:64],
            _read_sum(data["taken"]),
            {name: {fate: _read_sum(tally) for fate, tally in account["fates"].items()} for name, account in accounts},
            {name: {reason: int(n) for reason, n in account["reasons"].items()} for name, account in accounts},
            {name: int(account["ambiguous"]) for name, account in accounts},
            bool(data["balanced"]),
        )
    except (KeyError, TypeError, ValueError, AttributeError):
        return _Line(str(data.get("batch"))[:64], Sum(), {}, {}, {}, said_balanced=False)


def _read_sum(data: dict[str, Any]) -> Sum:
    return Sum(int(data["n"]), _hex(int(data["sum"], 16)))


def _total(amounts: Iterable[Sum]) -> Sum:
    total = Sum()
    for amount in amounts:
        total = total.plus(amount)
    return total


def _hex(id_sum: int) -> str:
    return f"{id_sum % _MODULUS:032x}"


def _problem(report: Report, text: str) -> None:
    report.balanced = False
    if len(report.problems) < MAX_PROBLEMS:
        report.problems.append(text)
    else:
        report.more_problems += 1
