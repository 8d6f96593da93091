"""`make bench`: the pipeline against the floor, in one run, pinned to one core. See docs/performance.md.

Prints a table and writes bench/results/latest.json. Times are CPU time (user and system); ratios are medians of pairs.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

from bench.cold_start import cold_start
from bench.contracts import contracts, print_contracts
from bench.filter_patterns import filter_patterns, print_rows
from bench.measuring import print_measuring
from bench.pipeline import LIMITS, WORKLOADS

RESULTS = Path(__file__).parent / "results" / "latest.json"
SIZES = (1_000, 10_000)


def main() -> None:
    """Every workload in a process of its own, then the cold start, the filter patterns and a thousand contracts."""
    core = max(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {core})
    rows = [_workload(name, events, redact) for name in WORKLOADS for events in SIZES for redact in (False, True)]
    start = cold_start()
    measuring = _told([sys.executable, "-m", "bench.measuring"])
    patterns = filter_patterns()
    thousand = contracts()
    _print(rows, start)
    print_measuring(measuring)
    print_rows(patterns)
    print_contracts(thousand)
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(
        json.dumps(
            {
                "workloads": rows,
                "cold_start": start,
                "measuring": measuring,
                "filter_patterns": patterns,
                "contracts": thousand,
            },
            indent=1,
        )
        + "\n"
    )
    print(f"\nwritten to {RESULTS.relative_to(Path.cwd())}")


def _workload(name: str, events: int, redact: bool) -> dict[str, Any]:
    ask = [sys.executable, "-m", "bench.pipeline", name, str(events), "hmac" if redact else "none"]
    timed = json.loads(subprocess.run([*ask, "time"], check=True, capture_output=True, text=True).stdout)
    peaks = [
        json.loads(subprocess.run([*ask, "memory"], check=True, capture_output=True, text=True).stdout)["peak_mb"]
        for _ in range(3)
    ]
    return timed | {"peak_mb": statistics.median(peaks)}


def _told(command: list[str]) -> dict[str, Any]:
    """What a process of its own prints."""
    told: dict[str, Any] = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return told


def _print(rows: list[dict[str, Any]], start: dict[str, Any]) -> None:
    head = ("workload", "events", "redaction", "µs/event", "floor", "ratio", "limit", "events/s", "MB/s", "peak MB")
    print(f"{head[0]:<10}" + "".join(f"{title:>11}" for title in head[1:]))
    for row in rows:
        cells = (
            f"{row['events']:,}",
            row["redaction"],
            f"{row['cpu_us_per_event']:.2f}",
            f"{row['floor_us_per_event']:.2f}",
            f"{row['ratio']:.2f}",
            f"{row['limit']:.2f}",
            f"{row['events_per_s']:,.0f}",
            f"{row['mb_per_s']:.0f}",
            f"{row['peak_mb']:.0f}",
        )
        late = "" if row["ratio"] <= LIMITS[row["name"]] else "  over"
        print(f"{row['name']:<10}" + "".join(f"{cell:>11}" for cell in cells) + late)
    print(
        f"\ncold start: {start['cpu_ms']:.0f} ms CPU for the handler and its first event, {start['imports_ms']:.0f} ms "
        f"for the imports alone, ratio {start['ratio']:.2f} (limit 1.25)"
    )
    print(f"heavy modules loaded by it: {', '.join(start['heavy_modules']) or 'none'}")


if __name__ == "__main__":
    main()
