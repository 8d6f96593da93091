"""Log groups: whether each one that a route covers delivers to us, and to nobody's harm."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from forwarders.doctor.account import Account
from forwarders.doctor.finding import Finding, count, found, listed
from forwarders.doctor.pipeline import Pipeline
from forwarders.subscribing import OWN_PREFIX, is_glob

MAX_FILTERS = 2

Filters = list[Mapping[str, Any]]


def check(account: Account, pipeline: Pipeline) -> Iterator[Finding]:
    """Findings about log groups and their subscription filters."""
    groups = account.ask("logs", "describe_log_groups").get("logGroups", [])
    covered = {group["logGroupName"]: group for group in groups if _lane(pipeline, group["logGroupName"]) is not None}
    yield from _coverage(pipeline, {group["logGroupName"] for group in groups}, set(covered))
    yield from _classes(covered)
    there: dict[str, Filters] = {}
    for group in groups:
        name = group["logGroupName"]
        if group.get("logGroupClass", "STANDARD") == "STANDARD" and (name in covered or name.startswith(OWN_PREFIX)):
            answer = account.find("logs", "describe_subscription_filters", logGroupName=name)
            there[name] = [] if answer is None else list(answer.get("subscriptionFilters", ()))
    yield from _missing(pipeline, {name: there[name] for name in covered if name in there})
    yield from _wrong(pipeline, {name: there[name] for name in covered if name in there})
    yield from _loops(pipeline, {name: one for name, one in there.items() if name.startswith(OWN_PREFIX)})


def check_account_policy(account: Account, pipeline: Pipeline) -> Iterator[Finding]:
    """Findings about a subscription of the whole account, which is delivered beside those of the groups."""
    answer = account.ask("logs", "describe_account_policies", policyType="SUBSCRIPTION_FILTER_POLICY")
    for policy in answer.get("accountPolicies", ()):
        where = f"account policy {policy.get('policyName')}"
        if any(destination in str(policy.get("policyDocument")) for destination in pipeline.destinations.values()):
            yield found("account_policy_doubles", where, "the whole account is subscribed to our destination as well")


def _lane(pipeline: Pipeline, name: str) -> str | None:
    if pipeline.config is None or name.startswith(OWN_PREFIX):
        return None
    route = pipeline.config.route(name)
    return None if route is None else str(route.lane)


def _coverage(pipeline: Pipeline, names: set[str], covered: set[str]) -> Iterator[Finding]:
    if pipeline.config is None:
        yield found(
            "no_pipeline", "pipeline.yaml", "no pipeline was named, so it is not known which log groups are covered"
        )
        return
    outside = {name for name in names - covered if not name.startswith(OWN_PREFIX)}
    if outside:
        yield found("group_not_covered", listed(outside), f"{count(len(outside), 'log group')} that no route covers")
    exact = {group for route in pipeline.config.routes for group in route.log_groups if not is_glob(group)}
    absent = exact - names
    if absent:
        yield found("group_missing", listed(absent), "a route names log groups that do not exist")


def _classes(covered: Mapping[str, Mapping[str, Any]]) -> Iterator[Finding]:
    classes = {name: group.get("logGroupClass", "STANDARD") for name, group in covered.items()}
    for log_class in sorted(set(classes.values()) - {"STANDARD"}):
        names = [name for name, own in classes.items() if own == log_class]
        yield found(
            "class_not_subscribable", listed(names), f"{count(len(names), 'covered log group')} of class {log_class}"
        )
    for_ever = [name for name, group in covered.items() if "retentionInDays" not in group]
    if for_ever:
        yield found(
            "never_expires", listed(for_ever), f"{count(len(for_ever), 'covered log group')} without a retention"
        )


def _missing(pipeline: Pipeline, groups: Mapping[str, Filters]) -> Iterator[Finding]:
    without = {name: there for name, there in groups.items() if not _ours(pipeline, there)}
    full = [name for name, there in without.items() if len(there) >= MAX_FILTERS]
    free = [name for name, there in without.items() if len(there) < MAX_FILTERS]
    if full:
        yield found("two_filters", listed(full), f"{count(len(full), 'covered log group')} with two filters of others")
    if free:
        yield found("subscription_missing", listed(free), f"{count(len(free), 'covered log group')} without our filter")


def _wrong(pipeline: Pipeline, groups: Mapping[str, Filters]) -> Iterator[Finding]:
    elsewhere, lanes, patterns, crowded = [], [], [], []
    for name, there in groups.items():
        ours = _ours(pipeline, there)
        if not ours:
            continue
        destination = str(ours[0].get("destinationArn", ""))
        wanted = pipeline.destinations.get(_lane(pipeline, name) or "", "")
        if not pipeline.owns(destination):
            elsewhere.append(f"{name} → {destination}")
        elif wanted and destination != wanted:
            lanes.append(name)
        if ours[0].get("filterPattern"):
            patterns.append(name)
        if len(there) - len(ours) >= 1:
            crowded.append(name)
    if elsewhere:
        yield found(
            "wrong_destination", listed(elsewhere), "our filter delivers to somebody who is not a forwarder of ours"
        )
    if lanes:
        yield found("wrong_lane", listed(lanes), "our filter delivers to the other lane than the route says")
    if patterns:
        yield found("filter_pattern", listed(patterns), "our filter has a filter pattern")
    if crowded:
        yield found("no_filter_left", listed(crowded), f"{count(len(crowded), 'log group')} with both filters in use")


def _loops(pipeline: Pipeline, groups: Mapping[str, Filters]) -> Iterator[Finding]:
    looping = [
        name for name, there in groups.items() if any(pipeline.owns(str(f.get("destinationArn"))) for f in there)
    ]
    if looping:
        yield found("own_log_subscribed", listed(looping), "the forwarders' own log is subscribed to the forwarders")


def _ours(pipeline: Pipeline, there: Filters) -> Filters:
    return [one for one in there if one.get("filterName") == pipeline.filter_name]
