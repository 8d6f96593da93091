"""One HTTP request to one sink, with a deadline for all of it. No redirects, no proxies; delivery.py does the retries.

urllib3 is imported when the first request is made, because its import costs more than a cold start may spend on a
batch that is empty. One keep-alive connection a sink: a sink ships one request after the other.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Mapping
from time import monotonic
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from urllib3.connection import HTTPConnection
    from urllib3.response import BaseHTTPResponse

MAX_ANSWER_BYTES = 64 << 20
READ_BYTES = 1 << 16
MAX_CONNECT_S = 5.0
CONNECT_SHARE = 8
"""A connect gets an eighth of the time left: a name may have several addresses, and each is tried for that long."""


class Request(msgspec.Struct, frozen=True):
    """One POST: `target` is path and query, `body` as it goes over the wire."""

    target: str
    headers: Mapping[str, str]
    body: bytes


class Response(msgspec.Struct, frozen=True):
    """A whole answer; header names are lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class NoAnswer(Exception):
    """There is no whole answer. `sent`: the server may have read the request, so a copy may be there already.

    `lasting`: a try a second later would end the same way (a certificate, a name). `reason` is a bounded phrase.
    """

    def __init__(self, reason: str, *, sent: bool, lasting: bool = False) -> None:
        super().__init__(reason)
        self.reason, self.sent, self.lasting = reason, sent, lasting


Transport = Callable[[Request, float], Response]
"""Sends one request and reads the whole answer within so many seconds. Raises NoAnswer, and nothing else."""


class Endpoint(msgspec.Struct, frozen=True):
    """Where and whom we speak to. `prefix` is the URL's path without a slash at its end.

    `ca_file` replaces the system's authorities. `fingerprint` is the SHA-256 of the server's own (leaf) certificate in
    hex; without a CA file it is then the only thing that is checked, which is what a self-signed cluster needs.
    """

    scheme: str
    host: str
    port: int
    prefix: str = ""
    ca_file: str = ""
    fingerprint: str = ""


def endpoint(url: str, ca_file: str = "", fingerprint: str = "") -> Endpoint:
    """The endpoint that a URL such as `https://es.example:9243/logs/` names.

    Raises ValueError, which says what was found and never quotes it, because a URL may hold a password.
    """
    from urllib.parse import urlsplit

    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("no URL of a server")
    if parts.username or parts.password:
        raise ValueError("a URL with user or password in it")
    if parts.query or parts.fragment:
        raise ValueError("a URL with a query or fragment")
    port = parts.port or (443 if parts.scheme == "https" else 80)
    return Endpoint(parts.scheme, parts.hostname, port, parts.path.rstrip("/"), ca_file, fingerprint)


class Connection:
    """A Transport that keeps one connection to `target` open between requests; threads take turns."""

    def __init__(self, target: Endpoint) -> None:
        self._target = target
        self._lock = threading.Lock()
        self._held: HTTPConnection | None = None

    def __call__(self, request: Request, timeout_s: float) -> Response:
        ends = monotonic() + timeout_s
        with self._lock:
            if self._held is None:
                self._held = _connection(self._target)
            return _exchange(self._held, request, ends)

    def close(self) -> None:
        """The connection is given back; another request would open a new one."""
        with self._lock:
            if self._held is not None:
                self._held.close()


def _connection(target: Endpoint) -> HTTPConnection:
    from urllib3.connection import HTTPConnection, HTTPSConnection

    if target.scheme == "http":
        return HTTPConnection(target.host, target.port)
    trust: dict[str, Any] = {"cert_reqs": "CERT_REQUIRED"}
    if target.ca_file:
        trust["ca_certs"] = target.ca_file
    if target.fingerprint:
        trust["assert_fingerprint"] = target.fingerprint
        trust["cert_reqs"] = "CERT_REQUIRED" if target.ca_file else "CERT_NONE"
    return HTTPSConnection(target.host, target.port, **trust)


def _exchange(connection: HTTPConnection, request: Request, ends: float) -> Response:
    # A socket's time-out is for one read; a server that drips a byte a second would keep us for hours. The watchdog
    # ends the connection under whatever is waiting: sending, header or body.
    watchdog = threading.Timer(max(ends - monotonic(), 0.0), _cut, (connection,))
    watchdog.daemon = True
    watchdog.start()
    whole = False
    try:
        _connect(connection, ends - monotonic())
        response = _converse(connection, request, ends)
        whole = True
        return response
    finally:
        watchdog.cancel()
        if not whole:
            connection.close()


def _connect(connection: HTTPConnection, remaining_s: float) -> None:
    """Leaves an open connection. A kept one that the server has closed meanwhile is replaced before a byte is sent."""
    from urllib3.exceptions import HTTPError, NameResolutionError, TimeoutError

    if connection.sock is not None and not connection.is_connected:
        connection.close()
    if connection.sock is not None:
        return
    connection.timeout = max(min(MAX_CONNECT_S, remaining_s / CONNECT_SHARE), 0.001)
    try:
        connection.connect()
    except NameResolutionError:
        raise NoAnswer("name_not_resolved", sent=False, lasting=True) from None
    except (HTTPError, OSError, ValueError) as problem:
        if isinstance(problem, TimeoutError | OSError) and "timed out" in str(problem):
            raise NoAnswer("timeout", sent=False) from None
        if connection.sock is not None:  # connected, and then refused in the handshake
            raise NoAnswer("tls_refused", sent=False, lasting=True) from None
        raise NoAnswer("not_connected", sent=False) from None


def _converse(connection: HTTPConnection, request: Request, ends: float) -> Response:
    from http.client import HTTPException

    from urllib3.exceptions import HTTPError

    connection.timeout = max(ends - monotonic(), 0.001)
    try:
        # A server that refuses a large body may close its ear before its mouth; what it says is still there to read.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            connection.request(
                "POST", request.target, request.body, request.headers, preload_content=False, decode_content=False
            )
        answer = connection.getresponse()
        body = _read(answer, ends)
        headers = {name.lower(): value for name, value in answer.headers.items()}
        return Response(answer.status, headers, body)
    except (HTTPError, HTTPException, OSError, ValueError):
        raise NoAnswer("timeout" if monotonic() >= ends else "connection_lost", sent=True) from None


def _read(answer: BaseHTTPResponse, ends: float) -> bytes:
    pieces: list[bytes] = []
    size = 0
    while piece := answer.read(READ_BYTES, decode_content=False):
        size += len(piece)
        if size > MAX_ANSWER_BYTES:
            raise NoAnswer("answer_too_big", sent=True)
        if monotonic() >= ends:
            raise NoAnswer("timeout", sent=True)
        pieces.append(piece)
    return b"".join(pieces)


def _cut(connection: HTTPConnection) -> None:
    sock = connection.sock
    if sock is not None:
        # The plain socket's method: an SSL socket's own one would drop the session that the other thread reads.
        with contextlib.suppress(OSError):
            socket.socket.shutdown(sock, socket.SHUT_RDWR)
