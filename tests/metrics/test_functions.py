"""The profile of Lambda functions, read off the lines that the Lambda service writes."""

import json
from pathlib import Path

import pytest

from forwarders.formats.lambda_text import lambda_line
from forwarders.metrics.functions import Prices, Profile, function_name

DATA = Path(__file__).parent.parent / "data" / "metrics" / "functions.jsonl"
CASES = [json.loads(line) for line in DATA.read_text().splitlines()]
MINUTE = 1_763_000_040_000


def said(profile, line, function="web-login"):
    name, _, data, _ = lambda_line(line)
    return {
        point.name: next(iter(point.values)) if point.kind == "distribution" else point.value
        for point in profile.points(name, data, MINUTE + 7, function, lambda request, metric: True)
    }


@pytest.mark.parametrize("case", CASES, ids=[case["why"] for case in CASES])
def test_what_the_services_lines_say(case):
    """Text and JSON, old runtimes and new ones."""
    found = said(Profile(), case["line"])
    assert found.pop("EstimatedCost", None) == pytest.approx(case["metrics"].pop("EstimatedCost", None))
    assert found == case["metrics"]


def test_the_cost_is_what_the_prices_say():
    """GB-seconds of the billed duration, and each request."""
    report = CASES[0]["line"]
    assert said(Profile(Prices(1.0, 10.0)), report)["EstimatedCost"] == pytest.approx(10.2)


def test_a_point_is_in_the_minute_of_its_line_and_says_its_function():
    """One dimension, FunctionName, as AWS's own metrics have it."""
    name, _, data, _ = lambda_line(CASES[1]["line"])
    points = list(Profile().points(name, data, MINUTE + 7, "web-login", lambda request, metric: True))
    assert {(point.namespace, point.time_ms, point.dimensions, point.n) for point in points} == {
        ("Logharbor/Functions", MINUTE, (("FunctionName", "web-login"),), 1)
    }


@pytest.mark.parametrize(
    ("log_group", "path", "name"),
    [
        ("/aws/lambda/web-login", "", "web-login"),
        ("/shared/functions", "", "/shared/functions"),
        ("", "logs/lambda/web-login/2026-11-12.log", "web-login"),
        ("", "logs/app.log", "app.log"),
        ("", "", "(unknown)"),
    ],
)
def test_the_function_is_known_by_its_log_group_or_folder(log_group, path, name):
    """Else by what there is."""
    assert function_name(log_group, path) == name
