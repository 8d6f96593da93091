"""Writes the demo's logs: about 28,000 lines of one day, the same bytes for the same seed.

    python examples/demo/generate.py demo-out

`logs/` is what lies on hosts and in exports of log groups, with a copy of the hand-written lines; `payloads/` what a
CloudWatch Logs subscription hands to a Lambda; `manifest.json` what should become of every line: it is written from
the story, not by Logharbor. Every file's modification time lies in the story too: lines that do not say when they
were written (START, a bare print) land at their file's time.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any

import zstandard

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from demo import functions, legacy, shapes, web
from demo.functions import Line
from demo.story import START_MS

SEED = 2026
HOUR_MS = 3_600_000
PART_MS = HOUR_MS // 3
HANDWRITTEN = Path(__file__).resolve().parent / "handwritten"
HANDWRITTEN_MS = START_MS + 16 * HOUR_MS
PAYLOAD_LINES = 260


def generate(folder: Path, seed: int = SEED) -> dict[str, Any]:
    """`folder` holds the demo's logs, payloads and manifest; returns the manifest.

    Each log has a random generator of its own, so that a change to one leaves the others as they are.
    """
    written: dict[str, list[Line]] = {}
    for path, lines in _text_files(seed).items():
        _write(folder / path, lines)
        written[path] = lines
    for path, lines in _payloads(seed).items():
        group = "/aws/lambda/payments-capture-eu"
        stream = f"2026/11/12/[7]{path.removesuffix('.json')[-2:]:0>32}"
        _put(folder / path, shapes.payload(group, stream, [(line.time_ms, line.text) for line in lines]).encode())
        written[path] = lines
    for source in sorted(HANDWRITTEN.glob("*.log")):
        _put(folder / "logs/handwritten" / source.name, source.read_bytes(), HANDWRITTEN_MS)
    manifest = _manifest(written)
    _put(folder / "manifest.json", (json.dumps(manifest, indent=1) + "\n").encode())
    return manifest


def _text_files(seed: int) -> dict[str, list[Line]]:
    def rng(name: str) -> Random:
        return Random(f"{seed} {name}")

    web_01, web_02 = (
        web.day(rng("web-01"), visits=6400, attempts=700),
        web.day(rng("web-02"), visits=3200, attempts=300),
    )
    files = {
        **_parts("logs/lambda/identity-login", functions.identity_login(rng("login"), 1500, 240, 900, 120)),
        **_parts("logs/lambda/checkout-orders", _stutter(functions.checkout_orders(rng("orders"), 520))),
        **_parts("logs/lambda/loyalty-points", functions.loyalty_points(rng("loyalty"), 1400)),
        **_parts("logs/orders-01", legacy.day(rng("orders-01"), lines=900, private=90)),
        "logs/lambda/payments-capture.log": functions.payments_capture(rng("payments"), 1500, with_platform=False),
        "logs/lambda/nightly-jobs.log": functions.nightly_jobs(rng("jobs"), 460),
        "logs/web-02/access.log": _stutter(web_02),
    }
    # Rotated as logrotate does, the oldest with the highest number; two generations compress differently.
    for number, name in enumerate(("access.log.2.gz", "access.log.1.zst", "access.log")):
        low = START_MS + number * 8 * HOUR_MS
        files[f"logs/web-01/{name}"] = [line for line in web_01 if low <= line.time_ms < low + 8 * HOUR_MS]
    return files


def _parts(folder: str, lines: Sequence[Line]) -> dict[str, list[Line]]:
    """A file for every 20 minutes, as exports of a log group come: `2026-11-12-1440.log`."""
    files: dict[str, list[Line]] = {}
    for line in lines:
        part = min((line.time_ms - START_MS) // PART_MS, 24 * HOUR_MS // PART_MS - 1)
        minutes = part * PART_MS // 60_000
        files.setdefault(f"{folder}/2026-11-12-{minutes // 60:02d}{minutes % 60:02d}.log", []).append(line)
    return files


def _payloads(seed: int) -> dict[str, list[Line]]:
    lines = functions.payments_capture(Random(f"{seed} payments-eu"), 260, with_platform=True)
    parts = [lines[start : start + PAYLOAD_LINES] for start in range(0, len(lines), PAYLOAD_LINES)]
    return {f"payloads/payments-capture-eu-{number:02d}.json": part for number, part in enumerate(parts, 1)}


def _stutter(lines: list[Line]) -> list[Line]:
    """Every 200th line twice, as a shipper does that restarts: two records at two offsets, so two events."""
    doubled: list[Line] = []
    for number, line in enumerate(lines):
        doubled.append(line)
        if number % 200 == 199:
            doubled.append(line._replace(planted=line.planted or "same_line_again"))
    return doubled


def _write(path: Path, lines: Sequence[Line]) -> None:
    body = "".join(line.text + "\n" for line in lines).encode()
    if path.suffix == ".gz":
        body = gzip.compress(body, compresslevel=6, mtime=0)
    elif path.suffix == ".zst":
        body = zstandard.ZstdCompressor(level=6).compress(body)
    _put(path, body, lines[-1].time_ms)


def _put(path: Path, body: bytes, time_ms: int = START_MS) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(body)
    os.utime(path, ns=(time_ms * 1_000_000, time_ms * 1_000_000))


def _manifest(written: dict[str, list[Line]]) -> dict[str, Any]:
    """What should become of the lines: of all in logs/, and of those in payloads/."""
    digest = hashlib.sha256()
    for path, lines in sorted(written.items()):
        digest.update("\n".join([path, *(line.text for line in lines)]).encode())
    parts: dict[str, Any] = {
        part: _expected([line for path, lines in written.items() if path.startswith(f"{part}/") for line in lines])
        | {"files": sum(path.startswith(f"{part}/") for path in written)}
        for part in ("logs", "payloads")
    }
    return {"digest": digest.hexdigest()} | parts


def _expected(lines: Sequence[Line]) -> dict[str, Any]:
    verdicts = Counter(line.verdict for line in lines)
    return {
        "lines": len(lines),
        "verdicts": {verdict: verdicts[verdict] for verdict in ("valid", "invalid", "unregistered")},
        "drifted": sum(line.drifts for line in lines),
        "events": dict(sorted(Counter(f"{line.verdict} {line.event}".strip() for line in lines).items())),
        "private": sorted({line.private for line in lines if line.private}),
        "planted": dict(sorted(Counter(line.planted for line in lines if line.planted).items())),
    }


if __name__ == "__main__":
    target = Path(sys.argv[1] if len(sys.argv) > 1 else "demo-out")
    print(json.dumps(generate(target), indent=1))
