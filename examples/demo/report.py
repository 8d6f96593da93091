"""What the demo's database says, for people: where things landed, what is wrong, whose it is, and what happened."""

from __future__ import annotations

import sqlite3
from typing import Any

from rich.console import Console
from rich.table import Table

from .story import START_MS

HOUR_MS = 3_600_000

LANDED = "SELECT dataset, count(*) FROM events GROUP BY 1 ORDER BY 2 DESC"
QUARANTINED = """
SELECT coalesce(nullif(owner, ''), '(no contract)'), coalesce(nullif(event, ''), '(unreadable)'),
  CASE WHEN json_valid(errors)
  THEN coalesce(nullif(json_extract(errors, '$[0].pointer'), ''), '(event)') || ' expected '
    || json_extract(errors, '$[0].expected') || ', found ' || json_extract(errors, '$[0].found')
  ELSE reason END, count(*)
FROM events WHERE verdict = 'invalid' GROUP BY 1, 2, 3 ORDER BY 4 DESC, 1, 2, 3 LIMIT 12"""
UNREGISTERED = """
SELECT coalesce(nullif(event, ''), '(no name)'), dataset, count(*)
FROM events WHERE verdict = 'unregistered' GROUP BY 1, 2 ORDER BY 3 DESC, 1 LIMIT 8"""
DRIFT = """
SELECT events.contract, events.owner, field.value, count(*)
FROM events, json_each(events.drift) AS field
WHERE events.drift <> '' GROUP BY 1, 2, 3 ORDER BY 4 DESC, 1 LIMIT 8"""
HOURS = f"""
SELECT (time - {START_MS}) / {HOUR_MS} AS hour,
  sum(event = 'user.login.failure'),
  sum(event = 'http.access' AND json_extract(fields, '$.http.response.status_code') >= 500),
  sum(event = 'order.placed'), sum(event = 'job.failed')
FROM events WHERE verdict = 'valid' AND time >= {START_MS} AND hour BETWEEN 12 AND 16 GROUP BY 1 ORDER BY 1"""
BECAME = """
SELECT trim(verdict || ' ' || coalesce(event, '')), count(*) FROM events
WHERE path NOT LIKE '%/handwritten/%' GROUP BY 1 ORDER BY 1"""


def print_report(console: Console, db: sqlite3.Connection, expected: dict[str, Any]) -> bool:
    """Prints the tables; True when every generated line became what the story says."""
    _table(console, db, "Where it landed", LANDED, ("dataset", "events"))
    columns = ("owner", "event", "why", "events")
    _table(
        console,
        db,
        "Quarantined: no contract's form, or no form at all. It is kept, with the reason, for its owner",
        QUARANTINED,
        columns,
    )
    _table(
        console,
        db,
        "Unregistered: kept, but no contract says what is in it",
        UNREGISTERED,
        ("event", "dataset", "events"),
    )
    _table(
        console, db, "Drift: valid, and more than the contract knows", DRIFT, ("contract", "owner", "field", "events")
    )
    title = "What happened that day: between 14:05 and 14:50 something is wrong"
    _table(console, db, title, HOURS, ("hour (UTC)", "logins failed", "answers 5xx", "orders placed", "jobs failed"))
    became = dict(db.execute(BECAME).fetchall())
    if became == expected["events"]:
        console.print(
            f"\nEvery one of the {expected['lines']:,} generated lines became what its generator says it should."
        )
        return True
    for what in sorted(became.keys() | expected["events"].keys()):
        got, wanted = became.get(what, 0), expected["events"].get(what, 0)
        if got != wanted:
            console.print(f"[red]{what}: {got:,} events, and the generator says {wanted:,}[/red]")
    return False


def _table(console: Console, db: sqlite3.Connection, title: str, query: str, columns: tuple[str, ...]) -> None:
    table = Table(box=None, pad_edge=False, header_style="bold")
    rows = db.execute(query).fetchall()
    for number, column in enumerate(columns):
        is_number = bool(rows) and isinstance(rows[0][number], int)
        table.add_column(column, justify="right" if is_number else "left", overflow="fold")
    for row in rows:
        table.add_row(*(f"{cell:,}" if isinstance(cell, int) else str(cell) for cell in row))
    console.print(f"\n[bold]{title}[/bold]")
    console.print(table)
