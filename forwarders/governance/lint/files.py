"""The files of a folder of contracts, found and read without following a link or hanging on what is no file."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import msgspec

from forwarders.contracts.check import MAX_FILE_BYTES
from forwarders.contracts.shared import FOLDER as SHARED
from forwarders.contracts.shared import SUFFIX
from forwarders.governance.lint.finding import ERROR, WARNING, Finding

MAX_DEPTH = 12
MAX_FILES = 200_000


class Found(msgspec.Struct):
    """What a folder holds: contracts, what `_shared` holds, and examples by the folder of their event."""

    contracts: list[Path]
    shared: list[Path]
    examples: dict[Path, list[Path]]
    findings: list[Finding]


def find(folder: Path) -> Found:
    """The files below a folder, sorted, with a finding for whatever would be silently ignored."""
    found = Found([], [], {}, [])
    for number, (path, depth, entry) in enumerate(_walk(folder, 0)):
        if number >= MAX_FILES:
            message = f"more than {MAX_FILES:,} files: this is no folder of contracts"
            found.findings.append(Finding(str(path), "", "file-count", ERROR, message))
            break
        if depth > MAX_DEPTH:
            message = f"folders more than {MAX_DEPTH} deep are not looked into"
            found.findings.append(Finding(str(path), "", "file-count", ERROR, message))
            continue
        _sort(folder, path, entry, found)
    if not found.contracts:
        wanted = f"<domain>/<event>/v<major>{SUFFIX}"
        message = f"no contract below this folder: expected {wanted}, such as user/user.login.success/v1{SUFFIX}"
        found.findings.append(Finding(str(folder), "", "no-contracts", ERROR, message))
    return found


def read(file: Path) -> bytes:
    """The bytes of a file, at most a little more than a contract may have. Raises OSError."""
    with open(file, "rb") as stream:
        return stream.read(MAX_FILE_BYTES + 2)


def major_of(file: Path) -> int:
    """The major that a contract's file is named after, 0 where it is named otherwise."""
    number = file.name.removeprefix("v").removesuffix(SUFFIX)
    return int(number) if file.name.startswith("v") and number.isascii() and number.isdigit() and len(number) < 7 else 0


def _sort(folder: Path, path: Path, entry: os.DirEntry[str], found: Found) -> None:
    problem = _unreadable(path, entry)
    if problem:
        if path.name.endswith(".json") or entry.is_symlink():
            found.findings.append(Finding(str(path), "", "file-kind", ERROR, problem))
        return
    if entry.is_dir(follow_symlinks=False):
        return
    parts = path.relative_to(folder).parts
    if parts[0] == SHARED and len(parts) == 2 and path.name.endswith(SUFFIX):
        found.shared.append(path)
    elif any(part.startswith(("_", ".")) for part in parts):
        return
    elif path.parent.name in ("valid", "invalid") and not path.name.endswith(SUFFIX):
        found.examples.setdefault(path.parent.parent, []).append(path)
    elif path.name.endswith(SUFFIX):
        found.contracts.append(path)
    elif path.suffix == ".json":
        wanted = f"v<major>{SUFFIX}, or an example in valid/ or invalid/, or begin its name with _"
        message = f"neither a contract nor an example, so it is read by nobody: name it {wanted}"
        found.findings.append(Finding(str(path), "", "file-name", ERROR, message))
    elif parts[-1].lower().startswith("v") and ".schema" in path.name:
        message = f"read by nobody: a contract's name ends in {SUFFIX}"
        found.findings.append(Finding(str(path), "", "file-name", WARNING, message))


def _unreadable(path: Path, entry: os.DirEntry[str]) -> str:
    """Why a path cannot be read as a file or folder; empty when it can."""
    if entry.is_symlink():
        return "a symbolic link, which is not followed: put the file itself here"
    mode = entry.stat(follow_symlinks=False).st_mode
    if stat.S_ISDIR(mode):
        return (
            f"a folder named like a file: rename it, or put the contract at {path.parent}"
            if _is_file_name(path)
            else ""
        )
    return "" if stat.S_ISREG(mode) else "neither a file nor a folder: remove it"


def _is_file_name(path: Path) -> bool:
    return path.name.endswith(".json")


def _walk(folder: Path, depth: int) -> Iterator[tuple[Path, int, os.DirEntry[str]]]:
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError:
        return
    for entry in entries:
        path = folder / entry.name
        yield path, depth, entry
        if depth <= MAX_DEPTH and entry.is_dir(follow_symlinks=False) and not entry.name.startswith("."):
            yield from _walk(path, depth + 1)
