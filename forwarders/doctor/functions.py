"""The functions: whether CloudWatch may invoke them, and whether what they cannot do is kept."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any

import msgspec

from forwarders.doctor.account import Account
from forwarders.doctor.finding import Finding, found
from forwarders.doctor.pipeline import Function, Pipeline

SHORTEST_TIMEOUT_S = 10
"""Below it a function has no time for a retry between its first request and its deadline, a second before the end."""


def check(account: Account, pipeline: Pipeline) -> Iterator[Finding]:
    """Findings about what each function is."""
    if not pipeline.of("forward"):
        yield found("no_forwarder", pipeline.name, "no function with the handler forwarders.handlers.forward.handle")
    for function in pipeline.functions:
        yield from _state(account, function)
        if "LOGHARBOR_BUNDLE" not in function.environment and not function.settings.get("Layers"):
            yield found("no_contracts", function.name, "it has no layer, and LOGHARBOR_BUNDLE names no bundle")
    for function in pipeline.of("forward"):
        yield from _time(function, pipeline)
        yield from _concurrency(account, function)


def _state(account: Account, function: Function) -> Iterator[Finding]:
    # ListFunctions leaves the states out.
    settings = account.find("lambda", "get_function_configuration", FunctionName=function.name) or {}
    state, update = settings.get("State", "Active"), settings.get("LastUpdateStatus", "Successful")
    if state == "Failed" or update == "Failed":
        said = settings.get("StateReason") or settings.get("LastUpdateStatusReason") or "no reason"
        yield found("function_failed", function.name, f"state {state}, last update {update}: {said}")


def _time(function: Function, pipeline: Pipeline) -> Iterator[Finding]:
    if function.timeout_s < SHORTEST_TIMEOUT_S:
        yield found("timeout_too_short", function.name, f"a time-out of {function.timeout_s} s")
        return
    slowest = max((sink.timeout_s for sink in pipeline.config.sinks.values()), default=0) if pipeline.config else 0
    if slowest >= function.timeout_s:
        yield found(
            "timeout_below_sinks",
            function.name,
            f"a time-out of {function.timeout_s} s, and a sink may take {slowest:g} s for one request",
        )


def _concurrency(account: Account, function: Function) -> Iterator[Finding]:
    answer = account.find("lambda", "get_function_concurrency", FunctionName=function.name) or {}
    reserved = answer.get("ReservedConcurrentExecutions")
    if reserved == 0:
        yield found("switched_off", function.name, "a reserved concurrency of 0")
    elif reserved is None:
        yield found("no_bound", function.name, "no reserved concurrency")


def check_delivery(account: Account, pipeline: Pipeline) -> Iterator[Finding]:
    """Findings about functions that CloudWatch Logs invokes itself: permission, and what happens after a failure."""
    for destination in sorted(set(pipeline.destinations.values())):
        if ":lambda:" not in destination:
            continue
        name, _, qualifier = destination.rpartition(":function:")[2].partition(":")
        qualified = {"FunctionName": name} | ({"Qualifier": qualifier} if qualifier else {})
        where = destination.rpartition(":function:")[2]
        if account.find("lambda", "get_function_configuration", **qualified) is None:
            yield found("destination_missing", where, "subscriptions deliver to a function that is not there")
            continue
        yield from _permission(account, qualified, destination, where)
        yield from _after_failure(account, qualified, where)


def _permission(account: Account, qualified: Mapping[str, str], destination: str, where: str) -> Iterator[Finding]:
    answer = account.find("lambda", "get_policy", **qualified)
    statements = msgspec.json.decode(str(answer["Policy"])).get("Statement", []) if answer else []
    allowed = [statement for statement in statements if _is_for_logs(statement)]
    _, partition, _, region, owner, *_ = destination.split(":")
    if not allowed:
        yield found("no_permission", where, "logs.amazonaws.com may not invoke it")
    elif not any(
        _covers(statement, f"arn:{partition}:logs:{region}:{owner}:log-group:/aws/lambda/x:*") for statement in allowed
    ):
        yield found("narrow_permission", where, "logs.amazonaws.com may invoke it only for some log groups")


def _is_for_logs(statement: Mapping[str, Any]) -> bool:
    principal = statement.get("Principal", {})
    services = principal.get("Service", "") if isinstance(principal, dict) else principal
    named = services if isinstance(services, list) else [services]
    return statement.get("Effect") == "Allow" and any(
        str(service).startswith("logs.") or service == "*" for service in named
    )


def _covers(statement: Mapping[str, Any], group_arn: str) -> bool:
    condition = statement.get("Condition", {})
    wanted = [
        value for operator in condition.values() for key, value in operator.items() if key.lower() == "aws:sourcearn"
    ]
    if not wanted:
        return True
    patterns = wanted[0] if isinstance(wanted[0], list) else [wanted[0]]
    return any(fnmatchcase(group_arn, str(one)) for one in patterns)


def _after_failure(account: Account, qualified: Mapping[str, str], where: str) -> Iterator[Finding]:
    invoke = account.find("lambda", "get_function_event_invoke_config", **qualified) or {}
    destination = invoke.get("DestinationConfig", {}).get("OnFailure", {}).get("Destination", "")
    settings = account.find("lambda", "get_function_configuration", **qualified) or {}
    if not destination and not settings.get("DeadLetterConfig", {}).get("TargetArn"):
        yield found("no_on_failure", where, "no destination for invocations that failed for good")
    elif destination and ":s3:" not in destination:
        yield found("on_failure_not_s3", where, f"failed invocations go to {destination}")
    if invoke.get("MaximumRetryAttempts") == 0:
        yield found("no_retries", where, "no retry after a failed invocation")
