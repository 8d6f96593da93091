"""The Lambda that subscribes: its callers told apart, against a CloudWatch Logs by moto."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import msgspec
import pytest
from botocore.stub import Stubber
from moto import mock_aws

from forwarders.config import from_plain
from forwarders.handlers.subscribe import NotSubscribed, Surroundings, run
from forwarders.subscribing import CannotLook, Target, cover
from forwarders.testing import lambda_context

EVENTS = Path(__file__).parents[1] / "data" / "subscribe"
REGION = "eu-central-1"
CANARY_GROUP = "/logharbor-canary/shop"
NOW_MS = time.time_ns() // 1_000_000
"""CloudWatch Logs takes no event that is older than 14 days."""


class Account:
    """An account with log groups, a stream to subscribe them to, and the function's surroundings."""

    def __init__(self) -> None:
        self.logs = boto3.client("logs", region_name=REGION)
        kinesis = boto3.client("kinesis", region_name=REGION)
        arns = {}
        for lane in ("user", "background"):
            kinesis.create_stream(StreamName=f"shop-{lane}", ShardCount=1)
            arns[lane] = kinesis.describe_stream(StreamName=f"shop-{lane}")["StreamDescription"]["StreamARN"]
        self.target = Target("shop", arns, "arn:aws:iam::123456789012:role/shop")
        self.said: list[Any] = []
        routes = [
            {"name": "functions", "log_groups": ["/aws/lambda/*"]},
            {"name": "rest", "log_groups": ["/exact", "/app/*"], "lane": "background"},
        ]
        covered = cover(from_plain({"routes": routes}, "pipeline.yaml"), [CANARY_GROUP])
        self.around = Surroundings(self.logs, covered, self.target, CANARY_GROUP, lambda: NOW_MS, self.said.append)

    def groups(self, *names: str) -> None:
        for name in names:
            self.logs.create_log_group(logGroupName=name)

    def run(self, event: Any, remaining_ms: int = 300_000) -> dict[str, Any]:
        return run(event, lambda_context(remaining_ms), self.around)

    def filters(self, group: str) -> dict[str, str]:
        found = self.logs.describe_subscription_filters(logGroupName=group)["subscriptionFilters"]
        return {one["filterName"]: one["destinationArn"] for one in found}


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    for name, value in (("AWS_ACCESS_KEY_ID", "x"), ("AWS_SECRET_ACCESS_KEY", "x"), ("AWS_DEFAULT_REGION", REGION)):
        monkeypatch.setenv(name, value)
    with mock_aws():
        yield Account()


def event(name: str) -> Any:
    return json.loads((EVENTS / f"{name}.json").read_text())


def test_the_schedule_sweeps_and_writes_a_canary(account: Account) -> None:
    """120 groups, more than a page of AWS's list holds."""
    account.groups(CANARY_GROUP, "/exact", "/other", *(f"/aws/lambda/{n}" for n in range(120)), "/app/a")
    done = account.run(event("schedule"))
    assert done == {
        "subscribed": 121,
        "unchanged": 0,
        "unsubscribed": 0,
        "refused": [],
        "left": 0,
        "canary": "written",
    }
    arns = account.target.destinations
    assert account.filters("/aws/lambda/7") == {"shop": arns["user"]}
    assert account.filters("/app/a") == {"shop": arns["background"]}
    assert account.filters("/exact") == account.filters("/other") == account.filters(CANARY_GROUP) == {}
    (canary,) = account.logs.get_log_events(logGroupName=CANARY_GROUP, logStreamName="canary")["events"]
    told = json.loads(canary["message"])
    assert (told["event"], told["timestamp"], canary["timestamp"]) == (
        "logharbor.canary",
        NOW_MS,
        NOW_MS,
    )
    assert account.run(event("schedule"))["unchanged"] == 121


def test_a_canary_without_its_group_fails_no_sweep(account: Account) -> None:
    """The result says so."""
    account.groups("/aws/lambda/a")
    done = account.run(event("schedule"))
    assert (done["subscribed"], done["canary"]) == (1, "not written: ResourceNotFoundException")


def test_a_new_log_group_is_subscribed_at_once(account: Account) -> None:
    """As CloudTrail tells of it, without a list of all groups and without a canary."""
    account.groups("/aws/lambda/new", "/aws/lambda/old")
    assert account.run(event("created")) == {
        "subscribed": 1,
        "unchanged": 0,
        "unsubscribed": 0,
        "refused": [],
        "left": 0,
    }
    assert (list(account.filters("/aws/lambda/new")), account.filters("/aws/lambda/old")) == (["shop"], {})


OTHER_CALLS = ["created_failed", "created_infrequent", "created_elsewhere", "other_call", "no_detail"]


@pytest.mark.parametrize("name", OTHER_CALLS)
def test_other_calls_subscribe_nothing(account: Account, name: str) -> None:
    """A CreateLogGroup that failed, a class that cannot be subscribed, a group of nobody's, another call."""
    account.groups("/aws/lambda/new", "/elsewhere")
    done = account.run(event(name))
    assert done["subscribed"] == 0
    assert done["refused"] == (
        [{"log_group": "/aws/lambda/new", "reason": "class_infrequent_access"}] if name == "created_infrequent" else []
    )
    assert account.said[-1]["NotSubscribed"] == 0  # a class cannot be changed: an alarm on it could not be put right
    assert account.filters("/aws/lambda/new") == account.filters("/elsewhere") == {}


def test_terraform_subscribes_on_apply_and_unsubscribes_on_destroy(account: Account) -> None:
    """And only what the function subscribed."""
    account.groups("/aws/lambda/a", "/exact", "/other")
    for group, name in (("/exact", "shop"), ("/other", "datadog")):
        account.logs.put_subscription_filter(
            logGroupName=group, filterName=name, filterPattern="", destinationArn=account.target.destinations["user"]
        )
    assert account.run({"sweep": "shop", "tf": {"action": "create"}})["subscribed"] == 1
    assert account.run({"sweep": "shop", "tf": {"action": "update"}})["unchanged"] == 1
    assert account.run({"sweep": "shop", "tf": {"action": "delete"}})["unsubscribed"] == 1
    assert account.filters("/aws/lambda/a") == {}
    assert (list(account.filters("/exact")), list(account.filters("/other"))) == (["shop"], ["datadog"])


def test_two_filters_already_are_told_and_fail_nothing(account: Account) -> None:
    """As a metric, in the log, and in the result; Terraform's apply succeeds."""
    account.groups("/aws/lambda/full")
    for name in ("datadog", "splunk"):
        account.logs.put_subscription_filter(
            logGroupName="/aws/lambda/full",
            filterName=name,
            filterPattern="",
            destinationArn=account.target.destinations["user"],
        )
    done = account.run({"tf": {"action": "create"}})
    assert done["refused"] == [{"log_group": "/aws/lambda/full", "reason": "two_filters_already"}]
    (line,) = account.said
    assert line["NotSubscribed"] == 1
    assert line["_aws"] == {
        "Timestamp": NOW_MS,
        "CloudWatchMetrics": [
            {"Namespace": "Logharbor", "Dimensions": [[]], "Metrics": [{"Name": "NotSubscribed", "Unit": "Count"}]}
        ],
    }


def test_a_pipeline_that_has_a_name_tells_it_with_its_metric(account: Account) -> None:
    """Two pipelines of an account do not hide each other."""
    account.around = msgspec.structs.replace(account.around, pipeline="staging")
    account.run({"tf": {"action": "create"}})
    (line,) = account.said
    (directive,) = line["_aws"]["CloudWatchMetrics"]
    assert (directive["Dimensions"], line["Pipeline"], line["NotSubscribed"]) == ([["Pipeline"]], "staging", 0)


def test_a_destination_that_refuses_fails_the_apply(account: Account) -> None:
    """A sweep of the schedule only tells it: it may be a permission that comes a minute later."""
    account.groups("/aws/lambda/a", "/aws/lambda/b")
    boto3.client("kinesis", region_name=REGION).delete_stream(StreamName="shop-user")
    assert len(account.run(event("schedule"))["refused"]) == 2
    with pytest.raises(NotSubscribed) as caught:
        account.run({"tf": {"action": "update"}})
    assert str(caught.value).startswith("2 log groups are not subscribed (/aws/lambda/")
    assert "CloudWatch Logs may not deliver to the destination" in str(caught.value)


def test_a_destroy_that_has_no_time_is_not_called_done(account: Account) -> None:
    """Groups would go on delivering to a function that is gone."""
    account.groups("/aws/lambda/a", "/aws/lambda/b")
    account.run({"tf": {"action": "create"}})
    with pytest.raises(NotSubscribed, match=r"2 log groups could not be looked into for want of time: destroy again"):
        account.run({"tf": {"action": "delete"}}, remaining_ms=10_000)
    assert account.run({"tf": {"action": "delete"}})["unsubscribed"] == 2


def test_a_role_that_may_not_list_is_told(account: Account) -> None:
    """By Terraform or by the function's own error metric."""
    with Stubber(account.logs) as stub:
        stub.add_client_error("describe_log_groups", "AccessDeniedException")
        with pytest.raises(CannotLook) as caught:
            account.run({"tf": {"action": "create"}})
    assert str(caught.value) == "log groups cannot be listed: AccessDeniedException"


@pytest.mark.parametrize("odd", [None, [], "x", 7, {"tf": 1}, {"tf": {}}, {"source": 3}, {"detail": {}}])
def test_an_event_of_no_known_form_is_a_sweep(account: Account, odd: Any) -> None:
    """It can do no harm, and a person who presses Test gets what the schedule gets."""
    account.groups("/aws/lambda/a")
    assert account.run(odd)["subscribed"] == 1
