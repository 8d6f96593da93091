"""Files as a source: which are read, what identifies their lines, and what happens when one breaks."""

from __future__ import annotations

import gzip
import io
import os
import shutil
import threading
from pathlib import Path

import pytest
import xxhash
import zstandard

from forwarders.errors import ConfigError
from forwarders.model import Batch, Origin, Record, event_id
from forwarders.sources import files

LOG = b"".join(b"2026-11-23T10:00:%02d.%03dZ request %d served\n" % (i // 1000, i % 1000, i) for i in range(12_001))
MTIME_MS = 1_700_000_000_123


def put(path: Path, body: bytes) -> str:
    """A file with a modification time that is known."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(body)
    os.utime(path, ns=(MTIME_MS * 1_000_000, MTIME_MS * 1_000_000))
    return str(path)


def ids(*paths: str, label: str = "") -> list[str]:
    """The event ids of all lines."""
    return [
        event_id(batch.origin.id_prefix(), record.position)
        for batch in files.batches(paths, label=label)
        for record in batch.records
    ]


def texts(*paths: str) -> list[str]:
    """The text of all lines."""
    return [record.text for batch in files.batches(paths) for record in batch.records]


def test_a_small_file_is_a_whole_value(tmp_path: Path) -> None:
    """Origin, position, time and text of the lines of a file."""
    path = put(tmp_path / "a.log", b"one\ntwo")
    digest = xxhash.xxh3_128_hexdigest
    assert list(files.batches([path])) == [
        Batch(
            Origin("file", digest(b"one\ntwo"), path=path),
            [
                Record(f"0:{digest(b'one')}", MTIME_MS, "one"),
                Record(f"4:{digest(b'one' + bytes([10]) + b'two')}", MTIME_MS, "two"),
            ],
        )
    ]


def test_batches_are_runs_of_five_thousand_lines(tmp_path: Path) -> None:
    """A long file comes in runs, and no line is in two of them."""
    path = put(tmp_path / "a.log", LOG)
    batches = list(files.batches([path]))
    assert [len(batch.records) for batch in batches] == [5_000, 5_000, 2_001]
    assert "".join(record.text + "\n" for batch in batches for record in batch.records).encode() == LOG


def test_batches_are_bounded_in_bytes(tmp_path: Path) -> None:
    """Long lines make short batches."""
    path = put(tmp_path / "a.log", (b"x" * 999_999 + b"\n") * 12)
    assert [len(batch.records) for batch in files.batches([path])] == [5, 5, 2]


def test_same_file_under_any_name_and_compression(tmp_path: Path) -> None:
    """A log that was renamed, rotated, or compressed in any way has the same ids."""
    first = ids(put(tmp_path / "a.log", LOG))
    assert len(set(first)) == 12_001
    for name, body in {
        "a.log.1": LOG,
        "a.log.2.gz": gzip.compress(LOG),
        "a.log.3.gz": gzip.compress(LOG[:5_000], 1) + gzip.compress(LOG[5_000:], 9),
        "a.log.4.zst": zstandard.compress(LOG),
        "no-suffix": gzip.compress(LOG),
        "plain.gz": LOG,
    }.items():
        assert ids(put(tmp_path / name, body)) == first, name


@pytest.mark.parametrize("ends", [b"\n", b""])
def test_a_log_that_was_run_half_way_and_rotated(ends: bytes, tmp_path: Path) -> None:
    """What had been run keeps its ids when the log has grown, was rotated and compressed since."""
    half = LOG[: LOG.index(b"\n", len(LOG) // 2)] + ends
    before = ids(put(tmp_path / "a.log", half))
    after = ids(put(tmp_path / "a.log.1.gz", gzip.compress(LOG)))
    assert after[: len(before)] == before


def test_a_file_shorter_than_the_fingerprint_is_another_when_it_grows(tmp_path: Path) -> None:
    """Documented limit: under 256 bytes nobody can tell a file that grew from another that begins alike."""
    before = ids(put(tmp_path / "a.log", b"started\n"))
    after = ids(put(tmp_path / "a.log", b"started\nstopped\n"))
    assert not set(before) & set(after)


def test_files_that_begin_alike_are_not_confused(tmp_path: Path) -> None:
    """Two logs with the same first lines share no id: no line of either is taken for one of the other."""
    header = b"#Software: a server\n#Version: 1.0\n#Fields: time status\n"
    one = ids(put(tmp_path / "one.log", header + b"10:00 200\n10:01 200\n"))
    other = ids(put(tmp_path / "other.log", header + b"10:05 200\n10:01 200\n"))
    assert not set(one) & set(other)


def test_a_long_beginning_that_two_files_share_is_the_same_lines(tmp_path: Path) -> None:
    """Documented limit: a common beginning of 256 bytes or more lands once, the rest twice; a label keeps it apart."""
    banner = b"=" * 79 + b"\n"
    one = put(tmp_path / "one.log", banner * 4 + b"a\nsame\n")
    other = put(tmp_path / "other.log", banner * 4 + b"b\nsame\n")
    assert [a == b for a, b in zip(ids(one), ids(other), strict=True)] == [True] * 4 + [False] * 2
    assert not set(ids(one, label="host-1")) & set(ids(other, label="host-2"))


def test_folders_globs_and_repetition(tmp_path: Path) -> None:
    """A folder is read recursively by name without hidden files, a glob by name, and nothing twice."""
    for name in ("b.log", "a.log", "sub/c.log", "sub/d.txt", ".hidden/x.log", "sub/.e.log"):
        put(tmp_path / name, name.encode())
    assert texts(str(tmp_path)) == ["a.log", "b.log", "sub/c.log", "sub/d.txt"]
    assert texts(str(tmp_path / "*.log")) == ["a.log", "b.log"]
    assert texts(str(tmp_path / "**" / "*.log")) == ["a.log", "b.log", "sub/c.log"]
    assert texts(str(tmp_path / "s*")) == ["sub/c.log", "sub/d.txt"]
    assert texts(str(tmp_path / "b.log"), str(tmp_path), str(tmp_path / "*.log")) == [
        "b.log",
        "a.log",
        "sub/c.log",
        "sub/d.txt",
    ]


def test_a_name_that_looks_like_a_glob(tmp_path: Path) -> None:
    """A file that is there is read, whatever its name looks like."""
    assert texts(put(tmp_path / "log[1].txt", b"x")) == ["x"]


@pytest.mark.parametrize(
    ("name", "found"),
    [("missing.log", "nothing there"), ("*.nothing", "no file that matches"), ("empty", "a folder without files")],
)
def test_what_is_not_there(name: str, found: str, tmp_path: Path) -> None:
    """A path that names nothing stops everything before the first line is read, and says which it is."""
    good = put(tmp_path / "good.log", b"x\n")
    (tmp_path / "empty").mkdir()
    path = str(tmp_path / name)
    text = f"{path}: source: found {found}, expected a readable file, folder or glob, or - for standard input"
    for call in (files.check, files.size, lambda paths: next(files.batches(paths))):
        with pytest.raises(ConfigError) as error:
            call([good, path])
        assert str(error.value) == text


def test_what_may_not_be_read(tmp_path: Path) -> None:
    """A file without permission is named before anything is read."""
    path = put(tmp_path / "secret.log", b"x\n")
    os.chmod(path, 0)
    if os.access(path, os.R_OK):
        pytest.skip("this user may read everything")
    with pytest.raises(ConfigError, match=r"secret\.log: source: found Permission denied"):
        files.check([path])


def test_standard_input(tmp_path: Path) -> None:
    """Standard input has the ids of the file that is piped in, no time, and takes compressed bytes as well."""
    expected = ids(put(tmp_path / "a.log", LOG))
    for body in (LOG, gzip.compress(LOG), zstandard.compress(LOG)):
        batches = list(files.batches(["-"], stdin=io.BytesIO(body)))
        assert [
            event_id(batch.origin.id_prefix(), record.position) for batch in batches for record in batch.records
        ] == expected
        assert {(batch.origin.path, batch.records[0].time_ms) for batch in batches} == {("-", None)}


def test_a_named_pipe(tmp_path: Path) -> None:
    """A named pipe, as a shell's <(…) makes one, is read once, to its end."""
    path = str(tmp_path / "pipe")
    os.mkfifo(path)
    writer = threading.Thread(target=lambda: Path(path).write_bytes(gzip.compress(LOG)))
    writer.start()
    batches = list(files.batches([path]))
    writer.join()
    assert sum(len(batch.records) for batch in batches) == 12_001
    assert files.size([path]) is None


def test_progress_counts_the_bytes_on_disk(tmp_path: Path) -> None:
    """The bytes that are reported add up to the size that was announced, damaged files included."""
    broken = bytearray(gzip.compress(LOG))
    broken[9_000] ^= 0xFF
    paths = [put(tmp_path / "a.log", LOG), put(tmp_path / "b.gz", gzip.compress(LOG)), put(tmp_path / "c.gz", broken)]
    seen: list[int] = []
    assert list(files.batches(paths, on_bytes=seen.append, chunk_bytes=1_000_000))
    assert sum(seen) == files.size(paths) == sum(os.path.getsize(path) for path in paths)
    assert files.size(["-", *paths]) is None


@pytest.mark.parametrize("pack", [gzip.compress, zstandard.ZstdCompressor(write_checksum=True).compress])
def test_a_truncated_file(pack: object, tmp_path: Path) -> None:
    """Of a compressed file that was cut, whole lines land with their own ids; one fault stands for the rest."""
    assert callable(pack)
    log = b"".join(b"%d %x\n" % (i, i * 2654435761 % 2**32) for i in range(100_000))
    whole = ids(put(tmp_path / "a.log", log))
    packed = pack(log)
    path = put(tmp_path / "a.packed", packed[: len(packed) // 2])
    records = [record for batch in files.batches([path]) for record in batch.records]
    assert [record.fault for record in records[-2:]] == ["", "decode_truncated"]
    assert ids(path)[:-1] == whole[: len(records) - 1]
    assert len(records) > 30_000


def test_a_corrupt_file_and_the_next_one(tmp_path: Path) -> None:
    """A file that breaks in the middle costs its own rest; the next file is read."""
    broken = gzip.compress(LOG)[:-8] + bytes(8)
    paths = [put(tmp_path / "a.gz", broken), put(tmp_path / "b.log", b"still here\n")]
    records = [record for batch in files.batches(paths) for record in batch.records]
    assert (len(records), records[12_001].fault, records[12_002].text) == (12_003, "decode_corrupt", "still here")


def test_empty_files(tmp_path: Path) -> None:
    """A file without a byte, packed or not, has no batch."""
    paths = [put(tmp_path / "a.log", b""), put(tmp_path / "b.gz", gzip.compress(b""))]
    assert list(files.batches(paths)) == []


def test_a_copy_is_the_same_file(tmp_path: Path) -> None:
    """Documented: two copies of a file are one file."""
    path = put(tmp_path / "a.log", LOG)
    shutil.copy(path, tmp_path / "copy.log")
    assert len(set(ids(str(tmp_path)))) == 12_001


def test_real_access_log(real: Path) -> None:
    """The access log of a public web site has 10,000 lines, none of them broken, each with an id of its own."""
    path = str(real / "apache-access.log.gz")
    records = [record for batch in files.batches([path]) for record in batch.records]
    with gzip.open(path, "rt", encoding="utf-8", errors="replace", newline="\n") as log:
        assert [record.text for record in records] == [line.removesuffix("\n") for line in log]
    assert (len(records), len(set(ids(path))), {record.fault for record in records}) == (10_000, 10_000, {""})
