"""What Datasette is told of a file: its tables, facets and search, and the prepared questions."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import msgspec

from forwarders.errors import ConfigError
from forwarders.explorer.metrics import for_metrics
from forwarders.explorer.questions import Question, View, for_contracts, for_operators, views_of
from forwarders.explorer.window import Window, data_window
from forwarders.model import Contract
from forwarders.sinks.sqlite_schema import quoted

DATABASE = "logs"
"""The name of the file in the explorer's addresses, whatever the file is called: a link stays right."""

FACETS = ["verdict", "event", "dataset", "owner"]

SETTINGS: dict[str, Any] = {
    "sql_time_limit_ms": 10_000,
    "max_returned_rows": 5_000,
    "default_page_size": 50,
    "facet_time_limit_ms": 5_000,
    "default_facet_size": 12,
    "suggest_facets": False,
    "allow_download": False,
    "default_cache_ttl": 0,
    "truncate_cells_html": 600,
    "num_sql_threads": 3,
}

_HIDDEN = ("landings", "contract_views", "receipt_sinks", "receipt_fates", "receipt_reasons", "receipt_counts")


class Explorer(msgspec.Struct, frozen=True):
    """What the explorer knows of its file when it starts.

    `outside`: events whose time is far from the others', not in `window`. `shown`: the columns of a view that its
    contract wants to see first; a view without wishes is not in it.
    """

    path: str
    has_receipts: bool
    window: Window
    receipts_window: Window
    outside: int
    views: tuple[View, ...]
    shown: dict[str, tuple[str, ...]]
    questions: tuple[Question, ...]
    metadata: dict[str, Any]


def build_config(path: str | Path, contracts: Iterable[Contract] = ()) -> dict[str, Any]:
    """Datasette's metadata for the SQLite file at `path`: also what `explore` starts it with.

    Raises ConfigError when the file is not there or is not one that `logharbor run` wrote.
    """
    return look_at(path, contracts).metadata


def look_at(path: str | Path, contracts: Iterable[Contract] = ()) -> Explorer:
    """The file is opened read-only, looked over and closed. Raises ConfigError as `build_config` does."""
    try:
        db = sqlite3.connect(file_uri(path, "mode=ro"), uri=True)
        try:
            tables = {name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
            if not {"events", "contract_views"} <= tables:
                raise ConfigError(str(path), "events", "no such table", "a file that `logharbor run` wrote")
            window, outside = data_window(db)
            views = _views(db)
            events = [name for (name,) in db.execute("SELECT DISTINCT event FROM events")]
            has_receipts = "receipts" in tables
            receipts_window = _receipts_window(db, window) if has_receipts else window
        finally:
            db.close()
    except sqlite3.Error as error:
        expected = "a SQLite file that `logharbor run` wrote"
        raise ConfigError(str(path), "explore", f"SQLite: {error}", expected) from error
    newest = {c.name: c for c in sorted(contracts, key=lambda c: c.major)}
    questions = [*for_operators(has_receipts), *for_metrics(newest, events), *for_contracts(newest, views)]
    metadata = _metadata(questions, views, newest)
    return Explorer(
        str(path),
        has_receipts,
        window,
        receipts_window,
        outside,
        views,
        _shown(newest, views),
        tuple(questions),
        metadata,
    )


def file_uri(path: str | Path, query: str) -> str:
    """The file as SQLite's URI: a name may hold `?`, `#` or `%`."""
    return f"file:{quote(str(Path(path).absolute()))}?{query}"


def _views(db: sqlite3.Connection) -> tuple[View, ...]:
    found = db.execute("SELECT event, view, owner, dataset FROM contract_views ORDER BY event").fetchall()
    columns = {name: db.execute(f"PRAGMA table_info({quoted(name)})").fetchall() for _, name, *_ in found}
    return tuple(
        View(event, name, owner, dataset, tuple(column[1] for column in columns[name]))
        for event, name, owner, dataset in found
    )


def _shown(contracts: dict[str, Contract], views: Iterable[View]) -> dict[str, tuple[str, ...]]:
    wanted = {
        view.name: view.columns_of(views_of(contracts[view.event]).get("columns", ())).values()
        for view in views
        if view.event in contracts
    }
    return {name: ("time", *columns, "id") for name, columns in wanted.items() if columns}


def _receipts_window(db: sqlite3.Connection, default: Window) -> Window:
    low, high = db.execute("SELECT min(time), max(time) FROM receipts").fetchone()
    return default if low is None else Window(low // 1000 * 1000, (high // 1000 + 1) * 1000)


def _metadata(questions: Iterable[Question], views: Iterable[View], contracts: dict[str, Contract]) -> dict[str, Any]:
    tables: dict[str, Any] = {
        "events": {
            "title": "Events",
            "description": "Everything that landed: valid, quarantined and without a contract.",
            "facets": FACETS,
            "sort_desc": "time",
            "fts_table": "events_fts",
            "fts_pk": "rowid",
        },
        "receipts": {
            "title": "Receipts",
            "description": "One for each batch: how many records came in, and whether the account balances.",
            "sort_desc": "time",
        },
        **{name: {"hidden": True} for name in _HIDDEN},
    }
    for view in views:
        contract = contracts.get(view.event)
        tables[view.name] = {
            "title": view.event,
            "description": _about(view, contract),
            "facets": _facets(contract, view),
            "sortable_columns": list(view.columns),
            "sort_desc": "time",
        }
    queries = {
        q.name: {"title": q.title, "description": q.description, "sql": q.sql, "hide_sql": True} for q in questions
    }
    about = "What landed, what was quarantined and why, and whether the account balances."
    return {
        "title": "Logharbor",
        "description": about,
        "databases": {DATABASE: {"tables": tables, "queries": queries}},
    }


def _about(view: View, contract: Contract | None) -> str:
    said = str(contract.schema.get("description", "")) if contract is not None else ""
    return f"{said} Valid events only. Owner: {view.owner}.".strip()


def _facets(contract: Contract | None, view: View) -> list[str]:
    return list(view.columns_of(views_of(contract).get("facets", [])).values()) if contract is not None else []
