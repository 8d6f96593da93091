"""Decompression: what comes out before damage, and where damage is noticed."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from forwarders.sources.inflate import Damage, Inflated, decompressed, inflate

TEXT = b"".join(b"line %d of a log that compresses well\n" % i for i in range(5_000))
GZIP = gzip.compress(TEXT, mtime=0)
ZSTD = zstandard.ZstdCompressor(write_checksum=True).compress(TEXT)


def streamed(body: bytes, chunk: int = 1000, replay: bool = True) -> tuple[bytes, Damage | None]:
    """A file's bytes through the streaming decoder, in chunks: what came out, and the damage."""

    def source(offset: int) -> Iterator[bytes]:
        return (body[at : at + chunk] for at in range(offset, len(body), chunk))

    items = list(decompressed(source, replay=replay))
    damage = items.pop() if items and isinstance(items[-1], Damage) else None
    assert isinstance(damage, Damage | None)
    return b"".join(item for item in items if isinstance(item, bytes)), damage


WHOLE = {
    "plain": (TEXT, TEXT),
    "gzip": (GZIP, TEXT),
    "gzip of nothing": (gzip.compress(b""), b""),
    "gzip with a name": (b"\x1f\x8b\x08\x08\0\0\0\0\0\x03access.log\0" + gzip.compress(TEXT, mtime=0)[10:], TEXT),
    "gzip members": (GZIP + gzip.compress(b"") + GZIP, TEXT * 2),
    "gzip padded": (GZIP + bytes(700), TEXT),
    "zstd": (ZSTD, TEXT),
    "zstd frames": (ZSTD + zstandard.compress(b"more") + ZSTD, TEXT + b"more" + TEXT),
    "zstd with a skippable frame": (b"\x50\x2a\x4d\x18\x04\0\0\0abcd" + ZSTD, TEXT),
    "text like zlib": (b"x\x9c is how this line starts\n", b"x\x9c is how this line starts\n"),
    "one byte": (b"\x1f", b"\x1f"),
    "nothing": (b"", b""),
}


@pytest.mark.parametrize("chunk", [1, 7, 100_000])
@pytest.mark.parametrize("name", WHOLE)
def test_whole_file(name: str, chunk: int) -> None:
    """A file in any format that we read comes out as it was, however it is cut into chunks."""
    body, expected = WHOLE[name]
    assert streamed(body, chunk) == (expected, None)


DAMAGED = {
    "gzip truncated": (GZIP[:-9], len(GZIP) - 9, False, "decode_truncated"),
    "gzip checksum": (GZIP[:-8] + b"\0\0\0\0" + GZIP[-4:], None, True, "decode_corrupt"),
    "gzip length": (GZIP[:-1] + b"\x7f", None, True, "decode_corrupt"),
    "gzip and rubbish": (GZIP + b"rubbish", len(GZIP), False, "decode_corrupt"),
    "gzip and half a header": (GZIP + b"\x1f\x8b\x08", len(GZIP) + 3, False, "decode_truncated"),
    "zstd checksum": (ZSTD[:-1] + bytes([ZSTD[-1] ^ 1]), None, True, "decode_corrupt"),
    "zstd and rubbish": (ZSTD + b"rubbish", len(ZSTD), False, "decode_corrupt"),
}


@pytest.mark.parametrize("chunk", [1, 7, 100_000])
@pytest.mark.parametrize("name", DAMAGED)
def test_damaged_file(name: str, chunk: int) -> None:
    """Everything before the damage comes out, and the damage says where it is."""
    body, offset, checksum, reason = DAMAGED[name]
    text, damage = streamed(body, chunk)
    assert damage is not None
    assert (text, damage.reason, damage.checksum) == (TEXT, reason, checksum)
    assert damage.offset == (offset if offset is not None else damage.offset)
    assert len(body) - 8 <= damage.offset <= len(body)


def test_zstd_truncated() -> None:
    """Of a frame that was cut, every block that is whole comes out."""
    text = b"".join(b"%d " % (i * 2654435761 % 2**32) for i in range(200_000))
    body = zstandard.compress(text)
    out, damage = streamed(body[: len(body) // 2])
    assert damage == Damage("decode_truncated", len(body) // 2)
    assert text.startswith(out)
    assert len(out) > len(text) // 3


@pytest.mark.parametrize("at", [700, 5_000, 9_000])
def test_a_pipe_loses_a_piece_at_most(at: int) -> None:
    """Where nothing can be read twice, a corruption costs up to 4 KiB of gzip more than where it can."""
    noise = b"".join(b"%d " % (i * 2654435761 % 2**32) for i in range(20_000))
    body = bytearray(gzip.compress(noise, mtime=0))
    body[at : at + 4] = b"\xff\xff\xff\xff"
    out, damage = streamed(bytes(body))
    piped, pipe_damage = streamed(bytes(body), replay=False)
    assert damage is not None
    assert pipe_damage is not None
    assert (damage.reason, pipe_damage.reason) == ("decode_corrupt", "decode_corrupt")
    assert out.startswith(piped)
    assert pipe_damage.offset <= damage.offset <= pipe_damage.offset + 4096


@pytest.mark.parametrize("pack", [lambda b: b, gzip.compress, zlib.compress], ids=["plain", "gzip", "zlib"])
def test_limit_is_exact(pack: object) -> None:
    """A payload of exactly the limit is kept, one byte more is not."""
    assert callable(pack)
    assert inflate(pack(bytes(1000)), 1000) == Inflated(bytes(1000))
    assert inflate(pack(bytes(1001)), 1000) == Inflated(b"", Damage("decompressed_limit", 1000))


def test_more_than_one_call_keeps() -> None:
    """A payload larger than is decompressed in one call comes out whole, with what is wrong behind it."""
    text = TEXT * 100
    body = gzip.compress(text, 1, mtime=0)
    assert inflate(body) == Inflated(bytearray(text))
    assert inflate(body + b"!") == Inflated(bytearray(text), Damage("decode_corrupt", len(body)))


@given(st.binary(max_size=200), st.sampled_from([b"", b"\x1f\x8b\x08\0", b"x\x9c", b"\x28\xb5\x2f\xfd", GZIP[:50]]))
def test_never_raises(rubbish: bytes, head: bytes) -> None:
    """Any bytes at all come out, or are damage."""
    inflate(head + rubbish, 100_000)
    streamed(head + rubbish, 9)


@given(st.lists(st.binary(max_size=50), max_size=4), st.integers(1, 40))
def test_members_round_trip(parts: list[bytes], chunk: int) -> None:
    """Any members, cut into any chunks, give what was packed."""
    body = b"".join(gzip.compress(part) for part in parts)
    assert streamed(body, chunk) == (b"".join(parts), None)
    assert inflate(body).data == b"".join(parts)
