"""`logharbor filters build`: what is derived is on disk, and what is on disk is derived."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

PIPELINE = """
routes:
  - {name: shop, log_groups: [/shop], envelope: line, filters: ["order.*"]}
  - {name: rest, log_groups: ["*"]}
"""


@pytest.fixture
def built(folder: Path, logharbor: Callable[..., Any]) -> Path:
    """filters/ of a small pipeline."""
    (folder / "pipeline.yaml").write_text(PIPELINE)
    assert logharbor("filters", "build").code == 0
    return folder / "filters"


def test_files_are_written_and_homes_are_told(folder: Path, logharbor: Callable[..., Any]) -> None:
    """Filters, what the forwarder measures, alarms and dashboards; and a table of what went where and why."""
    (folder / "pipeline.yaml").write_text(PIPELINE)
    done = logharbor("filters", "build")
    assert done.code == 0
    told = " ".join(done.out.split())
    assert "route shop CloudWatch, in /shop order.cancelled v1 OrdersCancelled, Refunds" in told
    assert "route rest" in told
    assert "The forwarder: the route's log groups are not all known by name" in told
    assert sorted(path.name for path in (folder / "filters").iterdir()) == [
        "alarms.json",
        "dashboards.json",
        "derived",
        "forwarder.json",
    ]
    one = json.loads((folder / "filters/derived/shop--order.placed--v1--OrdersPlaced.json").read_bytes())
    assert list(one) == ["name", "log_groups", "pattern", "metric", "contract"]
    assert list(one["metric"]) == ["name", "namespace", "value", "unit", "default_value", "dimensions"]


def test_what_is_up_to_date_is_left_alone(built: Path, logharbor: Callable[..., Any]) -> None:
    """The same input gives the same bytes."""
    before = {path: path.read_bytes() for path in built.rglob("*.json")}
    assert logharbor("filters", "build", "--check") == (0, "filters is up to date\n", "")
    assert logharbor("filters", "build").err == f"filters: {len(before)} files, 0 changed\n"
    assert {path: path.read_bytes() for path in built.rglob("*.json")} == before


def test_check_names_what_is_not_up_to_date(built: Path, logharbor: Callable[..., Any]) -> None:
    """Changed, missing and forgotten files; nothing is written."""
    (built / "alarms.json").write_text("{}")
    (built / "forwarder.json").unlink()
    (built / "derived/old.json").write_text("{}")
    done = logharbor("filters", "build", "--check")
    assert done.code == 1
    assert done.out.splitlines() == [
        "filters/alarms.json differs",
        "filters/derived/old.json no contract derives it",
        "filters/forwarder.json is missing",
    ]
    assert "Run `logharbor filters build`" in done.err
    assert (built / "alarms.json").read_text() == "{}"
    assert logharbor("filters", "build").code == 0
    assert not (built / "derived/old.json").exists()
    assert logharbor("filters", "build", "--check").code == 0


def test_what_is_written_by_hand_is_checked_and_kept(built: Path, logharbor: Callable[..., Any]) -> None:
    """A bad pattern is one sentence and exit 2; a good one is told beside the derived ones."""
    (built / "handwritten").mkdir()
    file = built / "handwritten/errors.json"
    one = {
        "name": "e",
        "log_groups": ["/shop"],
        "pattern": "WARN!",
        "metric": {"name": "E", "namespace": "L", "value": "1"},
    }
    file.write_text(json.dumps(one))
    done = logharbor("filters", "build")
    assert done.code == 2
    assert done.err.startswith("error: filters/handwritten/errors.json: pattern, position 4: found '!'")
    file.write_text(json.dumps(one | {"pattern": "WARN"}))
    done = logharbor("filters", "build")
    assert "written by hand" in done.out
    assert file.exists()


def test_the_bundle_counts_what_is_written_by_hand(built: Path, logharbor: Callable[..., Any]) -> None:
    """A filter by hand that takes a derived one's place moves that rule to the forwarder."""
    (built / "handwritten").mkdir()
    for number in range(100):
        metric = {"name": "E", "namespace": "L", "value": "1"}
        one = {"name": f"e{number}", "log_groups": ["/shop"], "pattern": "WARN", "metric": metric}
        (built / f"handwritten/{number}.json").write_text(json.dumps(one))
    assert logharbor("bundle", "-o", "bundle.json").code == 0
    measured = json.loads(Path("bundle.json").read_bytes())["measured"]
    assert "OrdersPlaced" in measured["shop"]["order.placed:1"]
