"""What the doctor says of accounts that are healthy, broken in one way, or not to be looked into."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from forwarders.config import from_plain
from forwarders.doctor import ADVICE, Account, Report, examine
from forwarders.doctor.account import Denied, Unreachable
from forwarders.errors import ConfigError

DATA = Path(__file__).parents[1] / "data" / "doctor"
DOCS = Path(__file__).parents[2] / "docs" / "doctor.md"
CASES = [json.loads(line) for line in (DATA / "cases.jsonl").read_text().splitlines()]
NOW = datetime(2026, 11, 23, tzinfo=UTC)


def look(accounts: ModuleType, changes: dict[str, Any], pipeline: Any = None) -> tuple[Report, Any]:
    scripted = accounts.Scripted(changes)
    config = accounts.config() if pipeline is None else from_plain(pipeline, "pipeline.yaml")
    return examine(Account(scripted), config=config, now=NOW), scripted


def test_a_healthy_account(accounts: ModuleType) -> None:
    """Nothing to say, and everything was looked at."""
    report, _ = look(accounts, {})
    assert (report.pipeline, report.findings, report.blind) == ("shop", [], {})
    assert len(report.looked) == 11


@pytest.mark.parametrize("case", CASES, ids=[case["why"] for case in CASES])
def test_an_account_that_is_broken_in_one_way(accounts: ModuleType, case: dict[str, Any]) -> None:
    """Just what is wrong is told: where, what, why it matters and what to do."""
    report, _ = look(accounts, case["changes"], case.get("pipeline"))
    assert [[one.check, one.where, one.what] for one in report.findings] == case["found"]
    assert all(one.why and one.do for one in report.findings)


def test_every_check_has_a_case_and_a_line_in_the_documentation() -> None:
    """A check that nothing tries may never find anything."""
    tried = {found[0] for case in CASES for found in case["found"]} | {"no_pipeline"}
    assert tried == set(ADVICE)
    assert set(re.findall(r"^\| `([a-z_0-9]+)` \|", DOCS.read_text(), re.MULTILINE)) == set(ADVICE)


def test_it_only_ever_reads(accounts: ModuleType) -> None:
    """Every call of every case is a Describe, a List or a Get; anything else cannot even be asked."""
    asked = {name for case in CASES for name in look(accounts, case["changes"], case.get("pipeline"))[1].asked}
    assert all(re.fullmatch(r"[a-z0-9]+\.(describe|list|get)_[a-z_]+", name) for name in asked)
    with pytest.raises(ValueError, match="delete_log_group is no question"):
        Account(accounts.Scripted()).ask("logs", "delete_log_group", logGroupName="x")


def test_nothing_is_asked_twice(accounts: ModuleType) -> None:
    """AWS allows few calls a second."""
    report, scripted = look(accounts, {})
    assert len(scripted.asked) <= 70
    assert scripted.asked.count("logs.describe_log_groups") == 1
    assert report.findings == []


def test_errors_come_first(accounts: ModuleType) -> None:
    """Then warnings, then notes."""
    (case,) = (case for case in CASES if case["why"] == "a bad day")
    report, _ = look(accounts, case["changes"])
    severities = [str(one.severity) for one in report.findings]
    assert severities == sorted(severities, key=["error", "warning", "note"].index)


def test_without_a_pipeline_coverage_is_not_guessed(accounts: ModuleType) -> None:
    """And that is said."""
    report = examine(Account(accounts.Scripted()), now=NOW)
    assert [one.check for one in report.findings] == ["no_pipeline"]


def test_several_pipelines_are_told_apart_by_name(accounts: ModuleType) -> None:
    """Without a name it would mix them up."""
    scripted = accounts.Scripted()
    functions = scripted.answers["lambda.list_functions"]["Functions"]
    functions.append({**functions[0], "FunctionName": "test-forward-user", "Environment": {}})
    with pytest.raises(ConfigError, match=r"account: --name: found pipelines shop, test, expected one of them"):
        examine(Account(scripted), now=NOW)
    assert examine(Account(scripted), "test", now=NOW).pipeline == "test"


def test_an_account_that_cannot_be_looked_into(accounts: ModuleType) -> None:
    """Without a list of functions nothing can be said."""
    with pytest.raises(Denied, match=r"the permission lambda\.list_functions is missing"):
        look(accounts, {"lambda.list_functions": "denied"})

    def broken(service: str, operation: str, parameters: object) -> Any:
        raise Unreachable("AWS refuses the credentials: ExpiredToken")

    with pytest.raises(Unreachable):
        examine(Account(broken))
