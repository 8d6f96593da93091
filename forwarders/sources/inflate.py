"""Bounded decompression: a whole payload at once, and files piece by piece; what precedes damage is kept.

The format is told by its first bytes, never by a name: gzip (RFC 1952, several members), zlib (RFC 1950, payloads
only), zstandard (RFC 8878, several frames), else plain. What is inside is never decompressed a second time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import Protocol

import msgspec
from isal import isal_zlib

MAX_BYTES = 100 << 20
"""What a payload may hold after decompression: Vector's default as well, and 100 times CloudWatch's largest batch."""

ONE_CALL_BYTES = 16 << 20
"""Up to here a payload is decompressed in one call and kept; more is first counted, so that a bomb is never held."""

_ISAL_ERRORS: tuple[type[Exception], ...] = (isal_zlib.IsalError,)  # type: ignore[assignment]  # its stub says instance


class Damage(msgspec.Struct, frozen=True):
    """Why decompression stopped: a reason, and the offset in the compressed bytes where it was noticed.

    `decode_truncated`: the input ends inside a member. `decode_corrupt`: a member is broken, or rubbish follows the
    last one; with `checksum` all of the member came out, but something in it is wrong and nobody can say what.
    `decompressed_limit`: there is more than `offset` bytes, which is what may be held.
    """

    reason: str
    offset: int
    checksum: bool = False


class Inflated(msgspec.Struct):
    """A payload after decompression; `data` is everything before the damage, nothing at all beyond the limit."""

    data: bytes | bytearray
    damage: Damage | None = None


class _Decoder(Protocol):
    @property
    def eof(self) -> bool: ...

    @property
    def unused_data(self) -> bytes: ...

    def decompress(self, data: bytes, /) -> bytes: ...


class _Kind(msgspec.Struct, frozen=True):
    """One compression format. `feed_bytes` bounds what a call can give: deflate expands 1,032 times at most, a
    zstandard block of four bytes to 128 KiB."""

    new: Callable[[], _Decoder]
    errors: tuple[type[Exception], ...]
    feed_bytes: int
    starts: Callable[[bytes], bool]


def inflate(payload: bytes, max_bytes: int = MAX_BYTES) -> Inflated:
    """The whole payload is decompressed, or everything before its damage; at most `max_bytes` are ever kept."""
    if _is_gzip(payload) or _is_zlib(payload):
        decoder = isal_zlib.decompressobj(wbits=47)
        try:
            data = decoder.decompress(payload, min(ONE_CALL_BYTES, max_bytes))
        except _ISAL_ERRORS:
            return _inflate_in_pieces(payload, max_bytes)
        if decoder.eof and not decoder.unused_data:
            return Inflated(data)
        return _inflate_in_pieces(payload, max_bytes)
    if len(payload) > max_bytes:
        return Inflated(b"", Damage("decompressed_limit", max_bytes))
    return Inflated(payload)


def decompressed(
    source: Callable[[int], Iterable[bytes]], *, zlib: bool = False, replay: bool = True
) -> Iterator[bytes | Damage]:
    """Every byte before the first damage comes out, in pieces of at most 16 MiB; the damage, if any, is the last item.

    `source(offset)` gives the raw chunks from an offset on. It is called again after an error, to get at the bytes that
    the failing call had decoded and threw away; without `replay` (a pipe) up to one small piece before a corruption is
    lost to the damage. A truncation loses nothing in either case.
    """
    chunks = iter(source(0))
    head = b""
    for chunk in chunks:
        head += chunk
        if len(head) >= 4:
            break
    kind = _kind(head, zlib)
    if kind is not None:
        yield from _members(kind, chain((head,), chunks), source if replay else None)
        return
    if head:
        yield head
    yield from chunks


def _inflate_in_pieces(payload: bytes, max_bytes: int) -> Inflated:
    def source(offset: int) -> Iterable[bytes]:
        return (payload[offset:] if offset else payload,)

    pieces: list[bytes] = []
    damage: Damage | None = None
    total = 0
    for piece in decompressed(source, zlib=True):
        if isinstance(piece, Damage):
            damage = piece
            continue
        total += len(piece)
        if total > max_bytes:
            return Inflated(b"", Damage("decompressed_limit", max_bytes))
        if total <= ONE_CALL_BYTES:
            pieces.append(piece)
        else:
            pieces.clear()
    if total <= ONE_CALL_BYTES:
        return Inflated(b"".join(pieces), damage)
    data = bytearray()
    for piece in decompressed(source, zlib=True):
        if not isinstance(piece, Damage):
            data += piece
    return Inflated(data, damage)


def _members(
    kind: _Kind, chunks: Iterable[bytes], source: Callable[[int], Iterable[bytes]] | None
) -> Iterator[bytes | Damage]:
    decoder: _Decoder | None = None
    at = start = produced = 0
    for chunk in chunks:
        for begin in range(0, len(chunk), kind.feed_bytes):
            piece = chunk[begin : begin + kind.feed_bytes]
            while piece:
                if decoder is None:
                    # Tapes and block devices pad with zeros after the last member; gzip(1) ignores them too.
                    padding = len(piece) - len(piece := piece.lstrip(b"\0"))
                    at += padding
                    if not piece:
                        break
                    if not kind.starts(piece):
                        yield Damage("decode_corrupt", at)
                        return
                    decoder, start, produced = kind.new(), at, 0
                try:
                    out = decoder.decompress(piece)
                except kind.errors as error:
                    if source is None:
                        yield Damage("decode_corrupt", at, _is_checksum(error))
                    else:
                        yield from _up_to_the_error(kind, source, start, at, produced)
                    return
                produced += len(out)
                if out:
                    yield out
                rest = decoder.unused_data if decoder.eof else b""
                at += len(piece) - len(rest)
                if decoder.eof:
                    decoder = None
                piece = rest
    if decoder is not None:
        yield Damage("decode_truncated", at)


def _up_to_the_error(
    kind: _Kind, source: Callable[[int], Iterable[bytes]], start: int, fed: int, produced: int
) -> Iterator[bytes | Damage]:
    """What the member at `start` still gives after its first `produced` bytes, when it is fed byte by byte from `fed`
    on: a call that fails gives nothing, so the failing call has to be as small as it can be."""
    decoder = kind.new()
    at = start
    for chunk in source(start):
        begin = 0
        while begin < len(chunk):
            end = begin + (min(kind.feed_bytes, fed - at) if at < fed else 1)
            piece = chunk[begin:end]
            try:
                out = decoder.decompress(piece)
            except kind.errors as error:
                yield Damage("decode_corrupt", at, _is_checksum(error))
                return
            at += len(piece)
            begin = end
            known = min(produced, len(out))
            produced -= known
            if len(out) > known:
                yield out[known:]
    yield Damage("decode_corrupt", at)


def _kind(head: bytes, zlib: bool) -> _Kind | None:
    if _is_gzip(head):
        return _Kind(lambda: isal_zlib.decompressobj(wbits=31), _ISAL_ERRORS, 4096, _is_gzip_start)
    if zlib and _is_zlib(head):
        return _Kind(lambda: isal_zlib.decompressobj(wbits=15), _ISAL_ERRORS, 4096, _is_zlib_start)
    if _is_zstd(head):
        import zstandard  # used by files alone: a Lambda never pays for it

        return _Kind(lambda: zstandard.ZstdDecompressor().decompressobj(), (zstandard.ZstdError,), 512, _is_zstd_start)
    return None


def _is_gzip(head: bytes) -> bool:
    return head[:2] == b"\x1f\x8b"


def _is_zlib(head: bytes) -> bool:
    return len(head) >= 2 and head[0] == 0x78 and (head[0] << 8 | head[1]) % 31 == 0


def _is_zstd(head: bytes) -> bool:
    return head[:4] == b"\x28\xb5\x2f\xfd" or (head[1:4] == b"\x2a\x4d\x18" and 0x50 <= head[0] <= 0x5F)


# A further member may be cut anywhere by the edge of a chunk, so one byte must tell it from rubbish.
def _is_gzip_start(piece: bytes) -> bool:
    return piece[0] == 0x1F


def _is_zlib_start(piece: bytes) -> bool:
    return piece[0] == 0x78


def _is_zstd_start(piece: bytes) -> bool:
    return piece[0] == 0x28 or 0x50 <= piece[0] <= 0x5F


def _is_checksum(error: Exception) -> bool:
    return "checksum" in str(error).lower()
