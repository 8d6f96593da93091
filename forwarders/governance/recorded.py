"""Recorded events of a producer: read with file and line, and judged by the contracts of a bundle or a folder."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from forwarders import jsontext
from forwarders.contracts.compiled import Contracts
from forwarders.errors import ConfigError, Malformed
from forwarders.model import Flaw, Verdict

SUFFIXES = (".json", ".jsonl", ".ndjson", ".log")
MAX_DOCUMENT_BYTES = 64 << 20
"""Of a file that is one JSON array or object; a file of lines may be of any size."""


class Recorded(msgspec.Struct, frozen=True):
    """One event of a file; `event` is None when it cannot be read, for `reason`."""

    file: str
    line: int
    event: dict[str, Any] | None
    reason: str = ""


class Judged(msgspec.Struct, frozen=True):
    """What the contracts say of a recorded event. `owner` and `contract` are empty for what is not registered."""

    file: str
    line: int
    name: str
    verdict: Verdict
    flaws: tuple[Flaw, ...] = ()
    drift: tuple[str, ...] = ()
    contract: str = ""
    owner: str = ""
    reason: str = ""


def read(paths: Sequence[str]) -> Iterator[Recorded]:
    """The events in files, folders (searched for .json, .jsonl, .ndjson and .log) and standard input (`-`).

    A file is JSON lines, one JSON array of events, or one event. Raises ConfigError for a path that cannot be read.
    """
    for path in paths:
        for file in _files(path):
            yield from _events(file, _bytes(file))


def judge(recorded: Recorded, contracts: Contracts) -> Judged:
    """The verdict, as the pipeline would give it, on one recorded event."""
    event = recorded.event
    if event is None:
        return Judged(recorded.file, recorded.line, "", Verdict.INVALID, reason=recorded.reason)
    named = event.get("event")
    name = named if isinstance(named, str) else ""
    version = event.get("event_version")
    compiled = contracts.find(name, version) if name else None
    if compiled is None:
        reason = contracts.reason(name, version) if name else "no property `event` that names a contract"
        return Judged(recorded.file, recorded.line, name[:200], Verdict.UNREGISTERED, reason=reason)
    contract = compiled.contract
    label = f"{contract.name} {contract.version}"
    strict = compiled.is_strict(event)
    verdict, flaws, drift = (Verdict.VALID, (), ()) if strict else compiled.judge(event)
    return Judged(recorded.file, recorded.line, name, verdict, flaws, drift, label, contract.owner)


def _files(path: str) -> list[str]:
    if path == "-":
        return [path]
    target = Path(path)
    if target.is_dir():
        found = sorted(str(file) for file in target.rglob("*") if file.suffix in SUFFIXES and file.is_file())
        if not found:
            raise ConfigError(path, "folder", "no recorded events", f"files that end in {', '.join(SUFFIXES)}")
        return found
    return [path]


def _bytes(file: str) -> bytes:
    if file == "-":
        return sys.stdin.buffer.read()
    try:
        return Path(file).read_bytes()
    except OSError as error:
        raise ConfigError(file, "(whole file)", error.strerror or "an error", "a file of recorded events") from None


def _events(file: str, raw: bytes) -> Iterator[Recorded]:
    text = raw.decode("utf-8", "surrogateescape").removeprefix("\ufeff")
    whole = _whole(text) if len(raw) <= MAX_DOCUMENT_BYTES else None
    if isinstance(whole, dict):
        yield _read(file, 1, text)
    elif isinstance(whole, list):
        from forwarders.governance.lint.positions import lines

        places = lines(text)
        for index, value in enumerate(whole):
            line = places.get(f"/{index}", 1)
            if isinstance(value, dict):
                yield Recorded(file, line, value)
            else:
                yield Recorded(file, line, None, "json_not_object")
    else:
        for number, one in enumerate(text.split("\n"), 1):
            if one.strip():
                yield _read(file, number, one)


def _whole(text: str) -> Any:
    try:
        return jsontext.decode(text)
    except jsontext.DECODE_ERRORS:
        return None


def _read(file: str, line: int, text: str) -> Recorded:
    try:
        return Recorded(file, line, jsontext.load(text).data)
    except Malformed as error:
        return Recorded(file, line, None, str(error))
