"""The contracts of a folder or a git revision, read leniently: whatever lint says of them, they can be compared."""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

import msgspec

from forwarders.contracts.tree import is_too_deep
from forwarders.errors import ConfigError
from forwarders.governance import revisions
from forwarders.governance.contract import Side, mapping

EXAMPLES = frozenset({"valid", "invalid", "examples"})
"""Folders of example events."""
MAX_BYTES = 8 << 20

_SCHEMA = ".schema.json"
_MAJOR = re.compile(r"v([0-9]{1,6})\b")
_URN = re.compile(r"urn:logharbor:(.+):([0-9]{1,6})\Z")

Key = tuple[str, int]


@dataclass(frozen=True)
class Folder:
    """JSON files by their path below the folder. `prefix` is what leads there from the root of a repository, or from
    where we are; with `label` it is how a person would name it."""

    label: str
    prefix: str
    files: dict[str, bytes]
    decoded: dict[bytes, Any] = field(default_factory=dict)

    def decode(self, path: str) -> Any:
        """The JSON value of a file; equal bytes are decoded once. Raises ConfigError with line and column."""
        raw = self.files[path]
        if raw not in self.decoded:
            self.decoded[raw] = decode(raw, f"{self.label}/{path}" if self.label else path)
        return self.decoded[raw]

    def contracts(self) -> dict[Key, Side]:
        """Every contract by event and major. Raises ConfigError for a file that cannot be read, and for two of one."""
        found: dict[Key, Side] = {}
        for path in sorted(self.files):
            side = self._contract(path)
            if side is None:
                continue
            key = (side.event, side.major)
            if key in found:
                what = f"a second contract {side.event} v{side.major}"
                where = f"one file for each event and major; the other is {found[key].file}"
                raise ConfigError(f"{self.label}/{path}", "/$id", what, where)
            found[key] = side
        return found

    def _contract(self, path: str) -> Side | None:
        parts = PurePosixPath(path).parts
        if any(part.startswith("_") for part in parts) or EXAMPLES & set(parts[:-1]):
            return None
        named, raw = path.endswith(_SCHEMA), self.files[path]
        if not named and b"x-event" not in raw and b"urn:logharbor:" not in raw:
            return None
        schema = self.decode(path)
        if not isinstance(schema, dict):
            if not named:
                return None
            raise ConfigError(f"{self.label}/{path}", "", type(schema).__name__, "an object")
        if not named and "x-event" not in schema and not _URN.match(str(schema.get("$id", ""))):
            return None
        event, major = identity(schema, path)
        return Side(event, major, path, raw, schema, lambda reference: self._other(path, reference))

    def _other(self, path: str, reference: str) -> Any | None:
        """The document that a relative reference leads to; nothing outside of the folder is ever read."""
        target = os.path.normpath(os.path.join(os.path.dirname(path), reference))
        try:
            return self.decode(target) if target in self.files else None
        except ConfigError:
            return None


def identity(schema: dict[str, Any], path: str) -> Key:
    """Event and major: as `$id` says, else as `event` and `event_version` say, else as the file is called."""
    if match := _URN.match(str(schema.get("$id", ""))):
        return match[1], int(match[2])
    properties = mapping(schema.get("properties"))
    name = mapping(properties.get("event")).get("const")
    major = mapping(properties.get("event_version")).get("const")
    file = PurePosixPath(path)
    in_name = _MAJOR.search(file.name)
    if not isinstance(name, str):
        stem = file.name.removesuffix(".json").removesuffix(".schema")
        name = file.parent.name if in_name and file.parent.name and stem == in_name[0] else stem
    if not isinstance(major, int) or isinstance(major, bool):
        major = int(in_name[1]) if in_name else 1
    return name, major


def decode(raw: bytes, place: str) -> Any:
    """The JSON value of some bytes. Raises ConfigError with line and column for what is no UTF-8 or no JSON."""
    raw = raw.removeprefix(b"\xef\xbb\xbf")
    too_deep = ConfigError(place, "", "hundreds of levels", "a schema of readable depth")
    try:
        value = msgspec.json.decode(raw)
        if is_too_deep(raw, value):
            raise too_deep
        return value
    except UnicodeDecodeError:
        pass
    except RecursionError:
        raise too_deep from None
    except msgspec.DecodeError as error:
        message = str(error)
    try:
        json.loads(raw.decode("utf-8"))
    except UnicodeDecodeError as error:
        before = raw[: error.start]
        at = f"line {before.count(10) + 1} column {error.start - before.rfind(10)}"
        raise ConfigError(place, at, f"byte 0x{raw[error.start]:02x}", "UTF-8") from None
    except json.JSONDecodeError as error:
        raise ConfigError(place, f"line {error.lineno} column {error.colno}", error.msg, "JSON") from None
    except (ValueError, RecursionError):
        pass
    raise ConfigError(place, "JSON", message, "JSON")


def read(source: str, folder: str | None, cwd: Path) -> Folder:
    """A folder, one file, or a git revision (`main`, `HEAD~1`, `v1.2:schemas`). Raises ConfigError.

    What is there as a folder is read as one; a revision of the same name is `NAME:`. `folder` is where contracts lie in
    a revision.
    """
    path = cwd / source
    if source and path.is_dir():
        return Folder(source.rstrip("/"), _from_root(path), _files(path, source))
    if source and path.is_file():
        return Folder(os.path.dirname(source) or ".", _from_root(path.parent), {path.name: _bytes(path, source)})
    root, files = revisions.files(source, folder, cwd)
    return Folder(f"{source.partition(':')[0]}:{root}", root, files)


def _from_root(path: Path) -> str:
    return os.path.relpath(path).replace(os.sep, "/")


def _files(path: Path, source: str) -> dict[str, bytes]:
    found = {}

    def refuse(error: OSError) -> None:
        raise ConfigError(error.filename or source, "folder", error.strerror or "an error", "a folder to read")

    for place, folders, names in os.walk(path, onerror=refuse):
        folders[:] = sorted(one for one in folders if not one.startswith(".") and one not in EXAMPLES)
        for name in names:
            if name.endswith(".json"):
                file = Path(place, name)
                relative = file.relative_to(path).as_posix()
                found[relative] = _bytes(file, f"{source}/{relative}")
    return found


def _bytes(file: Path, name: str) -> bytes:
    try:
        with file.open("rb") as stream:
            raw = stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise ConfigError(name, "(whole file)", error.strerror or "an unreadable file", "a JSON file") from None
    if len(raw) > MAX_BYTES:
        raise ConfigError(name, "(whole file)", "a bigger file", f"at most {MAX_BYTES:,} bytes")
    return raw
