"""`logharbor explain`: what happens to one line, and why."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
CASES = [json.loads(line) for line in (ROOT / "tests/data/cli/explain.jsonl").read_text("utf-8").splitlines()]
HANDWRITTEN = [
    (f"{path.name}:{number}", line)
    for path in sorted((ROOT / "examples/demo/handwritten").glob("*.log"))
    for number, line in enumerate(path.read_bytes().removesuffix(b"\n").split(b"\n"), 1)
]
EVERY_SINK = [f"--sink={sink}" for sink in ("sqlite:a.db", "stdout", "elasticsearch:http://x:1", "honeycomb:web")]
DRIFTING = (
    '{"timestamp":1794499267,"event":"user.login.success","user":"ada","method":"passkey","source":{"colour":"green"}}'
)

Run = Callable[..., Any]


@pytest.mark.parametrize("case", CASES, ids=[case["why"] for case in CASES])
def test_a_line_is_explained(case: dict[str, Any], logharbor: Run) -> None:
    """Contract, verdict, time, repair and redaction of a line are those that the case names."""
    done = logharbor("explain", case["line"], "--json")
    told = json.loads(done.last)
    flat = told["sinks"]["sqlite"] | told
    assert {name: flat.get(name) for name in case["expect"]} == case["expect"]
    assert (done.code, done.err) == (0, "")


@pytest.mark.parametrize("line", [line for _, line in HANDWRITTEN], ids=[name for name, _ in HANDWRITTEN])
def test_every_kind_of_line_can_be_explained(line: bytes, logharbor: Run) -> None:
    """Each hand-written line of the demo, for every kind of sink, as text and as JSON: no error, nothing unsafe."""
    argument = line.replace(b"\0", b"").decode("utf-8", "surrogateescape")
    done = logharbor("explain", argument, *EVERY_SINK)
    assert (done.code, done.err) == (0, "")
    assert [row.split()[1] for row in done.out.splitlines() if row.startswith("→ ")] == [
        "sqlite",
        "stdout",
        "elasticsearch",
        "honeycomb",
    ]
    assert {char for char in done.out if not char.isprintable()} == {"\n"}
    told = json.loads(logharbor("explain", argument, "--json", *EVERY_SINK).last)
    assert {sink["fate"] for sink in told["sinks"].values()} <= {"delivered", "quarantined"}


def test_nothing_is_made(logharbor: Run, folder: Path) -> None:
    """No file, no connection, whatever the sinks are."""
    logharbor("explain", "x", *EVERY_SINK)
    assert [path.name for path in folder.iterdir()] == ["schemas"]


def test_it_reads_well(logharbor: Run) -> None:
    """Step by step, in words, with the columns that hold something and the JSON laid out."""
    lines = [line.strip() for line in logharbor("explain", DRIFTING).out.splitlines()]
    for words in (
        "route          (no route): format auto, to sqlite",
        "format         event 'user.login.success'",
        "contract       user.login.success v1 (1.0.0), owner team-identity",
        "verdict        valid, with drift: the field source.colour is not in the contract, and moves under _extra; "
        "the value of method is none that the contract knows",
        "time           2026-11-12T16:01:07.000Z, from the contract's field 'timestamp'",
        "→ sqlite       delivered, dataset user",
        "redacted: user masked",
        "log_group  /aws/lambda/example",
        '"user": "***",',
    ):
        assert words in lines
    assert not [line for line in lines if line.startswith(("request_id", "reason", "path"))]


def test_copies_are_taken_apart(logharbor: Run) -> None:
    """Each sink's copy is what it would get: columns, action and document, dataset and event, a line."""
    line = '{"timestamp":1794499267,"event":"user.login.success","user":"ada","method":"sso"}'
    sinks = json.loads(logharbor("explain", line, "--json", *EVERY_SINK).last)["sinks"]
    redacted = json.loads(line) | {"user": "***"}
    assert sinks["sqlite"]["copy"]["fields"] == redacted
    assert sinks["stdout"]["copy"]["line"]["fields"] == redacted
    assert sinks["elasticsearch"]["copy"]["action"]["create"]["_index"] == "logs-user-local"
    assert sinks["elasticsearch"]["copy"]["document"]["data"] == json.loads(line)
    assert sinks["elasticsearch"]["redacted"] == {}
    assert sinks["honeycomb"]["copy"]["dataset"] == "web"
    assert sinks["honeycomb"]["copy"]["event"]["data"]["user"] == "***"


def test_numbers_are_shown_as_they_came(logharbor: Run) -> None:
    """Beyond 64 bits and with trailing zeros, as text and as JSON."""
    line = '{"event":"gift.card.redeemed","card":18446744073709551617,"value":1.50}'
    assert '"card":18446744073709551617,"value":1.50' in logharbor("explain", line, "--json").out
    text = logharbor("explain", line).out
    assert '"card": 18446744073709551617,' in text
    assert '"value": 1.50' in text


PIPELINE = """
routes:
  - {name: functions, log_groups: ["/aws/lambda/*"], sinks: [traces]}
  - {name: strict, log_groups: ["*/strict.log"], envelope: line, unregistered_dataset: strict_rest}
sinks:
  traces: {type: honeycomb, dataset: web, events: {exclude: ["lambda.*"]}}
  file: {type: sqlite, path: a.db}
redaction: {key: "env:LOGHARBOR_TEST_HASH_KEY"}
"""


def test_the_route_is_the_log_groups_or_the_paths(logharbor: Run, folder: Path) -> None:
    """A line of a file is explained by giving its path."""
    (folder / "p.yaml").write_text(PIPELINE)
    for place, route, verdict in (
        ("/aws/lambda/shop", "functions", "valid"),
        ("logs/strict.log", "strict", "invalid"),
        ("elsewhere", "(no route)", "valid"),
    ):
        told = json.loads(logharbor("explain", "plain", "--config", "p.yaml", "--log-group", place, "--json").last)
        assert (told["route"], told["verdict"]) == (route, verdict)
    rest = logharbor("explain", '{"event":"x"}', "--config", "p.yaml", "--log-group", "strict.log/strict.log", "--json")
    assert json.loads(rest.last)["sinks"]["file"]["dataset"] == "strict_rest"


def test_a_sink_that_does_not_get_it_says_why(logharbor: Run, folder: Path) -> None:
    """An event that the sink's `events` leaves out has no copy there."""
    (folder / "p.yaml").write_text(PIPELINE)
    done = logharbor("explain", "END RequestId: 3f0a2c1e-2f6c-4f0e-9d8a-0a6f1f3f7c11", "--config", "p.yaml")
    assert "→ traces  not sent: filtered (events)" in done.out


def test_the_key_of_the_hash_is_never_asked_of_anybody(
    logharbor: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A variable that is set is the key; without it another key shows where hashes stand, and says so."""
    (folder / "p.yaml").write_text(PIPELINE)
    unset = logharbor("explain", DRIFTING, "--config", "p.yaml").out
    assert "redacted: user hashed (key not-the-key)" in unset
    assert "the key of the keyed hash is not read here: hashes are shown with another" in unset
    monkeypatch.setenv("LOGHARBOR_TEST_HASH_KEY", "k7:MDEyMzQ1Njc4OWFiY2RlZg==")
    known = logharbor("explain", DRIFTING, "--config", "p.yaml").out
    assert "redacted: user hashed (key k7)" in known
    assert "not read here" not in known


def test_standard_input_is_one_log_event(process: Run) -> None:
    """Bytes that are no UTF-8 are repaired with a flag, and a stack trace of many lines is one event."""
    broken = json.loads(process("explain", "-", "--json", stdin=b'{"event":"caf\xe9"}\n').last)
    assert (broken["event"], broken["flags"]) == ("caf\ufffd", ["invalid_utf8"])
    trace = json.loads(process("explain", "-", "--json", stdin=b"Traceback:\n  File\nKeyError\n").last)
    assert trace["sinks"]["sqlite"]["copy"]["fields"] == {"message": "Traceback:\n  File\nKeyError"}


@pytest.mark.parametrize(
    "line",
    [
        "[/foo]",
        '{"event":"a[/]b","[red]":"[/]"}',
        "\x1b[2J\x1b]0;title\x07",
        "\u202e\u2066right to left",
        '{"a":' * 300 + "1" + "}" * 300,
        '{"event":"user.login.success","timestamp":-1e300,"user":"a","method":"sso"}',
        '{"event":"user.login.success","timestamp":1794499267,"user":{"a":1},"method":[],"source":"x"}',
        "\ud800 half a pair",
        "A" * 3_000_000,
    ],
    ids=lambda line: ascii(line[:20]),
)
def test_a_hostile_line_is_explained_like_any(line: str, process: Run, logharbor: Run) -> None:
    """Markup, cursor movements, depth and size: no error, and nothing that a terminal would obey."""
    done = logharbor("explain", line.encode("utf-8", "replace").decode(), *EVERY_SINK)
    assert done.code == 0
    assert {char for char in done.out if not char.isprintable()} == {"\n"}
