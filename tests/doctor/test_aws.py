"""The doctor against an account by moto: the real client, its pages and its refusals; and the command line."""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import boto3
import pytest
from botocore.config import Config as ClientConfig
from botocore.handlers import BUILTIN_HANDLERS
from botocore.stub import Stubber
from moto import mock_aws

from forwarders.cli import cli, exit_code
from forwarders.doctor.account import Account, Denied, Missing, Unreachable, _asked, aws

REGION = "eu-central-1"
PIPELINE = """
environment: prod
routes:
  - {name: functions, log_groups: ["/aws/lambda/*"]}
  - {name: web, log_groups: ["/legacy/nginx"], lane: background}
sinks:
  search:
    type: elasticsearch
    endpoint: https://es.example
    secret: arn:aws:secretsmanager:eu-central-1:1:secret:x
dead_letters: s3://shop-dead-letters/prod
"""


class Done(NamedTuple):
    """A command that has ended."""

    code: int
    out: str
    err: str


class _Answered:
    """As much of an HTTP answer as a client looks at."""

    status_code = 200


def _zip() -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("x.py", "")
    return packed.getvalue()


class Broken:
    """An account in which somebody has got everything wrong that moto knows of."""

    def __init__(self) -> None:
        def client(service: Any) -> Any:
            return boto3.client(service, region_name=REGION)

        iam, functions, logs, streams = client("iam"), client("lambda"), client("logs"), client("kinesis")
        role = iam.create_role(RoleName="shop", AssumeRolePolicyDocument="{}", Path="/x/")["Role"]["Arn"]
        streams.create_stream(StreamName="shop", ShardCount=1)
        stream = streams.describe_stream(StreamName="shop")["StreamDescription"]["StreamARN"]
        arns = {}
        for name, kind in (("user", "forward"), ("background", "forward"), ("subscribe", "subscribe")):
            made = functions.create_function(
                FunctionName=f"shop-{name}" if kind == "subscribe" else f"shop-forward-{name}",
                Runtime="python3.13",
                Role=role,
                Handler=f"forwarders.handlers.{kind}.handle",
                Code={"ZipFile": _zip()},
                Timeout=5,
                Environment={"Variables": {"LOGHARBOR_NAME": "shop", "LOGHARBOR_FILTER_NAME": "shop"}},
            )
            arns[name] = made["FunctionArn"]
        destinations = json.dumps({"user": stream, "background": arns["background"]})
        variables = {"LOGHARBOR_NAME": "shop", "LOGHARBOR_DESTINATIONS": destinations}
        functions.update_function_configuration(FunctionName="shop-subscribe", Environment={"Variables": variables})
        functions.create_event_source_mapping(
            EventSourceArn=stream, FunctionName="shop-forward-user", StartingPosition="LATEST", Enabled=False
        )
        functions.put_function_concurrency(FunctionName="shop-forward-user", ReservedConcurrentExecutions=0)
        for group in ("/aws/lambda/a", "/aws/lambda/b", "/legacy/nginx", "/elsewhere", "/logharbor/shop-forward-user"):
            logs.create_log_group(logGroupName=group)
        self._filter(logs, "/aws/lambda/a", "shop", arns["user"], "ERROR")
        self._filter(logs, "/aws/lambda/a", "datadog", stream)
        self._filter(logs, "/logharbor/shop-forward-user", "shop", stream)

    def _filter(self, logs: Any, group: str, name: str, destination: str, pattern: str = "") -> None:
        logs.put_subscription_filter(
            logGroupName=group, filterName=name, filterPattern=pattern, destinationArn=destination
        )


@pytest.fixture
def doctor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Iterator[Any]:
    """Runs `logharbor doctor` in a folder with a pipeline.yaml, in an account of moto's."""
    for name, value in (("AWS_ACCESS_KEY_ID", "x"), ("AWS_SECRET_ACCESS_KEY", "x"), ("AWS_DEFAULT_REGION", REGION)):
        monkeypatch.setenv(name, value)
    # moto knows no account policies: the client is answered before it asks.
    lacking = ("before-call.logs.DescribeAccountPolicies", lambda **asked: (_Answered(), {"accountPolicies": []}))
    monkeypatch.setattr("botocore.handlers.BUILTIN_HANDLERS", [*BUILTIN_HANDLERS, lacking])
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pipeline.yaml").write_text(PIPELINE)

    def run(*arguments: str) -> Done:
        capfd.readouterr()
        code = exit_code(cli, ["doctor", *arguments])
        return Done(code, *capfd.readouterr())

    with mock_aws():
        yield run


def test_a_broken_account_is_told_in_words(doctor: Callable[..., Done]) -> None:
    """Exit 1; each finding says what, where, why and what to do."""
    Broken()
    done = doctor()
    assert done.code == 1, done.err
    told = set(re.findall(r"^(error|warning|note)  ([a-z_]+): ", done.out, re.MULTILINE))
    assert told >= {
        ("error", "timeout_too_short"),
        ("error", "no_contracts"),
        ("error", "switched_off"),
        ("error", "mapping_disabled"),
        ("error", "retries_for_ever"),
        ("error", "no_permission"),
        ("error", "no_on_failure"),
        ("error", "subscription_missing"),
        ("error", "filter_pattern"),
        ("warning", "wrong_lane"),
        ("error", "own_log_subscribed"),
        ("error", "secret_missing"),
        ("error", "store_missing"),
        ("note", "group_not_covered"),
        ("note", "never_expires"),
    }
    assert "    where  /aws/lambda/b, /legacy/nginx\n" in done.out
    assert done.out.splitlines()[-1].startswith("shop: ")


def test_the_same_for_a_script(doctor: Callable[..., Done]) -> None:
    """One object, with the same findings."""
    Broken()
    done = doctor("--format", "json", "--name", "shop", "--region", REGION)
    report = json.loads(done.out)
    assert (done.code, report["pipeline"]) == (1, "shop")
    (finding,) = (one for one in report["findings"] if one["check"] == "filter_pattern")
    assert finding == {
        "severity": "error",
        "check": "filter_pattern",
        "where": "/aws/lambda/a",
        "what": "our filter has a filter pattern",
        "why": "CloudWatch drops every event that does not match, before anybody counts it.",
        "do": "Remove the pattern; to leave events out use `events.exclude` of the sink, which is counted.",
    }


def test_an_empty_account(doctor: Callable[..., Done]) -> None:
    """The first guess is the wrong account or region."""
    done = doctor()
    assert done.code == 1
    assert "  no_forwarder: no function with the handler forwarders.handlers.forward.handle\n" in done.out


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--config", "nowhere.yaml"], 2, "error: nowhere.yaml: (file): found No such file or directory"),
        (["--profile", "nobody"], 2, "error: AWS cannot be looked at: The config profile (nobody) could not be found"),
        (["--format", "xml"], 2, "Invalid value for '--format'"),
    ],
)
def test_a_wrong_command_line(doctor: Callable[..., Done], arguments: list[str], code: int, message: str) -> None:
    """One sentence, and no traceback."""
    done = doctor(*arguments)
    assert (done.code, message in done.err, "Traceback" in done.err) == (code, True, False)


def test_without_a_region(doctor: Callable[..., Done], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """It says how to name one."""
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    done = doctor()
    assert (done.code, done.err) == (
        2,
        "error: AWS cannot be looked at: no region: name one with --region, or set AWS_REGION\n",
    )


@pytest.mark.parametrize(
    ("code", "error", "told"),
    [
        ("AccessDeniedException", Denied, "the permission logs:DescribeLogGroups is missing"),
        ("ExpiredTokenException", Unreachable, "AWS refuses the credentials: ExpiredTokenException"),
        ("UnrecognizedClientException", Unreachable, "AWS refuses the credentials: UnrecognizedClientException"),
        ("ResourceNotFoundException", Missing, "AWS answered ResourceNotFoundException to logs:DescribeLogGroups"),
        ("InternalFailure", Denied, "AWS answered InternalFailure to logs:DescribeLogGroups"),
    ],
)
def test_what_aws_refuses_is_understood(code: str, error: type[Exception], told: str) -> None:
    """A missing permission by its name, credentials that are no good, something that is not there."""
    once = ClientConfig(retries={"total_max_attempts": 1})
    logs = boto3.client("logs", region_name=REGION, aws_access_key_id="x", aws_secret_access_key="x", config=once)
    with Stubber(logs) as stub:
        stub.add_client_error("describe_log_groups", code)
        with pytest.raises(error) as caught:
            _asked(logs, "logs", "describe_log_groups", {})
    assert str(caught.value) == told


def test_every_page_is_read(doctor: Callable[..., Done]) -> None:
    """An account has more log groups than one answer holds."""
    logs = boto3.client("logs", region_name=REGION)
    for number in range(60):
        logs.create_log_group(logGroupName=f"/g/{number:02}")
    found = Account(aws(REGION, None)).ask("logs", "describe_log_groups")["logGroups"]
    assert [group["logGroupName"] for group in found] == [f"/g/{number:02}" for number in range(60)]
