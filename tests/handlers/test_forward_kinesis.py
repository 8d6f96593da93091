"""A stream's mapping against the handler: what it is told, what it brings again, and what lands in the end."""

from __future__ import annotations

import base64
import copy
import gzip
import io
import itertools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aws_lambda_powertools import Logger
from hypothesis import given
from hypothesis import strategies as st

from forwarders import bundle
from forwarders.config import from_plain
from forwarders.contracts.compiled import Contracts
from forwarders.contracts.load import read_folder
from forwarders.errors import ConfigError, Transient
from forwarders.handlers.forward import forward, handler, plans_from_bundle
from forwarders.model import DELIVERED, Fate, Outcome
from forwarders.runtime import open_plans
from forwarders.testing import cloudwatch_event, kinesis_event, lambda_context

ROOT = Path(__file__).parents[2]
RETURNED, DEAD = Outcome(Fate.RETURNED, "busy"), Outcome(Fate.DEAD, "sink_rejected:x")
_NAMES = itertools.count()


class Sink:
    """Takes what `answer` says; `landed` is every text that it has taken, in order, and nothing tells it of ids."""

    type = "fake"
    max_body_bytes = 100_000

    def __init__(self, answer: Callable[[str], Outcome] = lambda text: DELIVERED, name: str = "search") -> None:
        self.name = name
        self.answer = answer
        self.landed: list[str] = []

    def encoder(self, kind: Any) -> Callable[[Any], str]:
        return lambda event: event.text

    def ship(self, pieces: Any, ids: Any, deadline: Any) -> list[Outcome]:
        outcomes = [self.answer(piece) for piece in pieces]
        self.landed += [piece for piece, said in zip(pieces, outcomes, strict=True) if said is DELIVERED]
        return outcomes

    def close(self) -> None:
        """Nothing is held open."""


class Store:
    """Keeps entries by kind; out of reach while `down`."""

    def __init__(self) -> None:
        self.entries: list[tuple[str, bytes]] = []
        self.down = False

    def put(self, kind: str, name: str, body: bytes) -> None:
        if self.down:
            raise Transient("store_unavailable")
        self.entries.append((kind, body))


class Deployed:
    """The handler over fake sinks, with its receipts, its store and its log."""

    def __init__(self, *sinks: Sink) -> None:
        self.store = Store()
        self.receipts: list[Any] = []
        self.log = io.StringIO()
        routes = [{"name": "all", "format": "json", "envelope": "line"}]
        config = from_plain({"routes": routes, "sinks": {sink.name: {"type": "stdout"} for sink in sinks}}, "p.yaml")
        named = {sink.name: sink for sink in sinks}
        write = self.receipts.append
        self.plans = open_plans(config, Contracts([]), named, self.store, write, False)
        logger = Logger(service=f"kinesis-{next(_NAMES)}", stream=self.log)
        self.handle = handler(lambda: self.plans, logger)


def started(file: Path) -> Callable[..., Any]:
    """The handler as Lambda starts it, with the bundle in `file`."""
    logger = Logger(service=f"kinesis-{next(_NAMES)}", stream=io.StringIO())
    return handler(lambda: plans_from_bundle(logger, {"LOGHARBOR_BUNDLE": str(file)}), logger)


def event_of(*texts: str, **more: Any) -> dict[str, Any]:
    return kinesis_event([json.dumps({"event": "e", "is": text}).encode() for text in texts], **more)


def numbers(event: dict[str, Any]) -> list[str]:
    return [record["kinesis"]["sequenceNumber"] for record in event["Records"]]


def landed(sink: Sink) -> list[str]:
    return [json.loads(text)["is"] for text in sink.landed]


def mapping(handle: Callable[..., Any], event: dict[str, Any], most: int = 100) -> list[int]:
    """What the mapping does with its answers, until it is told that all is done; how many records it brought each time.

    As recorded on AWS: an empty list is success, from the lowest known number on everything comes again, and an unknown
    or empty identifier brings all of it.
    """
    brought = []
    records = event["Records"]
    for _ in range(most):
        brought.append(len(records))
        answer = handle({"Records": copy.deepcopy(records)}, lambda_context())
        assert list(answer) == ["batchItemFailures"]
        failed = [item["itemIdentifier"] for item in answer["batchItemFailures"]]
        if not failed:
            return brought
        known = numbers({"Records": records})
        assert all(number in known for number in failed)
        lowest = min(map(int, failed))
        records = [record for record in records if int(record["kinesis"]["sequenceNumber"]) >= lowest]
    raise AssertionError("it never ended")


def test_all_is_well() -> None:
    """An empty list, and a receipt for each record."""
    sink = Sink()
    deployed = Deployed(sink)
    assert deployed.handle(event_of("a", "b", "c"), lambda_context()) == {"batchItemFailures": []}
    assert landed(sink) == ["a", "b", "c"]
    assert [receipt.taken.n for receipt in deployed.receipts] == [1, 1, 1]


def test_behind_a_record_that_must_come_again_nothing_is_begun() -> None:
    """The lowest number is told, in our log the reason; neither the store nor the sink has what will come again."""
    sink = Sink(lambda text: RETURNED if '"b"' in text else DELIVERED)
    deployed = Deployed(sink)
    event = event_of("a", "b", "c", "d")
    answer = deployed.handle(event, lambda_context())
    assert answer == {"batchItemFailures": [{"itemIdentifier": numbers(event)[1]}]}
    assert (landed(sink), deployed.store.entries) == (["a"], [])
    assert [receipt.accounts["search"].fates[Fate.RETURNED].n for receipt in deployed.receipts] == [0, 1]
    line = json.loads(deployed.log.getvalue().splitlines()[0])
    assert (line["message"], line["units"], line["reasons"]) == ("come again", 3, ["busy", "order"])


def test_a_sink_that_recovers_has_everything_once_and_in_order() -> None:
    """Also one without ids: what was delivered before the failure is behind the checkpoint."""
    down = {"b": 3, "d": 1}

    def answer(text: str) -> Outcome:
        name = json.loads(text)["is"]
        down[name] = down.get(name, 0) - 1
        return RETURNED if down[name] >= 0 else DELIVERED

    sink = Sink(answer)
    assert mapping(Deployed(sink).handle, event_of("a", "b", "c", "d", "e")) == [5, 4, 4, 4, 2]
    assert landed(sink) == ["a", "b", "c", "d", "e"]


@given(st.lists(st.sampled_from(["ok", "ok", "ok", "down", "dead", "poison", "store"]), max_size=12), st.data())
def test_any_outcomes(kinds: list[str], data: st.DataObject) -> None:
    """The answer is the lowest number that must come again, whatever becomes of the others; one alone for a shard."""
    shards = data.draw(st.lists(st.sampled_from(["0", "1"]), min_size=len(kinds), max_size=len(kinds)))
    sink = Sink(lambda text: RETURNED if '"down"' in text else DEAD if '"dead"' in text else DELIVERED)
    deployed = Deployed(sink)
    payloads = [b"\0\xff" if kind in ("poison", "store") else json.dumps({"is": kind}).encode() for kind in kinds]
    event = kinesis_event(payloads)
    for record, shard, kind in zip(event["Records"], shards, kinds, strict=True):
        record["eventID"] = record["eventID"].replace("000000000000", shard)
        deployed.store.down = deployed.store.down or kind == "store"
    # What is out of reach stays so: the store keeps neither dead letters nor what cannot be decoded.
    lost = {"down"} | ({"dead", "poison", "store"} if deployed.store.down else set())
    failing = [number for number, kind in zip(numbers(event), kinds, strict=True) if kind in lost]
    if not event["Records"]:
        return
    answer = deployed.handle(event, lambda_context())
    assert answer == {"batchItemFailures": [{"itemIdentifier": number} for number in failing[:1]]}
    for shard in ("0", "1"):
        mine = [kind for kind, at in zip(kinds, shards, strict=True) if at == shard]
        begun = mine[: next((i for i, kind in enumerate(mine) if kind in lost), len(mine))]
        runs = [r for r in deployed.receipts if r.origin.container.endswith(f"shardId-{shard}")]
        assert len(begun) <= len(runs) <= len(begun) + 1
    assert all(receipt.balances() for receipt in deployed.receipts)


def test_poison_never_blocks_a_shard() -> None:
    """What cannot be decoded is in quarantine and in `undecoded/`, what a sink refuses in `dead/`; the rest lands."""
    sink = Sink(lambda text: DEAD if '"refused"' in text else DELIVERED)
    deployed = Deployed(sink)
    poison = [b"", b"\x1f\x8b broken", b"\x00\xff\x01", b"\xf3\x89\x9a\xc2 aggregate", b"[" * 100_000]
    good = [json.dumps({"is": text}).encode() for text in ("first", "refused", "last")]
    event = kinesis_event([good[0], *poison, good[1], good[2]])
    event["Records"][2]["kinesis"]["data"] = "not base64!"
    assert deployed.handle(event, lambda_context()) == {"batchItemFailures": []}
    assert [json.loads(text)["is"] for text in sink.landed if text[:1] == "{"] == ["first", "last"]
    fates = [receipt.accounts["search"].fates for receipt in deployed.receipts]
    assert [fate[Fate.QUARANTINED].n for fate in fates] == [0, 1, 1, 1, 1, 1, 0, 0]
    assert sorted(kind for kind, _ in deployed.store.entries) == ["dead", *["undecoded"] * 3]


def test_a_payload_that_cannot_be_kept_comes_again() -> None:
    """A broken record whose bytes the store does not take is not acknowledged; what was before it is."""
    deployed = Deployed(Sink())
    deployed.store.down = True
    event = kinesis_event([b'{"is": "good"}', b"\0\xff", b'{"is": "behind"}'])
    answer = deployed.handle(event, lambda_context())
    assert answer == {"batchItemFailures": [{"itemIdentifier": numbers(event)[1]}]}
    deployed.store.down = False
    assert mapping(deployed.handle, {"Records": event["Records"][1:]}) == [2]


def test_what_there_is_no_time_for_is_not_begun() -> None:
    """The clock runs out with the second record: the third comes again, unread."""
    now = [0.0]

    def answer(text: str) -> Outcome:
        now[0] += 4.0
        return DELIVERED

    sink = Sink(answer)
    deployed = Deployed(sink)
    event = event_of("a", "b", "c", "d")
    told = deployed.handle(event, lambda_context(9_000, clock=lambda: now[0]))
    assert told == {"batchItemFailures": [{"itemIdentifier": numbers(event)[2]}]}
    assert (landed(sink), len(deployed.receipts)) == (["a", "b"], 2)


def test_one_record_with_several_payloads_fails_as_one() -> None:
    """Two envelopes of two groups in one record: one is returned, the record comes again."""
    sink = Sink(lambda text: RETURNED if '"b"' in text else DELIVERED)
    deployed = Deployed(sink)
    both = b"".join(
        gzip.decompress(
            base64.b64decode(cloudwatch_event([json.dumps({"is": text})], log_group=text)["awslogs"]["data"])
        )
        for text in ("a", "b", "c")
    )
    event = kinesis_event([gzip.compress(both)])
    assert deployed.handle(event, lambda_context()) == {"batchItemFailures": [{"itemIdentifier": numbers(event)[0]}]}
    assert [receipt.origin.log_group for receipt in deployed.receipts] == ["a", "b", "c"]


def test_with_and_without_a_stream_an_event_is_the_same() -> None:
    """A group that moves from `direct` to `stream` lands nothing twice where the sink has ids."""
    event = cloudwatch_event([json.dumps({"is": text}) for text in "abc"])
    through = kinesis_event([base64.b64decode(event["awslogs"]["data"])])
    deployed = Deployed(Sink())
    deployed.handle(event, lambda_context())
    deployed.handle(through, lambda_context())
    direct, stream = deployed.receipts
    assert (direct.batch, direct.taken, direct.origin) == (stream.batch, stream.taken, stream.origin)


def test_a_record_without_a_number_that_must_come_again_fails_the_invocation() -> None:
    """AWS would read an empty identifier as the failure of all; it is said by raising."""
    deployed = Deployed(Sink(lambda text: RETURNED))
    event = event_of("a")
    del event["Records"][0]["kinesis"]["sequenceNumber"]
    with pytest.raises(Transient, match="kinesis_sequence_missing"):
        deployed.handle(event, lambda_context())


def test_a_bug_fails_the_invocation() -> None:
    """An answer would acknowledge the records before it and hide the bug; bisecting isolates the record."""

    class Bug(Exception):
        pass

    def broken(receipt: Any) -> None:
        raise Bug

    deployed = Deployed(Sink())
    config = from_plain({"sinks": {"search": {"type": "stdout"}}}, "p.yaml")
    plans = open_plans(config, Contracts([]), {"search": Sink()}, deployed.store, broken, False)
    with pytest.raises(Bug):
        forward(event_of("a"), plans, lambda_context())


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"sinks": {}}, r"sinks: found none, expected at least one"),
        ({"dead_letters": ""}, r"dead_letters: found nothing"),
    ],
)
def test_a_configuration_that_cannot_work_raises(change: dict[str, Any], said: str, tmp_path: Path) -> None:
    """Nothing is acknowledged by a function that has nowhere to put it."""
    plain = {"dead_letters": str(tmp_path), "sinks": {"out": {"type": "stdout"}}}
    file = tmp_path / "bundle.json"
    file.write_bytes(bundle.build(from_plain(plain | change, "p.yaml"), read_folder(ROOT / "schemas")))
    with pytest.raises(ConfigError, match=said):
        started(file)(event_of(), lambda_context())


def test_a_bundle_of_another_format_is_refused(tmp_path: Path) -> None:
    """After a rollback of the code alone, the first invocation says what does not fit, and acknowledges nothing."""
    file = tmp_path / "bundle.json"
    file.write_bytes(b'{"format": 99, "pipeline": {}, "contracts": []}')
    with pytest.raises(ConfigError, match=r"format: found 99, expected 1\. Deploy code and bundle that fit together"):
        started(file)(event_of(), lambda_context())
