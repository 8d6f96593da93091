"""Lines written into log groups as functions and hosts write them, and the documents that they must become."""

from __future__ import annotations

import base64
import gzip
import json
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from tests.faults.oracle import event_id

from .failed import Failed
from .stack import ACCOUNT, Stack, ask

LAND_S = 60.0


class Line(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A line and where it must land: the data stream, fields of the document by dotted path, and what of it Honeycomb
    must have (none: it gets nothing)."""

    example: str
    log_group: str
    log_stream: str
    text: str
    lands_in: str
    fields: dict[str, Any]
    honeycomb: dict[str, Any] | None = None


class Landed(msgspec.Struct, frozen=True):
    """A line as it was written: its id by the documented rule; empty where only the local AWS knows it."""

    line: Line
    id: str


class Checked(msgspec.Struct, frozen=True):
    """What has landed: the ids, and how many fields of the documents were looked at."""

    ids: list[str]
    fields: int


def read(path: Path) -> list[Line]:
    """The lines of a data file."""
    return [msgspec.json.decode(row, type=Line) for row in path.read_bytes().splitlines() if row]


def write(stack: Stack, lines: Iterable[Line], streams: Mapping[str, str]) -> list[Landed]:
    """Every line is in its log group, and has been delivered: by the local AWS to functions, by us to streams.

    `streams` gives the name of a Kinesis stream by its ARN. CloudWatch puts one record for a log stream's events:
    {"messageType", "owner", …}, gzipped, under the log stream's name as partition key.
    """
    logs, written = stack.client("logs"), []
    by_stream: dict[tuple[str, str], list[Line]] = {}
    for line in lines:
        by_stream.setdefault((line.log_group, line.log_stream), []).append(line)
    for (group, stream), own in by_stream.items():
        _ensure_stream(logs, group, stream)
        before = {event["eventId"] for event in _events(logs, group, stream)}
        now = int(time.time() * 1000)
        told = [{"timestamp": now + place, "message": line.text} for place, line in enumerate(own)]
        logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=told)
        new = [event for event in _events(logs, group, stream) if event["eventId"] not in before]
        ours = False
        for subscription in logs.describe_subscription_filters(logGroupName=group)["subscriptionFilters"]:
            name = streams.get(subscription["destinationArn"])
            if name is not None:
                data = _payload(group, stream, subscription["filterName"], new)
                stack.client("kinesis").put_record(StreamName=name, Data=data, PartitionKey=stream)
                ours = True
        ids = {event["message"]: _id(group, stream, event["eventId"]) if ours else "" for event in new}
        written += [Landed(line, ids[line.text]) for line in own]
    return written


def hand_over(stack: Stack, function: str, lines: Sequence[Line], first: int) -> list[Landed]:
    """The lines of one log stream have been handed to a function as CloudWatch does, with ids from `first` on."""
    group, stream = lines[0].log_group, lines[0].log_stream
    events: list[dict[str, Any]] = [
        {"eventId": f"{first + place:056d}", "timestamp": 1794499200000 + place, "message": line.text}
        for place, line in enumerate(lines)
    ]
    data = base64.b64encode(_payload(group, stream, "by-hand", events)).decode()
    event = json.dumps({"awslogs": {"data": data}}).encode()
    answer = stack.client("lambda").invoke(FunctionName=function, Qualifier="live", Payload=event)
    if "FunctionError" in answer:
        raise Failed(f"{function} has failed", answer["Payload"].read().decode(), "an answer")
    return [Landed(line, _id(group, stream, event["eventId"])) for line, event in zip(lines, events, strict=True)]


def _id(group: str, stream: str, event: str) -> str:
    return str(event_id("cloudwatch", f"{ACCOUNT}:{group}:{stream}", event))  # type: ignore[no-untyped-call]


def receipts(stack: Stack, log_group: str) -> list[dict[str, Any]]:
    """The receipts in a forwarder's own log."""
    pages = stack.client("logs").get_paginator("filter_log_events").paginate(logGroupName=log_group)
    texts = [event["message"] for page in pages for event in page["events"]]
    lines = [json.loads(text) for text in texts if text.startswith("{")]
    return [line["receipt"] for line in lines if line.get("message") == "receipt"]


def check(stack: Stack, written: list[Landed], where: Path) -> Checked:
    """Every line is in Elasticsearch once, in its data stream, under its id, with its fields.

    Raises Failed for the first that is not, and for documents of the same log streams that nobody wrote.
    """
    found = _wait(lambda: _documents(stack, written), len(written))
    written = _paired(written, found)
    missing = [landed.line.text for landed in written if landed.id not in found]
    if missing:
        there = [f"{hit['_index']}/{id}: {hit['_source'].get('message', '')[:200]}" for id, hit in found.items()]
        raise Failed(
            f"{len(missing)} of {len(written)} lines did not land within {LAND_S:.0f} s",
            "\n".join(there), "\n".join(missing), (where,),
        )  # fmt: skip
    strangers = found.keys() - {landed.id for landed in written}
    if strangers:
        raise Failed(
            f"{len(strangers)} documents landed that nobody wrote", [found[id] for id in strangers], "", (where,)
        )
    for landed in written:
        _check_one(landed, found[landed.id], where)
    return Checked([landed.id for landed in written], sum(4 + len(landed.line.fields) for landed in written))


def _paired(written: list[Landed], found: Mapping[str, Any]) -> list[Landed]:
    """Each line with the id of its document: where the id is not known, of one that is as it should be."""
    free = found.keys() - {landed.id for landed in written}
    paired = []
    for landed in written:
        fit = [id for id in sorted(free) if not landed.id and not _differing(landed.line, found[id])]
        free -= set(fit[:1])
        paired.append(Landed(landed.line, fit[0]) if fit else landed)
    return paired


def check_honeycomb(stack: Stack, written: list[Landed], where: Path) -> int:
    """Honeycomb has exactly the lines that it must have, once, with their fields; gives how many."""
    wanted = {landed.id: landed.line for landed in written if landed.line.honeycomb is not None}
    ids = {landed.id for landed in written}

    def stored() -> dict[str, Any]:
        events = list(ask("GET", f"{stack.honeycomb}/e2e/stored")["events"])
        return {
            event["data"].get("logharbor.id", ""): event for event in events if event["data"].get("logharbor.id") in ids
        }

    found = _wait(stored, len(wanted))
    if found.keys() != wanted.keys():
        raise Failed("Honeycomb has other events than it must have", sorted(found), sorted(wanted), (where,))
    for id, line in wanted.items():
        data = found[id]["data"]
        has = {name: data.get(name) for name in line.honeycomb or {}}
        if has != line.honeycomb:
            raise Failed(f"Honeycomb has other fields: {line.text[:200]}", data, line.honeycomb, (where,))
    return len(wanted)


def at(document: Mapping[str, Any], path: str) -> Any:
    """What lies at a dotted path, also where a name itself has dots; None for nothing."""
    if path in document:
        return document[path]
    names = path.split(".")
    for end in range(1, len(names)):
        below = document.get(".".join(names[:end]))
        if isinstance(below, Mapping):
            return at(below, ".".join(names[end:]))
    return None


def _check_one(landed: Landed, hit: Mapping[str, Any], where: Path) -> None:
    differing = _differing(landed.line, hit)
    if differing:
        found = {name: pair[0] for name, pair in differing.items()} | {"document": json.dumps(hit["_source"])}
        wanted = {name: pair[1] for name, pair in differing.items()}
        raise Failed(f"landed otherwise: {landed.line.text[:200]}", found, wanted, (where,))


def _differing(line: Line, hit: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """What a document has and what it must have, where they differ."""
    wanted = {
        "aws.cloudwatch.log_group": line.log_group,
        "aws.cloudwatch.log_stream": line.log_stream,
        "cloud.account.id": ACCOUNT,
    } | line.fields
    pairs = {path: (at(hit["_source"], path), value) for path, value in wanted.items()}
    stream = str(hit["_index"]).removeprefix(".ds-").rsplit("-", 2)[0]
    pairs["data stream"] = (stream, line.lands_in)
    return {path: pair for path, pair in pairs.items() if pair[0] != pair[1]}


def _documents(stack: Stack, written: list[Landed]) -> dict[str, Any]:
    """Every document of the log streams that were written to, by id."""
    streams = sorted({(landed.line.log_group, landed.line.log_stream) for landed in written})
    stack.search("POST", "logs-*/_refresh?ignore_unavailable=true&allow_no_indices=true")
    place = "aws.cloudwatch"
    any_of = [
        {"bool": {"filter": [{"term": {f"{place}.log_group": group}}, {"term": {f"{place}.log_stream": stream}}]}}
        for group, stream in streams
    ]
    query = {"size": 1000, "query": {"bool": {"should": any_of, "minimum_should_match": 1}}}
    hits = stack.search("POST", "logs-*/_search?allow_no_indices=true", query)["hits"]["hits"]
    if len(hits) != len({hit["_id"] for hit in hits}):
        raise Failed("a document is there twice", sorted(hit["_id"] for hit in hits))
    return {hit["_id"]: hit for hit in hits}


def _wait(look: Callable[[], dict[str, Any]], count: int) -> dict[str, Any]:
    ends = time.monotonic() + LAND_S
    found = look()
    while len(found) < count and time.monotonic() < ends:
        time.sleep(0.5)
        found = look()
    return found


def _ensure_stream(logs: Any, group: str, stream: str) -> None:
    try:
        logs.create_log_stream(logGroupName=group, logStreamName=stream)
    except logs.exceptions.ResourceAlreadyExistsException:
        return


def _events(logs: Any, group: str, stream: str) -> list[dict[str, Any]]:
    return list(logs.filter_log_events(logGroupName=group, logStreamNames=[stream])["events"])


def _payload(group: str, stream: str, filter_name: str, events: Sequence[Mapping[str, Any]]) -> bytes:
    """What CloudWatch makes of log events for a subscription, gzipped."""
    payload = {
        "messageType": "DATA_MESSAGE",
        "owner": ACCOUNT,
        "logGroup": group,
        "logStream": stream,
        "subscriptionFilters": [filter_name],
        "logEvents": [
            {"id": event["eventId"], "timestamp": event["timestamp"], "message": event["message"]} for event in events
        ],
    }
    return gzip.compress(json.dumps(payload).encode())
