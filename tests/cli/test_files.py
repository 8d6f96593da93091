"""`logharbor audit` and `logharbor explore`: what a file that a run wrote is asked."""

from __future__ import annotations

import json
import signal
import sqlite3
import subprocess
import sys
import urllib.request
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., Any]

COMMAND = Path(sys.executable).with_name("logharbor")


@pytest.fixture
def database(logharbor: Run, folder: Path) -> Path:
    """A file that a run wrote."""
    (folder / "app.log").write_text('{"event":"a"}\nplain\n{"x":NaN}\n')
    assert logharbor("run", "app.log").code == 0
    return folder / "logharbor.db"


def test_an_account_that_balances(logharbor: Run, database: Path) -> None:
    """Exit 0; the sums as text for a person, the same as JSON for a script."""
    text, report = logharbor("audit", database), logharbor("audit", database, "--json")
    assert (text.code, report.code) == (0, 0)
    assert "3 events are in the table" in text.out
    assert text.last == "The account balances."
    told = json.loads(report.last)
    assert (told["balanced"], told["taken"], told["landed"], told["problems"]) == (True, 3, 3, [])


def test_an_account_that_does_not_balance(logharbor: Run, database: Path) -> None:
    """A row is gone: exit 1, and the problem is named."""
    with closing(sqlite3.connect(database)) as db:
        db.execute("DELETE FROM events WHERE rowid = 2")
        db.commit()
    text, report = logharbor("audit", database), logharbor("audit", database, "--json")
    assert (text.code, report.code) == (1, 1)
    assert text.last == "The account does NOT balance."
    assert json.loads(report.last)["problems"] == ["events: 2 are in the table, 3 were stored"]


def test_receipts_in_a_log(process: Run, logharbor: Run, folder: Path) -> None:
    """What `invoke --json` and the Lambda print can be piped into it."""
    (folder / "payload.json").write_text("{}")
    told = json.loads(logharbor("invoke", "payload.json", "--json").last)
    lines = "".join(json.dumps({"level": "INFO", "receipt": receipt}) + "\n" for receipt in told["receipts"])
    done = process("audit", "-", stdin=lines.encode())
    assert (done.code, done.last) == (0, "The account balances.")


@pytest.mark.parametrize(
    ("command", "name", "message"),
    [
        ("audit", "nope.db", "does not exist"),
        ("audit", "schemas", "is a directory"),
        ("audit", "text.log", "text.log: receipts: found none, expected at least one receipt"),
        ("audit", "other.db", "other.db: receipts: found no such table, expected a file that `logharbor run` wrote"),
        ("explore", "nope.db", "does not exist"),
        ("explore", "schemas", "is a directory"),
        ("explore", "text.log", "text.log: explore: found SQLite: file is not a database"),
        ("explore", "other.db", "other.db: events: found no such table, expected a file that `logharbor run` wrote"),
    ],
)
def test_a_file_of_another_kind_is_told(command: str, name: str, message: str, logharbor: Run, folder: Path) -> None:
    """Exit 2 with a sentence, and the file is left alone."""
    (folder / "text.log").write_text("not a database, only text that is long enough\n" * 40)
    with closing(sqlite3.connect(folder / "other.db")) as db:
        db.execute("CREATE TABLE x(a)")
    done = logharbor(command, name)
    assert (done.code, done.out) == (2, "")
    assert message in done.err


@pytest.mark.parametrize("arguments", [["explore", "logharbor.db", "--port", "0"], ["run", "app.log", "--explore"]])
def test_the_explorer_answers_until_ctrl_c(arguments: list[str], database: Path) -> None:
    """It says its address, answers there, and Ctrl-C ends it with exit 0."""
    process = subprocess.Popen([COMMAND, *arguments], stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    told = next(line for line in process.stderr if line.startswith("Explore it at "))
    with urllib.request.urlopen(told.split()[3], timeout=30) as answer:
        assert answer.status == 200
    process.send_signal(signal.SIGINT)
    assert "Traceback" not in process.stderr.read()
    assert process.wait(timeout=30) == 0


def test_the_extra_that_is_missing_is_told(database: Path) -> None:
    """Without Datasette it says what to install."""
    script = "import sys; sys.modules['datasette'] = None; from forwarders.cli import main; main(sys.argv[1:])"
    command = [sys.executable, "-c", script, "explore", str(database)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert "Install it: pip install 'logharbor[explore]'" in done.stderr


def test_a_port_beyond_the_last_is_told(logharbor: Run, database: Path) -> None:
    """Exit 2, with the range."""
    done = logharbor("explore", database, "--port", "99999")
    assert done.code == 2
    assert "99999 is not in the range 0<=x<=65535" in done.err
