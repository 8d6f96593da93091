"""Reading the answer to a `_bulk` request: delivered is what the server says is, at its own place, by its own id."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from forwarders.model import ALREADY_PRESENT, DELIVERED, Fate, Outcome
from forwarders.sinks.delivery import Retry
from forwarders.sinks.elasticsearch.ship import adapter, read
from forwarders.sinks.http import Response

IDS = ["0" * 31 + digit for digit in "123"]


def _body(*items: Any, errors: bool = False) -> bytes:
    return json.dumps({"errors": errors, "items": items}, separators=(",", ":")).encode()


def _item(id: str, status: int, **members: Any) -> dict[str, Any]:
    return {"create": {"_id": id, "status": status, **members}}


def _dead(phrase: str) -> Outcome:
    return Outcome(Fate.DEAD, f"sink_rejected:{phrase}")


@pytest.mark.parametrize(
    ("item", "answer"),
    [
        (_item(IDS[0], 201), DELIVERED),
        (_item(IDS[0], 409, error={"type": "version_conflict_engine_exception"}), ALREADY_PRESENT),
        (_item(IDS[0], 201, failure_store="not_applicable_or_unknown"), DELIVERED),
        (_item(IDS[0], 201, failure_store="not_enabled"), DELIVERED),
        (_item(IDS[0], 201, failure_store="used"), _dead("failure_store")),
        (_item(IDS[0], 201, failure_store="a new word"), _dead("failure_store")),
        (_item(IDS[0], 400, error={"type": "parse_exception"}), _dead("parse_exception")),
        (_item(IDS[0], 400, error={"type": "ryansb's password"}), _dead("http_400")),
        (_item(IDS[0], 400), _dead("http_400")),
        (_item(IDS[0], 404, error={"type": "index_not_found_exception"}), _dead("index_not_found_exception")),
        (_item(IDS[0], 403, error={"type": "security_exception"}), Outcome(Fate.RETURNED, "unauthorised")),
        (_item(IDS[0], 429, error={"type": "es_rejected_execution_exception"}), Retry("item_429")),
        (_item(IDS[0], 503), Retry("item_503")),
        (_item(IDS[0], 200), Retry("not_understood", maybe_taken=True)),
        (_item(IDS[0], 0), Retry("not_understood", maybe_taken=True)),
        (_item(IDS[0], 10**9), Retry("not_understood", maybe_taken=True)),
        (_item(IDS[1], 201), Retry("not_understood", maybe_taken=True)),
        ({"create": {"status": 201}}, Retry("not_understood", maybe_taken=True)),
    ],
)  # fmt: skip
def test_each_status_has_its_answer(item: Any, answer: Any) -> None:
    """One item, one answer; words that a server might have taken from the document are not repeated."""
    assert list(read(Response(200, {}, _body(item)), IDS[:1])) == [answer]


def test_items_in_another_order_are_not_taken_for_ours() -> None:
    """Only the item that stands at its own place counts."""
    answers = read(Response(200, {}, _body(_item(IDS[1], 201), _item(IDS[0], 201), _item(IDS[2], 201))), IDS)
    assert [answer == DELIVERED for answer in answers] == [False, False, True]


@pytest.mark.parametrize(
    "body",
    [
        _body({"index": {"_id": IDS[0], "status": 201}}),
        _body(_item(IDS[0], 201), _item(IDS[0], 201)),
        b'{"errors":false}',
        b"<html>",
        b"",
        b'{"items":[{"create":{"_id":"' + IDS[0].encode() + b'","status":201}}',
        b'{"items":[{"create":{"_id":"' + IDS[0].encode() + b'","status":"201"}}]}',
        b'{"items":[{"create":{"_id":"' + IDS[0].encode() + b'","status":true}}]}',
        b'{"items":[{"create":{"_id":"' + IDS[0].encode() + b'","status":201.0}}]}',
    ],
)
def test_what_is_no_answer_to_creates_is_not_understood(body: bytes) -> None:
    """Another operation, too many items, half an answer, a status that is no number."""
    with pytest.raises(ValueError):  # noqa: PT011 - any of them means the same to the engine
        read(Response(200, {}, body), IDS[:1])


def _truth(body: bytes, ids: list[str]) -> list[bool]:
    """What a slow and simple reader says: 201 or 409 at the place of the id and with the id."""
    try:
        items = json.loads(body)["items"]
        return [
            isinstance(items[place], dict)
            and items[place].get("create", {}).get("_id") == id
            and type(items[place]["create"].get("status")) is int
            and items[place]["create"]["status"] in (201, 409)
            for place, id in enumerate(ids)
            if place < len(items)
        ] + [False] * (len(ids) - len(items))
    except (ValueError, KeyError, TypeError, AttributeError):
        return [False] * len(ids)


_items = st.fixed_dictionaries(
    {},
    optional={
        "_id": st.sampled_from([*IDS, "", None]),
        "status": st.one_of(st.sampled_from([200, 201, 409, 400, 429, 503]), st.integers(), st.text(max_size=3)),
        "error": st.one_of(st.none(), st.fixed_dictionaries({"type": st.text(max_size=8)})),
        "failure_store": st.sampled_from(["used", "not_enabled", None, "failed"]),
    },
)
_answers = st.fixed_dictionaries(
    {"errors": st.booleans(), "items": st.lists(st.fixed_dictionaries({"create": _items}), max_size=5)}
).map(lambda answer: json.dumps(answer, separators=(",", ":")).encode())
_healthy = st.lists(st.sampled_from(IDS), max_size=4).map(lambda ids: _body(*[_item(id, 201) for id in ids]))


@given(
    st.one_of(_answers, _healthy, st.binary(max_size=200)),
    st.lists(st.sampled_from(IDS), max_size=4),
    st.integers(0, 300),
    st.integers(-1, 255),
)
@example(_body(_item(IDS[0], 201), _item(IDS[1], 201)), IDS[:2], 300, -1)
@example(_body(_item(IDS[0], 201), _item(IDS[1], 201)), IDS[1::-1], 300, -1)
@example(_body(_item(IDS[0], 201)), [IDS[0], IDS[0]], 300, -1)
@example(_body(*[_item(IDS[0], 201)] * 3), [IDS[0]] * 3, 171, 128)
def test_delivered_only_with_its_own_id_at_its_own_place(body: bytes, ids: list[str], at: int, byte: int) -> None:
    """For any answer, whole, cut or with a changed byte: no event is delivered that the answer does not name."""
    if at < len(body):
        body = body[:at] + (bytes([byte]) + body[at + 1 :] if byte >= 0 else b"")
    try:
        answers = read(Response(200, {}, body), ids)
    except ValueError:
        return
    assert len(answers) == len(ids)
    truth = _truth(body, ids)
    for answer, said in zip(answers, truth, strict=True):
        if isinstance(answer, Outcome) and answer.fate is Fate.DELIVERED:
            assert said


@given(st.lists(st.sampled_from([201, 409]), min_size=1, max_size=3))
def test_every_event_that_the_answer_names_is_delivered(statuses: list[int]) -> None:
    """The other way round: nothing that is there is sent again."""
    items = [_item(id, status) for id, status in zip(IDS, statuses, strict=False)]
    answers = read(Response(200, {}, _body(*items)), IDS[: len(statuses)])
    assert [isinstance(answer, Outcome) and answer.fate is Fate.DELIVERED for answer in answers] == [True] * len(items)


def test_a_piece_that_would_break_the_request_is_refused_before_it_is_sent() -> None:
    """A raw line feed inside a piece would shift every line after it; a lone surrogate has no UTF-8."""
    build = adapter("/prefix").build
    good = '{"create":{}}\n{"a":1}\n'
    body = build([good, good])
    assert gzip.decompress(body.packed) == (good * 2).encode()
    assert body.size == 2 * len(good)
    assert body.target.startswith("/prefix/_bulk?")
    for bad in ('{"create":{}}\n{"a":\n1}\n', '{"create":{}}\n{"a":"\ud800"}\n', '{"create":{}}\n{"a":1}'):
        with pytest.raises(ValueError):  # noqa: PT011 - see above
            build([good, bad])
