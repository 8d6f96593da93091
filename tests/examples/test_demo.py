"""The demo: a seeded day, landed by the command line, and every line where the story says it belongs."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
HANDWRITTEN = ROOT / "examples/demo/handwritten"
LOGHARBOR = Path(sys.executable).with_name("logharbor")


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(list(map(str, arguments)), cwd=ROOT, capture_output=True, text=True, check=False)


def tree(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The folder, output and manifest of `make demo SERVE=0`."""
    out = tmp_path_factory.mktemp("demo")
    done = run(sys.executable, "examples/demo.py", "--no-serve", "--out", out)
    assert done.returncode == 0, done.stdout + done.stderr
    return {"out": out, "text": done.stdout, "manifest": json.loads((out / "manifest.json").read_text("utf-8"))}


def rows(shown: dict[str, Any], query: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(shown["out"] / "logharbor.db")) as db:
        return db.execute(query).fetchall()


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    """Two runs of the generator, under two hash seeds, write the same files."""
    for name, seed in (("a", "1"), ("b", "2")):
        environ = os.environ | {"PYTHONHASHSEED": seed}
        command = [sys.executable, "examples/demo/generate.py", str(tmp_path / name)]
        subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, check=True)
    a, b = tree(tmp_path / "a"), tree(tmp_path / "b")
    assert a == b
    assert len(a) > 100


def test_the_demo_is_large_enough_to_mean_something(shown: dict[str, Any]) -> None:
    """At least 20,000 lines, and every kind of trouble is among them."""
    logs = shown["manifest"]["logs"]
    assert logs["lines"] >= 20_000
    assert all(logs["verdicts"].values())
    troubles = {"cut_short", "drift", "missing_field", "misspelt_event", "ms_for_s", "nan", "no_contract"}
    assert troubles | {"odd_request", "private_text", "same_line_again", "wrong_type"} == logs["planted"].keys()


def test_every_line_becomes_what_the_story_says(shown: dict[str, Any]) -> None:
    """Event, verdict and drift of all generated lines are those that their generator meant."""
    generated = "FROM events WHERE path NOT LIKE '%/handwritten/%'"
    became = dict(rows(shown, f"SELECT trim(verdict || ' ' || coalesce(event, '')), count(*) {generated} GROUP BY 1"))
    ((drifted,),) = rows(shown, f"SELECT count(*) {generated} AND drift <> ''")
    assert became == shown["manifest"]["logs"]["events"]
    assert drifted == shown["manifest"]["logs"]["drifted"]


def test_the_summary_tells_what_is_wrong_and_whose_it_is(shown: dict[str, Any]) -> None:
    """A person reads in the output why events were quarantined, by whose contract, and that the account balances."""
    told = " ".join(shown["text"].split())
    for words in (
        "team-payments payment.captured /amount/value_minor expected integer, found string of",
        "team-identity user.login.failure (event) expected property",
        "loyalty.points.earned",
        "The account balances.",
    ):
        assert words in told


def test_landing_again_lands_nothing_twice(shown: dict[str, Any]) -> None:
    """The demo run a second time finds all of it there."""
    done = run(sys.executable, "examples/demo.py", "--no-serve", "--out", shown["out"])
    assert done.returncode == 0, done.stdout + done.stderr
    assert "\n0 new events in " in done.stdout


def test_events_lie_on_their_day(shown: dict[str, Any]) -> None:
    """Nothing lands in 1970 or today: the time comes from the event, its log event or its file."""
    assert rows(shown, "SELECT DISTINCT date(time / 1000, 'unixepoch') FROM events WHERE verdict = 'valid'") == [
        ("2026-11-12",)
    ]


def test_no_personal_data_lands(shown: dict[str, Any]) -> None:
    """No address, card number, token, key or password that the story planted is in any file the demo wrote."""
    private = shown["manifest"]["logs"]["private"]
    private += ["jane.doe@example.com", "5555555555554444", "demo0123456789abcdef", "demo-password-1234", '"4242"']
    fields = "\n".join(text for (text,) in rows(shown, "SELECT fields FROM events WHERE event <> 'order.placed'"))
    assert [text for text in private if text in fields] == []
    written = {path: body for path, body in tree(shown["out"]).items() if not path.startswith(("logs/", "payloads/"))}
    written.pop("manifest.json")
    assert [(path, text) for path, body in written.items() for text in private if text.encode() in body] == []


def test_a_payload_is_what_a_lambda_is_handed(shown: dict[str, Any], tmp_path: Path) -> None:
    """`logharbor invoke` lands the generated CloudWatch payloads as their generator meant."""
    expected = shown["manifest"]["payloads"]
    became: dict[str, int] = {}
    database = tmp_path / "invoked.db"
    for payload in sorted((shown["out"] / "payloads").glob("*.json")):
        done = run(LOGHARBOR, "invoke", payload, "--sink", f"sqlite:{database}", "--dead-letters", tmp_path / "dead")
        assert done.returncode == 0, done.stderr
    with closing(sqlite3.connect(database)) as db:
        became = dict(db.execute("SELECT verdict || ' ' || event, count(*) FROM events GROUP BY 1"))
    assert became == expected["events"]
