"""Where the parts of a subscription payload lie, without parsing them: linear, no recursion, stops at the damage.

This is the slow road for payloads that msgspec refuses as a whole: truncated, several envelopes one after the other,
one broken log event among good ones. Only strings, brackets and commas are looked at, so an event that is broken
inside is still found from its first to its last brace.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+(")?', re.S)
_TOKEN = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+(")?|[{}\[\]]', re.S)
_SCALAR = re.compile(rb"[^\s,:\[\]{}\"]+")
_SPACE = re.compile(rb"\s*")


class Broken(Exception):
    """The JSON cannot be followed beyond `at`; `truncated`: because it ends there."""

    def __init__(self, at: int, truncated: bool) -> None:
        super().__init__(at)
        self.at = at
        self.truncated = truncated


class Envelope(msgspec.Struct):
    """The members of one envelope as spans of the text, the last of a name winning; `end` is behind its brace.

    `broken` says where the envelope cannot be followed any further; the value it stopped in then spans all the rest.
    """

    members: dict[bytes, tuple[int, int]]
    end: int
    broken: Broken | None = None


def envelope(data: bytes | bytearray, at: int) -> Envelope:
    """The envelope that starts at `at`, whole or up to where it breaks; raises Broken when there is no object there."""
    if data[at : at + 1] != b"{":
        raise Broken(at, truncated=at >= len(data))
    found = Envelope({}, at)
    at = space(data, at + 1)
    try:
        if data[at : at + 1] == b"}":
            found.end = at + 1
            return found
        while True:
            after = _string(data, at)
            key = bytes(data[at + 1 : after - 1])
            at = space(data, after)
            _expect(data, at, b":")
            at = space(data, at + 1)
            found.members[key] = (at, len(data))
            after = value(data, at)
            found.members[key] = (at, after)
            at = space(data, after)
            if data[at : at + 1] == b"}":
                found.end = at + 1
                return found
            _expect(data, at, b",")
            at = space(data, at + 1)
    except Broken as broken:
        found.broken = broken
        found.end = len(data)
        return found


def items(data: bytes | bytearray, at: int) -> Iterator[tuple[int, int]]:
    """The span of each item of the array that starts at `at`; raises Broken behind the last whole item."""
    _expect(data, at, b"[")
    at = space(data, at + 1)
    if data[at : at + 1] == b"]":
        return
    while True:
        after = value(data, at)
        yield at, after
        at = space(data, after)
        if data[at : at + 1] == b"]":
            return
        _expect(data, at, b",")
        at = space(data, at + 1)


def value(data: bytes | bytearray, at: int) -> int:
    """Where the value that starts at `at` ends."""
    first = data[at : at + 1]
    if first == b'"':
        return _string(data, at)
    if first in (b"{", b"["):
        depth = 0
        for token in _TOKEN.finditer(data, at):
            byte = data[token.start()]
            if byte == 0x22:
                if token[1] is None:
                    break
            elif byte in b"{[":
                depth += 1
            else:
                depth -= 1
                if not depth:
                    return token.end()
        raise Broken(at, truncated=True)
    scalar = _SCALAR.match(data, at)
    if scalar is None:
        raise Broken(at, truncated=at >= len(data))
    if scalar.end() == len(data):
        raise Broken(at, truncated=True)
    return scalar.end()


def space(data: bytes | bytearray, at: int) -> int:
    """The first place from `at` on that is not white space."""
    found = _SPACE.match(data, at)
    return found.end() if found else at


def _string(data: bytes | bytearray, at: int) -> int:
    found = _STRING.match(data, at)
    if found is None:
        raise Broken(at, truncated=at >= len(data))
    if found[1] is None:
        raise Broken(at, truncated=True)
    return found.end()


def _expect(data: bytes | bytearray, at: int, byte: bytes) -> None:
    if data[at : at + 1] != byte:
        raise Broken(at, truncated=at >= len(data))
