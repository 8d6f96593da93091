"""What a scripted server answers: a list of steps, each an action or (match, action), used up one by one."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from urllib.parse import parse_qsl, urlsplit

import msgspec
from isal import isal_zlib


@dataclass(frozen=True)
class Received:
    """One request as the server read it; header names are lower case. `read` reads the body off the connection."""

    method: str
    target: str
    headers: Mapping[str, str]
    read: Callable[[], bytes]

    @cached_property
    def body(self) -> bytes:
        """The body, decompressed; read when it is first asked for. Empty when it was dropped unread."""
        body = self.read()
        return isal_zlib.decompress(body, 31) if self.headers.get("content-encoding") == "gzip" and body else body

    @property
    def path(self) -> str:
        """The target without its query."""
        return urlsplit(self.target).path

    @property
    def query(self) -> dict[str, str]:
        """The parameters of the target."""
        return dict(parse_qsl(urlsplit(self.target).query, keep_blank_values=True))

    def json(self) -> object:
        """The body, parsed."""
        return msgspec.json.decode(self.body)

    def lines(self) -> list[object]:
        """The body's lines (NDJSON), each parsed."""
        return [msgspec.json.decode(line) for line in self.body.splitlines()]


@dataclass(frozen=True)
class Reply:
    """What the server does with a request.

    `drop` ends the connection with a reset: `before` the body is read, or `after`. `silent` reads and never answers.
    `bytes_per_s` drips the answer. `cut_after` sends so many bytes of the body and closes. `content_length` lies.
    """

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    drop: str = ""
    silent: bool = False
    bytes_per_s: float = 0.0
    cut_after: int | None = None
    content_length: int | None = None


Action = Callable[[Received], Reply]
"""Decides what a request gets. Called once for each, in the server's thread."""

Match = Callable[[Received], bool]
Step = Action | tuple[Match, Action]


class Script:
    """Steps, and what they have been used for. A step that does not match is passed over and stays for a later request.

    A request that no step wants gets `otherwise`. Every received request is in `requests`.
    """

    def __init__(self, steps: Sequence[Step] = (), otherwise: Action | None = None) -> None:
        self._steps = list(steps)
        self._otherwise = otherwise or status(500, b"the script has ended")
        self._lock = threading.Lock()
        self.requests: list[Received] = []

    def reply(self, request: Received) -> Reply:
        """The reply of the first step that wants `request`; the step is used up."""
        with self._lock:
            self.requests.append(request)
            for number, step in enumerate(self._steps):
                match, action = step if isinstance(step, tuple) else (None, step)
                if match is None or match(request):
                    del self._steps[number]
                    return action(request)
            return self._otherwise(request)

    @property
    def left(self) -> int:
        """How many steps have not been used."""
        return len(self._steps)


def status(code: int, body: bytes | str = b"", headers: Mapping[str, str] | None = None) -> Action:
    """This status and body, whatever was asked."""
    content = body.encode() if isinstance(body, str) else body
    return lambda request: Reply(code, content, headers or {})


def html(code: int = 200) -> Action:
    """A page, as a login portal or a proxy answers."""
    return status(code, "<html><body>Please sign in</body></html>", {"content-type": "text/html"})


def redirect(location: str, code: int = 302) -> Action:
    """Points elsewhere."""
    return status(code, b"", {"location": location})


def drop(when: str = "after") -> Action:
    """Resets the connection `before` or `after` the body was read."""
    return lambda request: Reply(drop=when)


def silence() -> Action:
    """Reads the request and never answers."""
    return lambda request: Reply(silent=True)


def drip(bytes_per_s: float, action: Action) -> Action:
    """The action's whole answer, header and body, so slowly."""
    return lambda request: _with(action(request), bytes_per_s=bytes_per_s)


def truncated(keep: int, action: Action) -> Action:
    """The action's answer without a Content-Length, whose body ends after `keep` bytes as if that were all."""
    return lambda request: _with(action(request), cut_after=keep)


def wrong_length(length: int, action: Action) -> Action:
    """The action's answer with a Content-Length that is not true."""
    return lambda request: _with(action(request), content_length=length)


def _with(reply: Reply, **changes: object) -> Reply:
    return Reply(**{**reply.__dict__, **changes})
