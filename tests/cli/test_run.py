"""`logharbor run` as a person uses it."""

from __future__ import annotations

import json
import os
import pty
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from forwarders.cli.summary import print_summary
from forwarders.model import Fate
from forwarders.testing import ScriptedServer, elasticsearch, honeycomb, status
from forwarders.totals import Totals

Run = Callable[..., Any]

COMMAND = Path(sys.executable).with_name("logharbor")

LOGIN = '{"timestamp":%d,"event":"user.login.success","user":"ada","method":"sso"}'
LINES = [
    LOGIN % 1794499200,
    LOGIN % 1794499201,
    '{"timestamp":1794499202,"event":"user.login.success","user":"ada","method":"sso","[/red]":1}',
    '{"timestamp":1794499203,"event":"payment.captured","payment_id":"pay_3"}',
    '{"timestamp":1794499204,"event":"gift.card.redeemed"}',
    '{"timestamp":NaN}',
]
NONE = dict.fromkeys(map(str, Fate), 0)
ACCOUNT = {
    "in": 6,
    "verdicts": {"valid": 3, "invalid": 2, "unregistered": 1},
    "drifted": 1,
    "sinks": {"sqlite": NONE | {"delivered": 4, "quarantined": 2}},
    "balanced": True,
}


@pytest.fixture
def log(folder: Path) -> Path:
    """A file with one line of every verdict, and a field whose name looks like markup."""
    path = folder / "app.log"
    path.write_text("".join(f"{line}\n" for line in LINES), "utf-8")
    return path


def rows(path: Path | str, query: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(path)) as db:
        return db.execute(query).fetchall()


def test_the_account_is_the_last_line(logharbor: Run, log: Path) -> None:
    """`--json` ends with exactly the object that scripts rely on; the summary is on standard error."""
    done = logharbor("run", log, "--json")
    assert done.code == 0
    assert json.loads(done.last) == ACCOUNT
    assert list(json.loads(done.last)) == ["in", "verdicts", "drifted", "sinks", "balanced"]
    assert len(done.out.splitlines()) == 1
    for words in (
        "6 records in",
        "Contracts: 3 valid (1 with drift), 2 invalid, 1 unregistered",
        "1  quarantined: contract_violation",
        "1  team-payments",
        'user.login.success:1 "[/red]"',
        "The account balances",
    ):
        assert words in done.err
    assert rows("logharbor.db", "SELECT count(*) FROM events") == [(6,)]


def test_events_come_before_the_account(logharbor: Run, log: Path) -> None:
    """With the sink stdout and `--json`, the account is the line after the events."""
    done = logharbor("run", log, "--sink", "stdout", "--json")
    *events, account = map(json.loads, done.out.splitlines())
    assert len(events) == 6
    assert account == ACCOUNT | {"sinks": {"stdout": ACCOUNT["sinks"]["sqlite"]}}  # type: ignore[index]
    assert not Path("logharbor.db").exists()
    assert not Path("logharbor-receipts.db").exists()


def test_the_same_again_changes_nothing(logharbor: Run, log: Path) -> None:
    """The second run says the same account, stores nothing, and the audit of both balances."""
    logharbor("run", log)
    before = rows("logharbor.db", "SELECT * FROM events")
    done = logharbor("run", log, "--json")
    assert json.loads(done.last) == ACCOUNT
    assert "4  delivered: already_present" in done.err
    assert rows("logharbor.db", "SELECT * FROM events") == before
    assert logharbor("audit", "logharbor.db").code == 0


def test_a_label_tells_hosts_apart(logharbor: Run, log: Path) -> None:
    """Identical logs of two hosts land twice, each once."""
    for label in ("web-1", "web-2", "web-1"):
        logharbor("run", log, "--label", label)
    assert rows("logharbor.db", "SELECT count(*), count(DISTINCT id) FROM events") == [(12, 12)]


def test_several_sinks_at_once(logharbor: Run, log: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Elasticsearch, Honeycomb and two files get the same run, and each file can be audited."""
    documents: dict[str, dict[str, Any]] = {}
    events: list[dict[str, Any]] = []
    monkeypatch.setenv("HC", "key")
    with ScriptedServer(otherwise=elasticsearch(documents)) as es, ScriptedServer(otherwise=honeycomb(events)) as hc:
        (folder / "p.json").write_text(
            json.dumps(
                {
                    "environment": "test",
                    "sinks": {
                        "search": {"type": "elasticsearch", "endpoint": es.url, "auth": "none"},
                        "traces": {"type": "honeycomb", "endpoint": hc.url, "dataset": "d", "secret": "env:HC"},
                        "one": {"type": "sqlite", "path": "one.db"},
                        "two": {"type": "sqlite", "path": "two.db"},
                    },
                }
            )
        )
        done = logharbor("run", log, "--config", "p.json", "--json")
    assert done.code == 0
    expected = ACCOUNT["sinks"]["sqlite"]  # type: ignore[index]
    assert json.loads(done.last)["sinks"] == dict.fromkeys(("search", "traces", "one", "two"), expected)
    assert (len(documents), len(events)) == (6, 6)
    for name in ("one.db", "two.db"):
        assert set(documents) == {id for (id,) in rows(name, "SELECT id FROM events")}
        assert logharbor("audit", name).code == 0


def test_what_a_sink_lacks_is_exit_1(logharbor: Run, log: Path) -> None:
    """A sink that refuses the key: everything is to come again, receipts are kept, and the next run lands it."""
    with ScriptedServer([status(401)], otherwise=elasticsearch()) as server:
        sink = ("--sink", f"elasticsearch:{server.url}")
        refused = logharbor("run", log, *sink, "--json")
        landed = logharbor("run", log, *sink, "--json")
    assert refused.code == 1
    assert json.loads(refused.last)["sinks"] == {"elasticsearch": NONE | {"returned": 6}}
    assert json.loads(refused.last)["balanced"] is True
    assert "6  returned: unauthorised" in refused.err
    assert "6 are still to come: the same command again lands them." in refused.err
    assert (landed.code, json.loads(landed.last)["sinks"]["elasticsearch"]["returned"]) == (0, 0)
    assert logharbor("audit", "logharbor-receipts.db").code == 0


def test_what_a_sink_refuses_for_good_is_kept(logharbor: Run, log: Path, folder: Path) -> None:
    """The summary says where: in the dead-letter store."""
    refusal = json.dumps({"error": {"type": "illegal_argument_exception"}, "status": 400})
    with ScriptedServer(otherwise=status(400, refusal)) as server:
        done = logharbor("run", log, "--sink", f"elasticsearch:{server.url}", "--dead-letters", "letters")
    assert done.code == 0
    assert "6 refused for good are kept in letters/dead." in done.err
    assert len(list((folder / "letters/dead").iterdir())) == 1


def test_an_empty_file_is_an_account_too(logharbor: Run, folder: Path) -> None:
    """Nothing in, nothing out, every sink named, exit 0."""
    (folder / "empty.log").touch()
    done = logharbor("run", "empty.log", "--sink", "sqlite:a.db", "--sink", "stdout", "--json")
    assert done.code == 0
    assert json.loads(done.last) == {
        "in": 0,
        "verdicts": {"valid": 0, "invalid": 0, "unregistered": 0},
        "drifted": 0,
        "sinks": {"sqlite": NONE, "stdout": NONE},
        "balanced": True,
    }


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nope.log"], "error: nope.log: source: found nothing there, expected a readable file"),
        (["dangling"], "error: dangling: source: found No such file or directory, expected a readable file"),
        (["*.nothing"], "error: *.nothing: source: found no file that matches"),
        (["app.log", "nope.log"], "error: nope.log: source: found nothing there"),
        (["app.log", "--sink", "redis:x"], "Invalid value for --sink: found 'redis:x'"),
        (["app.log", "--sink", "honeycomb:x"], "error: environment: HONEYCOMB_API_KEY: found nothing"),
        (["app.log", "--sink", "sqlite:no/folder.db"], "error: no/folder.db: sink sqlite: found sqlite_cannot_open"),
        (["app.log", "--sink", "sqlite:app.log"], "error: app.log: sink sqlite: found sqlite_corrupt"),
        (["app.log", "--config", "nope.yaml"], "error: nope.yaml: (file): found No such file or directory"),
        (["app.log", "--config", "bad.yaml"], "error: bad.yaml: sink: found an unknown key, expected one of version"),
        (["app.log", "--schemas", "nope"], "error: nope: folder: found nothing"),
    ],
)
def test_what_is_wrong_stops_before_the_first_line(
    arguments: list[str], message: str, logharbor: Run, log: Path, folder: Path
) -> None:
    """Exit 2 with a sentence, and nothing is written."""
    (folder / "dangling").symlink_to("nowhere")
    (folder / "bad.yaml").write_text("sink: {}\n")
    before = sorted(folder.iterdir()), log.read_bytes()
    done = logharbor("run", *arguments, "--json")
    assert (done.code, done.out) == (2, "")
    assert message in done.err
    assert (sorted(folder.iterdir()), log.read_bytes()) == before


def test_the_explorer_is_missed_before_the_work(folder: Path, log: Path) -> None:
    """`--explore` without the extra says what to install, and lands nothing first."""
    script = "import sys; sys.modules['datasette'] = None; from forwarders.cli import main; main(sys.argv[1:])"
    command = [sys.executable, "-c", script, "run", str(log), "--explore"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "Install it: pip install 'logharbor[explore]'" in done.stderr
    assert not Path("logharbor.db").exists()


def test_a_reader_that_leaves_is_no_error(folder: Path) -> None:
    """`| head -n 1`: the run ends early, says nothing, and exits 1."""
    (folder / "long.log").write_text("".join(f"{LOGIN % n}\n" for n in range(1794499200, 1794499200 + 20_000)))
    process = subprocess.Popen(
        [COMMAND, "run", "long.log", "--sink", "stdout"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stderr is not None
    assert json.loads(process.stdout.readline())["event"] == "user.login.success"
    process.stdout.close()
    assert process.stderr.read() == b""
    assert process.wait(timeout=30) == 1


def test_ctrl_c_keeps_what_is_done(folder: Path, process: Run) -> None:
    """The finished batch has its receipt, the sentence says what to do, exit 130, and the same again lands the rest."""
    whole = b"".join(b"%s\n" % (LOGIN % n).encode() for n in range(1794499200, 1794499200 + 8_000))
    cut = whole[: 7_500 * (len(LOGIN % 1794499200) + 1)]  # a batch has 5,000 lines, and a pipe is read by 256 KiB
    running = subprocess.Popen(
        [COMMAND, "run", "-", "--json"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert running.stdin is not None
    running.stdin.write(cut)
    running.stdin.flush()
    ends = time.monotonic() + 60
    while not _receipts():
        assert running.poll() is None
        assert time.monotonic() < ends
        time.sleep(0.02)
    running.send_signal(signal.SIGINT)
    out, err = running.communicate(timeout=30)
    assert running.returncode == 130
    assert b"interrupted: what is not accounted for below is landed by the same command again" in err
    assert json.loads(out)["in"] == 5_000
    assert json.loads(out)["sinks"]["sqlite"]["delivered"] == 5_000
    assert process("audit", "logharbor.db").code == 0
    assert json.loads(process("run", "-", "--json", stdin=whole).last)["in"] == 8_000
    assert rows("logharbor.db", "SELECT count(*) FROM events") == [(8_000,)]
    assert process("audit", "logharbor.db").code == 0


def _receipts() -> int:
    try:
        return int(rows("logharbor.db", "SELECT count(*) FROM receipts")[0][0])
    except sqlite3.OperationalError:
        return 0


@pytest.mark.parametrize(("sink", "has_bar"), [("sqlite:a.db", True), ("stdout", False)])
def test_the_bar_keeps_off_a_screen_that_shows_events(sink: str, has_bar: bool, folder: Path, log: Path) -> None:
    """On a terminal a bar shows progress, but not between the lines of a sink that writes there."""
    screen = _on_a_terminal(str(COMMAND), "run", str(log), "--sink", sink)
    assert ("landing" in screen) is has_bar
    assert "The account balances" in screen


def test_the_summary_fits_80_columns(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """The table is not broken or cut, with numbers of eight digits and the longest name of a type."""
    monkeypatch.setenv("COLUMNS", "80")
    totals = Totals()
    totals.taken = 12_345_678
    totals.sinks["elasticsearch-2"] = dict.fromkeys(Fate, 0) | {Fate.DELIVERED: 12_345_678}
    print_summary(totals, 61.7)
    lines = [line.rstrip() for line in capsys.readouterr().err.splitlines()]
    assert lines[1] == "12,345,678 records in 61.7 s (200,092 a second)"
    assert lines[4:6] == [
        "sink              delivered  quarantined  dead  filtered  sampled  returned",
        "elasticsearch-2  12,345,678            0     0         0        0         0",
    ]
    assert max(map(len, lines)) <= 80


def _on_a_terminal(*command: str) -> str:
    """What a command leaves on a terminal of 80 columns, as the bytes that it wrote."""
    parent, child = pty.openpty()
    environ = os.environ | {"COLUMNS": "80", "TERM": "xterm"}
    process = subprocess.Popen(command, stdin=child, stdout=child, stderr=child, env=environ)
    os.close(child)
    written = b""
    try:
        while piece := os.read(parent, 65_536):
            written += piece
    except OSError:  # what Linux says at the end of a pseudo-terminal
        pass
    finally:
        os.close(parent)
    process.wait(timeout=30)
    return written.decode("utf-8", "replace")


def test_a_summary_of_strange_names(capsys: pytest.CaptureFixture[str]) -> None:
    """What an event's author chose is never markup, moves no cursor, and does not push out what matters."""
    totals = Totals()
    totals.drift = {f"x:1 \x1b[31m[/bold]{n:02}": 20 - n for n in range(12)}
    print_summary(totals, 0.0)
    err = capsys.readouterr().err
    assert "20  x:1 \\u001b[31m[/bold]00" in err
    assert "of 4 more" in err
    assert "\x1b" not in err
