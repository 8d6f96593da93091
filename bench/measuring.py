"""What measuring costs: the pipeline with a contract's rules measured, against the same pipeline without them.

`python -m bench.measuring` in a process of its own. user.login.success has two rules: a count, and a count by method.
"""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

from bench.measure import in_turn
from bench.pipeline import contracts_with, pipeline
from bench.scripted import Elasticsearch as Scripted
from bench.workloads import START_MS, login, payload
from forwarders import redact
from forwarders.measuring import Meter
from forwarders.metrics import emf

EVENTS = 10_000
ROUNDS = 31
LIMIT = 1.15
"""Measuring two rules an event adds at most 15 % to the pipeline's CPU time."""


def main() -> dict[str, Any]:
    """The row of the results; both pipelines take the same payload in turn."""
    contracts = contracts_with("user.login.success", None)
    event = payload(login, EVENTS)
    points = 0

    def output(found: Any, _left_s: float, dropped: Counter[str]) -> None:
        nonlocal points
        points = len(list(emf.documents(found, START_MS, dropped)))

    meter = Meter("Logharbor/Events", None, redact.patterns, [output], clock_ms=lambda: START_MS)
    without = pipeline(contracts, Scripted())
    measured = pipeline(contracts, Scripted(), meter)

    def work() -> None:
        measured(event)
        meter.flush(60.0)

    least, ours, ratio = in_turn(lambda: without(event), work, ROUNDS)
    assert points > 2, points
    return {
        "name": "measuring",
        "events": EVENTS,
        "rules": 2,
        "cpu_us_per_event": round(ours / EVENTS * 1e6, 3),
        "without_us_per_event": round(least / EVENTS * 1e6, 3),
        "ratio": round(ratio, 3),
        "limit": LIMIT,
    }


def print_measuring(row: dict[str, Any]) -> None:
    """The row, for people."""
    late = "" if row["ratio"] <= row["limit"] else "  over"
    print(
        f"\nmeasuring {row['rules']} rules an event: {row['cpu_us_per_event']:.2f} µs/event, "
        f"{row['without_us_per_event']:.2f} without, ratio {row['ratio']:.2f} (limit {row['limit']:.2f}){late}"
    )


if __name__ == "__main__":
    print(json.dumps(main()))
