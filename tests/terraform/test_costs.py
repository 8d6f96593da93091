"""The table of costs in docs/deploy.md is what its prices and assumptions come to."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from .conftest import DATA, ROOT

COSTS: dict[str, Any] = json.loads((DATA / "costs.json").read_text())


def month(mode: str, volume: str) -> dict[str, float]:
    """USD of a month by row of the table."""
    price, given = COSTS["prices"], COSTS["assumptions"]
    raw_gb = COSTS["gb_per_day"][volume] * given["days"]
    payloads = raw_gb * 1000 / given["payload_mb"]
    invocations = payloads / given["payloads_per_invocation"][mode][volume]
    work_s = raw_gb * 1000 / (given["mb_per_s_of_a_processor"] * given["processors_per_gb"] * given["memory_gb"])
    gb_s = (work_s + invocations * given["wait_s"]) * given["memory_gb"]
    packed_gb = raw_gb * given["gzip"]
    stream = given["lanes"] * price["stream_usd_per_h"] * given["hours"] + packed_gb * (
        price["stream_in_usd_per_gb"] + price["stream_out_usd_per_gb"]
    )
    own_log_gb = (payloads * given["receipt_kb"] + invocations * given["invocation_kb"]) / 1e6
    standing = sum(
        given[f"{name}s"] * price[f"{name}_usd"] for name in ("metric", "alarm", "dashboard", "key", "secret")
    )
    rows = {
        "Lambda, requests": invocations / 1e6 * price["lambda_usd_per_million"],
        "Lambda, time": gb_s * price["lambda_usd_per_gb_s"],
        "Kinesis": stream if mode == "stream" else 0.0,
        "our own log (receipts, START, END, REPORT)": own_log_gb * price["logs_usd_per_gb"],
        "metrics, alarms, dashboards, keys, secrets": standing,
    }
    out = {"the way out, for each sink outside AWS": packed_gb * price["internet_usd_per_gb"]}
    return rows | {"**Logharbor**": sum(rows.values())} | out


def cloudwatch(volume: str) -> float:
    """USD of a month that CloudWatch Logs takes of Lambda logs, with or without Logharbor."""
    price, given = COSTS["prices"], COSTS["assumptions"]
    left = COSTS["gb_per_day"][volume] * given["days"]
    stored = COSTS["gb_per_day"][volume] * given["retention_days"] * given["gzip"] * price["storage_usd_per_gb_month"]
    total = 0.0
    for size, usd in price["logs_tiers_usd_per_gb"]:
        taken = min(left, size or left)
        total, left = total + taken * usd, left - taken
    return total + stored


@pytest.mark.parametrize("mode", ["direct", "stream"])
@pytest.mark.parametrize("volume", ["10 GB", "1 TB"])
def test_the_costs_are_what_the_prices_come_to(mode: str, volume: str) -> None:
    """Each figure of the table is recomputed, to the dollar."""
    heads, *rows = _table()
    column = heads.index(f"{volume} a day, {mode}")
    told = {row[0]: row[column] for row in rows}
    expected = {name: f"{usd:,.0f}" for name, usd in month(mode, volume).items()}
    expected["CloudWatch Logs itself (Lambda logs)"] = f"{cloudwatch(volume):,.0f}"
    assert told == expected


def _table() -> list[list[str]]:
    found = re.search(r"^\| USD a month \|.*?(?=\n\n)", (ROOT / "docs" / "deploy.md").read_text(), re.M | re.S)
    assert found is not None
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in found[0].splitlines()]
    return [cells[0], *cells[2:]]
