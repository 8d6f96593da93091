"""The engine of every HTTP sink: sends pieces, and says of each what became of it, by position.

A sink brings an Adapter (how a request is built, how an answer is read) and a Transport. The engine splits, retries
what may succeed later, isolates what never will, and stops before the deadline. It never raises for what a server
does. `delivered` comes from the adapter's reading of the sink's own answer, or not at all.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import cast

import msgspec
from isal import isal_zlib

from forwarders.errors import Transient
from forwarders.model import DELIVERED, Deadline, Fate, Outcome
from forwarders.sinks.http import NoAnswer, Request, Response, Transport


class Retry(msgspec.Struct, frozen=True, gc=False):
    """This item may succeed later. `maybe_taken`: the server may have taken it all the same."""

    reason: str
    maybe_taken: bool = False


Answer = Outcome | Retry

SEND_AGAIN = ""
"""What `Adapter.refused` gives when the request as such was wrong and the next one will be built without the fault."""


class Body(msgspec.Struct, frozen=True):
    """A request, gzipped; `size` is its bytes before compression."""

    target: str
    content_type: str
    packed: bytes
    size: int


def gzipped(target: str, content_type: str, parts: Iterable[bytes]) -> Body:
    """The request whose content is all `parts` in a row, compressed while they are made.

    Parts of some 50 kB cost half of what one large one costs: memory is used again instead of being asked for
    (0.6 µs an event of 700 bytes, most of it page faults). Level 1 is ISA-L's fastest that still compresses; a higher
    one costs more CPU here than it saves on the wire.
    """
    stream = isal_zlib.compressobj(1, isal_zlib.DEFLATED, 31)
    size, packed = 0, []
    for part in parts:
        size += len(part)
        packed.append(stream.compress(part))
    packed.append(stream.flush())
    return Body(target, content_type, b"".join(packed), size)


class Adapter(msgspec.Struct, frozen=True):
    """What the engine has to know of a sink.

    `build` makes one request of pieces; it raises ValueError when a piece cannot be sent at all.
    `read` gives one answer for each id of a request that was answered with 2xx; it raises ValueError (msgspec's errors
    are some) when it does not understand the answer.
    `refused` names a 400 with a bounded phrase, or gives SEND_AGAIN.
    `idempotent`: a second copy of an event changes nothing, so repeating a request ends all doubt about it.
    """

    build: Callable[[Sequence[str]], Body]
    read: Callable[[Response, Sequence[str]], Sequence[Answer]]
    refused: Callable[[Response], str]
    idempotent: bool


class Limits(msgspec.Struct, frozen=True):
    """Sizes are bytes before compression; times are seconds.

    `grace_s` of the deadline are never used. Waits double from `first_wait_s` to `longest_wait_s`, each drawn at random
    between nothing and that (full jitter); a server's own Retry-After counts up to `longest_retry_after_s`. After
    `tries` requests on end that brought nothing the engine rests for `rest_s`: until then everything is returned at
    once, then one request finds out whether the sink is back.
    """

    max_body_bytes: int = 2 << 20
    max_items: int = 10_000
    timeout_s: float = 30.0
    grace_s: float = 0.1
    first_wait_s: float = 0.1
    longest_wait_s: float = 10.0
    longest_retry_after_s: float = 900.0
    tries: int = 30
    rest_s: float = 30.0
    max_blamed: int = 16
    """Single events that may be refused on end before the sink, and not the events, is what is wrong."""


class Surroundings(msgspec.Struct, frozen=True):
    """Clock (monotonic seconds), wall clock (seconds since the epoch), sleep and randomness, for tests to replace."""

    clock: Callable[[], float] = time.monotonic
    wall_clock: Callable[[], float] = time.time
    sleep: Callable[[float], None] = time.sleep
    random: Callable[[], float] = random.random


class _Memory(msgspec.Struct):
    """What the engine has learned: how many requests on end have brought nothing, why, and until when it rests because
    of it; and a size (bytes) above which the server has said 413.
    """

    ceiling: int
    fruitless: int = 0
    reason: str = ""
    rests_until: float = 0.0


_HOPELESS = {404: "not_found", 405: "not_found", 407: "proxy_refused"}
_TRIES_OF_HOPELESS = 3


class Delivery:
    """The engine of one sink in one process; it remembers whether the sink was reachable. Not for several threads.

    `credentials` gives the headers that say who we are: asked before the first request, and again after a 401 or 403,
    so that a rotated secret is found. It raises Transient when the secret's keeper is out of reach.
    """

    def __init__(
        self,
        transport: Transport,
        credentials: Callable[[], Mapping[str, str]],
        limits: Limits,
        around: Surroundings,
    ) -> None:
        self._transport = transport
        self._credentials = credentials
        self._headers: dict[str, str] = {}
        self._around = around
        self._memory = _Memory(limits.max_body_bytes)
        self.limits = limits

    def deliver(
        self, adapter: Adapter, pieces: Sequence[str], ids: Sequence[str], deadline: Deadline
    ) -> Sequence[Outcome]:
        """One outcome for each piece, by position; what was not delivered in time is returned with the reason."""
        return _Run(self, adapter, pieces, ids, deadline).outcomes()

    def stop_reason(self, deadline: Deadline) -> str:
        """Why nothing may be sent now; empty when it may."""
        if deadline() <= self.limits.grace_s:
            return "deadline"
        memory, limits = self._memory, self.limits
        if memory.fruitless >= limits.tries and self._around.clock() < memory.rests_until:
            return memory.reason
        return ""

    def send(self, body: Body, deadline: Deadline) -> Response:
        """One request. Raises NoAnswer, and nothing else."""
        if not self._headers:
            try:
                self._headers = {"accept-encoding": "identity", "content-encoding": "gzip", **self._credentials()}
            except Transient:
                raise NoAnswer("secret_unavailable", sent=False) from None
        headers = {**self._headers, "content-type": body.content_type}
        request = Request(body.target, headers, body.packed)
        try:
            return self._transport(request, min(self.limits.timeout_s, deadline() - self.limits.grace_s))
        except NoAnswer:
            raise
        except Exception:  # a transport's bug: whether the request went out is not known
            raise NoAnswer("transport_failed", sent=True) from None

    def distrust(self) -> None:
        """The next request asks for the credentials again."""
        self._headers = {}

    def refused_size(self, size: int) -> None:
        """The server has said 413 to several pieces of `size` bytes: what is nearly as large is not worth a try."""
        self._memory.ceiling = min(self._memory.ceiling, size * 3 // 4)

    @property
    def ceiling(self) -> int:
        """How large (bytes before compression) a request of more than one piece may be."""
        return self._memory.ceiling

    def fruitful(self) -> None:
        """The sink has understood a request: what came before is forgotten."""
        self._memory.fruitless = 0

    def fruitless(self, reason: str, tries: int) -> bool:
        """One request brought nothing; of its kind `tries` on end are allowed. False: the engine rests now."""
        memory, limits = self._memory, self.limits
        memory.fruitless = min(memory.fruitless + -(-limits.tries // tries), limits.tries)
        if memory.fruitless < limits.tries:
            return True
        memory.reason, memory.rests_until = reason, self._around.clock() + limits.rest_s
        return False

    def pause(self, fruitless_on_end: int, retry_after: str, deadline: Deadline) -> bool:
        """Waits before the next try; False at once when the wait would not fit into the deadline."""
        limits, around = self.limits, self._around
        wait = seconds(retry_after, around.wall_clock) if retry_after else 0.0
        if wait > limits.longest_retry_after_s:
            return False
        if wait <= 0:
            ceiling = min(limits.longest_wait_s, limits.first_wait_s * 2 ** min(fruitless_on_end, 30))
            wait = ceiling * around.random()
        if wait >= deadline() - limits.grace_s:
            return False
        around.sleep(wait)
        return True


def seconds(retry_after: str, wall_clock: Callable[[], float]) -> float:
    """A Retry-After header (`120`, or an HTTP date) as seconds from now; 0 for what is neither, and for the past."""
    text = retry_after.strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    from email.utils import parsedate_to_datetime  # 8 ms that only a date costs

    try:
        return max(parsedate_to_datetime(text).timestamp() - wall_clock(), 0.0)
    except (ValueError, TypeError, OverflowError, IndexError):
        return 0.0


class _Run:
    """One call of `deliver`: what is still to be sent, and what is known by now."""

    def __init__(
        self, engine: Delivery, adapter: Adapter, pieces: Sequence[str], ids: Sequence[str], deadline: Deadline
    ) -> None:
        self._engine = engine
        self._adapter = adapter
        self._pieces, self._ids = pieces, ids
        self._deadline = deadline
        self._known: list[Outcome | None] = [None] * len(pieces)
        self._doubtful: set[int] = set()
        self._why: dict[int, str] = {}
        self._tries = 0
        self._blamed = 0
        self._accepted = False
        self._refused_sizes: list[int] = []
        self._largest_taken = 0
        self._loads: list[Sequence[int]] = []

    def outcomes(self) -> Sequence[Outcome]:
        """Works through everything, then says what is known of each position."""
        if not self._pieces:
            return []
        everything = range(len(self._pieces))
        limits = self._engine.limits
        roomy = len(everything) <= limits.max_items and sum(map(len, self._pieces)) <= limits.max_body_bytes
        self._loads = [everything] if roomy else self._split(everything)
        while self._loads:
            reason = self._engine.stop_reason(self._deadline)
            if reason:
                self._give_back(reason)
                break
            self._step(self._loads.pop())
        self._learn_size()
        return self._conclusion()

    def _learn_size(self) -> None:
        """If nothing was too large by itself, it was the size of the requests that the server did not take."""
        smallest = min(self._refused_sizes, default=0)
        if smallest > self._largest_taken and Outcome(Fate.DEAD, "oversize_sink") not in self._known:
            self._engine.refused_size(smallest)

    def _step(self, load: Sequence[int]) -> None:
        try:
            body = self._adapter.build(self._of(self._pieces, load))
        except ValueError:
            self._isolate(load, "not_encodable")
            return
        size = body.size
        if size > self._engine.limits.max_body_bytes:
            self._too_big(load)
            return
        if len(load) > 1 and size > self._engine.ceiling:
            self._halve(load)
            return
        try:
            response = self._engine.send(body, self._deadline)
        except NoAnswer as problem:
            if problem.sent:
                self._doubtful.update(load)
            self._later(load, problem.reason, "", _TRIES_OF_HOPELESS if problem.lasting else 0)
            return
        self._judge(load, response, size)

    def _judge(self, load: Sequence[int], response: Response, size: int) -> None:
        status = response.status
        if 200 <= status < 300:
            self._largest_taken = max(self._largest_taken, size)
            self._read(load, response)
        elif status == 413:
            self._engine.fruitful()
            self._refused_sizes.append(size)
            self._isolate(load, "oversize_sink")
        elif status == 400:
            self._refused(load, response)
        else:
            self._failed(load, status, response.headers.get("retry-after", ""))

    def _failed(self, load: Sequence[int], status: int, retry_after: str) -> None:
        if status in (401, 403):
            self._engine.distrust()
            self._later(load, "unauthorised", retry_after, 1)
        elif status in _HOPELESS or 300 <= status < 400:
            self._later(load, _HOPELESS.get(status, "redirected"), retry_after, _TRIES_OF_HOPELESS)
        else:
            # 429 and 503 say that nothing was taken; behind any other answer a gateway may have lost a success.
            if status >= 500 and status != 503:
                self._doubtful.update(load)
            self._later(load, f"http_{status}" if 100 <= status <= 599 else "not_understood", retry_after)

    def _read(self, load: Sequence[int], response: Response) -> None:
        try:
            answers = self._adapter.read(response, self._of(self._ids, load))
        except Exception:  # an adapter's bug must not become a delivery either
            answers = []
        if len(answers) != len(load):
            self._doubtful.update(load)
            self._later(load, "not_understood", "")
            return
        if answers.count(DELIVERED) == len(answers):
            self._engine.fruitful()
            self._accept(load)
            return
        again: list[int] = []
        for position, answer in zip(load, answers, strict=True):
            if isinstance(answer, Outcome):
                self._known[position] = answer
            else:
                again.append(position)
                self._why[position] = answer.reason
                if answer.maybe_taken:
                    self._doubtful.add(position)
        self._after_partial(load, again, response)

    def _accept(self, load: Sequence[int]) -> None:
        self._tries, self._accepted = 0, True
        if len(load) == len(self._known):
            self._known = [DELIVERED] * len(load)
        else:
            for position in load:
                self._known[position] = DELIVERED

    def _after_partial(self, load: Sequence[int], again: Sequence[int], response: Response) -> None:
        if len(again) < len(load):
            self._engine.fruitful()
            self._tries, self._accepted = 0, True
        if again:
            reason = self._why[again[0]]
            tries = 0 if len(again) == len(load) else -1
            self._later(again, reason, response.headers.get("retry-after", ""), tries)

    def _refused(self, load: Sequence[int], response: Response) -> None:
        try:
            phrase = self._adapter.refused(response)
        except Exception:  # whatever the body was, the status is what counts
            phrase = "http_400"
        if phrase == SEND_AGAIN:
            self._later(load, "http_400", "", _TRIES_OF_HOPELESS, at_once=True)
            return
        self._engine.fruitful()
        if len(load) == 1 and not self._accepted and self._blamed >= self._engine.limits.max_blamed:
            self._loads.append(load)
            self._give_back("http_400")
        else:
            self._blamed += len(load) == 1
            self._isolate(load, f"sink_rejected:{phrase}")

    def _isolate(self, load: Sequence[int], reason: str) -> None:
        if len(load) > 1:
            self._halve(load)
        else:
            self._bury(load, reason)

    def _halve(self, load: Sequence[int]) -> None:
        middle = len(load) // 2
        self._loads.append(load[middle:])
        self._loads.append(load[:middle])

    def _bury(self, load: Sequence[int], reason: str) -> None:
        for position in load:
            self._known[position] = Outcome(Fate.DEAD, reason)

    def _too_big(self, load: Sequence[int]) -> None:
        if len(load) == 1:
            self._bury(load, "oversize_sink")
            return
        parts = self._split(load)
        if len(parts) > 1:
            self._loads.extend(parts)
        else:  # what the adapter adds around the pieces is what is too much
            self._halve(load)

    def _later(self, load: Sequence[int], reason: str, retry_after: str, tries: int = 0, at_once: bool = False) -> None:
        """`load` comes again after a pause. `tries` on end may end so; 0: as many as usual, -1: any."""
        for position in load:
            self._why[position] = reason
        self._loads.append(load)
        goes_on = tries < 0 or self._engine.fruitless(reason, tries or self._engine.limits.tries)
        if not goes_on or not (at_once or self._engine.pause(self._tries, retry_after, self._deadline)):
            self._give_back(reason)
        self._tries += 1

    def _give_back(self, reason: str) -> None:
        for load in self._loads:
            for position in load:
                self._known[position] = Outcome(Fate.RETURNED, self._why.get(position, reason))
        self._loads = []

    def _split(self, load: Sequence[int]) -> list[Sequence[int]]:
        """`load` in parts that each fit into one request, last part first; a piece that never fits is a part alone."""
        limits = self._engine.limits
        parts: list[Sequence[int]] = []
        part: list[int] = []
        size = 0
        for position in load:
            piece = self._pieces[position]
            length = 1 + (len(piece) if piece.isascii() else len(piece.encode("utf-8", "surrogatepass")))
            if part and (size + length > limits.max_body_bytes - 2 or len(part) >= limits.max_items):
                parts.append(part)
                part, size = [], 0
            part.append(position)
            size += length
        parts.append(part)
        return parts[::-1]

    def _of(self, values: Sequence[str], load: Sequence[int]) -> Sequence[str]:
        return values if len(load) == len(values) else [values[position] for position in load]

    def _conclusion(self) -> Sequence[Outcome]:
        if not self._doubtful and None not in self._known:
            return cast("list[Outcome]", self._known)
        return [self._final(position, outcome) for position, outcome in enumerate(self._known)]

    def _final(self, position: int, outcome: Outcome | None) -> Outcome:
        if outcome is None:
            outcome = Outcome(Fate.RETURNED, "not_understood")
        if position not in self._doubtful:
            return outcome
        # An idempotent sink that takes an event says so of every copy, which settles the doubt; nothing else does.
        if self._adapter.idempotent and outcome.fate is Fate.DELIVERED:
            return outcome
        return Outcome(outcome.fate, outcome.reason, ambiguous=True)
