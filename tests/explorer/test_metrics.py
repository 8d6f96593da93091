"""The explorer's metrics over time: SQL on what landed says what the forwarder's functions measure."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from forwarders.cli.metrics import measured
from forwarders.cli.run import land
from forwarders.config import Config, SinkConfig
from forwarders.contracts.load import from_schema, read_folder
from forwarders.explorer import metrics, window
from forwarders.explorer.config import look_at
from forwarders.explorer.metrics import for_metrics
from forwarders.explorer.questions import Question
from forwarders.metrics.measure import compile
from forwarders.metrics.rules import rules
from forwarders.model import Contract
from forwarders.totals import Totals

ROOT = Path(__file__).resolve().parents[2]
HANDWRITTEN = sorted(map(str, (ROOT / "examples/demo/handwritten").glob("*.log")))
CONTRACTS = read_folder(ROOT / "schemas")
DAY_MS = 86_400_000


def opened(path: str) -> sqlite3.Connection:
    db = sqlite3.connect(path)
    db.row_factory = sqlite3.Row
    window.register(db)
    metrics.register(db)
    return db


def answer(db: sqlite3.Connection, question: Question, per: str = "day") -> list[dict[str, Any]]:
    return [dict(row) for row in db.execute(question.sql, {"from": "", "to": "", "per": per})]


@pytest.fixture(scope="module")
def landed(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("metrics")
    path = str(folder / "logs.db")
    config = Config(sinks={"sqlite": SinkConfig(type="sqlite", path=path)})
    assert land(HANDWRITTEN, config, CONTRACTS, str(folder / "letters"), [path], Totals()) == 0
    return path


def test_every_metric_is_the_same_in_sql_and_in_the_forwarder(landed: str) -> None:
    """How many measurements there are of each metric, day and set of dimensions, over the demo's hand-written lines."""
    questions = [one for one in look_at(landed, CONTRACTS).questions if one.name.startswith("metric_")]
    by_forwarder: Counter[Any] = Counter()
    for point in measured(HANDWRITTEN, Config(), CONTRACTS).points():
        if point.namespace == "Logharbor/Events":
            key = (point.name, window.utc_minute(point.time_ms // DAY_MS * DAY_MS), *dict(point.dimensions).values())
            by_forwarder[key] += point.n
    by_sql: Counter[Any] = Counter()
    db = opened(landed)
    for question in questions:
        names = next(rule for one in CONTRACTS for rule in rules(one.schema) if question.name == f"metric_{rule.name}")
        for row in answer(db, question):
            values = [row["_".join(path)] for path in names.dimensions]
            by_sql[(names.name, row["time_utc"], *values)] += row["n"]
    db.close()
    assert by_sql == by_forwarder
    assert len(by_sql) > 20


def test_functions_have_a_profile(landed: str) -> None:
    """Invocations, cold starts and time-outs, from REPORT lines and from old runtimes' own."""
    question = next(one for one in look_at(landed, CONTRACTS).questions if one.name == "lambda_functions")
    db = opened(landed)
    (row,) = answer(db, question)
    db.close()
    names = ("invocations", "p95_ms", "size_mb", "cold_starts", "timeouts", "errors")
    assert {name: row[name] for name in names} == {
        "invocations": 2, "p95_ms": 3000.0, "size_mb": 256,
        "cold_starts": 1, "timeouts": 1, "errors": 1,
    }  # fmt: skip


def test_a_dimension_has_a_column_that_a_chart_can_name() -> None:
    """A chart takes `job.name` for a path and draws one line of everything; `n` would be the count's own column."""
    metric = {"name": "N", "kind": "count", "dimensions": ["job.name", "job_name", "N", "time_utc"]}
    about = {"version": "1.0.0", "owner": "o", "dataset": "d", "metrics": [metric]}
    contract = from_schema({"$id": "urn:logharbor:e:1", "properties": {"event": {"const": "e"}}, "x-event": about}, "e")
    (question,) = for_metrics({"e": contract}, ["e"])
    assert question.title == "N by job.name, job_name, N, time_utc, over time"
    assert question.chart is not None
    assert question.chart.color == "job_name"
    db = sqlite3.connect(":memory:")
    db.execute("CREATE TABLE events (event, time, fields, verdict)")
    fields = json.dumps({"job": {"name": "a"}, "job_name": "b", "N": "c", "time_utc": "d"})
    db.execute("INSERT INTO events VALUES ('e', 1000, ?, 'valid')", [fields])
    db.row_factory = sqlite3.Row
    window.register(db)
    metrics.register(db)
    (row,) = answer(db, question)
    assert list(row.items())[1:] == [("job_name", "a"), ("job_name_", "b"), ("N_", "c"), ("time_utc_", "d"), ("n", 1)]
    db.close()


VALUES = [None, True, False, 0, 1, 1.0, 2.5, -3, "1", "x", "xy", "X", "", "it's", {}, [], [1], {"b": "x"}]
CONDITIONS = [
    {"eq": "x"}, {"eq": 1}, {"eq": True}, {"eq": False}, {"eq": None}, {"eq": "it's"}, {"ne": "x"}, {"ne": 1},
    {"in": ["x", 1]}, {"lt": 1}, {"le": 1}, {"gt": 0}, {"ge": 2.5}, {"prefix": "x"},
    {"exists": True}, {"exists": False},
]  # fmt: skip


@pytest.mark.parametrize("condition", CONDITIONS, ids=map(str, CONDITIONS))
def test_a_condition_is_the_same_in_sql(condition: dict[str, Any], tmp_path: Path) -> None:
    """For values of every kind, and for a field that is not there."""
    schema = {
        "$id": "urn:logharbor:e:1",
        "properties": {"event": {"const": "e"}},
        "x-event": {
            "version": "1.0.0",
            "owner": "o",
            "dataset": "d",
            "metrics": [{"name": "N", "kind": "count", "where": {"a.b": condition}}],
        },
    }
    contract: Contract = from_schema(schema, "e")
    (rule,) = rules(schema)
    (question,) = for_metrics({"e": contract}, ["e"])
    events: list[Any] = [{"event": "e"}, {"event": "e", "a": 5}]
    events += [{"event": "e", "a": {"b": value}} for value in VALUES]
    db = opened(":memory:")
    db.execute("CREATE TABLE events (time, event, verdict, fields)")
    wanted = 0
    for event in events:
        text = json.dumps(event)
        wanted += compile(rule)(event, text) is not None
        db.execute("INSERT INTO events VALUES (0, 'e', 'valid', ?)", (text,))
    assert sum(row["n"] for row in answer(db, question)) == wanted
    db.close()
