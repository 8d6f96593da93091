"""What the first page says: how much landed, what became of it, and where to look next."""

from __future__ import annotations

import sqlite3
from typing import Any

from forwarders.explorer.config import Explorer
from forwarders.explorer.window import Window, utc_minute

SLOTS = 72
"""Bars of the chart over time."""
SPARKS = 36
"""Points of an event's small chart."""
VERDICTS = ("valid", "invalid", "unregistered")


def front(db: sqlite3.Connection, explorer: Explorer, window: Window) -> dict[str, Any]:
    """The numbers of the first page for the events of `window`; reads each row's index entries once or twice."""
    verdicts = _verdicts(db, window)
    return {
        "total": sum(verdicts.values()),
        "verdicts": verdicts,
        "chart": _chart(db, window),
        "events": _events(db, explorer, window),
        "quarantine": _quarantine(db, window),
        "drift": _drift(db, window),
        "receipts": _receipts(db) if explorer.has_receipts else None,
    }


def _verdicts(db: sqlite3.Connection, window: Window) -> dict[str, int]:
    counts = dict.fromkeys(VERDICTS, 0)
    query = "SELECT verdict, count(*) FROM events WHERE time >= ? AND time < ? GROUP BY verdict"
    return counts | dict(db.execute(query, (window.from_ms, window.to_ms)).fetchall())


def _chart(db: sqlite3.Connection, window: Window) -> dict[str, Any]:
    """Stacked bars in units of the highest: x and width of a slot are 1, y counts from the top of a square of 1."""
    step = max(1, -(-(window.to_ms - window.from_ms) // SLOTS))
    query = """SELECT (time - ?) / ?, verdict, count(*) FROM events WHERE time >= ? AND time < ? GROUP BY 1, 2"""
    slots: list[dict[str, int]] = [{} for _ in range(SLOTS)]
    for slot, verdict, n in db.execute(query, (window.from_ms, step, window.from_ms, window.to_ms)):
        slots[min(slot, SLOTS - 1)][verdict] = n
    highest = max((sum(slot.values()) for slot in slots), default=0)
    bars = []
    for i, slot in enumerate(slots):
        height = 0.0
        start, end = window.from_ms + i * step, window.from_ms + (i + 1) * step
        title = f"{utc_minute(start)} UTC: " + (", ".join(f"{slot[v]:,} {v}" for v in VERDICTS if v in slot) or "none")
        for verdict in VERDICTS:
            if verdict in slot:
                part = slot[verdict] / highest
                height += part
                bars.append(
                    {"slot": i, "verdict": verdict, "y": 1 - height, "height": part, "title": title}
                    | {"window": Window(start, end)}
                )
    middle = window.from_ms + (window.to_ms - window.from_ms) // 2
    ticks = [utc_minute(window.from_ms), utc_minute(middle), utc_minute(window.to_ms)]
    return {"bars": bars, "slots": SLOTS, "highest": highest, "ticks": ticks}


def _events(db: sqlite3.Connection, explorer: Explorer, window: Window) -> list[dict[str, Any]]:
    views = {view.event: view for view in explorer.views}
    query = """SELECT event, min(dataset), count(*), sum(verdict = 'invalid'), sum(verdict = 'unregistered'),
  sum(verdict = 'valid') FROM events WHERE time >= ? AND time < ? GROUP BY event ORDER BY 3 DESC, 1 LIMIT 25"""
    step = max(1, -(-(window.to_ms - window.from_ms) // SPARKS))
    spark_query = "SELECT (time - ?) / ?, count(*) FROM events WHERE event = ? AND time >= ? AND time < ? GROUP BY 1"
    rows = []
    for event, dataset, n, invalid, unregistered, valid in db.execute(query, (window.from_ms, window.to_ms)).fetchall():
        arguments = (window.from_ms, step, event, window.from_ms, window.to_ms)
        view = views.get(event)
        rows.append(
            {
                "event": event,
                "dataset": view.dataset if view else dataset,
                "n": n,
                "valid": valid,
                "invalid": invalid,
                "unregistered": unregistered,
                "owner": view.owner if view else "",
                "view": view.name if view else "",
                "spark": _spark(db.execute(spark_query, arguments).fetchall()),
            }
        )
    return rows


def _spark(counts: list[tuple[int, int]]) -> str:
    """The points of a small line, 100 wide and 20 high."""
    values = dict(counts)
    highest = max(values.values(), default=1)
    return " ".join(f"{i * 100 / (SPARKS - 1):.1f},{19 - 18 * values.get(i, 0) / highest:.1f}" for i in range(SPARKS))


def _quarantine(db: sqlite3.Connection, window: Window) -> list[dict[str, Any]]:
    query = """SELECT coalesce(owner, ''), event, coalesce(json_extract(errors, '$[0].pointer'), ''),
  coalesce(json_extract(errors, '$[0].keyword'), ''), coalesce(json_extract(errors, '$[0].expected'), ''),
  coalesce(json_extract(errors, '$[0].found'), ''), coalesce(reason, ''), count(*)
FROM events WHERE verdict = 'invalid' AND time >= ? AND time < ? GROUP BY 1, 2, 3, 4, 5, 6, 7 ORDER BY 8 DESC LIMIT 8"""
    names = ("owner", "event", "pointer", "keyword", "expected", "found", "reason", "n")
    return [dict(zip(names, row, strict=True)) for row in db.execute(query, (window.from_ms, window.to_ms))]


def _drift(db: sqlite3.Connection, window: Window) -> int:
    query = "SELECT count(*) FROM events WHERE drift IS NOT NULL AND time >= ? AND time < ?"
    return int(db.execute(query, (window.from_ms, window.to_ms)).fetchone()[0])


def _receipts(db: sqlite3.Connection) -> dict[str, Any]:
    """All receipts, whatever the window: an account is whole or it is none."""
    n, taken, balanced = db.execute("SELECT count(*), sum(taken), sum(balanced) FROM receipts").fetchone()
    query = "SELECT sink, fate, sum(n) FROM receipt_fates GROUP BY 1, 2 ORDER BY 1, 3 DESC"
    sinks: dict[str, list[tuple[str, int]]] = {}
    for sink, fate, count in db.execute(query):
        sinks.setdefault(sink, []).append((fate, count))
    return {"n": n, "taken": taken or 0, "unbalanced": n - (balanced or 0), "sinks": sinks}
