"""One workload, measured in this process: `python -m bench.pipeline NAME EVENTS none|hmac time|memory`."""

from __future__ import annotations

import json
import resource
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from bench import floor
from bench.measure import in_turn
from bench.scripted import Elasticsearch as Scripted
from bench.workloads import access, login, order, payload
from forwarders import redact, sources
from forwarders.config import Config, SinkConfig
from forwarders.contracts.compiled import Contracts
from forwarders.contracts.load import read_folder
from forwarders.deadletters import open_store
from forwarders.formats.access_log import access_line
from forwarders.measuring import Meter
from forwarders.model import Contract
from forwarders.pipeline import run
from forwarders.plan import Plans
from forwarders.receipts import log_receipts
from forwarders.sinks import Copies
from forwarders.sinks.elasticsearch import Elasticsearch
from forwarders.sinks.http import endpoint

SCHEMAS = Path(__file__).parent.parent / "schemas"
ROUNDS = 15
KEY = redact.HashKey("bench", b"k" * 32)

WORKLOADS: dict[str, tuple[Callable[..., str], str, tuple[str, ...]]] = {
    "json_240": (login, "user.login.success", ("user",)),
    "json_900": (order, "order.placed", ("trace_id",)),
    "access": (access, "http.access", ("source", "address")),
}
"""Name -> (maker of lines, contract, the field that is hashed)."""

LIMITS = {"json_240": 1.5, "json_900": 1.5, "access": 2.0}


def contracts_with(name: str, hashed: tuple[str, ...] | None) -> list[Contract]:
    """All contracts as they are; of the measured one a single field is hashed, or none.

    What its free text goes through in every copy (the URLs of an access line) stays on.
    """
    rules = {hashed: {"elasticsearch": "hmac"}} if hashed else {}
    return [
        msgspec.structs.replace(contract, redactions={**contract.redactions, **rules})
        if contract.name == name
        else contract
        for contract in read_folder(SCHEMAS)
    ]


def pipeline(
    contracts: list[Contract], transport: Scripted, meter: Meter | None = None
) -> Callable[[dict[str, Any]], None]:
    """What a Lambda does with a payload, from base64 to the receipt in our own log."""
    config = Config(environment="prod", sinks={"elasticsearch": SinkConfig(type="elasticsearch", endpoint="http://es")})
    sink = Elasticsearch(
        "elasticsearch",
        endpoint("http://es:9200"),
        copies=Copies(
            lambda contract: redact.for_contract(contract, "elasticsearch", "elasticsearch", KEY),
            redact.patterns,
            redact.patterns_json,
        ),
        transport=transport,
    )
    lines: list[bytes] = []
    receipts = log_receipts(lambda line: lines.append(msgspec.json.encode(line)))
    store = open_store("bench-letters")
    assert store is not None
    plans = Plans(config, Contracts(contracts), {sink.name: sink}, store, receipts.write, lambda: 0, meter=meter)

    def work(event: dict[str, Any]) -> None:
        for batch in sources.batches(event, "eu-west-1"):
            receipt = run(batch, plans.for_origin(batch.origin), lambda: 60.0)
            account = receipt.accounts["elasticsearch"]
            assert receipt.balances(), receipt
            assert account.fates["delivered"].n == receipt.taken.n > 0, receipt  # type: ignore[index]
            assert receipt.drifted == 0, receipt

    return work


def floor_of(
    name: str, contracts: list[Contract], event: dict[str, Any], hashed: bool, rest: bytes
) -> Callable[[], object]:
    """The floor for the same payload, the same validator and as many bytes around each event."""
    contract = next(contract for contract in contracts if contract.name == name)
    compiled = Contracts(contracts).find(name)
    assert compiled is not None
    data, is_valid = event["awslogs"]["data"], compiled.is_strict
    if contract.shape == "ecs":
        (batch,) = sources.batches(event, "")
        parsed = [access_line(record.text)[2] for record in batch.records]
        return lambda: floor.access_lines(data, is_valid, parsed, hashed, rest)
    field = "user" if name == "user.login.success" else "trace_id"
    return lambda: floor.json_events(data, is_valid, field, hashed, rest)


def _rest(document: bytes) -> bytes:
    """What of a document is not the event: up to `data`, or to the first field where they lie at the root."""
    for mark in (b'"data":', b'"timestamp":'):
        if mark in document:
            return document[: document.index(mark) + len(mark)]
    raise ValueError("neither `data` nor `timestamp` in the document")


def main(workload: str, events: int, redaction: str, what: str) -> dict[str, Any]:
    """The row of the results, or the peak memory of one batch in this fresh process."""
    make, name, hashed = WORKLOADS[workload]
    event = payload(make, events)
    contracts = contracts_with(name, hashed if redaction == "hmac" else None)
    scripted = Scripted()
    work = pipeline(contracts, scripted)
    if what == "memory":
        work(event)
        return {"peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}
    work(event)
    bare = floor_of(name, contracts, event, redaction == "hmac", _rest(scripted.first))
    rounds = ROUNDS if events >= 10_000 else ROUNDS * 3
    least, ours, ratio = in_turn(bare, lambda: work(event), rounds)
    raw_bytes = sum(len(record.text) for batch in sources.batches(event, "") for record in batch.records)
    return {
        "name": workload,
        "events": events,
        "redaction": redaction,
        "cpu_us_per_event": round(ours / events * 1e6, 3),
        "floor_us_per_event": round(least / events * 1e6, 3),
        "ratio": round(ratio, 3),
        "limit": LIMITS[workload],
        "events_per_s": round(events / ours),
        "mb_per_s": round(raw_bytes / ours / 1e6, 1),
    }


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4])))
