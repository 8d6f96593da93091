"""Receipts: what is kept of them, and that it is kept before anybody is told."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from forwarders.errors import Transient
from forwarders.model import Account, Fate, Origin, Receipt, Tally, Verdict
from forwarders.receipts import from_dict, log_receipts, memory_receipts, sqlite_receipts, to_dict

ORIGIN = Origin("cloudwatch", "c", "123456789012", "eu-west-1", "/aws/lambda/login", "s")


def receipt(batch: str = "b1", **more: Any) -> Receipt:
    """3 records: 2 delivered, 1 quarantined; ids 1, 2 and 2^128 - 1."""
    fates = {Fate.DELIVERED: Tally(2, 3), Fate.QUARANTINED: Tally(1, 2**128 - 1)}
    account = Account(fates, {"quarantined:contract:type": 1}, ambiguous=1)
    verdicts = {Verdict.VALID: 2, Verdict.INVALID: 1, Verdict.UNREGISTERED: 0}
    drift = {"user.login.success:1 source.colour": 2}
    rest = {"drifted": 2, "owners": {"team-identity": 1}, "time_ms": 1_793_520_000_000, **more}
    return Receipt(batch, ORIGIN, Tally(3, 2), {"sqlite": account}, verdicts, drift, **rest)


AS_DICT = {
    "batch": "b1",
    "time_ms": 1_793_520_000_000,
    "origin": {
        "source": "cloudwatch",
        "container": "c",
        "account": "123456789012",
        "region": "eu-west-1",
        "log_group": "/aws/lambda/login",
        "log_stream": "s",
    },
    "taken": {"n": 3, "sum": "00000000000000000000000000000002"},
    "accounts": {
        "sqlite": {
            "fates": {
                "delivered": {"n": 2, "sum": "00000000000000000000000000000003"},
                "quarantined": {"n": 1, "sum": "ffffffffffffffffffffffffffffffff"},
            },
            "reasons": {"quarantined:contract:type": 1},
            "ambiguous": 1,
        }
    },
    "verdicts": {"valid": 2, "invalid": 1, "unregistered": 0},
    "drifted": 2,
    "drift": {"user.login.success:1 source.colour": 2},
    "owners": {"team-identity": 1},
    "balanced": True,
}


def test_a_receipt_is_one_json_object_and_back() -> None:
    """As JSON it has everything, with sums as hex digits; read back it is the same receipt."""
    assert to_dict(receipt()) == AS_DICT
    assert from_dict(json.loads(json.dumps(AS_DICT))) == receipt()


def test_our_own_log_gets_one_bounded_line() -> None:
    """A thousand reasons become the fifty largest and `other`; nothing is lost from the sum."""
    lines: list[dict[str, Any]] = []
    many = receipt(owners={f"team-{i}": i for i in range(1, 1001)})
    log_receipts(lines.append).write(many)
    owners = lines[0]["owners"]
    assert len(owners) == 51
    assert sum(owners.values()) == sum(range(1, 1001))
    assert owners["team-1000"] == 1000
    assert owners["other"] == sum(range(1, 951))


def test_memory_keeps_them_in_order() -> None:
    """Tests read receipts off a list."""
    recorder = memory_receipts()
    recorder.write(receipt("a"))
    recorder.write(receipt("b"))
    assert [kept.batch for kept in recorder.receipts] == ["a", "b"]


def test_a_file_keeps_them_as_tables(tmp_path: Path) -> None:
    """The same batch twice is two attempts; fates and reasons have a row each."""
    path = tmp_path / "logs.db"
    recorder = sqlite_receipts(str(path))
    recorder.write(receipt())
    recorder.write(receipt())
    recorder.close()
    db = sqlite3.connect(path)
    rows = db.execute(
        "SELECT batch, attempt, source, log_group, path, taken, taken_sum, invalid, balanced FROM receipts"
    )
    assert rows.fetchall() == [
        ("b1", attempt, "cloudwatch", "/aws/lambda/login", "", 3, f"{2:032x}", 1, 1) for attempt in (1, 2)
    ]
    fates = db.execute("SELECT sink, fate, n, sum FROM receipt_fates WHERE attempt = 2").fetchall()
    assert fates == [("sqlite", "delivered", 2, f"{3:032x}"), ("sqlite", "quarantined", 1, "f" * 32)]
    assert db.execute("SELECT reason, n FROM receipt_reasons WHERE attempt = 1").fetchall() == [
        ("quarantined:contract:type", 1)
    ]
    assert db.execute("SELECT ambiguous FROM receipt_sinks").fetchall() == [(1,), (1,)]
    assert db.execute("SELECT what, name, n FROM receipt_counts WHERE attempt = 1").fetchall() == [
        ("drift", "user.login.success:1 source.colour", 2),
        ("owner", "team-identity", 1),
    ]
    db.close()


def test_a_path_that_is_no_text_is_kept_readable(tmp_path: Path) -> None:
    """A file name with bytes that are no UTF-8 does not stop the account."""
    recorder = sqlite_receipts(str(tmp_path / "logs.db"))
    odd = receipt()
    odd.origin = Origin("file", "f", path="/logs/caf\udce9.log")
    recorder.write(odd)
    recorder.close()
    db = sqlite3.connect(tmp_path / "logs.db")
    assert db.execute("SELECT path FROM receipts").fetchall() == [("/logs/caf\\udce9.log",)]
    db.close()


def test_a_receipt_that_cannot_be_kept_is_said_aloud(tmp_path: Path) -> None:
    """While the file is locked nothing may be acknowledged; when it is free again the next receipt is kept."""
    path = tmp_path / "logs.db"
    recorder = sqlite_receipts(str(path), busy_timeout_s=0.05)
    recorder.write(receipt())
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(Transient, match="receipt_store"):
        recorder.write(receipt())
    other.execute("ROLLBACK")
    recorder.write(receipt())
    assert other.execute("SELECT attempt FROM receipts").fetchall() == [(1,), (2,)]
    other.close()
    recorder.close()
