"""What hostile and large input may cost in memory, measured in a process of its own."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

LIMIT_MB = 64

# VmHWM and not ru_maxrss, which a child inherits from the process that started it.
MEASURE = """
import sys
def peak():
    return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM")) / 1024
from forwarders.sources import cloudwatch, files
import zstandard
path, what = sys.argv[1:]
payload = open(path, "rb").read() if what == "payload" else b""
before, faults, records = peak(), [], 0
for batch in cloudwatch.decode(payload) if what == "payload" else files.batches([path]):
    faults += [record.fault for record in batch.records if record.fault]
    records += len(batch.records)
print(records, ",".join(faults), peak() - before)
"""

pytestmark = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="peak memory is read from Linux's /proc")


def measured(path: Path, what: str) -> tuple[int, str, float]:
    """Records, faults and megabytes above what the process had before."""
    done = subprocess.run([sys.executable, "-c", MEASURE, str(path), what], capture_output=True, text=True, check=True)
    records, faults, grown = done.stdout.rstrip("\n").split(" ")
    return int(records), faults, float(grown)


def zeros(n_bytes: int) -> bytes:
    """`n_bytes` of zeros as gzip: a thousandth of that."""
    return gzip.compress(bytes(n_bytes), 9, mtime=0)


BOMBS = {
    "more than the limit": lambda: zeros(300 << 20),
    "far more than the limit, as members": lambda: zeros(64 << 20) * 20,
    "a bomb inside a bomb": lambda: gzip.compress(zeros(300 << 20) * 100),
}


@pytest.mark.parametrize("name", BOMBS)
def test_bomb(name: str, tmp_path: Path) -> None:
    """A bomb is one fault and costs less than 64 MB, whatever it would have become."""
    path = tmp_path / "payload"
    path.write_bytes(BOMBS[name]())
    records, faults, grown = measured(path, "payload")
    assert (records, faults) == (1, "envelope_invalid" if "inside" in name else "decompressed_limit")
    assert grown < LIMIT_MB


def line_stream(n: int) -> Iterator[bytes]:
    """`n` lines of about 100 bytes, a thousand at a time."""
    for i in range(n // 1000):
        yield b"".join(json.dumps({"n": i * 1000 + j, "pad": "x" * 76}).encode() + b"\n" for j in range(1000))


@pytest.mark.parametrize("packing", ["plain", "gzip", "zstd"])
def test_large_file_is_streamed(packing: str, tmp_path: Path) -> None:
    """A file of 50 MB takes no more memory than one batch and its neighbourhood."""
    path = tmp_path / "large.log"
    if packing == "plain":
        path.write_bytes(b"".join(line_stream(500_000)))
    elif packing == "gzip":
        with gzip.open(path, "wb", 1) as file:
            for part in line_stream(500_000):
                file.write(part)
    else:
        zstandard = pytest.importorskip("zstandard")
        with zstandard.open(path, "wb") as file:
            for part in line_stream(500_000):
                file.write(part)
    records, faults, grown = measured(path, "file")
    assert (records, faults) == (500_000, "")
    assert grown < LIMIT_MB


def test_file_without_a_line_end_is_bounded(tmp_path: Path) -> None:
    """A gzip file of 400 MB of zeros is one line that is too long, and is never held."""
    path = tmp_path / "zeros.gz"
    path.write_bytes(zeros(400 << 20))
    records, faults, grown = measured(path, "file")
    assert (records, faults) == (1, "line_limit")
    assert grown < LIMIT_MB
