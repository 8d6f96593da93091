"""Pull requests as teams make them: before, after, and what must be said of them."""

from __future__ import annotations

import datetime
import json
from pathlib import Path

import msgspec
import pytest

from forwarders.governance import folders
from forwarders.governance.difference import difference

DATA = Path(__file__).resolve().parents[1] / "data/pull_requests"
CASES = sorted(path.name for path in DATA.iterdir())
DAY = datetime.date(2026, 1, 1)


@pytest.mark.parametrize("name", CASES)
def test_every_change_has_its_verdict_for_each_reader_and_its_bump(name: str) -> None:
    """expected.json holds all but the sentences, and every change has one."""
    here = Path()
    old, new = (folders.read(str(DATA / name / side), None, here) for side in ("before", "after"))
    found = difference(old, new, DAY)
    changes = [msgspec.to_builtins(one.change) for one in found.findings]
    assert all(change.pop("why") for change in changes)
    told = {"verdict": found.verdict, "bump": found.bump, "changes": changes}
    assert told == json.loads((DATA / name / "expected.json").read_text("utf-8"))


@pytest.mark.parametrize("name", CASES)
def test_nothing_changes_from_a_contract_to_itself(name: str) -> None:
    """The same folder twice is compatible, and asks for nothing."""
    one = folders.read(str(DATA / name / "after"), None, Path())
    found = difference(one, one, DAY)
    assert (found.verdict, found.bump, found.findings, found.notes) == ("compatible", "none", (), ())


def test_there_are_twenty_at_least() -> None:
    """A folder for each."""
    assert len(CASES) >= 20
