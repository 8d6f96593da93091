"""The engine of the HTTP sinks on its own: sizes, searching for culprits, and what it remembers between calls."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forwarders.model import ALREADY_PRESENT, DELIVERED, Fate, Outcome
from forwarders.sinks.delivery import Adapter, Answer, Body, Delivery, Limits, Retry, gzipped, seconds
from forwarders.sinks.http import Request, Response, Transport
from forwarders.testing import Action, FakeClock, FakeHttp, Received, Reply, status


def _build(pieces: Sequence[str]) -> Body:
    return gzipped("/", "text/plain", ["\n".join(pieces).encode()])


def _read(response: Response, ids: Sequence[str]) -> Sequence[Answer]:
    return [_ANSWERS[word] for word in response.body.decode().split()]


_ANSWERS: dict[str, Answer] = {
    "ok": DELIVERED,
    "had": ALREADY_PRESENT,
    "busy": Retry("busy"),
    "bad": Outcome(Fate.DEAD, "bad"),
}
ADAPTER = Adapter(_build, _read, lambda response: "bad", idempotent=True)


def _ok(request: Received) -> Reply:
    return Reply(200, b" ".join([b"ok"] * len(request.body.split(b"\n"))))


def _engine(transport: Transport, clock: FakeClock, **limits: float) -> Delivery:
    return Delivery(transport, dict, msgspec.structs.replace(Limits(), **limits), clock.surroundings())


def _ids(n: int) -> list[str]:
    return [f"{number:032x}" for number in range(n)]


def _refusing(code: int, culprits: set[str], largest: float = math.inf) -> Action:
    def answer(request: Received) -> Reply:
        pieces = request.body.decode().split("\n")
        if len(request.body) > largest:
            return Reply(413)
        return Reply(code) if culprits & set(pieces) else _ok(request)

    return answer


@pytest.mark.parametrize("culprit", [0, 1, 511, 640, 1023])
@pytest.mark.parametrize(("code", "reason"), [(400, "sink_rejected:bad"), (413, "oversize_sink")])
def test_one_culprit_in_a_thousand_is_found_in_few_requests(culprit: int, code: int, reason: str) -> None:
    """At most 2·log2(n)+1 requests, the rest delivered."""
    clock = FakeClock()
    http = FakeHttp([], _refusing(code, {f"piece {culprit}"}), clock)
    pieces = [f"piece {number}" for number in range(1024)]
    outcomes = _engine(http, clock).deliver(ADAPTER, pieces, _ids(1024), lambda: 60.0)
    assert outcomes[culprit] == Outcome(Fate.DEAD, reason)
    assert list(outcomes).count(DELIVERED) == 1023
    assert len(http.requests) <= 2 * math.log2(1024) + 1


def test_what_a_server_called_too_large_is_not_tried_again() -> None:
    """The first call finds out, the second begins with requests that fit."""
    clock = FakeClock()
    http = FakeHttp([], _refusing(400, set(), largest=1000), clock)
    engine = _engine(http, clock)
    pieces = ["x" * 99] * 64
    assert list(engine.deliver(ADAPTER, pieces, _ids(64), lambda: 60.0)) == [DELIVERED] * 64
    first = len(http.requests)
    assert list(engine.deliver(ADAPTER, pieces, _ids(64), lambda: 60.0)) == [DELIVERED] * 64
    assert [len(request.body) > 1000 for request in http.requests[first:]] == [False] * (len(http.requests) - first)


@pytest.mark.parametrize("character", ["x", "é", "☃", "😀"])
def test_requests_hold_as_much_as_they_may_and_no_more(character: str) -> None:
    """Sizes are bytes of UTF-8, whatever the characters."""
    clock = FakeClock()
    http = FakeHttp([], _ok, clock)
    pieces = [character * 30] * 100
    outcomes = _engine(http, clock, max_body_bytes=500).deliver(ADAPTER, pieces, _ids(100), lambda: 60.0)
    assert list(outcomes) == [DELIVERED] * 100
    sizes = [len(request.body) for request in http.requests]
    assert max(sizes) <= 500
    assert min(sizes[:-1]) > 500 - len(character.encode()) * 30 - 4


def test_requests_hold_no_more_items_than_they_may() -> None:
    """`max_items` is a limit of its own."""
    clock = FakeClock()
    http = FakeHttp([], _ok, clock)
    _engine(http, clock, max_items=4).deliver(ADAPTER, ["x"] * 10, _ids(10), lambda: 60.0)
    assert [request.body.count(b"x") for request in http.requests] == [4, 4, 2]


def test_a_piece_that_is_larger_than_any_request_is_dead_without_being_sent() -> None:
    """Its neighbours are delivered."""
    clock = FakeClock()
    http = FakeHttp([], _ok, clock)
    outcomes = _engine(http, clock, max_body_bytes=50).deliver(ADAPTER, ["a", "b" * 51, "c"], _ids(3), lambda: 60.0)
    assert list(outcomes) == [DELIVERED, Outcome(Fate.DEAD, "oversize_sink"), DELIVERED]
    assert b"b" not in b"".join(request.body for request in http.requests)


def test_a_piece_that_cannot_be_encoded_is_dead_and_its_neighbours_are_delivered() -> None:
    """A lone surrogate costs one event and no request."""
    clock = FakeClock()
    http = FakeHttp([], _ok, clock)
    outcomes = _engine(http, clock).deliver(ADAPTER, ["a", "\ud800", "c", "d"], _ids(4), lambda: 60.0)
    assert list(outcomes) == [DELIVERED, Outcome(Fate.DEAD, "not_encodable"), DELIVERED, DELIVERED]
    assert len(http.requests) == 2


@pytest.mark.parametrize(
    "read", [lambda response, ids: [], lambda response, ids: 1 / 0, lambda response, ids: [DELIVERED] * 9]
)
def test_a_bug_in_reading_an_answer_delivers_nothing(read: Callable[..., Sequence[Answer]]) -> None:
    """Too few, too many, or an exception: not understood, so returned."""
    clock = FakeClock()
    adapter = msgspec.structs.replace(ADAPTER, read=read)
    outcomes = _engine(FakeHttp([], _ok, clock), clock).deliver(adapter, ["a", "b"], _ids(2), clock.deadline(3))
    assert [(outcome.fate, outcome.reason) for outcome in outcomes] == [(Fate.RETURNED, "not_understood")] * 2


def test_a_bug_in_a_transport_delivers_nothing() -> None:
    """An exception that it should not raise: whether the request went out is not known."""

    def broken(request: Request, timeout_s: float) -> Response:
        raise RuntimeError("bug")

    clock = FakeClock()
    outcomes = _engine(broken, clock).deliver(ADAPTER, ["a"], _ids(1), clock.deadline(3))
    assert list(outcomes) == [Outcome(Fate.RETURNED, "transport_failed", ambiguous=True)]


def test_a_sink_that_is_down_is_left_alone_and_found_again() -> None:
    """After thirty requests in vain nothing is sent for a while; then one request finds out, and all is as before."""
    clock = FakeClock()
    up: list[bool] = []
    http = FakeHttp([], lambda request: _ok(request) if up else Reply(503), clock)
    engine = _engine(http, clock)

    def deliver() -> list[Outcome]:
        return list(engine.deliver(ADAPTER, ["a", "b"], _ids(2), lambda: math.inf))

    down = [Outcome(Fate.RETURNED, "http_503")] * 2
    assert deliver() == down
    assert len(http.requests) == 30
    assert deliver() == down
    assert len(http.requests) == 30
    clock.now += 31
    assert deliver() == down
    assert len(http.requests) == 31
    up.append(True)
    assert deliver() == down
    clock.now += 31
    assert deliver() == [DELIVERED] * 2
    assert deliver() == [DELIVERED] * 2


def test_no_request_is_given_more_time_than_there_is() -> None:
    """The shorter of the request's own time and what the deadline leaves, less a grace."""
    times: list[float] = []
    clock = FakeClock()

    def timed(request: Request, timeout_s: float) -> Response:
        times.append(timeout_s)
        return Response(200, {}, b"ok")

    for remaining in (100.0, 2.0, math.inf):
        _engine(timed, clock).deliver(ADAPTER, ["a"], _ids(1), lambda remaining=remaining: remaining)  # type: ignore[misc]
    assert times == [30.0, 1.9, 30.0]


def test_when_time_runs_out_between_two_requests_the_rest_is_returned() -> None:
    """What was delivered stays delivered; what was never sent says so."""
    clock = FakeClock()

    def slow(request: Received) -> Reply:
        clock.now += 2
        return _ok(request)

    engine = _engine(FakeHttp([], slow, clock), clock, max_items=1)
    outcomes = engine.deliver(ADAPTER, ["a", "b", "c"], _ids(3), clock.deadline(3))
    assert list(outcomes) == [DELIVERED, DELIVERED, Outcome(Fate.RETURNED, "deadline")]


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("7", 7.0),
        (" 7 ", 7.0),
        ("0", 0.0),
        ("-7", 0.0),
        ("7.5", 0.0),
        ("soon", 0.0),
        ("", 0.0),
        ("٧", 0.0),
        ("9" * 400, 999999999.0),
        ("Thu, 01 Jan 1970 00:16:50 GMT", 10.0),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 0.0),
        ("Thu, 99 Jan 1970 00:00:00 GMT", 0.0),
        ("Fri, 31 Dec 99999 23:59:59 GMT", 0.0),
    ],
)
def test_retry_after_is_read_as_seconds_from_now(header: str, expected: float) -> None:
    """Seconds or an HTTP date; anything else counts as not said."""
    assert seconds(header, lambda: 1000.0) == expected


_words = st.sampled_from(["ok", "had", "busy", "bad"])
_replies = st.one_of(
    st.lists(_words, max_size=6).map(lambda words: Reply(200, " ".join(words).encode())),
    st.sampled_from([200, 204, 301, 400, 401, 404, 413, 429, 500, 503, 999, 0]).map(lambda code: Reply(code, b"?")),
    st.sampled_from([Reply(drop="after"), Reply(drop="before"), Reply(silent=True)]),
)


@given(st.lists(_replies, max_size=12), st.integers(0, 6), st.floats(0.1, 100), st.booleans())
def test_whatever_a_server_does_each_event_has_one_fate(
    replies: list[Reply], n: int, time_s: float, idempotent: bool
) -> None:
    """One outcome for each piece, in time, and none delivered that no answer has named."""
    clock = FakeClock()
    named: set[str] = set()

    def noting(request: Request, timeout_s: float) -> Response:
        response = http(request, timeout_s)
        pieces = http.requests[-1].body.decode().split("\n")
        words = response.body.decode().split()
        if 200 <= response.status < 300 and len(words) == len(pieces):
            named.update(piece for piece, word in zip(pieces, words, strict=True) if word in ("ok", "had"))
        return response

    http = FakeHttp([lambda request, reply=reply: reply for reply in replies], status(503), clock)  # type: ignore[misc]
    adapter = msgspec.structs.replace(ADAPTER, idempotent=idempotent)
    pieces = [f"piece {number}" for number in range(n)]
    deadline = clock.deadline(time_s)
    outcomes = _engine(noting, clock).deliver(adapter, pieces, _ids(n), deadline)
    assert len(outcomes) == n
    assert deadline() >= 0
    assert {outcome.fate for outcome in outcomes} <= {Fate.DELIVERED, Fate.DEAD, Fate.RETURNED}
    delivered = {piece for piece, outcome in zip(pieces, outcomes, strict=True) if outcome.fate is Fate.DELIVERED}
    assert delivered <= named
