"""Alarms in CloudWatch's words: those that contracts ask for, and those on the pipeline itself."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal

import msgspec

from forwarders.errors import ConfigError
from forwarders.metrics.filters import slug
from forwarders.metrics.rules import Alarm as Wanted
from forwarders.metrics.rules import Rule

PLATFORM = "platform"
"""The owner of the pipeline's own alarms, and the channel that they are told on."""
NO_CONTRACT = "(no contract)"
"""The owner under which receipts count what was quarantined without a contract."""

MAX_SPAN_S, MAX_LONG_SPAN_S = 86_400, 604_800
"""How far back an alarm may look: a day, or a week where its periods are an hour or longer."""
MIN_PERIOD_S = 60
MAX_NAME = 200
"""Characters of an alarm's name; CloudWatch takes 255, and Terraform writes the pipeline's name before it."""

COMPARISONS = {
    "<": "LessThanThreshold",
    "<=": "LessThanOrEqualToThreshold",
    ">": "GreaterThanThreshold",
    ">=": "GreaterThanOrEqualToThreshold",
}

ForEach = Literal["forwarder", "function", "log", "stream", "subscription"]
When = Literal["canary", "direct", "stream", "sweep"]
Missing = Literal["breaching", "notBreaching", "ignore", "missing"]


class Alarm(msgspec.Struct, frozen=True):
    """One alarm, as Terraform makes it.

    `statistic` is one of CloudWatch's or a percentile (`p99`); `period` is in seconds. `for_each` names what the alarm
    is repeated for, with the dimension that names it: `function` and `forwarder` (FunctionName; all of ours, those of
    the lanes), `log` (LogGroupName, a function's own log), `stream` (StreamName), `subscription` (FilterName); None:
    once.
    `when` names what a pipeline must have for the alarm to be made, for else it would never have data; None: always.
    """

    name: str
    description: str
    namespace: str
    metric: str
    statistic: str
    period: int
    evaluation_periods: int
    datapoints_to_alarm: int
    comparison_operator: str
    threshold: int | float
    treat_missing_data: Missing
    notify: str
    owner: str
    dimensions: dict[str, str] = {}
    runbook: str | None = None
    for_each: ForEach | None = None
    when: When | None = None


def alarms_of(rule: Rule, namespace: str, owner: str, place: str) -> list[Alarm]:
    """The alarms that a rule's author asks for. Raises ConfigError, naming `place`, for one that could never work."""
    seen: set[str] = set()
    for wanted in rule.alarms:
        key = f"metric {rule.name}, alarm {wanted.name}"
        if wanted.name in seen:
            raise ConfigError(place, key, "an alarm of this name twice", "a name of its own")
        seen.add(wanted.name)
        _check(rule, wanted, place, key)
    return [_alarm(rule, wanted, namespace, owner) for wanted in rule.alarms]


def _check(rule: Rule, wanted: Wanted, place: str, key: str) -> None:
    if rule.dimensions:
        hint = "Give it a metric of its own without dimensions: the one with them has a series for each value."
        raise ConfigError(place, key, "a metric with dimensions", "one without", hint)
    if len(_name(rule, wanted)) > MAX_NAME:
        raise ConfigError(place, key, f"a name of {len(_name(rule, wanted))} characters", f"at most {MAX_NAME}")
    if wanted.period < MIN_PERIOD_S:
        found = f"a period of {wanted.period} seconds"
        raise ConfigError(place, key, found, "60 or more: metrics of log lines are kept by the minute")
    at_most = MAX_LONG_SPAN_S if wanted.period >= 3600 else MAX_SPAN_S
    if wanted.period * wanted.evaluation_periods > at_most:
        found = f"{wanted.evaluation_periods} periods of {wanted.period} seconds"
        raise ConfigError(place, key, found, f"at most {at_most:,} seconds together")
    if wanted.datapoints_to_alarm is not None and wanted.datapoints_to_alarm > wanted.evaluation_periods:
        found = f"{wanted.datapoints_to_alarm} data points of {wanted.evaluation_periods} periods"
        raise ConfigError(place, key, found, "no more data points than periods")


def _name(rule: Rule, wanted: Wanted) -> str:
    return f"{rule.event}-v{rule.major}-{rule.name}-{wanted.name}"


def _alarm(rule: Rule, wanted: Wanted, namespace: str, owner: str) -> Alarm:
    # No unit: an alarm with one would see nothing of the points from before a contract changed it.
    return Alarm(
        name=_name(rule, wanted),
        description=wanted.description or f"{rule.name}: {wanted.statistic} {wanted.op} {wanted.threshold}",
        namespace=namespace,
        metric=rule.name,
        statistic=wanted.statistic,
        period=wanted.period,
        evaluation_periods=wanted.evaluation_periods,
        datapoints_to_alarm=wanted.datapoints_to_alarm or wanted.evaluation_periods,
        comparison_operator=COMPARISONS[wanted.op],
        threshold=wanted.threshold,
        treat_missing_data=wanted.missing,
        notify=wanted.notify,
        owner=owner,
        runbook=wanted.runbook or None,
    )


def pipeline_alarms(
    namespace: str, owners: Mapping[str, str], sinks: Iterable[str], canary_sinks: Iterable[str]
) -> list[Alarm]:
    """The alarms on the pipeline itself.

    `owners` are the contracts' owners, each with the channel that it is told on (or none), `canary_sinks` the sinks
    that the canary goes to.
    """
    result = [*_deliveries(namespace), *_invocations(), *_inlets(namespace)]
    for sink in canary_sinks:
        told = f"The canary took more than five minutes to sink {sink}, or has not come at all."
        alarm = _own(
            f"canary-{sink}", told, namespace, "Lag", "Maximum", ">", 300_000, 3, 2, "breaching", {"sink": sink}
        )
        # It is written every 15 minutes: shorter periods would mostly be empty, and one may be between two canaries.
        result.append(msgspec.structs.replace(alarm, period=900, when="canary"))
    for sink in sinks:
        told = f"Sink {sink} refuses events for good: they are in the dead-letter store. See `logharbor replay`."
        result.append(_own(f"dead-{sink}", told, namespace, "Dead", "Sum", ">=", 1, dimensions={"sink": sink}))
    for owner, channel in sorted({**owners, NO_CONTRACT: ""}.items()):
        name = "quarantined" if owner == NO_CONTRACT else f"quarantined-{slug(owner)}"
        told = f"Events of {owner} are quarantined: they break their contract, or cannot be read."
        by = {"owner": owner}
        alarm = _own(name, told, namespace, "Quarantined", "Sum", ">=", 10, 3, 2, dimensions=by)
        result.append(msgspec.structs.replace(alarm, notify=channel or PLATFORM))
    return result


def _deliveries(namespace: str) -> list[Alarm]:
    return [
        _own(
            "unbalanced",
            "A receipt does not add up: a bug of Logharbor's. The raw batch is in the dead-letter store.",
            namespace, "Unbalanced", "Sum", ">=", 1,
        ),
        _own(
            "emf-invalid",
            "CloudWatch refused metrics that the forwarder wrote to its log.",
            "AWS/Logs", "EMFValidationErrors", "Sum", ">=", 1, for_each="log",
        ),
    ]  # fmt: skip


def _invocations() -> list[Alarm]:
    return [
        _own(
            "iterator-age",
            "The function reads its stream ten minutes late: it is too slow, or a sink is.",
            "AWS/Lambda", "IteratorAge", "Maximum", ">", 600_000, 3, 3, for_each="forwarder", when="stream",
        ),
        _own(
            "throttles",
            "Invocations are refused for a quarter of an hour: the lane's concurrency is used up.",
            "AWS/Lambda", "Throttles", "Sum", ">", 0, 3, 3, for_each="function",
        ),
        _own(
            "errors",
            "Invocations fail as a whole; what they held comes again.",
            "AWS/Lambda", "Errors", "Sum", ">=", 1, 3, 2, for_each="function",
        ),
        _own(
            "async-age",
            "Asynchronous invocations have waited an hour; they are given up after six.",
            "AWS/Lambda", "AsyncEventAge", "Maximum", ">", 3_600_000, for_each="forwarder", when="direct",
        ),
        _own(
            "async-dropped",
            "An asynchronous invocation was given up: what it held is in the function's on-failure destination.",
            "AWS/Lambda", "AsyncEventsDropped", "Sum", ">=", 1, for_each="forwarder", when="direct",
        ),
        _own(
            "destination-failures",
            "A failed invocation could not be put into its on-failure destination: what it held is lost.",
            "AWS/Lambda", "DestinationDeliveryFailures", "Sum", ">=", 1, for_each="forwarder",
        ),
    ]  # fmt: skip


def _inlets(namespace: str) -> list[Alarm]:
    return [
        _own(
            "stream-age",
            "Records have waited in the stream for an hour; they are lost when its retention ends.",
            "AWS/Kinesis", "GetRecords.IteratorAgeMilliseconds", "Maximum", ">", 3_600_000, for_each="stream",
        ),
        _own(
            "stream-throttled",
            "Log groups have written more than the stream takes for a quarter of an hour: it needs more shards.",
            "AWS/Kinesis", "WriteProvisionedThroughputExceeded", "Sum", ">", 0, 3, 3, for_each="stream",
        ),
        _own(
            "delivery-errors",
            "A subscription could not deliver; after a permission error it rests ten minutes: those lines are lost.",
            "AWS/Logs", "DeliveryErrors", "Sum", ">=", 1, for_each="subscription",
        ),
        _own(
            "delivery-throttled",
            "A subscription is throttled for a quarter of an hour; after 24 hours its lines are dropped.",
            "AWS/Logs", "DeliveryThrottling", "Sum", ">", 0, 3, 3, for_each="subscription",
        ),
        _not_subscribed(namespace),
    ]  # fmt: skip


def _not_subscribed(namespace: str) -> Alarm:
    told = "Sweeps cannot subscribe log groups that a glob covers; `logharbor doctor` says which, and why."
    alarm = _own("not-subscribed", told, namespace, "NotSubscribed", "Maximum", ">=", 1, 3, 3)
    # A sweep is every 15 minutes; what it could not do for want of a propagated permission the next one does.
    return msgspec.structs.replace(alarm, period=900, when="sweep")


def _own(
    name: str,
    description: str,
    namespace: str,
    metric: str,
    statistic: str,
    op: str,
    threshold: int,
    periods: int = 1,
    datapoints: int = 1,
    missing: Missing = "notBreaching",
    dimensions: Mapping[str, str] | None = None,
    for_each: ForEach | None = None,
    when: When | None = None,
) -> Alarm:
    """An alarm of the platform's owner over periods of five minutes."""
    return Alarm(
        name=f"pipeline-{name}",
        description=description,
        namespace=namespace,
        metric=metric,
        statistic=statistic,
        period=300,
        evaluation_periods=periods,
        datapoints_to_alarm=datapoints,
        comparison_operator=COMPARISONS[op],
        threshold=threshold,
        treat_missing_data=missing,
        dimensions=dict(dimensions or {}),
        for_each=for_each,
        when=when,
        notify=PLATFORM,
        owner=PLATFORM,
    )
