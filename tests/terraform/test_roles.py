"""Roles hold what is called, and no more: the calls are recorded from the code itself, against moto."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from forwarders.config import from_plain
from forwarders.deadletters import open_store
from forwarders.handlers.subscribe import write_canary
from forwarders.secret import resolve
from forwarders.subscribing import Group, Target, cover, subscribe, sweep, unsubscribe

from .conftest import DATA
from .planned import Planned

CALLS: dict[str, dict[str, Any]] = json.loads((DATA / "calls.json").read_text())
POLICIES: dict[str, Any] = json.loads((DATA / "policies.json").read_text())
REGION = "eu-west-1"
SERVICES = {"cloudwatch-logs": "logs", "secrets-manager": "secretsmanager"}
"""botocore's names of services that IAM calls otherwise."""


@pytest.fixture
def recorded(monkeypatch: pytest.MonkeyPatch) -> Iterator[set[str]]:
    """The calls that boto3 makes from now on, as IAM names them; moto answers."""
    for name, value in {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x", "AWS_DEFAULT_REGION": REGION}.items():
        monkeypatch.setenv(name, value)
    calls: set[str] = set()

    def record(event_name: str, **_: Any) -> None:
        _, service, action = event_name.split(".")
        calls.add(f"{SERVICES.get(service, service)}:{action}")

    with mock_aws():
        boto3.setup_default_session()
        boto3.DEFAULT_SESSION.events.register("before-call.*.*", record)
        yield calls
        boto3.DEFAULT_SESSION = None


def _forward(calls: set[str]) -> None:
    boto3.client("s3").create_bucket(Bucket="letters", CreateBucketConfiguration={"LocationConstraint": REGION})
    calls.clear()
    store = open_store("s3://letters/prod")
    assert store is not None
    store.put("dead", "name", b"body")
    _prepare(calls, keep=calls.copy())


def _prepare(calls: set[str], keep: set[str] | None = None) -> None:
    secret = boto3.client("secretsmanager").create_secret(Name="ingest", SecretString="value")["ARN"]
    boto3.client("ssm").put_parameter(Name="ingest", Value="value", Type="SecureString")
    parameter = boto3.client("ssm").get_parameter(Name="ingest")["Parameter"]["ARN"]
    calls.clear()
    calls |= keep or set()
    assert [resolve(secret), resolve(parameter, {})] != []


def _subscribe(calls: set[str]) -> None:
    logs = boto3.client("logs")
    boto3.client("iam").create_role(RoleName="logs", AssumeRolePolicyDocument="{}")
    for lane in ("user", "background"):
        boto3.client("kinesis").create_stream(StreamName=lane, ShardCount=1)
    for group in ("/app/one", "/app/two", "/canary"):
        logs.create_log_group(logGroupName=group)
    calls.clear()
    arns = {lane: f"arn:aws:kinesis:{REGION}:123456789012:stream/{lane}" for lane in ("user", "background")}
    target = Target("example", arns, "arn:aws:iam::123456789012:role/logs")
    plain = {"routes": [{"name": "all", "log_groups": ["/app/*"]}], "version": 1}
    covered = cover(from_plain(plain, "pipeline.yaml"))
    assert sweep(logs, covered, target, lambda: 9.0).subscribed == 2
    assert subscribe(logs, Group("/app/two"), covered, target).unchanged == 1
    assert unsubscribe(logs, covered, target, lambda: 9.0).unsubscribed == 2
    assert write_canary(logs, "/canary", 1_700_000_000_000) != ""


@pytest.mark.parametrize(("role", "work"), [("forward", _forward), ("prepare", _prepare), ("subscribe", _subscribe)])
def test_what_is_called_is_what_is_listed(role: str, work: Callable[[set[str]], None], recorded: set[str]) -> None:
    """The list of calls that a role must allow is the list of calls that its function makes."""
    work(recorded)
    assert sorted(recorded) == CALLS[role]["calls"]


@pytest.mark.parametrize("mode", ["direct", "stream"])
def test_a_role_holds_what_is_called_and_no_more(mode: str, runs: dict[str, Planned]) -> None:
    """Each role allows the recorded calls and the listed ones that AWS makes in its name, and nothing else."""
    allowed = {name: _actions(statements) for name, statements in runs[mode].role_policies().items()}
    allowed.pop("example-reader", None)
    parts = {"forward-user": "forward", "forward-background": "forward"}
    expected = {
        name: sorted({*CALLS[listed]["calls"], *CALLS[listed]["services"][mode]})
        for name in allowed
        for listed in [parts.get(name.removeprefix("example-"), name.removeprefix("example-"))]
    }
    assert allowed == expected
    assert len(allowed) == {"direct": 4, "stream": 5}[mode]


def _actions(statements: list[dict[str, Any]]) -> list[str]:
    return sorted({action for statement in statements for action in statement["Action"]})


@pytest.mark.parametrize("mode", ["direct", "stream"])
def test_a_role_names_what_it_may_touch(mode: str, runs: dict[str, Planned]) -> None:
    """No role has an action with a star; a resource is a star only where AWS has none to name."""
    nameless = {"ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets", "kinesis:ListStreams"}
    for statements in runs[mode].role_policies().values():
        for statement in statements:
            assert statement["Effect"] == "Allow"
            assert [action for action in statement["Action"] if "*" in action] == []
            if "*" in statement["Resource"]:
                assert set(statement["Action"]) <= nameless


@pytest.mark.parametrize("mode", ["direct", "stream"])
def test_every_policy_is_the_reviewed_one(mode: str, runs: dict[str, Planned]) -> None:
    """Who may assume each role and what it may do to what, and who may publish to the topic: statement by statement.

    tests/data/terraform/policies.json is what a person has reviewed; what differs is to be reviewed again.
    """
    assert _policies(runs[mode]) == POLICIES[mode]


def _policies(run: Planned) -> dict[str, Any]:
    roles = {
        found["name"]: json.loads(found["assume_role_policy"])["Statement"] for found in run.of("aws_iam_role").values()
    }
    return {
        "assumed": roles,
        "allowed": run.role_policies(),
        "published": [json.loads(one["policy"])["Statement"] for one in run.of("aws_sns_topic_policy").values()],
        "subscribed": [
            json.loads(one["access_policy"])["Statement"]
            for one in run.of("aws_cloudwatch_log_destination_policy").values()
        ],
        "hosts": [json.loads(one["policy"])["Statement"] for one in run.of("aws_iam_policy").values()],
        "stored": [json.loads(one["policy"])["Statement"] for one in run.of("aws_s3_bucket_policy").values()],
        "invoked": sorted(
            f"{one['principal']} {one['qualifier'] or ''} {one['source_arn']} {one['source_account'] or ''}"
            for one in run.of("aws_lambda_permission").values()
        ),
    }


def test_a_forwarder_cannot_configure_a_sink(runs: dict[str, Planned]) -> None:
    """Forwarders read what ingests and the key of the hash; prepare reads what configures."""
    secrets = {
        name: sorted(
            resource.split(":", 5)[5].removeprefix("secret:")
            for statement in statements
            if statement["Action"][0].startswith(("secretsmanager:", "ssm:"))
            for resource in statement["Resource"]
            if not resource.endswith("??????")
        )
        for name, statements in runs["direct"].role_policies().items()
    }
    ingest = ["hash-key", "parameter/honeycomb", "search-ingest"]
    assert secrets == {
        "example-forward-background": ingest,
        "example-forward-user": ingest,
        "example-prepare": ["parameter/honeycomb", "parameter/kibana", "search-manage"],
        "example-reader": [],
        "example-subscribe": [],
    }


def test_raw_payloads_have_one_reader(runs: dict[str, Planned]) -> None:
    """Whoever else may read the buckets is refused what came as it came."""
    policies = {
        address.split('"')[1]: json.loads(found["policy"])["Statement"]
        for address, found in runs["direct"].of("aws_s3_bucket_policy").items()
    }
    refused = {
        key: [
            (statement["Effect"], statement["Action"], statement["Resource"], statement["Condition"])
            for statement in statements
            if statement["Sid"] == "OneReader"
        ]
        for key, statements in policies.items()
    }
    reading = ["s3:GetObject", "s3:GetObjectVersion"]
    but = {"ArnNotLike": {"aws:PrincipalArn": ["arn:aws:iam::111122223333:role/example-reader"]}}
    letters = [f"arn:aws:s3:::example-dead-letters/prod/a/{kind}/*" for kind in ("returned", "undecoded", "unbalanced")]
    failed = ["arn:aws:s3:::example-failed-111122223333-eu-west-1/aws/lambda/*"]
    assert refused == {
        "dead_letters": [("Deny", reading, letters, but)],
        "failed": [("Deny", reading, failed, but)],
    }
