"""The floor: the native calls that the work cannot do without, and nothing else.

Base64, gunzip, the parse of the envelope and of each event (for access lines one regular expression), one validation,
one 128-bit hash, with redaction one keyed hash (BLAKE2b), one serialisation; each event joined with text as long as the
rest of its document, and all of it gzipped in parts, which is the cheapest way. It accounts for nothing and proves
nothing.
"""

from __future__ import annotations

import binascii
import hashlib
import re
from collections.abc import Callable
from typing import Any

import msgspec
import xxhash
from isal import isal_zlib

_KEY = b"k" * 32
_LINE = re.compile(r'(\S+) (\S+) (\S+) \[([^\]]+)\] "([^"\\]*)" (\d{3}) (\d+|-) "([^"\\]*)" "([^"\\]*)"')


class _LogEvent(msgspec.Struct, gc=False):
    id: str
    timestamp: int
    message: str


class _Envelope(msgspec.Struct):
    logEvents: list[_LogEvent]


_envelope = msgspec.json.Decoder(_Envelope).decode
_json = msgspec.json.Decoder().decode


def json_events(data: str, is_valid: Callable[[Any], bool], field: str, redact: bool, rest: bytes) -> int:
    """The floor for JSON events; `field` is what is hashed. Returns the size of the request."""
    blake2b, digest, dumps, loads = hashlib.blake2b, xxhash.xxh3_128_digest, msgspec.json.encode, _json
    parts: list[bytes] = []
    for event in _envelope(isal_zlib.decompress(binascii.a2b_base64(data), 31)).logEvents:
        parsed = loads(event.message)
        is_valid(parsed)
        digest(event.id.encode())
        if redact:
            parsed[field] = blake2b(parsed[field].encode(), key=_KEY, digest_size=16).hexdigest()
        parts += (rest, dumps(parsed))
    return _packed(parts)


def access_lines(
    data: str, is_valid: Callable[[Any], bool], events: list[dict[str, Any]], redact: bool, rest: bytes
) -> int:
    """The floor for access lines: the regular expression parses; `events`, made before, stand for its outcome."""
    blake2b, digest, dumps, match = hashlib.blake2b, xxhash.xxh3_128_digest, msgspec.json.encode, _LINE.match
    parts: list[bytes] = []
    log_events = _envelope(isal_zlib.decompress(binascii.a2b_base64(data), 31)).logEvents
    for event, parsed in zip(log_events, events, strict=True):
        found = match(event.message)
        assert found is not None
        groups = found.groups()
        is_valid(parsed)
        digest(event.id.encode())
        if redact:
            address = blake2b(groups[0].encode(), key=_KEY, digest_size=16).hexdigest()
            parsed["source"]["address"] = address
        parts += (rest, dumps(parsed))
    return _packed(parts)


def _packed(parts: list[bytes]) -> int:
    """Joined and compressed some at a time, so that memory is used again."""
    stream = isal_zlib.compressobj(1, isal_zlib.DEFLATED, 31)
    packed = [stream.compress(b"".join(parts[start : start + 128])) for start in range(0, len(parts), 128)]
    return len(b"".join([*packed, stream.flush()]))
