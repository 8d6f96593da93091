"""The canary: recognised by its group and its name, measured when a sink has it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from forwarders import canary
from forwarders.canary import Lag
from forwarders.model import Account, Fate, Origin, Receipt, Record, Tally, Verdict

GROUP = canary.log_group("prod")


def receipt(taken: int, **delivered: int) -> Receipt:
    accounts = {
        sink: Account({fate: Tally(n if fate is Fate.DELIVERED else taken - n) for fate in Fate}, {})
        for sink, n in delivered.items()
    }
    return Receipt("b", Origin("cloudwatch", ""), Tally(taken), accounts, dict.fromkeys(Verdict, 0), {})


def records(*texts: str) -> list[Record]:
    return [Record(str(number), 5, text) for number, text in enumerate(texts)]


def test_a_canary_is_a_line_of_json() -> None:
    """What `subscribe` writes names itself, its time and an id."""
    assert json.loads(canary.message(1_764_000_000_000, "a-1")) == {
        "event": "logharbor.canary",
        "timestamp": 1_764_000_000_000,
        "id": "a-1",
    }
    assert GROUP == "/logharbor-canary/prod"
    assert not GROUP.startswith("/logharbor/")  # what is ours is never subscribed, and this must be


def test_the_lag_of_each_sink_that_has_it() -> None:
    """From when it was written to now; a sink that returned it has none yet, and a clock that is ahead gives 0."""
    some = records(canary.message(1_000, "a"), canary.message(9_000, "b"))
    assert canary.lags(GROUP, some, receipt(2, search=2, traces=1, archive=2), 4_000) == [
        Lag("search", 3_000),
        Lag("archive", 3_000),
        Lag("search", 0),
        Lag("archive", 0),
    ]


@pytest.mark.parametrize(
    "text",
    ["", "canary", "{", "[]", '{"event":"logharbor.canary"}', '{"event":"other","timestamp":5}', "[" * 100_000]
    + [json.dumps({"event": canary.EVENT, "timestamp": at}) for at in (0, -5, "5", None, 1.5, True, 10**400)],
)
def test_what_is_no_canary_has_no_lag(text: str) -> None:
    """Whoever writes into the group can neither break anything nor make a metric of nonsense."""
    assert canary.lags(GROUP, records(text), receipt(1, search=1), 4_000) == []


@pytest.mark.parametrize("group", ["", "/aws/lambda/shop", "/logharbor/forward", "/logharbor-canary"])
def test_another_group_has_none(group: str) -> None:
    """An application that logs the same words is not measured."""
    assert canary.lags(group, records(canary.message(1, "a")), receipt(1, search=1), 4_000) == []


def test_a_flood_is_bounded() -> None:
    """A hundred of a batch are measured."""
    flood: Any = records(*[canary.message(1, str(number)) for number in range(5_000)])
    assert len(canary.lags(GROUP, flood, receipt(5_000, search=5_000), 4_000)) == 100
