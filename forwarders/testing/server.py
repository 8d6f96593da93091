"""A real HTTP/1.1 server on a local socket that does what a script says, however rude."""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
import threading
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from forwarders.testing.script import Action, Received, Reply, Script, Step

_BUFFER = 1 << 16
_RESET = struct.pack("ii", 1, 0)
"""SO_LINGER on with a time of 0: closing sends RST, and what was not read yet is thrown away."""


class ScriptedServer:
    """Serves while the `with` block runs; `url` is its address, `requests` what it received.

    `tls` is a server-side context for HTTPS. Connections are kept alive as a client wishes, each in a thread.
    """

    def __init__(
        self, steps: Sequence[Step] = (), otherwise: Action | None = None, tls: ssl.SSLContext | None = None
    ) -> None:
        self._script = Script(steps, otherwise)
        self._tls = tls
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._ends = threading.Event()
        self._open: set[socket.socket] = set()
        self.connections = 0
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self._listener.getsockname()[1]}"

    @property
    def requests(self) -> list[Received]:
        """Every request so far, in the order in which they were read."""
        return self._script.requests

    @property
    def left(self) -> int:
        """How many steps have not been used."""
        return self._script.left

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ends.set()
        self._listener.close()
        self.hang_up()

    def hang_up(self) -> None:
        """Closes every open connection, as a load balancer does to idle ones."""
        for connection in list(self._open):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        while not self._ends.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._open.add(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        plain = connection
        try:
            if self._tls is not None:
                connection = self._tls.wrap_socket(connection, server_side=True)
            while not self._ends.is_set() and self._exchange(connection):
                pass
        except (OSError, ValueError):
            pass
        finally:
            self._open.discard(plain)
            connection.close()

    def _exchange(self, connection: socket.socket) -> bool:
        """One request and its reply; False when the connection is to be closed."""
        head, rest = _head(connection)
        if head is None:
            return False
        method, target, headers = head
        unread: list[bytes] = []
        request = Received(
            method, target, headers, lambda: unread.pop() if unread else _body(connection, headers, rest)
        )
        reply = self._script.reply(request)
        if reply.drop == "before":
            unread.append(b"")
        len(request.body)
        if reply.drop:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            return False
        if reply.silent:
            self._ends.wait()
            return False
        self._send(connection, _bytes(reply), reply.bytes_per_s)
        return reply.cut_after is None and reply.content_length is None

    def _send(self, connection: socket.socket, content: bytes, bytes_per_s: float) -> None:
        if not bytes_per_s:
            connection.sendall(content)
            return
        for byte in content:
            if self._ends.wait(1 / bytes_per_s):
                return
            connection.sendall(bytes([byte]))


Head = tuple[str, str, dict[str, str]]


def _head(connection: socket.socket) -> tuple[Head | None, bytes]:
    """Request line and headers, and what of the body came with them; None when the client is gone."""
    data = b""
    while b"\r\n\r\n" not in data:
        piece = connection.recv(_BUFFER)
        if not piece:
            return None, b""
        data += piece
    text, _, rest = data.partition(b"\r\n\r\n")
    first, *lines = text.decode("latin-1").split("\r\n")
    method, target, _ = first.split(" ", 2)
    pairs = (line.partition(":") for line in lines)
    return (method, target, {name.strip().lower(): value.strip() for name, _, value in pairs}), rest


def _body(connection: socket.socket, headers: dict[str, str], start: bytes) -> bytes:
    wanted = int(headers.get("content-length", "0"))
    pieces, size = [start], len(start)
    while size < wanted:
        piece = connection.recv(min(_BUFFER, wanted - size))
        if not piece:
            raise ConnectionError("the client left before its body was read")
        pieces.append(piece)
        size += len(piece)
    return b"".join(pieces)


def _bytes(reply: Reply) -> bytes:
    headers = dict(reply.headers)
    if reply.cut_after is None:
        length = len(reply.body) if reply.content_length is None else reply.content_length
        headers["content-length"] = str(length)
    else:
        headers["connection"] = "close"
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"HTTP/1.1 {reply.status} Scripted\r\n{lines}\r\n".encode("latin-1") + reply.body[: reply.cut_after]
