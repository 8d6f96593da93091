"""Metric filters as files: those written by hand are checked as CloudWatch would, before CloudWatch is asked."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from forwarders.errors import ConfigError
from forwarders.metrics.filter_pattern import parse
from forwarders.metrics.filters import Filter, Metric, check_limits, read_handwritten, slug

ROOT = Path(__file__).parents[2]
BAD = [json.loads(line) for line in (ROOT / "tests/data/metrics/handwritten_bad.jsonl").read_text().splitlines()]
LINES = {
    "nginx 503": '83.149.9.216 - - [17/May/2015:10:05:03 +0000] "GET /a HTTP/1.1" 503 2326 "-" "Mozilla/5.0 (X)"',
    "nginx 200": '83.149.9.216 - - [17/May/2015:10:05:03 +0000] "GET /a HTTP/1.1" 200 203023 "-" "curl/8"',
    "apache 304": '127.0.0.1 - frank [10/Oct/2000:13:55:36 -0700] "GET /apache_pb.gif HTTP/1.0" 304 -',
    "apache 2.4 error": "[Wed Oct 11 14:32:52.123456 2000] [core:error] [pid 35708] [client 72.15.99.187] No such file",
    "apache 2.2 error": "[Sun Dec 04 04:47:44 2005] [error] mod_jk child workerEnv in error state 6",
    "apache notice": "[Sun Dec 04 04:47:44 2005] [notice] workerEnv.init() ok /etc/httpd/conf/workers2.properties",
}


def test_the_filters_written_by_hand_take_the_lines_that_they_are_for() -> None:
    """Server errors, bytes by status, and Apache's errors: on real lines of nginx and Apache."""
    found = {}
    for one in read_handwritten(ROOT / "filters/handwritten"):
        for name, line in LINES.items():
            match = parse(one.pattern).match(line)
            if match is not None:
                dimensions = {key: match.value(at) for key, at in one.metric.dimensions.items()}
                found[one.metric.name, name] = (match.value(one.metric.value), dimensions)
    assert found == {
        ("ApacheErrors", "apache 2.2 error"): ("1", {}),
        ("ApacheErrors", "apache 2.4 error"): ("1", {}),
        ("Http5xx", "nginx 503"): ("1", {}),
        ("HttpBytesByStatus", "nginx 503"): ("2326", {"status": "503"}),
        ("HttpBytesByStatus", "nginx 200"): ("203023", {"status": "200"}),
    }


@pytest.mark.parametrize("case", BAD, ids=[case["why"] for case in BAD])
def test_a_filter_that_cloudwatch_would_refuse_is_refused(case: dict[str, Any], tmp_path: Path) -> None:
    """File, key, what was found and what was expected."""
    (tmp_path / "bad.json").write_text(json.dumps(case["filter"]))
    with pytest.raises(ConfigError) as caught:
        read_handwritten(tmp_path)
    assert str(caught.value).startswith(f"{tmp_path}/bad.json: {case['error']}")


def test_a_folder_that_is_not_there_holds_no_filters(tmp_path: Path) -> None:
    """Nobody need write a filter by hand."""
    assert read_handwritten(tmp_path / "handwritten") == []


def filters(n: int, pattern: str) -> list[Filter]:
    return [Filter(f"f{i}", ("/a", f"/{i}"), pattern, Metric("M", "N", "1")) for i in range(n)]


def test_the_limits_of_a_log_group() -> None:
    """A hundred filters, five with a regular expression, and no two of one name."""
    check_limits([*filters(5, "%a%"), *(Filter(f"g{i}", ("/a",), "", Metric("M", "N", "1")) for i in range(95))], "x")
    with pytest.raises(ConfigError, match="x: /a: found 101 metric filters, expected at most 100 for a log group"):
        check_limits(filters(101, "ERROR"), "x")
    with pytest.raises(ConfigError, match="x: /a: found 6 metric filters with a regular expression"):
        check_limits(filters(6, "{ $.a = %x% }"), "x")
    with pytest.raises(ConfigError, match="x: f0: found 2 filters of this name for /a, expected one"):
        check_limits(filters(1, "ERROR") * 2, "x")


def test_every_filter_has_a_name_of_its_own() -> None:
    """A route may be called anything: what cannot stand in a name gets a hash."""
    assert slug("web", "order.placed", "v1", "Orders") == "web--order.placed--v1--Orders"
    names = [slug(one, "x") for one in ("a b", "a/b", "a-b", "a--b", "", ".", "é", "è", "a" * 300, "a" * 301, "../etc")]
    assert len({name.lower() for name in names}) == len(names)
    assert all("/" not in name and not name.startswith(".") and len(name) < 200 for name in names)
