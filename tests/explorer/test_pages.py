"""Every page of the explorer and every prepared question, through Datasette's own client."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import re
import sqlite3
from collections.abc import Awaitable, Callable
from html import unescape
from pathlib import Path
from typing import Any

import pytest

if importlib.util.find_spec("datasette") is None:
    pytest.skip("the extra `explore` is not installed", allow_module_level=True)

from forwarders.errors import ConfigError
from forwarders.explorer import build_config
from forwarders.explorer.config import Explorer, look_at
from forwarders.explorer.server import opened
from forwarders.model import Contract
from forwarders.sinks import Copies
from forwarders.sinks.sqlite import SqliteSink

WINDOW = "_from=2026-11-01T08%3A00%3A00Z"


@pytest.fixture(scope="module")
def explorer(landed: Path, contracts: tuple[Contract, ...]) -> Explorer:
    return look_at(landed, contracts)


def ask(explorer: Explorer, use: Callable[[Any], Awaitable[Any]]) -> Any:
    """What `use` makes of a client of the explorer."""
    with opened(explorer) as datasette:
        return asyncio.run(use(datasette.client))


def get(explorer: Explorer, path: str, **more: Any) -> Any:
    """The answer to one request; redirects are followed."""
    return ask(explorer, lambda client: client.get(path, follow_redirects=True, **more))


def rows(explorer: Explorer, path: str) -> list[dict[str, Any]]:
    """A page's data."""
    answer = get(explorer, path)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()
    return found


def sql(path: Path, query: str) -> list[Any]:
    db = sqlite3.connect(path)
    try:
        return db.execute(query).fetchall()
    finally:
        db.close()


def test_the_first_page_says_what_landed(explorer: Explorer, landed: Path) -> None:
    """Counts by verdict, events with their owners, reasons with their owners, the account, and links with a window."""
    page = get(explorer, "/").text
    for verdict, n in sql(landed, "SELECT verdict, count(*) FROM events GROUP BY 1"):
        assert re.search(rf"verdict={verdict}[^>]*><span class=\"figure\">{n:,}</span>", page), verdict
    for text in ("user.login.success", "team-identity", "maxLength", "access_log_malformed", "balances", "cart.opened"):
        assert text in page
    links = [unescape(link) for link in re.findall(r'href="(/[^"#]*)', page) if "/-/" not in link]
    assert [link for link in links if "from=" not in link and link not in ("/", "/logs/receipts")] == []
    assert len(links) > 40


def test_every_link_of_the_first_page_works(explorer: Explorer) -> None:
    """No link leads to an error."""

    async def crawl(client: Any) -> list[tuple[str, int]]:
        page = (await client.get("/")).text
        links = sorted({unescape(link) for link in re.findall(r'href="(/[^"#]*)', page)})
        answers = [(link, await client.get(link, follow_redirects=True)) for link in links if link.count("_from") < 2]
        return [(link, answer.status_code) for link, answer in answers if answer.status_code != 200]

    assert ask(explorer, crawl) == []


def test_every_question_is_answered(explorer: Explorer, landed: Path) -> None:
    """No prepared question is an SQL error, as a page and as data, and each has rows but the one that should not."""

    async def all_of_them(client: Any) -> dict[str, int]:
        counts = {}
        for question in explorer.questions:
            page = await client.get(f"/logs/{question.name}", follow_redirects=True)
            assert page.status_code == 200, page.text
            assert "message-error" not in page.text, question.name
            assert page.url.params["from"].startswith("2026-11-01T08")
            assert ("location.hash" in page.text) is (question.chart is not None)
            answer = await client.get(f"/logs/{question.name}.json?_shape=array&{page.url.query.decode()}")
            counts[question.name] = len(answer.json())
        return counts

    counts = ask(explorer, all_of_them)
    assert [name for name, n in counts.items() if n == 0] == ["unbalanced_receipts"]
    assert set(counts) >= {
        "quarantined_why",
        "drift_by_field",
        "events_per_minute",
        "unregistered_events",
        "user_login_success_by_method",
        "order_placed_by_currency",
        "order_placed_by_channel",
        "http_access_by_http_response_status_code",
        "job_finished_over_time",
    }


def test_quarantine_is_counted_by_owner_and_reason(explorer: Explorer, landed: Path) -> None:
    """The numbers are those of the table, and each row leads to its events."""
    expected = dict(
        sql(
            landed, "SELECT coalesce(owner, '(no contract)'), count(*) FROM events WHERE verdict = 'invalid' GROUP BY 1"
        )
    )
    found = rows(explorer, "/logs/quarantined_why.json?_shape=array&from=&to=")
    assert {row["owner"]: row["n"] for row in found} == expected
    assert {(row["event"], row["field"], row["why"]) for row in found} == {
        ("user.login.success", "/method", "maxLength"),
        ("order.placed", "/amount", "type"),
        ("(unreadable)", "", "access_log_malformed"),
    }
    for row in found:
        page = get(explorer, row["see"])
        assert page.status_code == 200
        assert f"{row['n']:,} rows" in page.text


def test_a_window_narrows_every_answer(explorer: Explorer, landed: Path) -> None:
    """ISO or milliseconds, `to` not included; the same window for tables and questions."""
    start, end = 1_793_527_200_000, 1_793_530_800_000
    (n,) = sql(landed, f"SELECT count(*) FROM events WHERE time >= {start} AND time < {end}")[0]
    iso = ("2026-11-01T10:00:00Z", "2026-11-01T11:00Z")
    for low, high in ((str(start), str(end)), iso):
        found = rows(explorer, f"/logs/events_per_minute.json?_shape=array&per=minute&from={low}&to={high}")
        assert sum(row["n"] for row in found) == n
        assert {row["time_utc"][:13] for row in found} == {"2026-11-01 10"}
        counted = rows(explorer, f"/logs/events.json?_shape=array&_size=max&_from={low}&_to={high}")
        assert len(counted) == n


def test_a_time_that_cannot_be_read_is_said_aloud(explorer: Explorer) -> None:
    """A typing error does not look like an empty answer."""
    page = get(explorer, "/logs/events_per_minute?from=yesterday&to=&per=hour").text
    assert "“yesterday” is not a time" in page


def test_a_page_without_a_window_gets_that_of_the_data(explorer: Explorer) -> None:
    """Bookmarks and typed addresses end up with a window as links do."""
    for path in ("/logs/events", "/logs/user_login_success", "/logs/events?event=order.placed"):
        answer = get(explorer, path)
        assert WINDOW in str(answer.url)
        assert answer.status_code == 200
    assert get(explorer, "/logs").url.path == "/"


def test_search_finds_words_and_says_how_many(explorer: Explorer, landed: Path) -> None:
    """Full-text search over every event, with facets of what was found."""
    n = sql(landed, "SELECT count(*) FROM events WHERE fields LIKE '%webauthn%'")[0][0]
    page = get(explorer, "/logs/events?_search=webauthn").text
    assert f"{n} rows" in page
    assert len(rows(explorer, "/logs/events.json?_shape=array&_size=max&_search=webauthn")) == n


def test_a_contracts_page_has_its_columns_and_facets(explorer: Explorer) -> None:
    """The columns and facets that the contract names, times in UTC; every column where it names none."""
    page = get(explorer, "/logs/user_login_success").text
    assert re.findall(r'data-column="([^"]+)" data-column-type', page) == [
        "time",
        "user",
        "method",
        "source_type",
        "id",
    ]
    assert 'id="facet-method"' in page
    assert 'id="facet-source_type"' in page
    assert re.search(r">2026-11-01 \d\d:\d\d:\d\d", page)
    job = get(explorer, "/logs/job_finished").text
    columns = re.findall(r'data-column="([^"]+)" data-column-type', job)
    assert columns == ["time", "job", "duration_ms", "ok", "id"]


def test_an_events_page_shows_all_of_it(explorer: Explorer, landed: Path) -> None:
    """The whole event, its errors, and the way to its neighbours and its request."""
    ((id,),) = sql(landed, "SELECT id FROM events WHERE verdict = 'invalid' AND owner = 'team-identity' LIMIT 1")
    page = get(explorer, f"/logs/events/{id}").text
    assert "string of 41 characters" in page
    assert "&#34;method&#34;" in page
    links = [unescape(link) for link in re.findall(r'href="(/logs/events\?[^"]*)', page)]
    assert any("request_id=" in link for link in links)
    assert any("log_stream=" in link for link in links)
    for link in links:
        assert get(explorer, link).status_code == 200


def test_what_an_event_says_is_never_obeyed(explorer: Explorer) -> None:
    """Markup and escape sequences from log lines are shown, not run."""
    for path in (
        "/logs/events?verdict=unregistered",
        "/logs/events?verdict=invalid&event=",
        "/logs/unregistered_events",
    ):
        page = get(explorer, path).text
        assert "<script>alert" not in page
        assert "\x1b" not in page
        assert "\u202e" not in page
    hostile = get(explorer, "/?from=%22%3E%3Cscript%3Ealert(1)%3C/script%3E&to=x").text
    assert "<script>alert" not in hostile


def test_nothing_is_loaded_from_elsewhere(explorer: Explorer) -> None:
    """Scripts, styles and images come from this server alone."""
    for path in ("/", "/logs/events", "/logs/quarantined_why", "/logs/user_login_success"):
        page = get(explorer, path).text
        loaded = re.findall(r'<(?:script|link|img)[^>]+(?:src|href)="([^"]+)"', page)
        assert loaded
        assert [url for url in loaded if not url.startswith("/") and not url.startswith("http://localhost/")] == []


def test_only_this_machine_may_ask(explorer: Explorer) -> None:
    """A name of somebody else's that points here is refused, and nothing can be written."""
    assert get(explorer, "/", headers={"host": "evil.example:8001"}).status_code == 403
    assert get(explorer, "/", headers={"host": "[::1]:8001"}).status_code == 200
    answer = get(explorer, "/logs.json?sql=delete+from+events")
    assert answer.json()["ok"] is False


@pytest.mark.parametrize(
    "sort", ["", "&_sort=time", "&_col=event&_col=time", "&_facet=level", "&_size=10&_sort_desc=time"]
)
def test_the_events_page_takes_datasettes_own_parameters(sort: str, explorer: Explorer) -> None:
    """Sorting, columns, further facets and page sizes work as anywhere in Datasette."""
    answer = get(explorer, f"/logs/events?{WINDOW}{sort}")
    assert answer.status_code == 200
    assert "2026-11-01" in answer.text


def test_the_configuration_is_data(landed: Path, contracts: tuple[Contract, ...]) -> None:
    """`build_config` gives Datasette's metadata, ready to be written to a file."""
    config = build_config(landed, contracts)
    tables = config["databases"]["logs"]["tables"]
    assert tables["events"]["facets"] == ["verdict", "event", "dataset", "owner"]
    assert tables["user_login_success"]["facets"] == ["method", "source_type"]
    assert tables["order_placed"]["description"] == (
        "One for each order that a customer has confirmed. Valid events only. Owner: team-checkout."
    )
    assert json.loads(json.dumps(config)) == config


def test_an_empty_file_has_pages_too(tmp_path: Path, contracts: tuple[Contract, ...]) -> None:
    """Before anything landed, every page says so instead of failing."""
    path = tmp_path / "empty.db"
    sink = SqliteSink("sqlite", str(path), Copies(lambda contract: None, str, str))
    sink.prepare(contracts, lambda contract: [(("user",), "string")])
    sink.close()
    empty = look_at(path, contracts)
    assert "Nothing landed in this window" in get(empty, "/").text
    for question in empty.questions:
        assert get(empty, f"/logs/{question.name}").status_code == 200


def test_a_file_that_cannot_be_explored_is_an_error(tmp_path: Path) -> None:
    """No file, and a file of another program: said at the start, with what was expected."""
    with pytest.raises(ConfigError, match="unable to open"):
        look_at(tmp_path / "missing.db")
    sqlite3.connect(tmp_path / "other.db").execute("CREATE TABLE t (x)").connection.close()
    with pytest.raises(ConfigError, match="no such table, expected a file that `logharbor run` wrote"):
        look_at(tmp_path / "other.db")


def test_events_with_a_broken_clock_do_not_stretch_the_window(
    tmp_path: Path, fill: Callable[[Path, int], None]
) -> None:
    """A few events of 1970 and 2099 are named beside the window, not inside it."""
    path = tmp_path / "clock.db"
    fill(path, 1_000)
    db = sqlite3.connect(path)
    db.execute("UPDATE events SET time = 0 WHERE rowid = 1")
    db.execute("UPDATE events SET time = 4102444799000 WHERE rowid IN (2, 3)")
    db.commit()
    db.close()
    explorer = look_at(path)
    assert explorer.outside >= 3
    assert explorer.window.iso()["from"].startswith("2026-11-01T08")
    assert "have a time far from the others" in get(explorer, "/").text
    assert get(explorer, "/logs/events?_from=0001-01-01&_to=9999-12-31&_sort=time").text.count("1970-01-01") > 0
