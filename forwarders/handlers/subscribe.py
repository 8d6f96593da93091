"""The Lambda that subscribes log groups: `forwarders.handlers.subscribe.handle`.

Three callers, told apart by the event: the schedule (a sweep, and a canary), CloudTrail's CreateLogGroup (that group),
and Terraform (`tf.action`: a sweep on create and update, unsubscribing on delete).
"""

from __future__ import annotations

import json
import os
import time
import uuid
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from forwarders import bundle, canary
from forwarders.errors import LogharborError
from forwarders.metrics.points import PIPELINE
from forwarders.subscribing import (
    ACCESS_DENIED,
    DESTINATION_REFUSED,
    Cover,
    Group,
    Summary,
    Target,
    cover,
    read_target,
    subscribe,
    sweep,
    unsubscribe,
)

if TYPE_CHECKING:
    from types_boto3_logs import CloudWatchLogsClient

GRACE_S = 10.0
MAX_TOLD = 100
CANARY_STREAM = "canary"
METRIC = "NotSubscribed"


class NotSubscribed(LogharborError):
    """Terraform's apply or destroy cannot be called done; says what AWS refused."""


class Context(Protocol):
    """What of Lambda's context object is used."""

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until Lambda ends the invocation."""
        ...


class Surroundings(msgspec.Struct, frozen=True):
    """What an invocation works with; made once for a process. `pipeline`: the name that its metric carries."""

    logs: Any
    cover: Cover
    target: Target
    canary_group: str = ""
    clock_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000
    say: Callable[[Mapping[str, Any]], None] = lambda line: None
    settled: set[Group] = msgspec.field(default_factory=set)
    pipeline: str = ""


def run(event: Mapping[str, Any], context: Context, around: Surroundings) -> dict[str, Any]:
    """What the event asks for is done; gives `{subscribed, unchanged, unsubscribed, refused: […], left}`.

    Raises subscribing.CannotLook when log groups cannot be listed. When Terraform calls, NotSubscribed when AWS refuses
    for a reason that no group of its own has (a missing permission, a destination), or when a destroy has not ended.
    """
    if not isinstance(event, Mapping):
        event = {}

    def deadline() -> float:
        return context.get_remaining_time_in_millis() / 1000 - GRACE_S

    told = event.get("tf")
    action = str(told.get("action", "")) if isinstance(told, Mapping) else ""
    written: str | None = None
    if action == "delete":
        summary = unsubscribe(around.logs, around.cover, around.target, deadline)
    elif event.get("source") == "aws.logs":
        group = _created(event)
        summary = subscribe(around.logs, group, around.cover, around.target) if group else Summary()
    else:
        if not action and around.canary_group:
            written = write_canary(around.logs, around.canary_group, around.clock_ms())
        settled = around.settled
        if action:  # routes or destinations may have changed: everything is looked into
            settled.clear()
        summary = sweep(around.logs, around.cover, around.target, deadline, every=bool(action), settled=settled)
    result = _told(summary) if written is None else {**_told(summary), "canary": written}
    _report(summary, result, around)
    if action:
        _check(summary, action)
    return result


def write_canary(logs: CloudWatchLogsClient, group: str, now_ms: int) -> str:
    """A canary is in its log group; `written`, or what AWS answered. The stream is made with the first one."""
    from botocore.exceptions import BotoCoreError, ClientError

    events: Any = [{"timestamp": now_ms, "message": canary.message(now_ms, uuid.uuid4().hex)}]
    try:
        try:
            answer = logs.put_log_events(logGroupName=group, logStreamName=CANARY_STREAM, logEvents=events)
        except logs.exceptions.ResourceNotFoundException:
            logs.create_log_stream(logGroupName=group, logStreamName=CANARY_STREAM)
            answer = logs.put_log_events(logGroupName=group, logStreamName=CANARY_STREAM, logEvents=events)
    except ClientError as error:
        return f"not written: {error.response['Error'].get('Code', '')}"
    except BotoCoreError as error:
        return f"not written: {type(error).__name__}"
    return "not written: rejected" if answer.get("rejectedLogEventsInfo") else "written"


def _created(event: Mapping[str, Any]) -> Group | None:
    """The log group of a CreateLogGroup that succeeded."""
    detail = event.get("detail")
    if not isinstance(detail, Mapping) or detail.get("eventName") != "CreateLogGroup" or detail.get("errorCode"):
        return None
    asked = detail.get("requestParameters")
    name = asked.get("logGroupName") if isinstance(asked, Mapping) else None
    if not isinstance(asked, Mapping) or not isinstance(name, str) or not name:
        return None
    return Group(name, str(asked.get("logGroupClass") or "STANDARD"))


def _told(summary: Summary) -> dict[str, Any]:
    """The summary for a log, a state and a person; a long list of refusals is cut and counted."""
    told: dict[str, Any] = msgspec.to_builtins(summary)
    told["refused"] = told["refused"][:MAX_TOLD]
    if len(summary.refused) > MAX_TOLD:
        told["refused_in_all"] = len(summary.refused)
    return told


def _report(summary: Summary, result: Mapping[str, Any], around: Surroundings) -> None:
    """One line of our log, which is a metric (CloudWatch's embedded metric format) as well."""
    metrics = [{"Name": METRIC, "Unit": "Count"}]
    whose = {PIPELINE: around.pipeline} if around.pipeline else {}
    directive = {"Namespace": "Logharbor", "Dimensions": [list(whose)], "Metrics": metrics}
    about = {"Timestamp": around.clock_ms(), "CloudWatchMetrics": [directive]}
    # A class cannot be changed, and a glob leaves nothing out: an alarm could not be put right. `doctor` tells it.
    refused = sum(not one.reason.startswith("class_") for one in summary.refused)
    around.say({"message": "subscriptions", **result, **whose, METRIC: refused, "_aws": about})


def _check(summary: Summary, action: str) -> None:
    """Raises NotSubscribed for what Terraform must not call done."""
    reasons = {
        ACCESS_DENIED: "its role lacks logs:PutSubscriptionFilter, logs:DescribeSubscriptionFilters,"
        " logs:DeleteSubscriptionFilter or iam:PassRole",
        DESTINATION_REFUSED: "CloudWatch Logs may not deliver to the destination: the function's permission for"
        " logs.amazonaws.com, or the stream's role, is missing or not yet known everywhere (apply again)",
    }
    for reason, why in reasons.items():
        groups = [refusal.log_group for refusal in summary.refused if refusal.reason == reason]
        if groups:
            raise NotSubscribed(f"{len(groups)} log groups are not subscribed ({groups[0]} …): {why}")
    if action == "delete" and summary.left:
        raise NotSubscribed(f"{summary.left} log groups could not be looked into for want of time: destroy again")


def open_surroundings(environ: Mapping[str, str], say: Callable[[Mapping[str, Any]], None]) -> Surroundings:
    """The process's surroundings: the bundle's pipeline, the environment's target, a patient client.

    Raises ConfigError.
    """
    import boto3
    from botocore.config import Config

    path = bundle.find(environ)
    config, _ = bundle.read(path.read_bytes(), path.name)
    group = environ.get("LOGHARBOR_CANARY_GROUP", "")
    # AWS allows five calls a second for subscription filters, and the account's other tools want some of them.
    patient = Config(retries={"mode": "adaptive", "total_max_attempts": 8}, connect_timeout=5, read_timeout=20)
    logs = boto3.client("logs", config=patient)
    covered = cover(config, [group] if group else [])
    target = read_target(environ, covered.lanes())
    return Surroundings(logs, covered, target, group, say=say, pipeline=environ.get("LOGHARBOR_NAME", ""))


_made: list[Surroundings] = []


def handle(event: Mapping[str, Any], context: Context) -> dict[str, Any]:
    """See `run`."""
    if not _made:
        _made.append(open_surroundings(os.environ, _print))
    return run(event, context, _made[0])


def _print(line: Mapping[str, Any]) -> None:
    print(json.dumps(line, separators=(",", ":")), flush=True)
