"""Files to a zip: nothing but their names and their bytes decides what comes out."""

from __future__ import annotations

import base64
import hashlib
import zipfile
from collections.abc import Mapping
from pathlib import Path

import msgspec

from forwarders.errors import ConfigError

MAX_ZIPPED_BYTES = 50 << 20
"""What Lambda takes as an upload (Lambda quotas, "Deployment package size")."""

MAX_UNZIPPED_BYTES = 250 << 20
"""The same page: a function with all of its layers."""

_EPOCH = (1980, 1, 1, 0, 0, 0)
_FILE, _UNIX, _LEVEL = 0o100644 << 16, 3, 9


class Archive(msgspec.Struct, frozen=True):
    """A zip that was written. `sha256` is base64, as AWS tells it and Terraform's `source_code_hash` has it."""

    file: str
    sha256: str
    zipped_bytes: int
    unzipped_bytes: int
    files: int


def write(path: Path, files: Mapping[str, bytes], beside_bytes: int = 0) -> Archive:
    """The zip at `path` holds `files` (name -> bytes), sorted, dated 1980, readable by all.

    The same files give the same bytes wherever zlib is the same; two makes of it may compress differently. Raises
    ConfigError when it is larger than Lambda takes it, `beside_bytes` being what its layers hold.
    """
    part = path.with_name(f".{path.name}.part")
    with zipfile.ZipFile(part, "w") as archive:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.external_attr, entry.create_system = _FILE, _UNIX
            archive.writestr(entry, files[name], zipfile.ZIP_DEFLATED, _LEVEL)
    body = part.read_bytes()
    made = Archive(
        path.name,
        base64.b64encode(hashlib.sha256(body).digest()).decode(),
        len(body),
        sum(map(len, files.values())),
        len(files),
    )
    try:
        _check(made, beside_bytes)
    except ConfigError:
        part.unlink()
        raise
    part.replace(path)
    return made


def digest(body: bytes) -> str:
    """The SHA-256 of `body` in base64."""
    return base64.b64encode(hashlib.sha256(body).digest()).decode()


def _check(made: Archive, beside_bytes: int) -> None:
    if made.zipped_bytes > MAX_ZIPPED_BYTES:
        expected = f"at most {MAX_ZIPPED_BYTES:,} bytes, which is what Lambda takes"
        raise ConfigError(made.file, "zipped", f"{made.zipped_bytes:,} bytes", expected)
    unzipped = made.unzipped_bytes + beside_bytes
    if unzipped > MAX_UNZIPPED_BYTES:
        expected = f"at most {MAX_UNZIPPED_BYTES:,} bytes with all layers, which is what Lambda takes"
        raise ConfigError(made.file, "unzipped", f"{unzipped:,} bytes", expected)
