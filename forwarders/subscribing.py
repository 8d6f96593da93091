"""Log groups that a pipeline covers by glob, subscribed; and unsubscribed when it covers them no longer. Floor 2.

A filter is ours by its name. Other people's filters are never touched, groups that a route names exactly are left to
Terraform, and groups under `/logharbor/` are never subscribed: a forwarder that reads its own log never ends.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from forwarders.config import Config
from forwarders.errors import ConfigError, LogharborError
from forwarders.model import Deadline

if TYPE_CHECKING:
    from types_boto3_logs import CloudWatchLogsClient

OWN_PREFIX = "/logharbor/"
UNCOVERED_PER_SWEEP = 100
"""Groups outside the routes that a sweep looks into for filters of ours: AWS allows five calls a second in all."""

NEWEST_FIRST = 200
"""A sweep begins with the newest groups, which most likely lack a filter; the order of the rest is drawn, so that where
the time never suffices for all, each has its turn."""

RECHECKED_PER_SWEEP = 500
"""So many of the groups that this process has seen in order are looked into again, after all others: 5,000 groups are
subscribed in 7 sweeps of five minutes in place of 36, and an account's other tools get their share of the calls."""

MAX_THROTTLED = 3
ACCESS_DENIED = "access_denied"
DESTINATION_REFUSED = "destination_refused"
TWO_FILTERS = "two_filters_already"

_THROTTLES = ("ThrottlingException", "Throttling", "TooManyRequestsException", "RequestLimitExceeded")
_LATER = ("OperationAbortedException", "ServiceUnavailableException", "InternalFailure", "RequestTimeout")


class CannotLook(LogharborError):
    """The log groups cannot be listed; says what AWS answered."""


class Target(msgspec.Struct, frozen=True):
    """Our filter's name, where each lane's records go (ARN of a function or a stream), and the role for a stream."""

    filter_name: str
    destinations: Mapping[str, str]
    role_arn: str = ""

    def filter(self, lane: str) -> dict[str, str]:
        """The filter of a lane, as PutSubscriptionFilter takes it."""
        destination = self.destinations[lane]
        wanted = {"filterName": self.filter_name, "filterPattern": "", "destinationArn": destination}
        # A role with a Lambda destination is refused.
        return wanted if ":lambda:" in destination or not self.role_arn else {**wanted, "roleArn": self.role_arn}


class Cover(msgspec.Struct, frozen=True):
    """Which log groups are ours to subscribe: what a glob of the pipeline's routes covers.

    `exact` are the groups that Terraform subscribes: those that a route names, and the canary's.
    """

    config: Config
    exact: frozenset[str]

    def lanes(self) -> set[str]:
        """The lanes that globs lead to."""
        return {route.lane for route in self.config.routes if any(map(is_glob, route.log_groups))}

    def lane(self, log_group: str) -> str | None:
        """The lane of the first route that matches; None for a group that is not ours to subscribe."""
        if log_group.startswith(OWN_PREFIX) or log_group in self.exact:
            return None
        route = self.config.route(log_group)
        return None if route is None else str(route.lane)


def cover(config: Config, also_exact: Iterable[str] = ()) -> Cover:
    """The cover of a pipeline."""
    named = {group for route in config.routes for group in route.log_groups if not is_glob(group)}
    return Cover(config, frozenset(named | set(also_exact)))


def is_glob(log_group: str) -> bool:
    """Whether a route's entry is a pattern and no name."""
    return any(character in log_group for character in "*?[")


class Refusal(msgspec.Struct, frozen=True):
    """A covered log group that could not be subscribed, and why: a bounded phrase."""

    log_group: str
    reason: str


class Summary(msgspec.Struct):
    """What a sweep did. `left`: groups that there was no time for; the next sweep goes on."""

    subscribed: int = 0
    unchanged: int = 0
    unsubscribed: int = 0
    refused: list[Refusal] = []
    left: int = 0


class Group(msgspec.Struct, frozen=True):
    """A log group as AWS lists it; `created_ms` since the epoch."""

    name: str
    log_class: str = "STANDARD"
    created_ms: int = 0


def sweep(
    logs: CloudWatchLogsClient,
    cover: Cover,
    target: Target,
    deadline: Deadline,
    every: bool = False,
    shuffle: Callable[[list[Group]], None] = random.shuffle,
    settled: set[Group] | None = None,
) -> Summary:
    """Every covered group has our filter, and groups that are covered no longer have lost it, as far as time goes.

    `every`: look into all groups that are not covered, not only some of them. `settled`: what earlier sweeps of this
    process have found in order, and what this one adds. What AWS refuses for one group is in the
    summary and stops nobody else. Raises CannotLook when the groups cannot be listed.
    """
    found = list(groups(logs))
    summary = Summary()
    work: list[tuple[Group, Mapping[str, str] | None]] = []
    settled = set() if settled is None else settled
    for group in _ordered([group for group in found if cover.lane(group.name) is not None], settled, shuffle):
        if group.log_class == "STANDARD":
            work.append((group, target.filter(cover.lane(group.name) or "")))
        else:
            summary.refused.append(Refusal(group.name, f"class_{group.log_class.lower()}"))
    rest = [group for group in found if _may_lose(group, cover)]
    shuffle(rest)
    work += [(group, None) for group in (rest if every else rest[:UNCOVERED_PER_SWEEP])]
    return _work_off(logs, work, target, deadline, summary, settled)


def _may_lose(group: Group, cover: Cover) -> bool:
    """Whether a filter of ours there is one that we put and that is not wanted any more: Terraform's have our name."""
    return cover.lane(group.name) is None and group.name not in cover.exact and group.log_class == "STANDARD"


def subscribe(logs: CloudWatchLogsClient, group: Group, cover: Cover, target: Target) -> Summary:
    """One group that was just made is subscribed, if it is covered."""
    lane = cover.lane(group.name)
    summary = Summary()
    if lane is None:
        return summary
    if group.log_class != "STANDARD":
        summary.refused.append(Refusal(group.name, f"class_{group.log_class.lower()}"))
        return summary
    return _work_off(logs, [(group, target.filter(lane))], target, lambda: 1.0, summary)


def unsubscribe(logs: CloudWatchLogsClient, cover: Cover, target: Target, deadline: Deadline) -> Summary:
    """No group has a filter of our name and destination any more, but for those that Terraform subscribed."""
    found = [group for group in groups(logs) if group.name not in cover.exact and group.log_class == "STANDARD"]
    found.sort(key=lambda group: cover.lane(group.name) is None)
    return _work_off(logs, [(group, None) for group in found], target, deadline, Summary())


def groups(logs: CloudWatchLogsClient) -> Iterator[Group]:
    """Every log group of the account and region. Raises CannotLook."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        for page in logs.get_paginator("describe_log_groups").paginate():
            for group in page["logGroups"]:
                yield Group(group["logGroupName"], group.get("logGroupClass", "STANDARD"), group.get("creationTime", 0))
    except ClientError as error:
        raise CannotLook(f"log groups cannot be listed: {error.response['Error'].get('Code')}") from error
    except BotoCoreError as error:
        raise CannotLook(f"log groups cannot be listed: {type(error).__name__}") from error


def _ordered(found: list[Group], settled: set[Group], shuffle: Callable[[list[Group]], None]) -> list[Group]:
    newest = sorted((group for group in found if group not in settled), key=lambda group: -group.created_ms)
    rest = newest[NEWEST_FIRST:]
    shuffle(rest)
    known = [group for group in found if group in settled]
    shuffle(known)
    return newest[:NEWEST_FIRST] + rest + known[:RECHECKED_PER_SWEEP]


def _work_off(
    logs: CloudWatchLogsClient,
    work: list[tuple[Group, Mapping[str, str] | None]],
    target: Target,
    deadline: Deadline,
    summary: Summary,
    settled: set[Group] | None = None,
) -> Summary:
    throttled = 0
    for done, (group, wanted) in enumerate(work):
        if deadline() <= 0 or throttled >= MAX_THROTTLED:
            summary.left += len(work) - done
            break
        outcome = _settle(logs, group.name, wanted, target)
        if settled is not None and wanted is not None:
            (settled.add if outcome in ("subscribed", "unchanged") else settled.discard)(group)
        match outcome:
            case "subscribed":
                summary.subscribed += 1
            case "unchanged":
                summary.unchanged += 1
            case "unsubscribed":
                summary.unsubscribed += 1
            case "throttled" | "later":
                summary.left += 1
                throttled += outcome == "throttled"
            case "" | "gone":
                pass
            case reason:
                summary.refused.append(Refusal(group.name, reason))
    return summary


def _settle(logs: CloudWatchLogsClient, log_group: str, wanted: Mapping[str, str] | None, target: Target) -> str:
    """One group is as it should be. Gives what was done, or the reason why not."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        there = logs.describe_subscription_filters(logGroupName=log_group)["subscriptionFilters"]
        ours = next((one for one in there if one.get("filterName") == target.filter_name), None)
        if wanted is None:
            if ours is None or ours.get("destinationArn") not in target.destinations.values():
                return ""
            logs.delete_subscription_filter(logGroupName=log_group, filterName=target.filter_name)
            return "unsubscribed"
        if ours is not None and _same(ours, wanted):
            return "unchanged"
        arguments: Any = dict(wanted)
        logs.put_subscription_filter(logGroupName=log_group, **arguments)
        return "subscribed"
    except ClientError as error:
        return _reason(str(error.response["Error"].get("Code", "")))
    except BotoCoreError:  # a connection that broke
        return "later"


def _same(actual: Mapping[str, Any], wanted: Mapping[str, str]) -> bool:
    return all(
        (actual.get(name) or "") == wanted.get(name, "") for name in ("filterPattern", "destinationArn", "roleArn")
    )


def _reason(code: str) -> str:
    if code in _THROTTLES:
        return "throttled"
    if code in _LATER:
        return "later"
    known = {
        "ResourceNotFoundException": "gone",
        "LimitExceededException": TWO_FILTERS,
        "InvalidParameterException": DESTINATION_REFUSED,
        "AccessDeniedException": ACCESS_DENIED,
    }
    return known.get(code, f"aws:{code[:60]}")


def read_target(environ: Mapping[str, str], lanes: Iterable[str] = ()) -> Target:
    """The target that LOGHARBOR_FILTER_NAME, LOGHARBOR_DESTINATIONS and LOGHARBOR_ROLE_ARN describe.

    Raises ConfigError, also when one of the `lanes` has no destination.
    """
    name, text = environ.get("LOGHARBOR_FILTER_NAME", ""), environ.get("LOGHARBOR_DESTINATIONS", "")
    if not name:
        raise ConfigError("environment", "LOGHARBOR_FILTER_NAME", "nothing", "the name of the subscription filters")
    try:
        destinations = msgspec.json.decode(text, type=dict[str, str])
    except msgspec.DecodeError:
        destinations = {}
    if not all(arn.startswith("arn:") for arn in destinations.values()) or not destinations.keys() >= set(lanes):
        found, expected = f"a string of {len(text)} characters", '{"user": "arn:…", "background": "arn:…"}'
        raise ConfigError("environment", "LOGHARBOR_DESTINATIONS", found, expected, "Each lane needs a destination.")
    return Target(name, destinations, environ.get("LOGHARBOR_ROLE_ARN", ""))
