"""`logharbor sinks apply` and `logharbor run` into a real Elasticsearch, as a person would do it."""

from __future__ import annotations

import gzip
import json
import os
import re
import secrets
import sqlite3
import subprocess
import sys
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from forwarders.testing import ScriptedServer, honeycomb

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("live")]

ROOT = Path(__file__).resolve().parents[2]
COMMAND = Path(sys.executable).with_name("logharbor")
REAL = ROOT.parent / "shared/real/apache-access.log.gz"
HASH_KEY = "k1:MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
LINE = (
    "2026-11-12T16:00:01.120Z\t3f0a2c1e-2f6c-4f0e-9d8a-0a6f1f3f7c11\tINFO\t"
    '{"timestamp":1794499267.25,"event":"user.login.success","user":"ada","method":"passkey",'
    '"source":{"type":"app","colour":"green"}}'
)


class Landed:
    """What one run, and the same again, left in the cluster, in a file and with Honeycomb."""

    def __init__(self, url: str, folder: Path) -> None:
        self.url = url
        self.folder = folder
        self.environment = f"run{secrets.token_hex(4)}"
        self.honeycomb: list[dict[str, Any]] = []
        (folder / "schemas").symlink_to(ROOT / "schemas")
        self.sources = self._sources()
        with ScriptedServer(otherwise=honeycomb(self.honeycomb)) as traces:
            self._configure(traces.url)
            self.applied = self.run("sinks", "apply")
            self.first = self.land()
            self.events = len(self.honeycomb)
            self.counts = self.documents_by_dataset()
            self.again = self.land()
        self.planned = self.run("sinks", "plan")

    def _sources(self) -> list[str]:
        """A line of our own, the demo's day, and 10,000 real access lines where they are."""
        (self.folder / "one.log").write_text(LINE + "\n", "utf-8")
        command = [sys.executable, ROOT / "examples/demo/generate.py", self.folder / "demo"]
        subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
        return ["one.log", "demo/logs", *([str(REAL)] if REAL.exists() else [])]

    def _configure(self, traces: str) -> None:
        sinks = {
            "search": {"type": "elasticsearch", "endpoint": self.url, "auth": "none"},
            "traces": {"type": "honeycomb", "endpoint": traces, "dataset": "live", "secret": "env:LIVE_HONEYCOMB"},
            "file": {"type": "sqlite", "path": "landed.db"},
        }
        plain = {"environment": self.environment, "sinks": sinks, "redaction": {"key": "env:LIVE_HASH_KEY"}}
        (self.folder / "pipeline.yaml").write_text(json.dumps(plain))

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        environ = os.environ | {"LIVE_HONEYCOMB": "key", "LIVE_HASH_KEY": HASH_KEY}
        command = [str(COMMAND), *arguments]
        return subprocess.run(command, cwd=self.folder, env=environ, capture_output=True, text=True, check=False)

    def land(self) -> dict[str, Any]:
        done = self.run("run", *self.sources, "--config", "pipeline.yaml", "--json")
        assert done.returncode == 0, done.stderr
        account: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return account

    def ask(self, path: str, body: Any = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}/{path}", data, {"content-type": "application/json"})
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)

    def documents_by_dataset(self) -> dict[str, int]:
        self.ask(f"logs-*-{self.environment}/_refresh")
        streams = self.ask(f"_resolve/index/logs-*-{self.environment}")["data_streams"]
        return {stream["name"].split("-")[1]: self.ask(f"{stream['name']}/_count")["count"] for stream in streams}

    def ids(self) -> Iterator[tuple[str, str]]:
        """Dataset and id of every document."""
        page = self.ask(f"logs-*-{self.environment}/_search?scroll=1m&size=10000&_source=false")
        while hits := page["hits"]["hits"]:
            yield from ((hit["_index"].removeprefix(".ds-").split("-")[1], hit["_id"]) for hit in hits)
            page = self.ask("_search/scroll", {"scroll": "1m", "scroll_id": page["_scroll_id"]})

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(self.folder / "landed.db")) as db:
            return db.execute(query).fetchall()


@pytest.fixture(scope="module")
def landed(elasticsearch_url: str, tmp_path_factory: pytest.TempPathFactory) -> Landed:
    """Templates applied, everything landed, and everything landed again."""
    return Landed(elasticsearch_url, tmp_path_factory.mktemp("run"))


def test_templates_are_put_in_place(landed: Landed) -> None:
    """`sinks apply` says what it did, and that Honeycomb and the file need nothing."""
    assert landed.applied.returncode == 0, landed.applied.stderr
    assert landed.applied.stdout.startswith("search (elasticsearch): ")
    assert "traces (honeycomb): nothing to prepare" in landed.applied.stdout


def test_everything_lands_everywhere(landed: Landed) -> None:
    """Every sink has the same account, and nothing is dead or to come again."""
    search = landed.first["sinks"]["search"]
    assert landed.first["in"] == landed.rows("SELECT count(*) FROM events")[0][0] >= 20_000
    assert landed.first["sinks"] == dict.fromkeys(("search", "traces", "file"), search)
    assert search["delivered"] + search["quarantined"] == landed.first["in"]
    assert landed.first["balanced"] is True
    assert landed.events == landed.first["in"]


def test_each_stream_has_what_its_dataset_should(landed: Landed) -> None:
    """Numbers and ids of the documents are those of the events in the file, dataset by dataset."""
    assert landed.counts == dict(landed.rows("SELECT dataset, count(*) FROM events GROUP BY 1"))
    assert sorted(landed.ids()) == landed.rows("SELECT dataset, id FROM events ORDER BY 1, 2")


def test_a_document_is_what_it_should_be(landed: Landed) -> None:
    """Every field of one event: ECS at the root, the author's under `data`, what its contract does not know apart."""
    ((id,),) = landed.rows("SELECT id FROM events WHERE path = 'one.log'")
    (hit,) = landed.ask(f"logs-user-{landed.environment}/_search", {"query": {"ids": {"values": [id]}}})["hits"]["hits"]
    assert hit["_source"] == {
        "@timestamp": 1794499267250,
        "event": {"action": "user.login.success", "dataset": "user"},
        "log": {"level": "INFO", "file": {"path": "one.log"}},
        "faas": {"execution": "3f0a2c1e-2f6c-4f0e-9d8a-0a6f1f3f7c11"},
        "logharbor": {
            "verdict": "valid",
            "contract": "user.login.success:1",
            "version": "1.0.0",
            "owner": "team-identity",
            "drift": ["method", "source.colour"],
        },
        "data": {
            "timestamp": 1794499267.25,
            "event": "user.login.success",
            "user": "ada",
            "method": "passkey",
            "source": {"type": "app"},
            "_extra": {"source.colour": "green"},
        },
    }


def test_honeycomb_gets_the_same_event_its_own_way(landed: Landed) -> None:
    """In the same run: flat, in its dataset, and the user's name as a keyed hash."""
    (event,) = (e for e in landed.honeycomb[: landed.events] if e["data"].get("log.file.path") == "one.log")
    assert (event["dataset"], event["time"]) == ("live", "2026-11-12T16:01:07.250Z")
    assert event["data"]["source.type"] == "app"
    assert re.fullmatch(r"hmac:k1:[0-9a-f]{32}", event["data"]["user"])


def test_what_a_person_would_search_for_is_found(landed: Landed) -> None:
    """Quarantined by owner, drift by field, a network's addresses: the templates have typed it all."""
    asked = {
        ("quarantine", "logharbor.owner:team-payments"): "verdict = 'invalid' AND owner = 'team-payments'",
        ("user", "logharbor.drift:source.colour%20AND%20data.source.type:app"): "drift LIKE '%\"source.colour\"%'"
        " AND json_extract(fields, '$.source.type') = 'app'",
        ("http_access", "source.ip:%22192.0.2.0/24%22"): "event = 'http.access' AND verdict = 'valid'"
        " AND json_extract(fields, '$.source.ip') LIKE '192.0.2.%'",
    }
    found = {}
    expected = {}
    for (dataset, query), condition in asked.items():
        found[query] = landed.ask(f"logs-{dataset}-{landed.environment}/_count?q={query}")["count"]
        expected[query] = landed.rows(f"SELECT count(*) FROM events WHERE {condition}")[0][0]
    assert all(expected.values())
    assert found == expected


def test_real_access_lines_are_typed(landed: Landed) -> None:
    """The status codes of 10,000 lines that nobody here wrote, counted by Elasticsearch and from the text."""
    if not REAL.exists():
        pytest.skip(f"no {REAL.name}: the 10,000 real access lines are not beside this checkout")
    with gzip.open(REAL, "rt", encoding="utf-8") as lines:
        statuses = Counter(int(match[1]) for line in lines if (match := re.search(r'" (\d{3}) (?:\d+|-) "', line)))
    query = {"term": {"log.file.path": str(REAL)}}
    asked = {"statuses": {"terms": {"field": "http.response.status_code", "size": 100}}}
    answer = landed.ask(f"logs-http_access-{landed.environment}/_search?size=0", {"query": query, "aggs": asked})
    found = {bucket["key"]: bucket["doc_count"] for bucket in answer["aggregations"]["statuses"]["buckets"]}
    assert found == statuses
    assert sum(found.values()) == 10_000


def test_the_same_again_changes_nothing(landed: Landed) -> None:
    """The same account, the same counts, and every event was there already."""
    assert landed.again == landed.first
    assert landed.documents_by_dataset() == landed.counts
    query = "SELECT sum(n) FROM receipt_reasons WHERE sink = 'search' AND reason = 'delivered:already_present'"
    assert landed.rows(query) == [(landed.first["sinks"]["search"]["delivered"],)]
    assert landed.run("audit", "landed.db").returncode == 0


def test_a_plan_afterwards_is_empty(landed: Landed) -> None:
    """The streams that the run made are as the contracts say."""
    assert landed.planned.stdout.splitlines()[0] == "search (elasticsearch): nothing to change"
    assert (landed.planned.returncode, landed.planned.stderr) == (0, "")
