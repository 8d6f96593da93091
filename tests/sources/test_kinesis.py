"""Records of a Kinesis stream: data files say what each record must become, and what the stream is told."""

from __future__ import annotations

import base64
import gzip
import json
import re
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forwarders import sources
from forwarders.errors import Transient
from forwarders.model import Batch, event_ids
from forwarders.sources import cloudwatch, kinesis
from forwarders.testing import cloudwatch_event, kinesis_event

TESTS = Path(__file__).parents[1]
CASES = [json.loads(line) for line in (TESTS / "data/sources/kinesis.jsonl").read_text().splitlines()]
CLOUDWATCH = [json.loads(line) for line in (TESTS / "data/sources/cloudwatch.jsonl").read_text().splitlines()]

Make = Callable[[list[list[Any]]], bytes]
Told = Callable[[list[Batch]], list[dict[str, Any]]]


def decoded(event: Any, region: str = "") -> list[Batch]:
    return [batch for unit in kinesis.units(event, region) for batch in unit.batches]


def ids(batches: list[Batch]) -> list[str]:
    return [id for batch in batches for id in event_ids(batch.origin.id_prefix(), batch.records)]


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_record(case: dict[str, Any], make: Make, told: Told) -> None:
    """Each record becomes exactly the batches that the data file says."""
    found = told(decoded(kinesis_event([make(case["steps"])], first=77, time_ms=1000)))
    for batch in found:
        for record in batch["records"]:
            record[2] = re.sub(r"(?<=at byte )\d+", "#", record[2])
    assert found == case["batches"]


@pytest.mark.parametrize("case", CLOUDWATCH, ids=[case["name"] for case in CLOUDWATCH])
def test_a_log_event_has_the_same_id_with_and_without_a_stream(case: dict[str, Any], make: Make) -> None:
    """Whatever a subscription's payload has gone through, its log events are the same on both ways."""
    event = kinesis_event([make(case["steps"])], region="eu-west-1")
    through = decoded(event)
    if through[0].origin.source == "kinesis":  # nothing in it shows that a subscription wrote it
        assert not any(record[0] != "fault" for batch in case["batches"] for record in batch["records"])
        return
    direct = list(cloudwatch.batches({"awslogs": {"data": event["Records"][0]["kinesis"]["data"]}}, "eu-west-1"))
    assert through == direct


def test_a_line_is_known_by_stream_shard_number_and_place() -> None:
    """Two shards, two streams, two accounts and two lines never share an id; a redelivery has the same."""
    line = b"started\nstarted\n"
    events = [
        kinesis_event([line, line]),
        kinesis_event([line, line], shard=1),
        kinesis_event([line, line], stream="other"),
        kinesis_event([line, line], account="210987654321"),
    ]
    every = [id for event in events for id in ids(decoded(event))]
    assert len(every) == len(set(every)) == 16
    assert every == [id for event in events for id in ids(decoded(event))]


def test_where_a_line_is_from() -> None:
    """Account, region and stream are those of the record; a route finds it as `kinesis/<stream>`."""
    (batch,) = decoded(kinesis_event([b"a line"], stream="orders", time_ms=1_545_084_650_987), "us-east-1")
    assert (batch.origin.account, batch.origin.region) == ("123456789012", "eu-central-1")
    assert (batch.origin.log_group, batch.origin.path) == ("", "kinesis/orders")
    assert batch.records[0].time_ms == 1_545_084_650_987


@pytest.mark.parametrize("name", ["kinesisStreamEvent.json", "kinesisStreamCloudWatchLogsEvent.json"])
def test_real_events(name: str, real: Path) -> None:
    """Events that were recorded on AWS decode without a fault, and each unit is called by its sequence number."""
    event = json.loads((real / "aws-events" / name).read_text())
    units = list(kinesis.units(event))
    assert [unit.name for unit in units] == [record["kinesis"]["sequenceNumber"] for record in event["Records"]]
    assert not [record.fault for unit in units for batch in unit.batches for record in batch.records if record.fault]


@pytest.mark.parametrize(
    "record",
    [
        None,
        5,
        {},
        {"eventSource": "aws:kinesis"},
        {"eventSource": "aws:kinesis", "kinesis": []},
        {"eventSource": "aws:kinesis", "kinesis": {"data": None, "sequenceNumber": 5}},
        {"eventSource": "aws:kinesis", "kinesis": {"data": "!!!", "sequenceNumber": ""}},
        {"eventSource": "aws:kinesis", "kinesis": {"data": "QQ=", "sequenceNumber": "²"}, "eventID": []},
        {"eventSourceARN": "arn", "awsRegion": 5, "kinesis": {"data": {}, "approximateArrivalTimestamp": "now"}},
        {"kinesis": {"data": "", "sequenceNumber": "-5", "approximateArrivalTimestamp": float("nan")}},
        {"kinesis": {"data": "", "sequenceNumber": "9" * 5000, "approximateArrivalTimestamp": float("inf")}},
    ],
)
def test_a_record_of_the_wrong_shape(record: Any) -> None:
    """It is a fault with an id of its own, its siblings land, and it has no name that AWS could misread."""
    event = kinesis_event([b"before", b"behind"])
    event["Records"][1:1] = [record, record]
    units = list(kinesis.units(event, "eu-west-1"))
    batches = [list(unit.batches) for unit in units]
    assert [batch.records[0].text for (batch,) in (batches[0], batches[3])] == ["before", "behind"]
    assert [[batch.records[0].fault for batch in some] for some in batches[1:3]] in (
        [["envelope_invalid"], ["envelope_invalid"]],
        [[""], [""]],  # "QQ=" is a cut "A"
    )
    assert [unit.name for unit in units][1:3] == ["", ""]
    assert len(set(ids([batch for some in batches for batch in some]))) == 4


def test_a_large_envelope_in_any_order_of_members() -> None:
    """Where 100 KB of log events come first, what they are in is found behind them."""
    events = [{"id": str(number), "timestamp": number, "message": "x" * 100} for number in range(1_000)]
    payload = json.dumps({"logEvents": events, "logStream": "s", "logGroup": "g", "owner": "1"}).encode()
    direct = cloudwatch.decode(payload, region="eu-central-1", raw=base64.b64encode(payload))
    assert decoded(kinesis_event([payload])) == list(direct)


def test_a_bomb_of_members_takes_no_time() -> None:
    """Three million members in 75 KB of gzip are not looked at one by one."""
    (batch,) = decoded(kinesis_event([gzip.compress(b"{" + b'"logGroup":1,' * 3_000_000)]))
    assert [record.fault for record in batch.records] == ["line_limit"]


def test_a_bomb_of_lines_is_bounded() -> None:
    """Of 20 million empty lines in 20 KB of gzip, the first million are taken, in runs, and one fault for the rest."""
    bomb = gzip.compress(b"\n" * 20_000_000, 9)
    taken, faults, largest = 0, [], 0
    for unit in kinesis.units(kinesis_event([bomb])):
        for batch in unit.batches:
            largest = max(largest, len(batch.records))
            taken += len(batch.records)
            faults += [record.text for record in batch.records if record.fault]
    assert (taken, largest, faults) == (1_000_001, 10_000, ["more than 1000000 lines"])


def test_a_bomb_of_bytes_is_counted_and_not_held() -> None:
    """More than 100 MiB after decompression is one fault."""
    packer = zlib.compressobj(9, wbits=31)
    bomb = b"".join(packer.compress(bytes(1 << 20).replace(b"\0", b"a")) for _ in range(101)) + packer.flush()
    (batch,) = decoded(kinesis_event([bomb]))
    assert [(record.fault, record.text) for record in batch.records] == [
        ("decompressed_limit", "more than 104857600 bytes after decompression")
    ]


def test_the_lowest_number_is_told_as_a_number() -> None:
    """Sequence numbers are compared as integers: as texts, 10 would come before 9."""
    assert kinesis.reply(["10", "9", "011"]) == {"batchItemFailures": [{"itemIdentifier": "9"}]}
    assert kinesis.reply([]) == {"batchItemFailures": []}


def test_what_cannot_be_named_fails_the_invocation() -> None:
    """An empty identifier would be read as a failure of everything; it is said by raising instead."""
    with pytest.raises(Transient, match="kinesis_sequence_missing"):
        kinesis.reply(["9", ""])


@given(st.lists(st.integers(1, 10**60).map(str), max_size=20))
def test_the_answer_is_always_one_that_aws_understands(failed: list[str]) -> None:
    """Never an unknown, empty or second identifier."""
    answer = kinesis.reply(failed)
    named = [item["itemIdentifier"] for item in answer["batchItemFailures"]]
    assert list(answer) == ["batchItemFailures"]
    assert named == ([str(min(map(int, failed)))] if failed else [])


@given(st.binary(max_size=300), st.booleans())
def test_nothing_in_a_record_raises(body: bytes, packed: bool) -> None:
    """Any bytes become at least one record, each with an id of its own, and the same ones the next time."""
    event = kinesis_event([gzip.compress(body, mtime=0) if packed else body])
    batches = decoded(event)
    assert sum(len(batch.records) for batch in batches) >= 1
    for batch in batches:
        for record in batch.records:
            record.text.encode()  # a sink can send it
    assert len(set(ids(batches))) == len(ids(batches))
    assert ids(batches) == ids(decoded(event))


@given(st.lists(st.text(st.characters(exclude_characters="\n\r", exclude_categories=["Cs"]), min_size=1), min_size=1))
def test_every_line_comes_out_as_it_went_in(texts: list[str]) -> None:
    """Lines without joined objects come out one by one, whatever is in them."""
    texts = [text.replace("}{", "} {").lstrip("\ufeff") or "x" for text in texts]
    body = ("-" + "\n-".join(texts)).encode()
    batches = decoded(kinesis_event([body]))
    assert [record.text for batch in batches for record in batch.records] == [f"-{text}" for text in texts]


def test_a_subscription_event_is_not_taken_for_a_stream() -> None:
    """Each of the two sources knows its own."""
    event = cloudwatch_event(["a"])
    assert not kinesis.recognises(event)
    assert not kinesis.recognises({"Records": []})
    payload = base64.b64decode(event["awslogs"]["data"])
    assert sources.recognise(kinesis_event([payload])) is sources.SOURCES["kinesis"]
