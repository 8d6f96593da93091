"""The tools that users get for their own tests do what their names say."""

from __future__ import annotations

import base64
import gzip
import http.client
import json
from typing import Any
from urllib.parse import urlsplit

import pytest

from forwarders.sinks.http import NoAnswer, Request
from forwarders.testing import (
    FakeClock,
    FakeHttp,
    ScriptedServer,
    Step,
    cloudwatch_event,
    drip,
    drop,
    elasticsearch,
    honeycomb,
    lambda_context,
    silence,
    status,
    truncated,
    wrong_length,
)


def _post(url: str, body: bytes = b"", target: str = "/", **headers: str) -> tuple[int, bytes]:
    """A request by another client than ours."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=5)
    connection.request("POST", target, body, headers)
    response = connection.getresponse()
    answer = response.status, response.read()
    connection.close()
    return answer


def test_steps_are_used_up_in_order_and_matched_ones_wait() -> None:
    """A step with a condition stays until a request fulfils it."""
    steps: list[Step] = [(lambda request: request.path == "/b", status(202)), status(201)]
    with ScriptedServer(steps, status(500)) as server:
        assert [_post(server.url, target=target)[0] for target in ("/a", "/b?x=1", "/c")] == [201, 202, 500]
        assert server.left == 0
    assert server.requests[1].query == {"x": "1"}


def test_requests_are_kept_decompressed() -> None:
    """What a test wants to look at is the body, not its gzip."""
    with ScriptedServer([status(200)]) as server:
        _post(server.url, gzip.compress(b'{"a":1}\n{"b":2}'), **{"Content-Encoding": "gzip"})
    assert server.requests[0].lines() == [{"a": 1}, {"b": 2}]


def test_rude_replies_look_rude_to_any_client() -> None:
    """Resets, half answers and lies about the length."""
    with ScriptedServer(
        [drop("before"), drop("after"), wrong_length(9, status(200, b"ok")), truncated(1, status(200, b"ok"))]
    ) as server:
        for _ in range(2):
            with pytest.raises(ConnectionError):
                _post(server.url, b"x" * 100)
        with pytest.raises(http.client.IncompleteRead):
            _post(server.url)
        assert _post(server.url) == (200, b"o")


@pytest.mark.parametrize(
    ("action", "reason"),
    [(drop("after"), "connection_lost"), (silence(), "timeout"), (drip(1, status(200, b"x" * 60)), "timeout")],
)
def test_without_a_network_the_same_replies_are_no_answer(action: Any, reason: str) -> None:
    """And waiting moves the clock, not the day."""
    clock = FakeClock()
    with pytest.raises(NoAnswer) as caught:
        FakeHttp([action], clock=clock)(Request("/", {}, b""), 30)
    assert caught.value.reason == reason
    assert clock.now == (1_030 if reason == "timeout" else 1_000)


def test_a_healthy_elasticsearch_knows_what_it_has() -> None:
    """201, then 409; the documents can be looked at."""
    stored: dict[str, Any] = {}
    body = b'{"create":{"_index":"logs-a-b","_id":"1"}}\n{"n":1}\n'
    with ScriptedServer(otherwise=elasticsearch(stored)) as server:
        answers = [json.loads(_post(server.url, body, "/_bulk")[1]) for _ in range(2)]
    assert [answer["items"][0]["create"]["status"] for answer in answers] == [201, 409]
    assert stored == {"1": {"_index": "logs-a-b", "n": 1}}


def test_a_healthy_honeycomb_keeps_events_by_dataset() -> None:
    """202 for each."""
    stored: list[dict[str, Any]] = []
    with ScriptedServer(otherwise=honeycomb(stored)) as server:
        answer = _post(server.url, b'[{"data":{"n":1}},{"data":{"n":2}}]', "/1/batch/shop")[1]
    assert json.loads(answer) == [{"status": 202}, {"status": 202}]
    assert [event["dataset"] for event in stored] == ["shop", "shop"]


def test_a_cloudwatch_event_is_as_aws_sends_it() -> None:
    """Base64 of gzip of JSON; ids of 56 digits that are the same for the same arguments, and no two alike."""
    event = cloudwatch_event(["a", (5, "b😀")], log_group="/x", log_stream="s", owner="1")
    assert event == cloudwatch_event(["a", (5, "b😀")], log_group="/x", log_stream="s", owner="1")
    payload = json.loads(gzip.decompress(base64.b64decode(event["awslogs"]["data"])))
    ids = [item.pop("id") for item in payload["logEvents"]]
    assert payload == {
        "messageType": "DATA_MESSAGE",
        "owner": "1",
        "logGroup": "/x",
        "logStream": "s",
        "subscriptionFilters": ["logharbor"],
        "logEvents": [{"timestamp": 1_764_000_000_000, "message": "a"}, {"timestamp": 5, "message": "b😀"}],
    }
    assert len(set(ids)) == 2
    assert {(len(id), id.isdigit()) for id in ids} == {(56, True)}


def test_a_context_runs_out_of_time() -> None:
    """By the clock it was given, and never below zero."""
    clock = FakeClock()
    context = lambda_context(remaining_ms=3000, clock=lambda: clock.now)
    assert context.get_remaining_time_in_millis() == 3000
    clock.sleep(5)
    assert context.get_remaining_time_in_millis() == 0
    assert context.invoked_function_arn.endswith(":function:logharbor")
