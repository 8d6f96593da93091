"""What sinks answer, end to end: whatever they say or fail to say, every event is in one place."""

import json
from pathlib import Path

import pytest
from deployment import Deployment, data_of
from exchange import played
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from oracle import event_id, manifest_of
from recipes import many
from scenario import fates, kept

from forwarders.testing import Reply, elasticsearch, status

FILE = Path(__file__).parents[1] / "data/faults/answers.jsonl"
CASES = [json.loads(line) for line in FILE.read_text().splitlines()]
MARGIN_MS = 500


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['row']} {case['sink']}: {case['why']}")
def test_answers(case, tmp_path):
    """Each ends in the fate that its row names; nothing is delivered that the sink did not say it has."""
    found, left_ms, _ = played(case, tmp_path)
    assert found == {"requests": found["requests"], **{key: case[key] for key in found if key in case}}
    assert min(left_ms) > MARGIN_MS


def test_what_is_refused_does_not_hold_up_what_follows(tmp_path):
    """Row 2: two bad events in ten requests; the others of their requests and all later requests are delivered."""
    documents = {}
    healthy = elasticsearch(documents)

    def picky(request):
        reply = json.loads(healthy(request).body)
        for item, document in zip(reply["items"], request.lines()[1::2], strict=True):
            if document["data"]["user"] in ("user-11", "user-150"):
                item["create"] |= {"status": 400, "error": {"type": "mapper_parsing_exception"}}
                del documents[item["create"]["_id"]]
        return Reply(200, json.dumps(reply).encode())

    with Deployment(tmp_path, otherwise={"elasticsearch": picky}, settings={"max_body_bytes": 10_000}) as deployed:
        deployed.invoke(many(200))
        assert len(deployed.servers["elasticsearch"].requests) >= 10
    rejected = {"dead:sink_rejected:mapper_parsing_exception": 2, "delivered": 198}
    assert fates(deployed, "elasticsearch") == rejected
    assert len(documents) == 198
    users = [json.loads(letter["copy"].split("\n")[1])["data"]["user"] for letter in deployed.dead()]
    assert users == ["user-11", "user-150"]


def test_the_same_payload_twice(tmp_path):
    """Row 3: a redelivery finds everything there, which is delivered."""
    with Deployment(tmp_path) as deployed:
        for _ in range(2):
            deployed.invoke(many(50))
        assert len(deployed.stored["elasticsearch"]) == 50
    assert fates(deployed, "elasticsearch") == {"delivered": 50, "delivered:already_present": 50}


def test_one_of_three_sinks_is_down(tmp_path):
    """Row 13: the healthy ones get every event once; the store says which sink still lacks which."""
    down = {"honeycomb": status(503)}
    with Deployment(tmp_path, ("elasticsearch", "honeycomb", "sqlite"), otherwise=down) as deployed:
        deployed.invoke(many(5), 6_000)
        assert len(deployed.servers["elasticsearch"].requests) == 1
    assert fates(deployed, "elasticsearch") == fates(deployed, "sqlite") == {"delivered": 5}
    assert fates(deployed, "honeycomb") == {"returned:http_503": 5}
    (entry,) = deployed.kept("returned").values()
    assert json.loads(entry)["wanted"] == {"honeycomb": list(deployed.stored["elasticsearch"])}


def test_three_sinks_and_the_time_that_lambda_gives_by_default(tmp_path):
    """Three healthy sinks and a time-out of three seconds: everything is delivered."""
    sinks = ("elasticsearch", "honeycomb", "sqlite")
    with Deployment(tmp_path, sinks) as deployed:
        deployed.invoke(many(5), 3_000)
    assert [fates(deployed, sink) for sink in sinks] == [{"delivered": 5}] * 3


@pytest.mark.parametrize(
    ("endpoint", "reason"),
    [("http://search.invalid:9200", "name_not_resolved"), ("http://127.0.0.1:1", "not_connected")],
)
def test_a_sink_that_is_not_there(endpoint, reason, tmp_path):
    """Row 14: a name that does not resolve, a port that nobody listens on: nothing was sent, nothing is ambiguous."""
    with Deployment(tmp_path, endpoints={"elasticsearch": endpoint}) as deployed:
        deployed.invoke(many(3), 4_000)
    assert fates(deployed, "elasticsearch") == {f"returned:{reason}": 3}
    assert deployed.receipts()[0]["accounts"]["elasticsearch"]["ambiguous"] == 0
    assert kept(deployed) == {"returned": 1}


def test_an_invocation_without_time(tmp_path):
    """Row 16: what cannot be sent before the end is in the store, to come again."""
    with Deployment(tmp_path) as deployed:
        deployed.invoke(many(3), 1_000)
        assert deployed.servers["elasticsearch"].requests == []
    assert fates(deployed, "elasticsearch") == {"returned:deadline": 3}
    assert kept(deployed) == {"returned": 1}


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)
STATUSES = st.sampled_from([200, 201, 202, 204, 400, 409, 429, 500, 503, 0, -1, "201", None, 201.5, 999])


@st.composite
def answers(draw, ids):
    """An answer to a `_bulk` of these ids: near the truth in some way, or nothing like it."""
    shape = draw(st.sampled_from(["near", "bytes", "json"]))
    if shape == "bytes":
        return draw(st.binary(max_size=300))
    if shape == "json":
        return json.dumps(draw(JSON_VALUES)).encode()
    items = []
    for id in draw(st.permutations(ids) | st.just(ids)):
        item = {"_id": draw(st.just(id) | st.sampled_from(ids) | st.text(max_size=5)), "status": draw(STATUSES)}
        items.append({draw(st.sampled_from(["create", "create", "create", "index", "delete"])): item})
    return json.dumps({"errors": draw(st.booleans()), "items": items[: draw(st.integers(0, len(items)))]}).encode()


EVENT = many(4)
IDS = [event_id(entry["source"], entry["container"], entry["position"]) for entry in manifest_of(data_of(EVENT))]


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=answers(IDS))
def test_only_what_the_sink_says_it_has_is_delivered(body, tmp_path_factory):
    """Row 4, for any answer: delivered are items with a 201 or 409 at their own position, with their own `_id`."""
    script = {"elasticsearch": [status(200, body)]}
    nonsense = {"elasticsearch": status(200, "{}")}
    with Deployment(tmp_path_factory.mktemp("any-answer"), answers=script, otherwise=nonsense) as deployed:
        deployed.invoke(EVENT, 2_150)
        if not deployed.servers["elasticsearch"].requests:
            return
    returned = [id for body in deployed.kept("returned").values() for id in json.loads(body)["wanted"]["elasticsearch"]]
    dead = [letter["id"] for letter in deployed.dead()]
    assert sorted(IDS) == sorted([*_acknowledged(IDS, body), *returned, *dead])
    assert deployed.receipts()[0]["balanced"]


def _acknowledged(ids, body):
    """What an outsider reads in the answer."""
    try:
        items = json.loads(body)["items"]
        found = [item["create"] for item in items]
    except (ValueError, KeyError, TypeError):
        return []
    if len(found) > len(ids) or any(type(item.get("status")) is not int for item in found):
        return []
    return [id for id, item in zip(ids, found, strict=False) if item.get("_id") == id and item["status"] in (201, 409)]
