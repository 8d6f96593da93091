"""The SQLite sink: what is stored, what it answers, and what happens when the file does not cooperate."""

from __future__ import annotations

import contextlib
import json
import multiprocessing
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forwarders.audit import audit
from forwarders.errors import ConfigError
from forwarders.model import ALREADY_PRESENT, DELIVERED, Contract, Event, Fate, Flaw, Kind, Origin, Outcome, Verdict
from forwarders.sinks import Copies
from forwarders.sinks.sqlite import SqliteSink

CONTRACT = Contract("user.login.success", 1, "1.0.0", "team-identity", "user")
ORIGIN = Origin("cloudwatch", "c", "123456789012", "eu-west-1", "/aws/lambda/login", "stream")
ROWS = [json.loads(line) for line in (Path(__file__).parents[1] / "data/sqlite/rows.jsonl").open()]
IDS = [f"{n:032x}" for n in range(1, 2_000)]


def hide(text: str) -> str:
    return text.replace("SECRET", "***")


COPIES = Copies(lambda contract: None, hide, lambda text: hide(text).replace('"BREAK"', ""))


def plenty() -> float:
    return 60.0


def open_sink(path: Path) -> SqliteSink:
    return SqliteSink("sqlite", str(path), COPIES)


def pieces(sink: SqliteSink, n: int, text: str = '{"event":"user.login.success"}') -> list[str]:
    encode = sink.encoder(Kind(ORIGIN, CONTRACT, Verdict.VALID, "user", "prod"))
    return [encode(Event(IDS[i], i, CONTRACT.name, text, {}, CONTRACT, Verdict.VALID)) for i in range(n)]


def query(path: Path, sql: str, *arguments: object) -> list[Any]:
    db = sqlite3.connect(path)
    try:
        return db.execute(sql, arguments).fetchall()
    finally:
        db.close()


@pytest.mark.parametrize("case", ROWS, ids=[row["about"] for row in ROWS])
def test_an_event_becomes_this_row(case: dict[str, Any], tmp_path: Path) -> None:
    """Each verdict, each odd text, lands in these columns."""
    sink = open_sink(tmp_path / "logs.db")
    verdict = Verdict(case["verdict"])
    contract = None if verdict is Verdict.UNREGISTERED else CONTRACT
    event = Event(
        IDS[0],
        case.get("time_ms", 1493214552000),
        case.get("name", "user.login.success"),
        case["text"],
        {},
        contract,
        verdict,
        tuple(Flaw(*flaw) for flaw in case.get("flaws", ())),
        tuple(case.get("drift", ())),
        case.get("context"),
        tuple(case.get("flags", ())),
        case.get("reason", ""),
    )
    piece = sink.encoder(Kind(ORIGIN, contract, verdict, "user", "prod"))(event)
    assert sink.ship([piece], [IDS[0]], plenty) == [DELIVERED]
    sink.close()
    columns = list(case["row"])
    ((*found,),) = query(tmp_path / "logs.db", f"SELECT {', '.join(columns)} FROM events")
    assert dict(zip(columns, found, strict=True)) == case["row"]


def test_the_contracts_redaction_is_part_of_every_copy(tmp_path: Path) -> None:
    """A valid and an invalid event both pass through what their contract demands."""
    copies = Copies(lambda contract: lambda event: event.text.replace("ryansb", "[hmac]"), str, str)
    sink = SqliteSink("sqlite", str(tmp_path / "logs.db"), copies)
    for verdict, id in ((Verdict.VALID, IDS[0]), (Verdict.INVALID, IDS[1])):
        event = Event(id, 0, CONTRACT.name, '{"user":"ryansb"}', {}, CONTRACT, verdict)
        sink.ship([sink.encoder(Kind(ORIGIN, CONTRACT, verdict, "user", "prod"))(event)], [id], plenty)
    sink.close()
    assert query(tmp_path / "logs.db", "SELECT DISTINCT fields FROM events") == [('{"user":"[hmac]"}',)]


def test_the_same_events_twice_change_nothing(tmp_path: Path) -> None:
    """The second time every event is there already; both times it is delivered."""
    path = tmp_path / "logs.db"
    sink = open_sink(path)
    texts = pieces(sink, 1_200)
    assert sink.ship(texts, IDS[:1_200], plenty) == [DELIVERED] * 1_200
    before = query(path, "SELECT * FROM events ORDER BY id")
    again = open_sink(path)
    assert again.ship(texts, IDS[:1_200], plenty) == [ALREADY_PRESENT] * 1_200
    assert query(path, "SELECT * FROM events ORDER BY id") == before
    assert query(path, "SELECT count(*) FROM events_fts WHERE events_fts MATCH 'login'") == [(1_200,)]


def test_each_position_has_its_own_answer(tmp_path: Path) -> None:
    """New, there before, and twice in one request: told apart by position."""
    sink = open_sink(tmp_path / "logs.db")
    texts = pieces(sink, 4)
    sink.ship(texts[1:2], IDS[1:2], plenty)
    order = [0, 1, 2, 2, 3, 0]
    outcomes = sink.ship([texts[i] for i in order], [IDS[i] for i in order], plenty)
    assert outcomes == [DELIVERED, ALREADY_PRESENT, DELIVERED, ALREADY_PRESENT, DELIVERED, ALREADY_PRESENT]
    sink.close()
    landing = query(tmp_path / "logs.db", "SELECT inserted, inserted_sum, present, present_sum FROM landings")
    assert landing == [(4, f"{1 + 2 + 3 + 4:032x}", 3, f"{2 + 3 + 1:032x}")]


@settings(max_examples=60, deadline=None)
@given(ships=st.lists(st.lists(st.integers(0, 12), max_size=20), max_size=6))
def test_what_is_delivered_is_what_is_there(ships: list[list[int]]) -> None:
    """Whatever comes in whatever order: each id is new once, and there afterwards."""
    sink = SqliteSink("sqlite", ":memory:", COPIES)
    texts = pieces(sink, 13)
    seen: set[int] = set()
    for ship in ships:
        outcomes = sink.ship([texts[i] for i in ship], [IDS[i] for i in ship], plenty)
        expected = []
        for i in ship:
            expected.append(ALREADY_PRESENT if i in seen else DELIVERED)
            seen.add(i)
        assert outcomes == expected


def test_a_locked_file_returns_everything(tmp_path: Path) -> None:
    """Another process holds the file for longer than the deadline: nothing is lost, nothing raises, later it lands."""
    path = tmp_path / "logs.db"
    sink = open_sink(path)
    texts = pieces(sink, 3)
    sink.ship(texts[:1], IDS[:1], plenty)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    assert sink.ship(texts, IDS[:3], lambda: 0.05) == [Outcome(Fate.RETURNED, "sqlite_locked")] * 3
    other.execute("ROLLBACK")
    assert sink.ship(texts, IDS[:3], plenty) == [ALREADY_PRESENT, DELIVERED, DELIVERED]


def test_no_time_left_returns_everything(tmp_path: Path) -> None:
    """Past the deadline the file is not even opened."""
    sink = open_sink(tmp_path / "logs.db")
    assert sink.ship(pieces(sink, 2), IDS[:2], lambda: 0.0) == [Outcome(Fate.RETURNED, "deadline")] * 2
    assert not (tmp_path / "logs.db").exists()


def test_a_full_disk_returns_everything(tmp_path: Path) -> None:
    """A file that cannot grow keeps what it has; the rest comes again."""
    path = tmp_path / "logs.db"
    sink = open_sink(path)
    sink.ship(pieces(sink, 1), IDS[:1], plenty)
    sink._open(1.0).execute("PRAGMA max_page_count = 40")
    large = pieces(sink, 50, json.dumps({"pad": "x" * 20_000}))
    assert sink.ship(large, IDS[:50], plenty) == [Outcome(Fate.RETURNED, "sqlite_full")] * 50
    sink.close()
    assert query(path, "SELECT count(*) FROM events") == [(1,)]


@pytest.mark.parametrize(
    ("content", "reason"), [(b"this is no database at all, " * 200, "sqlite_corrupt"), (None, "sqlite_cannot_open")]
)
def test_a_file_that_is_none_returns_everything(content: bytes | None, reason: str, tmp_path: Path) -> None:
    """Garbage, or a folder where the file should be: returned with a reason, and `prepare` says so at the start."""
    path = tmp_path / "logs.db"
    if content is None:
        path.mkdir()
    else:
        path.write_bytes(content)
    sink = open_sink(path)
    assert sink.ship(pieces(sink, 2), IDS[:2], plenty) == [Outcome(Fate.RETURNED, reason)] * 2
    with pytest.raises(ConfigError, match=reason):
        sink.prepare([], lambda contract: [])


def test_a_damaged_file_returns_everything(tmp_path: Path) -> None:
    """Pages overwritten under a sink that has the file open: no exception, and nothing counted as delivered."""
    path = tmp_path / "logs.db"
    sink = open_sink(path)
    sink.ship(pieces(sink, 1_000), IDS[:1_000], plenty)
    sink.close()
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(8_192)
        file.write(b"\xff" * (size - 8_192))
    outcomes = open_sink(path).ship(pieces(sink, 1_500), IDS[:1_500], plenty)
    assert {(outcome.fate, outcome.reason) for outcome in outcomes} == {(Fate.RETURNED, "sqlite_corrupt")}


def test_a_table_of_another_program_is_left_alone(tmp_path: Path) -> None:
    """A file with a table `events` that is not Logharbor's is refused by name, and returned if it comes to that."""
    path = tmp_path / "other.db"
    query(path, "CREATE TABLE events (id INTEGER PRIMARY KEY, what TEXT)")
    sink = open_sink(path)
    with pytest.raises(ConfigError, match=r"other\.db: events: found a table of another program"):
        sink.prepare([], lambda contract: [])
    assert sink.ship(pieces(sink, 1), IDS[:1], plenty) == [Outcome(Fate.RETURNED, "sqlite_foreign_file")]
    assert query(path, "SELECT name FROM sqlite_master") == [("events",)]


def test_an_event_that_sqlite_refuses_is_dead_and_its_neighbours_land(tmp_path: Path) -> None:
    """One event beyond SQLite's own limit costs one event."""
    path = tmp_path / "logs.db"
    sink = open_sink(path)
    texts = pieces(sink, 3)
    sink._open(1.0).setlimit(sqlite3.SQLITE_LIMIT_LENGTH, 100_000)
    texts[1] = pieces(sink, 2, json.dumps({"pad": "x" * 200_000}))[1]
    assert sink.ship(texts, IDS[:3], plenty) == [DELIVERED, Outcome(Fate.DEAD, "sink_rejected:sqlite"), DELIVERED]
    assert sink.ship(["not a piece", texts[0]], [IDS[7], IDS[0]], plenty) == [
        Outcome(Fate.DEAD, "sink_rejected:sqlite"),
        ALREADY_PRESENT,
    ]


def _run(path: str, first: int, answers: Any) -> None:
    sink = SqliteSink("sqlite", path, COPIES)
    texts = pieces(sink, 1_500)
    outcomes: list[Outcome] = []
    for start in range(first, first + 1_000, 50):
        outcomes += sink.ship(texts[start : start + 50], IDS[start : start + 50], plenty)
    sink.close()
    answers.put([outcome.reason for outcome in outcomes])


def test_two_processes_write_at_once(tmp_path: Path) -> None:
    """They share half of their events: each of those is new for exactly one of the two."""
    path = tmp_path / "logs.db"
    context = multiprocessing.get_context("spawn")
    answers = context.Queue()
    both = [context.Process(target=_run, args=(str(path), first, answers)) for first in (0, 500)]
    for process in both:
        process.start()
    reasons = [*answers.get(timeout=60), *answers.get(timeout=60)]
    for process in both:
        process.join()
    assert (reasons.count(""), reasons.count("already_present")) == (1_500, 500)
    assert query(path, "SELECT count(*) FROM events") == [(1_500,)]
    assert query(path, "INSERT INTO events_fts(events_fts) VALUES ('integrity-check')") == []


def test_full_text_search_finds_values_and_follows_deletion(tmp_path: Path) -> None:
    """An event is found by a word of its text, also after others were deleted and the file was compacted."""
    path = tmp_path / "logs.db"
    sink = open_sink(path)
    texts = [*pieces(sink, 2, '{"user":"ryansb"}'), *pieces(sink, 3, '{"user":"mira","method":"totp-2fa"}')[2:]]
    sink.ship(texts, IDS[:3], plenty)
    sink.close()
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("DELETE FROM events WHERE id = ?", IDS[:1])
    db.execute("VACUUM")
    search = "SELECT id FROM events WHERE rowid IN (SELECT rowid FROM events_fts WHERE events_fts MATCH ?)"
    assert db.execute(search, ("ryansb",)).fetchall() == [(IDS[1],)]
    assert db.execute(search, ('"totp-2fa"',)).fetchall() == [(IDS[2],)]
    db.close()


FIELDS: dict[str, list[tuple[tuple[str, ...], str]]] = {
    "user.login.success": [
        (("event",), "string"),
        (("user",), "string"),
        (("source", "type"), "string"),
        (("source_type",), "string"),
        (("id",), "integer"),
        (("items", "*", "sku"), "string"),
        (('we"ird',), "string"),
    ]
}


def test_a_view_has_typed_columns(tmp_path: Path) -> None:
    """Nested fields joined by underscores, clashes told apart, big integers digit for digit, valid events only."""
    path = tmp_path / "logs.db"
    sink = open_sink(path)
    sink.prepare([CONTRACT], lambda contract: FIELDS[contract.name])
    text = '{"user":"r","source":{"type":"nav"},"source_type":"flat","id":18446744073709551616}'
    sink.ship(pieces(sink, 1, text), IDS[:1], plenty)
    sink.close()
    db = sqlite3.connect(path)
    db.row_factory = sqlite3.Row
    (row,) = db.execute("SELECT * FROM user_login_success").fetchall()
    db.close()
    assert dict(row) == {
        "time": 0,
        "time_utc": "1970-01-01T00:00:00.000Z",
        "user": "r",
        "source_type": "nav",
        "source_type_2": "flat",
        "id_2": "18446744073709551616",
        "id": IDS[0],
    }


def test_views_follow_the_contracts(tmp_path: Path) -> None:
    """A changed contract changes its view, one that is gone takes it along, and the same again changes nothing."""
    path = tmp_path / "logs.db"
    sink = open_sink(path)
    names = "SELECT name FROM sqlite_master WHERE type = 'view' ORDER BY name"
    others = [Contract(name, 1, "1.0.0", "o", "d") for name in ("a.b", "a_b", "events", "Ünïcode'); --", "sqlite.x")]
    sink.prepare([CONTRACT, *others], lambda contract: [(("x",), "string")])
    found = [name for (name,) in query(path, names)]
    assert found == ["a_b", "a_b_2", "event_events", "event_sqlite_x", "n_code", "user_login_success"]
    version = query(path, "PRAGMA schema_version")
    sink.prepare([CONTRACT, *others], lambda contract: [(("x",), "string")])
    assert query(path, "PRAGMA schema_version") == version
    sink.prepare([CONTRACT], lambda contract: [(("y",), "string")])
    assert query(path, names) == [("user_login_success",)]
    assert [row[1] for row in query(path, "PRAGMA table_info(user_login_success)")] == ["time", "time_utc", "y", "id"]
    assert query(path, "SELECT event, view, owner FROM contract_views") == [
        ("user.login.success", "user_login_success", "team-identity")
    ]


def test_majors_of_an_event_share_its_view(tmp_path: Path) -> None:
    """A question about an event is a question about all of its versions."""
    path = tmp_path / "logs.db"
    second = Contract("user.login.success", 2, "2.0.0", "team-identity", "user")
    fields = {1: [(("user",), "string")], 2: [(("account",), "string"), (("user",), "string")]}
    open_sink(path).prepare([CONTRACT, second], lambda contract: fields[contract.major])
    columns = [row[1] for row in query(path, "PRAGMA table_info(user_login_success)")]
    assert columns == ["time", "time_utc", "account", "user", "id"]


def test_a_sink_that_was_interrupted_leaves_no_half_transaction(tmp_path: Path) -> None:
    """Ctrl-C while rows go in: none of them is there, the run is not marked as ended, and the next run lands all."""
    path = tmp_path / "logs.db"
    sink = open_sink(path)
    texts = pieces(sink, 4)
    sink.ship(texts[:1], IDS[:1], plenty)

    class Interrupting(list[str]):
        def __iter__(self) -> Any:
            yield from texts[:2]
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), contextlib.closing(sink):
        sink.ship(Interrupting(texts), IDS[:4], plenty)
    assert query(path, "SELECT count(*) FROM events") == [(1,)]
    assert query(path, "SELECT inserted, ended FROM landings") == [(1, None)]
    assert open_sink(path).ship(texts, IDS[:4], plenty) == [ALREADY_PRESENT, DELIVERED, DELIVERED, DELIVERED]


def test_closing_leaves_one_file(tmp_path: Path) -> None:
    """After a run there is no write-ahead log beside the file, so that it can be copied or mailed."""
    sink = open_sink(tmp_path / "logs.db")
    sink.ship(pieces(sink, 5), IDS[:5], plenty)
    sink.close()
    assert [file.name for file in tmp_path.iterdir()] == ["logs.db"]
    with pytest.raises(ConfigError, match="receipts: found no such table"):
        audit(tmp_path / "logs.db")
