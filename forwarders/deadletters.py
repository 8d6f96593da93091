"""The store of what cannot be delivered: a folder or S3. Floor 1.

Four kinds of entry, each under its own prefix, because different people may read them:
`dead/` the redacted copies that a sink refused for good, as NDJSON; `returned/` whole batches, as they came, to come
again; `undecoded/` payloads that could not be read; `unbalanced/` batches whose account did not add up (our bug).
The last three are raw: give them a key of their own, a short life and one reader (docs/delivery.md).
A name is made from what it holds, so storing the same entry twice stores it once.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, Protocol

import msgspec

from forwarders.errors import ConfigError, Transient
from forwarders.model import Origin

EntryKind = Literal["dead", "returned", "undecoded", "unbalanced"]


class Store(Protocol):
    """Where entries are kept."""

    def put(self, kind: EntryKind, name: str, body: bytes) -> None:
        """The entry is durable when this returns; raises Transient when that could not be reached."""
        ...


class DeadLetter(msgspec.Struct, frozen=True):
    """One event that a sink refused for good: its id, the reason, and that sink's redacted copy."""

    id: str
    sink: str
    reason: str
    copy: str


class StoredBatch(msgspec.Struct, frozen=True):
    """A batch to come again. `raw` is the payload as it came; `wanted` the ids that each sink still lacks, by name.

    A sink that is absent from `wanted` has its part already; `None` means that every sink wants everything.
    """

    batch: str
    origin: Origin
    raw: bytes
    wanted: dict[str, list[str]] | None = None
    reason: str = ""


def dead_letters(letters: list[DeadLetter]) -> bytes:
    """Dead letters as NDJSON, one a line."""
    return b"".join(msgspec.json.encode(letter) + b"\n" for letter in letters)


def stored_batch(batch: StoredBatch) -> bytes:
    """A stored batch as one JSON object; `raw` is base64."""
    return msgspec.json.encode(batch)


def open_store(where: str, s3: Callable[[], Any] | None = None) -> Store | None:
    """The store at `where`: a folder, `s3://bucket/prefix`, or None for the empty string.

    `s3` makes a boto3 S3 client when the first entry is put; by default boto3's own, imported then.
    """
    if not where:
        return None
    if where.startswith("s3://"):
        bucket, _, prefix = where.removeprefix("s3://").partition("/")
        if not bucket:
            raise ConfigError("pipeline.yaml", "dead_letters", repr(where), "s3://bucket/prefix")
        return _S3(bucket, prefix.strip("/"), s3 or _boto3_s3)
    return _Folder(Path(where))


class _Folder:
    def __init__(self, path: Path) -> None:
        self._path = path

    def put(self, kind: EntryKind, name: str, body: bytes) -> None:
        target = self._path / kind / _safe(name)
        part = target.with_name(f".{target.name}.{os.getpid()}")
        try:
            target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with open(part, "wb") as file:
                file.write(body)
                file.flush()
                os.fsync(file.fileno())
            os.replace(part, target)
        except OSError as error:
            with contextlib.suppress(OSError):
                part.unlink()
            raise Transient("store_unavailable", error.strerror or "") from error


class _S3:
    def __init__(self, bucket: str, prefix: str, client: Callable[[], Any]) -> None:
        self._bucket, self._prefix, self._make = bucket, prefix, client
        self._client: Any = None

    def put(self, kind: EntryKind, name: str, body: bytes) -> None:
        key = "/".join(part for part in (self._prefix, kind, _safe(name)) if part)
        try:
            if self._client is None:
                self._client = self._make()
            self._client.put_object(Bucket=self._bucket, Key=key, Body=body)
        except Exception as error:  # botocore's errors share no base with its connection errors
            raise Transient("store_unavailable", type(error).__name__) from error


def _boto3_s3() -> Any:
    import boto3  # 0.5 s that only a batch with something to store pays

    return boto3.client("s3")


def _safe(name: str) -> str:
    """A name of letters, digits, dot, hyphen and underscore: nothing that an event holds can leave the folder."""
    return re.sub(r"[^A-Za-z0-9._-]", "_", name).lstrip(".")[:200] or "_"
