"""`logharbor invoke`: what Lambda would do with a payload."""

from __future__ import annotations

import io
import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from aws_lambda_powertools import Logger

from forwarders.handlers.forward import handler, plans_from_bundle
from forwarders.testing import ScriptedServer, cloudwatch_event, elasticsearch, lambda_context, status

Run = Callable[..., Any]

LINES = [
    '{"timestamp":1794499200,"event":"user.login.success","user":"ada","method":"sso"}',
    '{"timestamp":1794499203,"event":"payment.captured","payment_id":"pay_3"}',
    "plain text",
]


@pytest.fixture
def payload(folder: Path) -> Path:
    """A subscription payload of three log events."""
    path = folder / "payload.json"
    path.write_text(json.dumps(cloudwatch_event(LINES)))
    return path


def pipeline(folder: Path, **sinks: Any) -> Path:
    path = folder / "p.json"
    path.write_text(json.dumps({"environment": "test", "dead_letters": "letters", "sinks": sinks}))
    return path


def test_events_and_receipts_are_printed(logharbor: Run, payload: Path, folder: Path) -> None:
    """Without a sink the events go to standard output, receipts and answer to standard error, nothing is written."""
    done = logharbor("invoke", payload)
    assert done.code == 0
    assert [json.loads(line)["event"] for line in done.out.splitlines()] == [
        "user.login.success",
        "payment.captured",
        "legacy.text",
    ]
    receipt, _, answer = done.err.rpartition("the function would answer: ")
    assert answer == "null\n"
    assert json.loads(receipt)["accounts"]["stdout"]["fates"]["delivered"]["n"] == 2
    assert json.loads(receipt)["owners"] == {"team-payments": 1}
    assert sorted(path.name for path in folder.iterdir()) == ["payload.json", "schemas"]


def test_a_file_gets_its_receipts(logharbor: Run, payload: Path) -> None:
    """What a SQLite sink took can be audited, twice the same payload included."""
    for _ in range(2):
        assert logharbor("invoke", payload, "--sink", "sqlite:a.db").code == 0
    audited = logharbor("audit", "a.db", "--json")
    assert (audited.code, json.loads(audited.last)["receipts"], json.loads(audited.last)["landed"]) == (0, 2, 3)


def test_json_is_the_last_line(logharbor: Run, payload: Path) -> None:
    """After the events: every receipt, and what the function would answer."""
    done = logharbor("invoke", payload, "--json")
    told = json.loads(done.last)
    assert list(told) == ["receipts", "answer"]
    assert [receipt["taken"]["n"] for receipt in told["receipts"]] == [3]
    assert (told["answer"], done.err) == (None, "")


def test_a_payload_from_standard_input(process: Run, payload: Path) -> None:
    """`-` reads it from there."""
    assert len(process("invoke", "-", stdin=payload.read_bytes()).out.splitlines()) == 3


def test_a_payload_that_nobody_knows_is_quarantined(logharbor: Run, folder: Path) -> None:
    """As in Lambda: a note in quarantine, and success."""
    (folder / "x.json").write_text('{"Records": []}')
    done = logharbor("invoke", "x.json", "--dead-letters", "letters")
    assert (done.code, json.loads(done.out)["reason"]) == (0, "source_unknown")
    assert len(list((folder / "letters/undecoded").iterdir())) == 1


def test_what_must_come_again_is_stored(logharbor: Run, payload: Path, folder: Path) -> None:
    """A sink that refuses the key: the batch is in the store, as in Lambda, and the exit code says so."""
    with ScriptedServer(otherwise=status(401)) as server:
        done = logharbor("invoke", payload, "--sink", f"elasticsearch:{server.url}", "--dead-letters", "letters")
    assert done.code == 1
    assert len(list((folder / "letters/returned").iterdir())) == 1


def test_a_store_out_of_reach_fails_the_invocation(logharbor: Run, payload: Path, folder: Path) -> None:
    """Then Lambda would invoke again, and here it is exit 1 with the reason."""
    (folder / "letters").touch()
    with ScriptedServer(otherwise=status(401)) as server:
        done = logharbor("invoke", payload, "--sink", f"elasticsearch:{server.url}", "--dead-letters", "letters")
    assert (done.code, done.err) == (1, "error: store_unavailable: Not a directory\n")


def test_a_bundle_does_what_the_lambda_would(logharbor: Run, payload: Path, folder: Path) -> None:
    """The same documents, ids included, and the same receipt as the handler with LOGHARBOR_BUNDLE."""
    documents: tuple[dict[str, Any], dict[str, Any]] = ({}, {})
    log = io.StringIO()
    logger = Logger(service="test-bundle", stream=log)
    for number, stored in enumerate(documents):
        with ScriptedServer(otherwise=elasticsearch(stored)) as server:
            config = pipeline(folder, search={"type": "elasticsearch", "endpoint": server.url, "auth": "none"})
            assert logharbor("bundle", "--config", config, "-o", "b.json").code == 0
            if number:
                done = logharbor("invoke", payload, "--bundle", "b.json", "--region", "eu-central-1", "--json")
            else:
                handle = handler(lambda: plans_from_bundle(logger, {"LOGHARBOR_BUNDLE": "b.json"}), logger)
                assert handle(json.loads(payload.read_bytes()), lambda_context()) is None
    assert len(documents[0]) == 3
    assert documents[0] == documents[1]
    receipt, invoked = json.loads(log.getvalue())["receipt"], json.loads(done.last)["receipts"][0]
    assert receipt | {"time_ms": 0} == invoked | {"time_ms": 0}


def test_a_bundle_for_a_try(logharbor: Run, payload: Path, folder: Path) -> None:
    """`--sink` replaces a bundle's sinks, so that nothing reaches them; its contracts and routes count."""
    config = pipeline(folder, search={"type": "elasticsearch", "endpoint": "http://127.0.0.1:9", "auth": "none"})
    logharbor("bundle", "--config", config, "-o", "b.json")
    (folder / "schemas").unlink()
    assert logharbor("invoke", payload, "--bundle", "b.json", "--sink", "sqlite:a.db").code == 0
    with closing(sqlite3.connect("a.db")) as db:
        verdicts = dict(db.execute("SELECT verdict, count(*) FROM events GROUP BY 1"))
        views = {name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'view'")}
    assert verdicts == {"invalid": 1, "valid": 2}
    assert "user_login_success" in views


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["payload.json", "--bundle", "b.json", "--config", "p.json"], "name it without --config and --schemas"),
        (["payload.json", "--bundle", "b.json", "--schemas", "schemas"], "name it without --config and --schemas"),
        (["payload.json", "--bundle", "nope"], "error: nope: No such file or directory"),
        (["payload.json", "--bundle", "payload.json"], "expected a bundle made by `logharbor bundle`"),
        (["payload.json", "--bundle", "b.json"], "error: b.json: dead_letters: found nothing, expected s3://bucket/"),
        (["nope.json"], "'nope.json': No such file or directory"),
        (["lines.log"], "error: lines.log: (whole file): found JSON is malformed: trailing characters"),
        (["payload.json", "--timeout", "1"], "1.0 is not in the range x>=2.0"),
    ],
)
def test_wrong_usage_is_told(arguments: list[str], message: str, logharbor: Run, payload: Path, folder: Path) -> None:
    """Exit 2 with a sentence; a bundle without a dead-letter store is refused as Lambda refuses it."""
    (folder / "lines.log").write_text('{"a":1}\n{"b":2}\n')
    (folder / "p.yaml").write_text("sinks: {out: {type: stdout}}\n")
    logharbor("bundle", "--config", "p.yaml", "-o", "b.json")
    done = logharbor("invoke", *arguments)
    assert (done.code, done.out) == (2, "")
    assert message in done.err


def test_a_bundle_has_the_same_bytes_each_time(logharbor: Run, folder: Path) -> None:
    """Made twice, it is the same file; the folder for it is made where it is missing."""
    pipeline(folder, out={"type": "stdout"})
    first = logharbor("bundle", "--config", "p.json", "-o", "one/bundle.json")
    assert first.code == 0
    assert first.out.startswith("one/bundle.json: 12 contracts, ")
    logharbor("bundle", "--config", "p.json", "-o", "two/bundle.json")
    assert Path("one/bundle.json").read_bytes() == Path("two/bundle.json").read_bytes()
