"""The audit: it finds an account in order, and every way in which one can be out of order."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from forwarders.audit import audit, render
from forwarders.errors import ConfigError
from forwarders.model import Account, Contract, Event, Fate, Kind, Origin, Receipt, Tally, Verdict
from forwarders.receipts import sqlite_receipts, to_dict
from forwarders.sinks import Copies
from forwarders.sinks.sqlite import SqliteSink

CONTRACT = Contract("job.finished", 1, "1.0.0", "team-data", "job")
ORIGIN = Origin("file", "f", path="/var/log/app.log")
IDS = [f"{n * 7919 + 1:032x}" for n in range(40)]
COPIES = Copies(lambda contract: None, str, str)


def land(path: Path, ids: list[str], *, batch: str, with_receipt: bool = True, finished: bool = True) -> None:
    """A run that lands these ids in one batch; every fifth event is quarantined."""
    sink = SqliteSink("local", str(path), COPIES)
    fates = {Fate.DELIVERED: Tally(), Fate.QUARANTINED: Tally()}
    pieces = []
    for id in ids:
        verdict = Verdict.INVALID if IDS.index(id) % 5 == 0 else Verdict.VALID
        event = Event(id, 1_000, CONTRACT.name, json.dumps({"n": id}), {}, CONTRACT, verdict)
        pieces.append(sink.encoder(Kind(ORIGIN, CONTRACT, verdict, "job", "prod"))(event))
        fates[Fate.DELIVERED if verdict is Verdict.VALID else Fate.QUARANTINED].add(1, int(id, 16))
    outcomes = sink.ship(pieces, ids, lambda: 60.0)
    assert {outcome.fate for outcome in outcomes} == {Fate.DELIVERED}
    sink.close(finished)
    if with_receipt:
        taken = Tally(len(ids), sum(int(id, 16) for id in ids) % 2**128)
        recorder = sqlite_receipts(str(path))
        recorder.write(Receipt(batch, ORIGIN, taken, {"local": Account(fates, {})}, {}, {}))
        recorder.close()


@pytest.fixture
def landed(tmp_path: Path) -> Path:
    """Three runs: 20 events, 20 others, and the last 25 once more."""
    path = tmp_path / "logs.db"
    land(path, IDS[:20], batch="a")
    land(path, IDS[20:], batch="b")
    land(path, IDS[15:], batch="c")
    return path


def change(path: Path, *statements: str) -> None:
    """What a person, a bug or a broken disk might do to the file."""
    db = sqlite3.connect(path, isolation_level=None)
    for statement in statements:
        db.execute(statement)
    db.close()


def test_an_account_in_order_balances(landed: Path) -> None:
    """Three runs that overlap: 65 records in, 40 events there, all explained."""
    report = audit(landed)
    assert (report.balanced, report.receipts, report.taken, report.landed) == (True, 3, 65, 40)
    assert {fate: amount.n for fate, amount in report.sinks["local"].fates.items()} == {
        "delivered": 52,
        "quarantined": 13,
    }
    assert render(report).endswith("The account balances.")
    assert msgspec.json.decode(msgspec.json.encode(report))["balanced"] is True


DOUBLE = f"""INSERT INTO events SELECT '{"0" * 31}f', time, dataset, event, verdict, source, owner, contract, level,
request_id, account, region, log_group, log_stream, path, reason, errors, drift, flags, fields FROM events LIMIT 1"""
MUTATIONS = {
    "a row is deleted": ([f"DELETE FROM events WHERE id = '{IDS[7]}'"], "39 are in the table, 40 were stored"),
    "a row is doubled": ([DOUBLE], "41 are in the table, 40 were stored"),
    "two ids are swapped": (
        [
            f"UPDATE events SET id = '{new}' WHERE id = '{old}'"
            for old, new in ((IDS[3], "x"), (IDS[4], IDS[3]), ("x", IDS[4]))
        ],
        "what is in the table is not what was stored",
    ),
    "a row is replaced by another": (
        [f"UPDATE events SET id = '{'0' * 31}f' WHERE id = '{IDS[7]}'"],
        "the ids in the table are not those that were stored",
    ),
    "a field is changed": (
        [f"UPDATE events SET fields = '{{}}' WHERE id = '{IDS[7]}'"],
        "what is in the table is not what was stored",
    ),
    "an id is no id": ([f"UPDATE events SET id = 'zzz' WHERE id = '{IDS[7]}'"], "an id that is no event id"),
    "a fate is one too many": (
        ["UPDATE receipt_fates SET n = n + 1 WHERE batch = 'a' AND fate = 'delivered'"],
        "receipt a: local: 20 in, 21 accounted for",
    ),
    "a fate has another's ids": (
        [f"UPDATE receipt_fates SET sum = '{'0' * 32}' WHERE batch = 'b' AND fate = 'delivered'"],
        "receipt b: local: the ids accounted for are not those that came in",
    ),
    "a fate is missing": (["DELETE FROM receipt_fates WHERE batch = 'a'"], "receipt a: local: 20 in, 0 accounted for"),
    "a receipt is missing": (
        [f"DELETE FROM {table} WHERE batch = 'b'" for table in ("receipts", "receipt_sinks", "receipt_fates")],
        "local: 20 events landed that no receipt accounts for",
    ),
    "a run's own account is missing": (
        ["DELETE FROM landings WHERE inserted = 0"],
        "receipts say 65 landed, the sink stored or found 40",
    ),
    "a receipt was out of balance when written": (
        ["UPDATE receipts SET balanced = 0 WHERE batch = 'c'"],
        "receipt c: it was marked as out of balance",
    ),
    "all of the sink's accounts are gone": (
        ["DROP TABLE landings"],
        "events are there, and no account of the runs that stored them",
    ),
}


@pytest.mark.parametrize(("statements", "problem"), MUTATIONS.values(), ids=MUTATIONS)
def test_an_account_out_of_order_does_not_balance(statements: list[str], problem: str, landed: Path) -> None:
    """Each way of tampering or losing is found, and named."""
    change(landed, *statements)
    report = audit(landed)
    assert not report.balanced
    assert any(problem in found for found in report.problems), report.problems
    assert render(report).endswith("The account does NOT balance.")


def test_events_that_are_exchanged_between_receipts_are_found(landed: Path) -> None:
    """Sums that agree in total do not hide two receipts that are each wrong."""
    change(
        landed,
        "UPDATE receipt_fates SET n = n + 1 WHERE batch = 'a' AND fate = 'delivered'",
        "UPDATE receipt_fates SET n = n - 1 WHERE batch = 'b' AND fate = 'delivered'",
    )
    assert len(audit(landed).problems) == 2


def test_a_run_that_was_killed_is_a_note(tmp_path: Path) -> None:
    """What landed before the receipt was written is not lost; the next run accounts for it."""
    path = tmp_path / "logs.db"
    land(path, IDS[:20], batch="a")
    land(path, IDS[20:30], batch="b", with_receipt=False, finished=False)
    land(path, IDS[20:], batch="c")
    report = audit(path)
    assert report.balanced
    assert report.notes == [
        "local: 10 events landed in a run that was cut short before its receipt;"
        " running the same source again accounts for them and stores nothing twice"
    ]


def as_lines(wrap: Callable[[dict[str, Any]], str], balanced: bool = True) -> list[str]:
    """Two receipts as lines of a log."""
    fates = {Fate.DELIVERED: Tally(2, 5 if balanced else 6), Fate.FILTERED: Tally(1, 9)}
    receipts = [Receipt(batch, ORIGIN, Tally(3, 14), {"es": Account(fates, {})}, {}, {}) for batch in ("a", "b")]
    return ["START RequestId: 1\n", *(wrap(to_dict(receipt)) for receipt in receipts), '{"message": "taken"}\n', "\n"]


WRAPPINGS: dict[str, Callable[[dict[str, Any]], str]] = {
    "bare": json.dumps,
    "Powertools, as a key": lambda receipt: json.dumps({"level": "INFO", "message": "receipt", "receipt": receipt}),
    "Powertools, as the message": lambda receipt: json.dumps({"level": "INFO", "message": receipt}),
    "a text inside the message": lambda receipt: json.dumps({"message": json.dumps({"receipt": receipt})}),
    "after a prefix": lambda receipt: f"2026-11-01T08:00:00Z abc {json.dumps({'receipt': receipt})}",
}


@pytest.mark.parametrize("wrap", WRAPPINGS.values(), ids=WRAPPINGS)
def test_receipts_are_found_in_a_log(wrap: Callable[[dict[str, Any]], str], tmp_path: Path) -> None:
    """A receipt is read out of each form in which our log writes it; other lines are passed over."""
    assert audit(as_lines(wrap)).taken == 6
    file = tmp_path / "log.ndjson"
    file.write_text("\n".join(as_lines(wrap)))
    report = audit(file)
    assert (report.balanced, report.receipts, report.sinks["es"].fates["delivered"].n) == (True, 2, 4)
    assert not audit(as_lines(wrap, balanced=False)).balanced


def test_a_receipt_that_cannot_be_read_does_not_balance() -> None:
    """Half a receipt is not taken for a good one."""
    assert not audit(['{"batch": "a", "taken": {"n": 3}, "accounts": {}}', *as_lines(json.dumps)]).balanced


@pytest.mark.parametrize("content", ["", "hello\n", "SQLite format 3\x00 but not really"])
def test_a_source_without_receipts_is_an_error(content: str, tmp_path: Path) -> None:
    """Nothing to add up is not an account that balances."""
    (tmp_path / "x").write_text(content)
    with pytest.raises(ConfigError):
        audit(tmp_path / "x")
    with pytest.raises(ConfigError, match="No such file"):
        audit(tmp_path / "missing")


def test_problems_are_bounded() -> None:
    """A thousand broken receipts are twenty lines and a number."""
    report = audit(as_lines(json.dumps, balanced=False) * 500)
    assert (len(report.problems), report.more_problems) == (20, 981)
