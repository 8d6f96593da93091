"""`logharbor metrics`: what files would give, as a table, drawn, and as JSON."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from forwarders.cli.metrics_shown import table
from forwarders.metrics.points import Point

Run = Callable[..., Any]

REPORT = (
    "REPORT RequestId: 3f0a2c1e-2f6c-4f0e-9d8a-0a6f1f3f7c11\tDuration: 9.14 ms\tBilled Duration: 10 ms\t"
    "Memory Size: 128 MB\tMax Memory Used: 36 MB\tInit Duration: 190.62 ms"
)
MINUTE = 1_794_499_260


def login(at: int, method: str = "sso") -> str:
    return json.dumps({"timestamp": at, "event": "user.login.success", "user": "ada", "method": method})


def payment(at: int, latency: float) -> str:
    event = {"timestamp": at, "event": "payment.captured", "provider_latency_ms": latency, "method": "card"}
    return json.dumps(event)


@pytest.fixture
def logs(folder: Path) -> Path:
    path = folder / "app.log"
    lines = [login(MINUTE), login(MINUTE + 5), login(MINUTE + 60, "passkey"), "plain text", "{broken"]
    path.write_text("\n".join([*lines, payment(MINUTE, 250), payment(MINUTE, -1), payment(MINUTE, 750)]) + "\n")
    return path


def test_metrics_are_told_as_json(logs: Path, logharbor: Run) -> None:
    """One object: each metric by minute and dimensions, as CloudWatch would have it; an invalid event counts too."""
    done = logharbor("metrics", logs, "--format", "json", "--metric", "LoginSuccessByMethod")
    assert done.code == 0
    known = {"namespace": "Logharbor/Events", "metric": "LoginSuccessByMethod", "kind": "count", "unit": "Count"}
    assert json.loads(done.last) == {
        "per": "minute",
        "metrics": [
            {**known, "time": MINUTE * 1000, "dimensions": {"method": "sso"}, "n": 2, "value": 2},
            {**known, "time": (MINUTE + 60) * 1000, "dimensions": {"method": "passkey"}, "n": 1, "value": 1},
        ],
        "dropped": {},
    }


def test_a_distribution_has_percentiles(logs: Path, logharbor: Run) -> None:
    """And a word on the negative value that would take them away in CloudWatch."""
    (found,) = json.loads(logharbor("metrics", logs, "--format", "json", "--metric", "PaymentLatency").last)["metrics"]
    assert {name: found[name] for name in ("n", "sum", "min", "p50", "p95", "p99", "max")} == {
        "n": 3, "sum": 999.0, "min": -1, "p50": 250, "p95": 750, "p99": 750, "max": 750,
    }  # fmt: skip
    said = logharbor("metrics", logs, "--metric", "PaymentLatency")
    assert said.err == "PaymentLatency has negative values: CloudWatch shows no percentiles then\n"


def test_a_table_is_for_people(logs: Path, logharbor: Run) -> None:
    """Rows by metric, dimensions and step; nothing that moves a cursor."""
    done = logharbor("metrics", logs, "--metric", "LoginSuccessByMethod", "--per", "day")
    assert [row.split() for row in done.out.splitlines()] == [
        ["metric", "day", "(UTC)", "n", "sum", "average", "p95", "max"],
        ["LoginSuccessByMethod", "Count"],
        ["method=passkey", "2026-11-12", "1", "1"],
        ["method=sso", "2026-11-12", "2", "2"],
    ]


def test_a_plot_has_a_line_for_each_series(logs: Path, logharbor: Run) -> None:
    """Bars over time, blank where there is nothing."""
    done = logharbor("metrics", logs, "--metric", "LoginSuccessByMethod", "--plot")
    assert done.out.splitlines()[1:] == [
        "LoginSuccessByMethod  sum, Count",
        "method=passkey   █  1 … 1",
        "method=sso      █   2 … 2",
        "",
        "2026-11-12 16:01 to 2026-11-12 16:02 UTC, one minute a bar",
    ]


def test_lines_that_hold_metrics_and_reports_are_measured(folder: Path, logharbor: Run) -> None:
    """EMF documents, and the profile of a function, which a file knows by its folder."""
    place = folder / "lambda" / "web-login"
    place.mkdir(parents=True)
    directive = {"Namespace": "Shop", "Dimensions": [["step"]], "Metrics": [{"Name": "Paid"}]}
    meta = {"Timestamp": MINUTE * 1000, "CloudWatchMetrics": [directive]}
    (place / "a.log").write_text(f"{json.dumps({'_aws': meta, 'step': 'pay', 'Paid': [1, 2]})}\n{REPORT}\n")
    found = json.loads(logharbor("metrics", place, "--format", "json").last)["metrics"]
    by_name = {one["metric"]: one for one in found}
    assert (by_name["Paid"]["namespace"], by_name["Paid"]["n"]) == ("Shop", 2)
    assert by_name["ColdStarts"]["dimensions"] == {"FunctionName": "web-login"}


def test_what_an_event_says_is_shown_as_text(folder: Path, logharbor: Run) -> None:
    """A dimension with an escape sequence in it moves no cursor, in no form of the output."""
    (folder / "bad.log").write_text(login(MINUTE, "\x1b[31mred[bold]\u202e") + "\n")
    for form in ([], ["--plot"], ["--format", "json"]):
        out = logharbor("metrics", "bad.log", "--metric", "LoginSuccessByMethod", *form).out
        assert "\x1b" not in out
        assert "\u202e" not in out
        assert "[bold]" in out


def test_a_narrow_terminal_loses_no_number() -> None:
    """Two lines for each row where the table does not fit."""
    function = (("FunctionName", "web-login"),)
    values = Counter({3000: 1, 9.14: 1})
    points = [
        Point("NS", "Cost", "sum", "None", MINUTE * 1000, function, 8, 0.0000417),
        Point("NS", "Duration", "distribution", "Milliseconds", MINUTE * 1000, function, 2, values=values),
    ]
    narrow = Console(file=StringIO(), width=60, highlight=False)
    table(points, "minute", 60_000, narrow)
    assert narrow.file.getvalue().splitlines() == [  # type: ignore[attr-defined]
        "Cost",
        "  2026-11-12 16:01  FunctionName=web-login",
        "    n 8  sum 0.0000417",
        "Duration Milliseconds",
        "  2026-11-12 16:01  FunctionName=web-login",
        "    n 2  sum 3,009.14  average 1,504.57  p95 3,000  max 3,000",
    ]


def test_what_went_to_other_is_said(folder: Path, logharbor: Run) -> None:
    """As the forwarder would count it."""
    (folder / "many.log").write_text("\n".join(login(MINUTE, f"m{i}") for i in range(1005)) + "\n")
    done = logharbor("metrics", "many.log", "--metric", "LoginSuccessByMethod", "--format", "json")
    assert json.loads(done.last)["dropped"] == {"dimension_limit": 5}
    said = logharbor("metrics", "many.log", "--metric", "LoginSuccessByMethod").err
    assert said == "5 measured as __other__: a dimension has more values than are told apart\n"


def test_no_metrics_is_said(folder: Path, logharbor: Run) -> None:
    """Exit 1, and why."""
    (folder / "text.log").write_text("plain text\n")
    done = logharbor("metrics", "text.log")
    assert (done.code, done.out) == (1, "")
    assert done.err == "no metrics: no event is of a contract that has any\n"
    assert not (folder / "dead-letters").exists()


def test_a_clock_gone_wild_breaks_nothing(folder: Path, logharbor: Run) -> None:
    """A time beyond every calendar is a time all the same; negative ones too."""
    lines = [json.dumps({"event": "user.login.success", "timestamp": at, "method": "x"}) for at in (1e14, -1e14, 0)]
    (folder / "wild.log").write_text("\n".join(lines) + "\n")
    for form in ([], ["--plot"], ["--format", "json"]):
        assert logharbor("metrics", "wild.log", *form).code == 0
