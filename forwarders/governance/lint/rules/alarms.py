"""Alarms: somebody owns each, something says what to do when it sounds, and CloudWatch would take it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from forwarders.contracts.tree import pointer
from forwarders.errors import ConfigError
from forwarders.governance.lint.finding import ERROR, WARNING
from forwarders.governance.lint.rule import Found, Rule
from forwarders.governance.lint.subject import Subject
from forwarders.governance.policy import Policy
from forwarders.metrics.alarms import alarms_of
from forwarders.metrics.rules import Alarm
from forwarders.metrics.rules import Rule as Measured

_NOBODY = frozenset({"nobody", "none", "todo", "tbd", "fixme", "unknown", "owner", "n/a", "anyone", "team"})
_DAY_S, _WEEK_S, _HOUR_S = 86_400, 604_800, 3_600


def alarms(subject: Subject, policy: Policy) -> Iterator[Found]:
    """An alarm at three in the morning names who is woken and what they do."""
    owner = subject.contract.owner
    if owner.lower() in _NOBODY:
        yield Found("/x-event/owner", "owner-missing", ERROR, f"{owner} is no owner: name the team that answers for it")
    for i, metric in subject.metrics:
        names: set[str] = set()
        for j, alarm in enumerate(metric.get("alarms", ())):
            place = ("x-event", "metrics", i, "alarms", j)
            if alarm["name"] in names:
                message = f"a second alarm {alarm['name']} of {metric['name']}: give it another name"
                yield Found(pointer((*place, "name")), "alarm-name", ERROR, message)
            names.add(alarm["name"])
            if "runbook" not in alarm:
                message = f"the alarm {alarm['name']} has no runbook: add the https:// address of what to do"
                yield Found(pointer(place), "alarm-runbook", ERROR, message)
            yield from _shape(metric, alarm, pointer(place))
            yield from _refused(subject, metric, alarm, pointer(place))


def _shape(metric: dict[str, Any], alarm: dict[str, Any], place: str) -> Iterator[Found]:
    periods, period = alarm["evaluationPeriods"], alarm["period"]
    if alarm.get("datapointsToAlarm", 1) > periods:
        message = f"{alarm['datapointsToAlarm']} datapoints of {periods} periods: at most as many as periods"
        yield Found(f"{place}/datapointsToAlarm", "alarm-shape", ERROR, message)
    longest = _WEEK_S if period >= _HOUR_S else _DAY_S
    if periods * period > longest:
        message = f"it looks at {periods * period:,} s, and CloudWatch allows {longest:,}: fewer or shorter periods"
        yield Found(f"{place}/evaluationPeriods", "alarm-shape", ERROR, message)
    if alarm["statistic"].startswith("p") and metric["kind"] in ("count", "sum"):
        message = f"a percentile of a {metric['kind']}: use Sum, or make the metric a distribution"
        yield Found(f"{place}/statistic", "alarm-shape", WARNING, message)


def _refused(subject: Subject, metric: dict[str, Any], alarm: dict[str, Any], place: str) -> Iterator[Found]:
    """What `filters build` would refuse of it, in its words; how far it looks back has been looked at."""
    wanted = msgspec.convert(alarm, Alarm)
    wanted = msgspec.structs.replace(wanted, evaluation_periods=1, datapoints_to_alarm=None)
    dimensions = tuple((name,) for name in metric.get("dimensions", ()))
    contract = subject.contract
    rule = Measured(
        contract.name, contract.major, True, metric["name"], metric["kind"], dimensions=dimensions, alarms=(wanted,)
    )
    try:
        alarms_of(rule, "", contract.owner, contract.name)
    except ConfigError as error:
        where = f"{place}/period" if "period" in error.found else place
        hint = f". {error.hint}" if error.hint else ""
        message = f"the alarm {alarm['name']}: found {error.found}, expected {error.expected}{hint}"
        yield Found(where, "alarm-shape", ERROR, message)


RULE = Rule(("owner-missing", "alarm-name", "alarm-runbook", "alarm-shape"), alarms)
