"""Payloads for the tests of sources: made by small named steps, as the data files write them."""

from __future__ import annotations

import base64
import gzip
import json
import os
import re
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from forwarders.model import Batch

ROOT = Path(__file__).parents[2]


def _flip(body: bytes, at: int, bits: int) -> bytes:
    changed = bytearray(body)
    changed[at] ^= bits
    return bytes(changed)


STEPS: dict[str, Callable[..., bytes]] = {
    "json": lambda body, value: body + json.dumps(value, ensure_ascii=False).encode(),
    "text": lambda body, text, times=1: body + text.encode() * times,
    "hex": lambda body, digits: body + bytes.fromhex(digits),
    "replace": lambda body, old, digits: body.replace(old.encode(), bytes.fromhex(digits)),
    "cut": lambda body, n: body[:-n],
    "flip": _flip,
    "zeros": lambda body, n: body + bytes(n),
    "gzip": lambda body: gzip.compress(body, 6, mtime=0),
    "gzip members": lambda body, at: gzip.compress(body[:at], mtime=0) + gzip.compress(body[at:], mtime=0),
    "zlib": lambda body: zlib.compress(body, 9),
}


@pytest.fixture
def make() -> Callable[[list[list[Any]]], bytes]:
    """Steps like `["json", {...}], ["gzip"], ["cut", 20]` to the payload that they make."""

    def made(steps: list[list[Any]]) -> bytes:
        body = b""
        for name, *arguments in steps:
            body = STEPS[name](body, *arguments)
        return body

    return made


@pytest.fixture
def invocation() -> Callable[[bytes], dict[str, Any]]:
    """A payload to the event that Lambda gets."""
    return lambda payload: {"awslogs": {"data": base64.b64encode(payload).decode()}}


@pytest.fixture
def told() -> Callable[[list[Batch]], list[dict[str, Any]]]:
    """Batches as the data files write them, without what depends on zlib's version: a fault's hash and its offset."""

    def as_data(batches: list[Batch]) -> list[dict[str, Any]]:
        return [
            {
                "origin": [batch.origin.container, batch.origin.account, batch.origin.region, batch.origin.log_group],
                "drop": batch.drop,
                "records": [
                    [
                        "fault" if record.position.startswith("fault:") else record.position,
                        record.time_ms,
                        re.sub(r"(?<=at compressed byte )\d+", "#", record.text),
                        list(record.flags),
                        record.fault,
                    ]
                    for record in batch.records
                ],
            }
            for batch in batches
        ]

    return as_data


@pytest.fixture
def real() -> Path:
    """The folder with input that nobody here wrote; a test that needs it is skipped where it is not."""
    folder = Path(os.environ.get("LOGHARBOR_REAL") or ROOT.parent / "shared" / "real")
    if not folder.is_dir():
        pytest.skip(f"real input is not at {folder}; LOGHARBOR_REAL names another folder")
    return folder
