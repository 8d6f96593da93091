"""What is looked at in the local AWS, each as a function that raises Failed or says what it has counted."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec

from .example import Example
from .failed import Failed, expect
from .stack import ACCOUNT, REGION, Stack

DATA = Path(__file__).resolve().parents[1] / "data" / "e2e"


class Drift(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Attributes of a type of resource that the local AWS tells wrongly, and why that is no fault of ours."""

    type: str
    attributes: list[str]
    why: str


def metric_filters(stack: Stack, example: Example) -> int:
    """The metric filters of every log group are those of filters/, no more and no fewer; gives how many."""
    files = sorted([*example.folder.glob("filters/derived/*.json"), *example.folder.glob("filters/handwritten/*.json")])
    derived = [json.loads(path.read_text("utf-8")) for path in files]
    expected = {f"{group}|{one['name']}": _wanted(one) for one in derived for group in one["log_groups"]}
    groups = sorted({group for one in derived for group in one["log_groups"]})
    logs, found = stack.client("logs"), {}
    for group in groups:
        for page in logs.get_paginator("describe_metric_filters").paginate(logGroupName=group):
            for one in page["metricFilters"]:
                found[f"{group}|{one['filterName']}"] = _there(one)
    expect("metric filters are not those of filters/derived", found, expected, example.folder / "filters")
    return len(expected)


def _wanted(derived: dict[str, Any]) -> dict[str, Any]:
    metric = derived["metric"]
    default = metric["default_value"]
    return {
        "pattern": derived["pattern"],
        "name": metric["name"],
        "namespace": metric["namespace"],
        "value": metric["value"],
        "unit": metric["unit"],
        "dimensions": metric["dimensions"],
        "default": None if default is None else float(default),
    }


def _there(found: dict[str, Any]) -> dict[str, Any]:
    (metric,) = found["metricTransformations"]
    default = metric.get("defaultValue")
    return {
        "pattern": found["filterPattern"],
        "name": metric["metricName"],
        "namespace": metric["metricNamespace"],
        "value": metric["metricValue"],
        "unit": metric.get("unit", "None"),
        "dimensions": metric.get("dimensions", {}),
        "default": None if default is None else float(default),
    }


def alarms(stack: Stack, example: Example) -> int:
    """Every alarm of filters/alarms.json is there with what it says, and tells the topic; gives how many there are."""
    wanted = json.loads((example.folder / "filters" / "alarms.json").read_text("utf-8"))["alarms"]
    client = stack.client("cloudwatch")
    pages = client.get_paginator("describe_alarms").paginate(AlarmNamePrefix=f"{example.name}-")
    there = {one["AlarmName"]: one for page in pages for one in page["MetricAlarms"]}
    topic = f"arn:aws:sns:{REGION}:{ACCOUNT}:{example.name}-alarms"
    for one in wanted:
        named = f"{example.name}-{one['name']}"
        own = [
            alarm
            for name, alarm in there.items()
            if name == named or (one["for_each"] and name.startswith(f"{named}-"))
        ]
        if not own and example.has(one.get("when")) and example.has("stream" if one["for_each"] == "stream" else None):
            raise Failed(f"alarm {named} is not there", sorted(there), named)
        for alarm in own:
            expect(f"alarm {alarm['AlarmName']} is another", _said(alarm, one), _says(one, topic))
            if not one["for_each"]:
                whose = {"Pipeline": example.name} if one["namespace"] == "Logharbor" else {}
                expect(f"alarm {alarm['AlarmName']} is of another", _dimensions(alarm), one["dimensions"] | whose)
    return len(there)


def _dimensions(alarm: dict[str, Any]) -> dict[str, str]:
    return {one["Name"]: one["Value"] for one in alarm.get("Dimensions", ())}


_SAME = {
    "ComparisonOperator": "comparison_operator",
    "EvaluationPeriods": "evaluation_periods",
    "Threshold": "threshold",
    "TreatMissingData": "treat_missing_data",
}
_OF_A_METRIC = {"MetricName": "metric", "Namespace": "namespace", "Period": "period"}


def _says(wanted: dict[str, Any], topic: str) -> dict[str, Any]:
    same = _SAME if wanted["for_each"] == "subscription" else _SAME | _OF_A_METRIC
    return {name: wanted[key] for name, key in same.items()} | {"enabled": True, "tells": True, "topic": topic}


def _said(alarm: dict[str, Any], wanted: dict[str, Any]) -> dict[str, Any]:
    same = _SAME if wanted["for_each"] == "subscription" else _SAME | _OF_A_METRIC
    told = {name: alarm.get(name) for name in same}
    topic = next(iter(alarm["AlarmActions"]), "")
    return told | {
        "enabled": alarm["ActionsEnabled"],
        "tells": alarm["AlarmActions"] == alarm["OKActions"],
        "topic": topic,
    }


def plan_is_empty(example: Example) -> tuple[int, int]:
    """A second plan changes nothing but what drift.json lists; gives how many resources there are, and how many of them
    the local AWS tells wrongly."""
    code, log = example.terraform("plan", "-input=false", "-out=second.tfplan")
    if code:
        raise Failed("a second plan failed", log.read_text("utf-8", "replace")[-3000:], "exit code 0", (log,))
    known = {drift.type: set(drift.attributes) for drift in known_drift()}
    changes = [one for one in example.show("second.tfplan")["resource_changes"] if one["mode"] == "managed"]
    wrong, drifted = {}, 0
    for one in changes:
        change = one["change"]
        if change["actions"] in (["no-op"], ["read"]):
            continue
        changed = _differing(change)
        if change["actions"] == ["update"] and changed <= known.get(one["type"], set()):
            drifted += 1
        else:
            wrong[one["address"]] = {"actions": change["actions"], "attributes": sorted(changed)}
    if wrong:
        raise Failed("a second plan would change something", wrong, "nothing but tests/data/e2e/drift.json", (log,))
    return len(changes), drifted


def known_drift() -> list[Drift]:
    return msgspec.json.decode((DATA / "drift.json").read_bytes(), type=list[Drift])


def _differing(change: dict[str, Any]) -> set[str]:
    before, after = change["before"] or {}, change["after"] or {}
    known = {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}
    return known | {name for name, unknown in (change["after_unknown"] or {}).items() if unknown}


def subscription(stack: Stack, group: str, name: str) -> dict[str, str]:
    """The filter of this name on a log group: pattern, destination, role. Empty where there is none."""
    found = stack.client("logs").describe_subscription_filters(logGroupName=group)["subscriptionFilters"]
    for one in found:
        if one["filterName"] == name:
            return {key: one.get(key, "") for key in ("filterPattern", "destinationArn", "roleArn")}
    return {}


def functions(stack: Stack, example: Example) -> dict[str, dict[str, Any]]:
    """Of each function of an example what an apply could change: code, layers, newest version, alias."""
    client, found = stack.client("lambda"), {}
    for one in client.get_paginator("list_functions").paginate().build_full_result()["Functions"]:
        name = one["FunctionName"]
        if not name.startswith(f"{example.name}-"):
            continue
        versions = client.list_versions_by_function(FunctionName=name)["Versions"]
        aliases = client.list_aliases(FunctionName=name)["Aliases"]
        found[name] = {
            "code": one["CodeSha256"],
            "layers": sorted(layer["Arn"] for layer in one.get("Layers", ())),
            "versions": sorted(version["Version"] for version in versions),
            "live": {alias["Name"]: alias["FunctionVersion"] for alias in aliases},
        }
    return found


def subscriptions(stack: Stack) -> dict[str, list[Any]]:
    """Every subscription filter of the account, by log group."""
    logs = stack.client("logs")
    groups = logs.get_paginator("describe_log_groups").paginate().build_full_result()["logGroups"]
    return {
        group["logGroupName"]: sorted(
            (one["filterName"], one["destinationArn"])
            for one in logs.describe_subscription_filters(logGroupName=group["logGroupName"])["subscriptionFilters"]
        )
        for group in groups
    }


def save_logs(stack: Stack) -> None:
    """What the functions have said is in logs/functions.log."""
    logs = stack.client("logs")
    with (stack.logs / "functions.log").open("w", encoding="utf-8") as file:
        pages = logs.get_paginator("describe_log_groups").paginate(logGroupNamePrefix="/logharbor/")
        for group in [group["logGroupName"] for page in pages for group in page["logGroups"]]:
            for page in logs.get_paginator("filter_log_events").paginate(logGroupName=group):
                file.writelines(f"{group} {event['message'].rstrip()}\n" for event in page["events"])


def nothing_left(stack: Stack, names: list[str], groups: set[str]) -> int:
    """No resource of the examples is there any more, and no subscription; gives how many kinds were looked at.

    `groups` are the log groups that the run itself has made, which stay. Keys stay too, until their deletion is due.
    """
    logs, events = stack.client("logs"), stack.client("events")
    kms = stack.client("kms")
    every: dict[str, list[str]] = {
        "functions": _names(stack.client("lambda"), "list_functions", "Functions", "FunctionName"),
        "layers": _names(stack.client("lambda"), "list_layers", "Layers", "LayerName"),
        "mappings": _names(stack.client("lambda"), "list_event_source_mappings", "EventSourceMappings", "UUID"),
        "streams": stack.client("kinesis").list_streams()["StreamNames"],
        "log groups": [
            name for name in _names(logs, "describe_log_groups", "logGroups", "logGroupName") if name not in groups
        ],
        "metric filters": _names(logs, "describe_metric_filters", "metricFilters", "filterName"),
        "subscriptions": [f"{group}: {found}" for group, found in subscriptions(stack).items() if found],
        "alarms": _names(stack.client("cloudwatch"), "describe_alarms", "MetricAlarms", "AlarmName"),
        "dashboards": _names(stack.client("cloudwatch"), "list_dashboards", "DashboardEntries", "DashboardName"),
        "roles": _names(stack.client("iam"), "list_roles", "Roles", "RoleName"),
        "buckets": [bucket["Name"] for bucket in stack.client("s3").list_buckets()["Buckets"]],
        "rules": [rule["Name"] for rule in events.list_rules()["Rules"]],
        "topics": _names(stack.client("sns"), "list_topics", "Topics", "TopicArn"),
        "aliases of keys": _names(kms, "list_aliases", "Aliases", "AliasName"),
        "keys": [
            key for key in _names(kms, "list_keys", "Keys", "KeyId")
            if kms.describe_key(KeyId=key)["KeyMetadata"]["KeyState"] != "PendingDeletion"
        ],
    }  # fmt: skip
    own = {kind: _ours(kind, found, names) for kind, found in every.items()}
    left = {kind: found for kind, found in own.items() if found}
    if left:
        raise Failed("destroy has left something", left, "nothing")
    return len(every)


def _ours(kind: str, found: list[str], names: list[str]) -> list[str]:
    if kind in ("mappings", "log groups", "metric filters", "subscriptions", "keys", "buckets", "streams", "functions"):
        return found
    return [name for name in found if any(own in name for own in names)]


def _names(client: Any, call: str, key: str, name: str) -> list[str]:
    pages = client.get_paginator(call).paginate().build_full_result()
    return [one[name] for one in pages.get(key, ())]
