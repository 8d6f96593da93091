"""Files, folders, globs and standard input to batches of lines; plain, gzip or zstandard, told by their first bytes.

A record's id is made of the container (a hash of the file's first 256 bytes after decompression) and its position
(lines.py): the same file renamed, rotated, compressed or grown lands nothing twice. docs/sources.md says where that
ends. A record's time is the file's modification time; standard input and pipes have none.
"""

from __future__ import annotations

import glob
import os
import stat
import sys
from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from typing import BinaryIO

import xxhash

from forwarders.errors import ConfigError, Transient
from forwarders.model import Batch, Origin, Record
from forwarders.sources.inflate import Damage, decompressed
from forwarders.sources.lines import MAX_LINE_BYTES, lines

STDIN = "-"
CHUNK_BYTES = 256 << 10
BATCH_LINES = 5_000
BATCH_BYTES = 4 << 20
FINGERPRINT_BYTES = 256

OnBytes = Callable[[int], None]
"""Called with how many bytes of a file, as they lie on the disk, were read since the last call."""


def check(paths: Sequence[str]) -> None:
    """Every path names something that can be read; raises ConfigError naming the first that does not."""
    for path in _expanded(paths):
        if path == STDIN:
            continue
        try:
            if stat.S_ISFIFO(os.stat(path).st_mode):
                continue  # to open it would take what its writer has to say
            with open(path, "rb"):
                pass
        except OSError as error:
            raise _unreadable(path, error.strerror or "an error") from error


def size(paths: Sequence[str]) -> int | None:
    """How many bytes `batches` will read, for a progress bar; None when a pipe or standard input is among them."""
    total = 0
    for path in _expanded(paths):
        if path == STDIN:
            return None
        status = os.stat(path)
        if not stat.S_ISREG(status.st_mode):
            return None
        total += status.st_size
    return total


def batches(
    paths: Sequence[str],
    *,
    on_bytes: OnBytes = lambda n: None,
    label: str = "",
    stdin: BinaryIO | None = None,
    chunk_bytes: int = CHUNK_BYTES,
    max_line_bytes: int = MAX_LINE_BYTES,
) -> Iterator[Batch]:
    """Every line of every file, in runs of up to 5,000 lines or about 4 MiB; an empty file has no batch.

    Folders are read recursively in the order of their names, without hidden files; a path named twice is read once.
    `label` (a host) keeps apart files of different origin that begin alike. A file that breaks in the middle gives
    the lines before, then a record with a fault. Raises ConfigError before anything is read when a path cannot be,
    and Transient when the disk fails while it is read. `Batch.raw` is empty: the file itself is there to come again.
    """
    found = _expanded(paths)
    check(found)
    for path in found:
        if path == STDIN:
            source = _from_pipe(stdin or sys.stdin.buffer, chunk_bytes, on_bytes)
            yield from _batches_of(STDIN, source, False, None, label, max_line_bytes)
            continue
        status = os.stat(path)
        if stat.S_ISREG(status.st_mode):
            source = _from_disk(path, chunk_bytes, on_bytes)
            time_ms = status.st_mtime_ns // 1_000_000
            yield from _batches_of(path, source, True, time_ms, label, max_line_bytes)
        else:
            with open(path, "rb") as pipe:
                source = _from_pipe(pipe, chunk_bytes, on_bytes)
                yield from _batches_of(path, source, False, None, label, max_line_bytes)


def _batches_of(
    path: str,
    source: Callable[[int], Iterator[bytes]],
    replay: bool,
    time_ms: int | None,
    label: str,
    max_line_bytes: int,
) -> Iterator[Batch]:
    head, pieces = _head(decompressed(source, replay=replay))
    fingerprint = xxhash.xxh3_128_hexdigest(head[:FINGERPRINT_BYTES])
    origin = Origin("file", f"{label}:{fingerprint}" if label else fingerprint, path=path)
    held: list[Record] = []
    held_bytes = 0
    for records, n_bytes in lines(pieces, time_ms, max_line_bytes):
        held = held + records if held else records
        held_bytes += n_bytes
        while len(held) >= BATCH_LINES:
            yield Batch(origin, held[:BATCH_LINES])
            held, held_bytes = held[BATCH_LINES:], 0
        if held_bytes >= BATCH_BYTES:
            yield Batch(origin, held)
            held, held_bytes = [], 0
    if held:
        yield Batch(origin, held)


def _head(pieces: Iterator[bytes | Damage]) -> tuple[bytes, Iterator[bytes | Damage]]:
    """The bytes that the fingerprint is made of, or all there are, and the pieces from the start again."""
    taken: list[bytes | Damage] = []
    head = b""
    for piece in pieces:
        taken.append(piece)
        if isinstance(piece, Damage):
            break
        head += piece
        if len(head) >= FINGERPRINT_BYTES:
            break
    return head, chain(taken, pieces)


def _from_disk(path: str, chunk_bytes: int, on_bytes: OnBytes) -> Callable[[int], Iterator[bytes]]:
    count = [on_bytes]

    def source(offset: int) -> Iterator[bytes]:
        read = count.pop() if count else _nothing  # what is read a second time was counted before
        try:
            with open(path, "rb", buffering=0) as file:
                file.seek(offset)
                yield from _chunks(file, chunk_bytes, read)
        except OSError as error:
            raise Transient("file_unreadable", f"{path}: {error.strerror}") from error

    return source


def _from_pipe(stream: BinaryIO, chunk_bytes: int, on_bytes: OnBytes) -> Callable[[int], Iterator[bytes]]:
    return lambda offset: _chunks(stream, chunk_bytes, on_bytes)


def _chunks(stream: BinaryIO, chunk_bytes: int, on_bytes: OnBytes) -> Iterator[bytes]:
    while chunk := stream.read(chunk_bytes):
        on_bytes(len(chunk))
        yield chunk


def _nothing(n: int) -> None:
    pass


def _expanded(paths: Sequence[str]) -> list[str]:
    """The files that the paths name, each once, in order."""
    found: dict[str, str] = {}
    for path in paths:
        for file in _files_at(path):
            found.setdefault(file if file == STDIN else os.path.realpath(file), file)
    return list(found.values())


def _files_at(path: str) -> list[str]:
    if path == STDIN:
        return [path]
    if os.path.isdir(path):
        files = _files_in(path)
        if not files:
            raise _unreadable(path, "a folder without files")
        return files
    if os.path.lexists(path):
        return [path]
    if not glob.has_magic(path):
        raise _unreadable(path, "nothing there")
    files = []
    for match in sorted(glob.glob(path, recursive=True)):
        files += _files_in(match) if os.path.isdir(match) and "**" not in path else [match]
    files = [file for file in files if not os.path.isdir(file)]
    if not files:
        raise _unreadable(path, "no file that matches")
    return files


def _files_in(folder: str) -> list[str]:
    """The regular files under a folder, in the order of their names; hidden ones are somebody else's bookkeeping."""

    def failed(error: OSError) -> None:
        raise _unreadable(str(error.filename), error.strerror or "an error") from error

    files: list[str] = []
    for at, folders, names in os.walk(folder, onerror=failed):
        folders[:] = [name for name in folders if not name.startswith(".")]
        candidates = (os.path.join(at, name) for name in names if not name.startswith("."))
        files += [file for file in candidates if os.path.isfile(file)]
    return sorted(files)


def _unreadable(path: str, found: str) -> ConfigError:
    return ConfigError(path, "source", found, "a readable file, folder or glob, or - for standard input")
