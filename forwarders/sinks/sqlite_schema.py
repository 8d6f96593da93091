"""The tables of the local place to land, and a view for each event that has a contract.

Shared by `sinks/sqlite.py`, which writes the tables, and the explorer, which reads them.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Iterable, Sequence

from forwarders.errors import ConfigError
from forwarders.model import Contract

FieldsOf = Callable[[Contract], Sequence[tuple[tuple[str, ...], str]]]
"""The fields that a contract names: path of property names and JSON Schema type (`string`, `integer`; '' if open)."""

COLUMNS = (
    "time",
    "dataset",
    "event",
    "verdict",
    "source",
    "owner",
    "contract",
    "level",
    "request_id",
    "account",
    "region",
    "log_group",
    "log_stream",
    "path",
    "reason",
    "errors",
    "drift",
    "flags",
    "fields",
)
"""The columns of `events` after `id`, in the order in which a piece of the sink's text holds them."""

VERSION = 1
"""The version of these tables, kept in the file as `PRAGMA user_version`."""

REQUIRED = frozenset({"time", "dataset", "event", "verdict", "source", "fields"})

_TABLES = (
    f"""CREATE TABLE IF NOT EXISTS events (
  id TEXT PRIMARY KEY NOT NULL,
  {", ".join(f"{c} {'INTEGER' if c == 'time' else 'TEXT'}{' NOT NULL' if c in REQUIRED else ''}" for c in COLUMNS)}
)""",
    # What the sink itself says it stored, run by run: the second account that an audit holds against the receipts.
    """CREATE TABLE IF NOT EXISTS landings (
  run TEXT PRIMARY KEY NOT NULL, sink TEXT NOT NULL, started INTEGER NOT NULL, ended INTEGER,
  inserted INTEGER NOT NULL, inserted_sum TEXT NOT NULL, present INTEGER NOT NULL, present_sum TEXT NOT NULL,
  seal TEXT NOT NULL
)""",
    """CREATE TABLE IF NOT EXISTS contract_views (
  event TEXT PRIMARY KEY NOT NULL, view TEXT NOT NULL, owner TEXT NOT NULL, dataset TEXT NOT NULL
)""",
    # The first two cover what the explorer's first page counts.
    "CREATE INDEX IF NOT EXISTS events_by_time ON events(time, verdict)",
    "CREATE INDEX IF NOT EXISTS events_by_event ON events(event, time, verdict, dataset)",
    "CREATE INDEX IF NOT EXISTS events_by_verdict ON events(verdict, time)",
    "CREATE INDEX IF NOT EXISTS events_by_dataset ON events(dataset, time)",
    "CREATE INDEX IF NOT EXISTS events_by_owner ON events(owner, time)",
    "CREATE INDEX IF NOT EXISTS events_with_drift ON events(time) WHERE drift IS NOT NULL",
    # External content: the text is stored once. The sink fills it in the transaction that inserts the rows (a trigger
    # for each row costs twice as much); changes made by hand keep it right by these two triggers.
    "CREATE VIRTUAL TABLE IF NOT EXISTS events_fts USING fts5(event, fields, content='events', columnsize=0)",
    # Segments are merged sixteen at a time and not at every commit: 12 % more events a second over 400,000 of them.
    "INSERT INTO events_fts(events_fts, rank) VALUES ('automerge', 0)",
    """CREATE TRIGGER IF NOT EXISTS events_deleted AFTER DELETE ON events BEGIN
  INSERT INTO events_fts(events_fts, rowid, event, fields) VALUES ('delete', old.rowid, old.event, old.fields);
END""",
    """CREATE TRIGGER IF NOT EXISTS events_changed AFTER UPDATE OF event, fields ON events BEGIN
  INSERT INTO events_fts(events_fts, rowid, event, fields) VALUES ('delete', old.rowid, old.event, old.fields);
  INSERT INTO events_fts(rowid, event, fields) VALUES (new.rowid, new.event, new.fields);
END""",
)

_OURS = frozenset({"events", "landings", "contract_views"})
_TIME_UTC = "strftime('%Y-%m-%dT%H:%M:%fZ', time / 1000.0, 'unixepoch')"


def create_tables(db: sqlite3.Connection, path: str) -> None:
    """Everything that the sink writes to exists in `db` afterwards; safe to call again, and by two processes.

    Raises ConfigError when the file has a table `events` that is not Logharbor's, sqlite3.Error when it cannot write.
    """
    (version,) = db.execute("PRAGMA user_version").fetchone()
    if version == VERSION:
        return
    found = {row[1] for row in db.execute("PRAGMA table_info(events)")}
    if found:
        missing = sorted({"id", *COLUMNS} - found)
        if missing or version > VERSION:
            what = f"a table of another program or version (missing: {', '.join(missing) or 'nothing'})"
            raise ConfigError(path, "events", what, f"Logharbor's tables, version {VERSION}", "Name another file.")
    db.execute("BEGIN IMMEDIATE")
    for statement in _TABLES:
        db.execute(statement)
    db.execute(f"PRAGMA user_version = {VERSION}")
    db.execute("COMMIT")


def create_views(db: sqlite3.Connection, contracts: Iterable[Contract], fields_of: FieldsOf) -> None:
    """Each event that has a contract has a view with typed columns, and no other event has one.

    Contracts of several majors of one event share its view. Replaces only what has changed.
    """
    by_event: dict[str, list[Contract]] = {}
    for contract in sorted(contracts, key=lambda c: (c.name, -c.major)):
        by_event.setdefault(contract.name, []).append(contract)
    names = view_names(by_event)
    wanted = {names[event]: _view(names[event], event, majors, fields_of) for event, majors in by_event.items()}
    db.execute("BEGIN IMMEDIATE")
    old = {name for (name,) in db.execute("SELECT view FROM contract_views")}
    there = dict(db.execute("SELECT name, sql FROM sqlite_master WHERE type = 'view'").fetchall())
    for name in old | wanted.keys():
        if name in there and there[name] != wanted.get(name):
            db.execute(f"DROP VIEW {quoted(name)}")
        if name in wanted and there.get(name) != wanted[name]:
            db.execute(wanted[name])
    rows = [(event, names[event], majors[0].owner, majors[0].dataset) for event, majors in by_event.items()]
    db.execute("DELETE FROM contract_views")
    db.executemany("INSERT INTO contract_views(event, view, owner, dataset) VALUES (?, ?, ?, ?)", rows)
    db.execute("COMMIT")


def view_names(events: Iterable[str]) -> dict[str, str]:
    """The name of the view of each event: `user.login.success` is `user_login_success`; no two are alike."""
    taken: set[str] = set()
    names = {}
    for event in sorted(events):
        base = re.sub(r"[^a-z0-9_]+", "_", event.lower()).strip("_") or "event"
        # Also keeps clear of SQLite's own names, of our tables and of the shadow tables of the search index.
        if base in _OURS or base.startswith(("sqlite_", "events_", "receipt")):
            base = f"event_{base}"
        names[event] = _free(base, taken)
    return names


def column_names(paths: Iterable[tuple[str, ...]]) -> dict[tuple[str, ...], str]:
    """The column of each path in a view: `("source", "type")` is `source_type`; no two are alike, nor like the id."""
    taken = {"id", "time", "time_utc"}
    return {path: _free("_".join(path), taken) for path in paths if not _unreachable(path)}


def quoted(name: str) -> str:
    """`name` as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """`text` as an SQL string."""
    return "'" + text.replace("'", "''") + "'"


def json_path(path: tuple[str, ...]) -> str:
    """`path` as SQLite's JSON path, an SQL string: `'$."source"."type"'`."""
    return literal("$" + "".join(f'."{name}"' for name in path))


def _unreachable(path: tuple[str, ...]) -> bool:
    # `*` stands for the items of an array. SQLite compares a label with the raw text of a key, so one that JSON escapes
    # is never found.
    return not path or any(name in ("", "*") or re.search(r'["\\\x00-\x1f]', name) for name in path)


def _free(base: str, taken: set[str]) -> str:
    name, n = base, 2
    while name.lower() in taken:
        name, n = f"{base}_{n}", n + 1
    taken.add(name.lower())
    return name


def _view(name: str, event: str, majors: list[Contract], fields_of: FieldsOf) -> str:
    types: dict[tuple[str, ...], str] = {}
    for contract in majors:
        for path, kind in fields_of(contract):
            types.setdefault(tuple(path), kind)
    types.pop(("event",), None)  # the same in every row
    columns = ["time", f"{_TIME_UTC} AS time_utc"]
    columns += [f"{_extract(path, types[path])} AS {quoted(name)}" for path, name in column_names(types).items()]
    columns.append("id")
    body = ",\n  ".join(columns)
    where = f"event = {literal(event)} AND verdict = 'valid'"
    return f"CREATE VIEW {quoted(name)} AS SELECT\n  {body}\nFROM events WHERE {where}"


def _extract(path: tuple[str, ...], kind: str) -> str:
    value = f"json_extract(fields, {json_path(path)})"
    if kind != "integer" or sqlite3.sqlite_version_info < (3, 38):
        return value
    # json_extract makes a double of an integer beyond 64 bits; `->` gives its digits as they came.
    return f"iif(typeof({value}) = 'real', fields -> {json_path(path)}, {value})"
