"""Filter patterns: what one message costs, in user CPU time, as the median of eleven runs."""

from __future__ import annotations

import gc
import resource
import statistics
from collections.abc import Callable
from typing import Any

import msgspec

from forwarders.metrics.filter_pattern import parse

RUNS, TIMES = 11, 20_000

EVENT = (
    '{"event":"order.placed","event_version":2,"timestamp":"2026-01-31T12:00:00.123Z","level":"ERROR","service":"shop",'
    '"order":{"id":"o-123456","total":812.5,"currency":"EUR"},"customer":"c-9876543210","http":{"status":503,"path":"/p"}}'
)
LINE = '127.0.0.1 - frank [10/Oct/2000:13:25:15 -0700] "GET /index.html HTTP/1.0" 404 1534'

JSON = '{ $.event = "order.placed" && $.http.status >= 500 && $.order.total > 100 }'
FIELDS = "[ip, id, user, timestamp, request = *.html*, status = 4*, size > 1000]"

LIMITS = {"json, parsed event": 2.0, "fields, text": 5.0}
"""µs; the other rows are for comparison."""


def filter_patterns() -> list[dict[str, Any]]:
    """A row for each kind: its name, µs a message, and the limit where there is one."""
    data = msgspec.json.decode(EVENT)
    by_event = parse(JSON).match_parsed
    cases: dict[str, Callable[[], object]] = {"json, parsed event": lambda: by_event(data)}
    for name, pattern, message in (
        ("fields, text", FIELDS, LINE),
        ("json, text", JSON, EVENT),
        ("terms, text", 'index.html -"health check"', LINE),
        ("regex, text", "% [45][0-9]{2} %", LINE),
    ):
        match = parse(pattern).match
        cases[name] = lambda match=match, message=message: match(message)  # type: ignore[misc]
    return [{"name": name, "us": _median(case), "limit": LIMITS.get(name)} for name, case in cases.items()]


def _median(case: Callable[[], object]) -> float:
    assert case()
    runs = []
    for _ in range(RUNS):
        gc.collect()
        begun = resource.getrusage(resource.RUSAGE_SELF).ru_utime
        for _ in range(TIMES):
            case()
        runs.append((resource.getrusage(resource.RUSAGE_SELF).ru_utime - begun) / TIMES * 1e6)
    return statistics.median(runs)


def print_rows(rows: list[dict[str, Any]]) -> None:
    """A line for each row."""
    print(f"\n{'filter pattern':<20}{'µs/message':>12}{'limit':>8}")
    for row in rows:
        limit = f"{row['limit']:.1f}" if row["limit"] else ""
        late = "  over" if row["limit"] and row["us"] > row["limit"] else ""
        print(f"{row['name']:<20}{row['us']:>12.2f}{limit:>8}{late}")


if __name__ == "__main__":
    print_rows(filter_patterns())
