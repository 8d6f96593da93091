"""The outsider's audit notices: an account that was tampered with by one line does not add up."""

import copy
import json

import pytest
from deployment import ROOT, Deployment, data_of
from oracle import audit, event_id, holds, manifest_of
from recipes import LOGIN, lines

from forwarders.testing import elasticsearch_items, honeycomb_items, status

SINKS = ("elasticsearch", "honeycomb")


@pytest.fixture(scope="module")
def account(tmp_path_factory):
    """Two invocations, the second a redelivery of the first: manifest, runs, and what the sinks took, by line."""
    event = lines(
        *({**LOGIN, "timestamp": 1493214552 + number} for number in range(6)), "text", {"event": "cart.opened"}
    )
    answers = {
        "elasticsearch": [elasticsearch_items([201, 400, 201, 201, 201, 201, 201, 201])],
        "honeycomb": [honeycomb_items([202, 202, 400, 202, 202, 202, 202]), status(503, b"", {"retry-after": "3600"})],
    }
    runs, captured = [], {sink: [] for sink in SINKS}
    with Deployment(tmp_path_factory.mktemp("account"), SINKS, answers) as deployed:
        for number in range(2):
            before = {sink: len(server.requests) for sink, server in deployed.servers.items()}
            deployed.invoke(event)
            for sink, server in deployed.servers.items():
                for at, request in enumerate(server.requests[before[sink] :]):
                    _capture(sink, (number, at), request, captured)
            returned = [json.loads(body)["wanted"] for body in deployed.take("returned").values()]
            dead = [json.loads(line) for body in deployed.take("dead").values() for line in body.splitlines()]
            runs.append(
                {
                    "payload": 0,
                    "receipts": deployed.new_receipts(),
                    "returned": {sink: [id for wanted in returned for id in wanted.get(sink, ())] for sink in SINKS},
                    "dead": {sink: [letter["id"] for letter in dead if letter["sink"] == sink] for sink in SINKS},
                }
            )
            deployed.restart()
    return manifest_of(data_of(event)), runs, captured


REFUSED = {("elasticsearch", (0, 0)): 1, ("honeycomb", (0, 0)): 2}
"""The position that a sink refused in a request, by the numbers of invocation and request."""
UNAVAILABLE = ("honeycomb", (0, 1))


def _capture(sink, which, request, captured):
    """What of a request the sink has taken, by the answers that the account's script gives."""
    if (sink, which) == UNAVAILABLE:
        return
    if sink == "elasticsearch":
        said = request.body.decode().split("\n")[:-1]
        items = [(json.loads(a)["create"]["_id"], line) for a, line in zip(said[::2], said[1::2], strict=True)]
    else:
        items = [(event["data"]["logharbor.id"], json.dumps(event)) for event in request.json()]
    there = {line["id"] for line in captured[sink]} if sink == "elasticsearch" else set()
    for position, (id, line) in enumerate(items):
        if REFUSED.get((sink, which)) != position and id not in there:
            captured[sink].append({"run": which[0], "id": id, "line": line})


def test_a_sound_account(account):
    """Delivered, dead and returned, and delivered again: nothing is wrong."""
    assert audit(*account, SINKS, holds) == []


def _without(lines, at):
    return lines[:at] + lines[at + 1 :]


def _swapped(lines, at):
    here = lines[at]
    other = next(i for i, line in enumerate(lines) if line["id"] != here["id"])
    changed = list(lines)
    changed[at] = {**here, "id": lines[other]["id"]}
    changed[other] = {**lines[other], "id": here["id"]}
    return changed


def _doubled(lines, at):
    return [*lines[: at + 1], *lines[at:]]


def _invented(lines, at):
    return [*lines, {**lines[at], "id": event_id("cloudwatch", "nowhere", "0")}]


def _garbled(lines, at):
    text = lines[at]["line"]
    for word in ("totp", "text", "cart"):
        text = text.replace(word, word[0] + "0" + word[2:])
    return [*lines[:at], {**lines[at], "line": text}, *lines[at + 1 :]]


@pytest.mark.parametrize("change", [_without, _swapped, _doubled, _invented, _garbled])
@pytest.mark.parametrize("sink", SINKS)
def test_a_line_that_was_tampered_with(account, sink, change):
    """One captured line deleted, doubled, invented or garbled, or two ids swapped: the audit says so."""
    manifest, runs, captured = account
    for at in range(len(captured[sink])):
        assert audit(manifest, runs, {**captured, sink: change(captured[sink], at)}, SINKS, holds) != []


@pytest.mark.parametrize("sink", SINKS)
def test_a_receipt_that_was_tampered_with(account, sink):
    """One more, one less, or another sum in any receipt: the audit says so."""
    manifest, runs, captured = account
    for number, run in enumerate(runs):
        for fate in run["receipts"][0]["accounts"][sink]["fates"]:
            for change in ({"n": 1}, {"sum": f"{7:032x}"}):
                wrong = copy.deepcopy(runs)
                wrong[number]["receipts"][0]["accounts"][sink]["fates"][fate] |= change
                if wrong != runs:
                    assert audit(manifest, wrong, captured, SINKS, holds) != []


@pytest.mark.parametrize("kind", ["returned", "dead"])
def test_an_entry_that_vanished(account, kind):
    """An id that is missing in the store, or there twice under two kinds: the audit says so."""
    manifest, runs, captured = account
    for number, run in enumerate(runs):
        for sink in SINKS:
            if run[kind][sink]:
                wrong = copy.deepcopy(runs)
                wrong[number][kind][sink].pop()
                assert audit(manifest, wrong, captured, SINKS, holds) != []


def test_the_audit_shares_no_code(account):
    """The outsider's module imports nothing of the product."""
    assert "forwarders" not in (ROOT / "tests/faults/oracle.py").read_text()
