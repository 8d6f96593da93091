"""Decompressed pieces of a file to records, one a line, each with a position that says exactly where it stands.

A position is `<offset>:<hash>`: the line's first byte, counted in the decompressed file, and the XXH3-128 of every
byte of the file up to the end of the line (its line end not included). Two records have the same position only if all
that comes before them is the same as well, whatever the file is called, however it is compressed, and however far it
has grown since. Measured: 0.1 µs a line for the hash, 1 µs in all.

Only "\\n" ends a line; a "\\r" before it is trimmed. U+2028, U+0085, 0x1c and a lone "\\r" are text. Bytes that are no
UTF-8 become U+FFFD and the record is flagged `invalid_utf8`; offsets count the bytes as they are in the file. A file
that starts with the byte order mark of UTF-16 is read as UTF-16 (flag `utf16`); its offsets count its UTF-8 form.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterable, Iterator
from itertools import chain

import xxhash

from forwarders.model import Record
from forwarders.sources.inflate import Damage

MAX_LINE_BYTES = 16 << 20
"""A longer line is one fault, `line_limit`, and the next line goes on: 16 times what CloudWatch takes as one event."""

PIECE_BYTES = 256 << 10


def lines(
    pieces: Iterable[bytes | Damage], time_ms: int | None = None, max_line_bytes: int = MAX_LINE_BYTES
) -> Iterator[tuple[list[Record], int]]:
    """Records in order, with the number of bytes they take; how the pieces are cut makes no difference to them.

    The last item of `pieces` may be a Damage: then the last record has its reason, and stands for the unfinished line
    and everything behind it. Every record has the time `time_ms`.
    """
    source = iter(pieces)
    head = b""
    damage: list[Damage] = []
    for piece in source:
        if isinstance(piece, Damage):
            damage = [piece]
            break
        head += piece
        if len(head) >= 2:
            break
    whole: Iterator[bytes | Damage] = chain((head,), damage, source)
    reader = _Reader(time_ms, max_line_bytes)
    if head[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        reader.flags = ("utf16",)
        whole = _utf8_of_utf16(whole)
    for piece in whole:
        if isinstance(piece, Damage):
            yield [reader.damaged(piece)], 0
            return
        for begin in range(0, len(piece), PIECE_BYTES):
            yield from reader.take(piece[begin : begin + PIECE_BYTES])
    yield from reader.finish()


class _Reader:
    """What is carried from piece to piece: the unfinished line, the offset and the hash of all before it."""

    def __init__(self, time_ms: int | None, max_line_bytes: int) -> None:
        self.flags: tuple[str, ...] = ()
        self._time_ms = time_ms
        self._max_line_bytes = max_line_bytes
        self._hash = xxhash.xxh3_128()
        self._offset = 0
        self._carry: list[bytes] = []
        self._carried = 0

    def take(self, piece: bytes) -> Iterator[tuple[list[Record], int]]:
        """The lines that end in this piece; what is behind the last line end is carried."""
        cut = piece.rfind(b"\n")
        if cut < 0:
            self._keep(piece)
            return
        first = piece.find(b"\n")
        if self._carried + first > self._max_line_bytes:
            self._keep(piece[:first])
            yield [self._too_long()], self._carried
            piece, cut = piece[first + 1 :], cut - first - 1
        if cut >= 0:
            block = b"".join((*self._carry, piece[:cut]))
            yield self._records(block), len(block)
        self._carry, self._carried = [], 0
        self._keep(piece[cut + 1 :])

    def finish(self) -> Iterator[tuple[list[Record], int]]:
        """The last line, when the file does not end with a line end."""
        if self._carried > self._max_line_bytes:
            yield [self._too_long()], self._carried
        elif self._carried:
            yield self._records(b"".join(self._carry)), self._carried

    def damaged(self, damage: Damage) -> Record:
        """The record for all that follows the last whole line."""
        text = f"{damage.reason} at byte {damage.offset} of the file, {self._offset} bytes of lines were whole"
        if self._carried:
            text += f", {self._carried} more of an unfinished one"
        position = f"fault:{self._offset}:{self._hash.hexdigest()}"
        return Record(position, self._time_ms, text, self.flags, damage.reason)

    def _keep(self, piece: bytes) -> None:
        # A line over the limit is hashed and let go; its parts are in the hash before the line is complete.
        was = self._carried
        self._carried += len(piece)
        if self._carried <= self._max_line_bytes:
            self._carry.append(piece)
            return
        if was <= self._max_line_bytes:
            for part in self._carry:
                self._hash.update(part)
            self._carry = []
        self._hash.update(piece)

    def _too_long(self) -> Record:
        size = self._carried
        position = f"{self._offset}:{self._hash.hexdigest()}"
        self._hash.update(b"\n")
        self._offset += size + 1
        self._carry, self._carried = [], 0
        return self._limit_fault(position, size)

    def _limit_fault(self, position: str, size: int) -> Record:
        text = f"a line of {size} bytes, {self._max_line_bytes} may be"
        return Record(position, self._time_ms, text, self.flags, "line_limit")

    def _records(self, block: bytes) -> list[Record]:
        """The hot loop; what is rare (flags, a byte order mark, a line over the limit) is put right around it."""
        raws = block.split(b"\n")
        texts, repaired = _texts(block, raws)
        if not self._offset and texts[0][:1] == "\ufeff":
            texts[0] = texts[0][1:]
        update, digest = self._hash.update, self._hash.hexdigest
        offset, time_ms, flags = self._offset, self._time_ms, self.flags
        records: list[Record] = []
        add = records.append
        for raw, text in zip(raws, texts, strict=True):
            update(raw)
            add(Record(f"{offset}:{digest()}", time_ms, text, flags))
            update(b"\n")
            offset += len(raw) + 1
        self._offset = offset
        for index in repaired:
            records[index].flags = (*flags, "invalid_utf8")
        if len(block) > self._max_line_bytes:
            for index, raw in enumerate(raws):
                if len(raw) > self._max_line_bytes:
                    records[index] = self._limit_fault(records[index].position, len(raw))
        return records


def _texts(block: bytes, raws: list[bytes]) -> tuple[list[str], list[int]]:
    """The lines as text, and which of them had to be repaired."""
    repaired: list[int] = []
    try:
        texts = block.decode().split("\n")
    except UnicodeDecodeError:
        texts = [raw.decode("utf-8", "replace") for raw in raws]
        # Only a line that was valid comes back as the bytes it came from.
        repaired = [i for i, (text, raw) in enumerate(zip(texts, raws, strict=True)) if text.encode() != raw]
    if b"\r" in block:
        texts = [text.removesuffix("\r") for text in texts]
    return texts, repaired


def _utf8_of_utf16(pieces: Iterable[bytes | Damage]) -> Iterator[bytes | Damage]:
    decoder = codecs.getincrementaldecoder("utf-16")("replace")
    for piece in pieces:
        if isinstance(piece, Damage):
            yield piece
            return
        yield decoder.decode(piece).encode()
    yield decoder.decode(b"", final=True).encode()
