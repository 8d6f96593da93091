"""Hostile and broken input, end to end: a payload goes in, an outsider looks at what four sinks and the store have."""

import json
from pathlib import Path

import pytest
from deployment import Deployment, data_of
from oracle import event_id, manifest_of
from recipes import LINES, envelope, made
from scenario import SINKS, documents, fates, issued, kept, seen

FILE = Path(__file__).parents[1] / "data/faults/scenarios.jsonl"
SCENARIOS = [json.loads(line) for line in FILE.read_text().splitlines()]


@pytest.mark.parametrize("case", SCENARIOS, ids=[f"{case['row']} {case['why']}" for case in SCENARIOS])
def test_scenario(case, tmp_path, capsys):
    """Each ends in the fate that its row names, at every sink, with a bounded reason; and the account holds."""
    event = made(case["input"])
    with Deployment(tmp_path, SINKS) as deployed:
        assert deployed.invoke(event, case.get("remaining_ms", 30_000)) is None
        but = case.get("but", {})
        assert {sink: fates(deployed, sink) for sink in SINKS} == {sink: but.get(sink, case["fates"]) for sink in SINKS}
        assert documents(deployed) == case["documents"]
        assert kept(deployed) == case.get("kept", {})
        bodies = {
            sink: b"\n".join(request.body for request in server.requests) for sink, server in deployed.servers.items()
        }
    stdout = capsys.readouterr().out
    ids = seen(deployed, stdout)
    _account(deployed, ids)
    _origin_of_ids(case, event, ids, deployed)
    _strict_json(bodies)
    for text in case.get("texts", ()):
        assert f'"data":{text}}}\n'.encode() in bodies["elasticsearch"]
    if "digits" in case:
        number, (first, _) = case["digits"], sorted(deployed.rows(), key=lambda row: row["event"])
        for text in (bodies["elasticsearch"].decode(), stdout, first["fields"]):
            assert f'"n":{number}}}' in text
        # Honeycomb would round what a double cannot hold, so such a number goes there as text.
        assert f'"n":{number}}}' in bodies["honeycomb"].decode() or f'"n":"{number}"}}' in bodies["honeycomb"].decode()


def _account(deployed, ids):
    """Every receipt balances, and each sink has as many records as the receipts claim, none of them twice."""
    assert all(receipt["balanced"] for receipt in deployed.receipts())
    for sink in SINKS:
        claimed = sum(n for fate, n in deployed.fates(sink).items() if fate in ("delivered", "quarantined"))
        assert (len(ids[sink]), len(set(ids[sink]))) == (claimed, claimed)


def _origin_of_ids(case, event, ids, deployed):
    """The ids are those of the log events by the documented rule; besides them there are only those of faults."""
    if "whole" in case:
        manifest = manifest_of(envelope((LINES * 20)[: case["whole"]]))[: case["fates"].get("delivered", 0)]
    else:
        manifest = _readable(event)
    if manifest is None:
        return
    expected = {event_id(entry["source"], entry["container"], entry["position"]) for entry in manifest}
    dropped = deployed.fates("elasticsearch").get("filtered", 0)
    for sink in SINKS:
        dead = {letter["id"] for letter in deployed.dead() if letter["sink"] == sink}
        found = set(ids[sink]) | dead
        assert len(expected - found) == dropped
        faults = sum(n for reason, n in case["fates"].items() if reason.partition(":")[2] in FAULTS)
        assert len(found - expected) <= faults


FAULTS = ("decode_truncated", "decode_corrupt", "decompressed_limit", "envelope_invalid", "source_unknown")


def _readable(event):
    """What an outsider reads in a payload; None where he cannot."""
    try:
        return issued(data_of(event))
    except (OSError, EOFError, ValueError, TypeError, KeyError, MemoryError):
        return None


def _strict_json(bodies):
    """Whatever came in, what went out is JSON that any parser reads alike: unique keys, no NaN, one line each."""
    lines = [*bodies["elasticsearch"].split(b"\n"), *bodies["honeycomb"].split(b"\n")]
    for line in filter(None, lines):
        json.loads(line, object_pairs_hook=_unique, parse_constant=_refuse, parse_int=bool)


def _unique(pairs):
    assert len({key for key, _ in pairs}) == len(pairs)
    return dict(pairs)


def _refuse(name):
    raise AssertionError(name)
