"""The versions that a contract has had in git, and what each changed: two processes of git for all contracts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from forwarders.errors import ConfigError
from forwarders.governance import revisions
from forwarders.governance.compare import Context, compare
from forwarders.governance.contract import Side
from forwarders.governance.folders import Folder, Key, decode, identity
from forwarders.governance.rows import Change

MAX_VERSIONS = 50
"""Of one contract; what is older is left out."""
_NO_BLOB = "0" * 40


class Version(msgspec.Struct, frozen=True):
    """One version of a contract: when it was last changed (YYYY-MM-DD), and what it changed from the one before.

    `commit` and `date` are empty for what is not committed. `is_first`: there is none before it.
    """

    version: str
    date: str
    commit: str
    changes: tuple[Change, ...]
    is_first: bool


class History(msgspec.Struct, frozen=True):
    """The versions of contracts, the newest first. `note` says what is missing, for people."""

    versions: Mapping[Key, Sequence[Version]]
    note: str = ""


class _State(msgspec.Struct, frozen=True):
    """A contract's file after a commit."""

    commit: str
    date: str
    side: Side


def history(folder: Folder, place: Path, revision: str = "HEAD") -> History:
    """The versions of every contract of the folder at `place`, in the git repository that it lies in.

    Raises ConfigError where there is no repository or no such revision.
    """
    found = revisions.git(["rev-parse", "--show-toplevel"], place)
    if not found:
        raise ConfigError(str(place), "git", "no repository", "a folder in one, or --no-history")
    top = Path(found.decode("utf-8", "surrogateescape").strip())
    known = revisions.commit(revision, place)
    prefix = place.resolve().relative_to(top.resolve()).as_posix()
    states = _states(known, "" if prefix == "." else f"{prefix}/", top)
    versions = {}
    for key, side in folder.contracts().items():
        versions[key] = tuple(_versions(_of(key, side, states.get(side.file, [])), side))
    shallow = revisions.git(["rev-parse", "--is-shallow-repository"], top) == b"true\n"
    note = "This clone is shallow: what is older than its first commit is not known here." if shallow else ""
    return History(versions, note)


_Blobs = dict[str, list[tuple[str, str, bytes]]]


def _states(known: str, prefix: str, top: Path) -> _Blobs:
    """For each file below the prefix what it was after each commit that changed it, the oldest first."""
    form = ["--topo-order", "--reverse", "--no-renames", "--raw", "--no-abbrev", "-z", "--format=%x01%H %cs"]
    said = revisions.git(["log", *form, known, "--", f":(top,literal){prefix or '.'}"], top)
    if said is None:
        raise ConfigError(known, "git log", "a history that git cannot list", "a repository whose commits are here")
    found: list[tuple[str, str, str, str]] = []
    for part in said.split(b"\x01")[1:]:
        head, _, rest = part.partition(b"\0")
        commit, _, date = head.decode().strip().partition(" ")
        words = [word for word in rest.decode("utf-8", "surrogateescape").strip("\n").split("\0") if word]
        for about, path in zip(words[::2], words[1::2], strict=False):
            blob = about.split()[3]
            if path.startswith(prefix) and path.endswith(".schema.json") and blob != _NO_BLOB:
                found.append((path.removeprefix(prefix), commit, date, blob))
    contents = revisions.contents([blob for *_, blob in found], top, gone=b"")
    states: _Blobs = {}
    for (path, commit, date, _), raw in zip(found, contents, strict=True):
        states.setdefault(path, []).append((commit, date, raw))
    return states


def _of(key: Key, now: Side, blobs: Sequence[tuple[str, str, bytes]]) -> list[_State]:
    """The readable states of one contract, the oldest first; what lies in the folder last, if it is not committed."""
    states = []
    for commit, date, raw in blobs:
        try:
            schema = decode(raw, now.file)
        except ConfigError:
            continue
        if isinstance(schema, dict) and identity(schema, now.file) == key:
            states.append(_State(commit, date, Side(*key, now.file, raw, schema, now.find)))
    if not states or states[-1].side.raw != now.raw:
        states.append(_State("", "", now))
    return states


def _versions(states: Sequence[_State], now: Side) -> list[Version]:
    """One entry for each version, at its last state, the newest first."""
    last: dict[str, _State] = {}
    for state in states:
        version = str(state.side.notes.get("version", ""))
        last.pop(version, None)
        last[version] = state
    found = list(last.items())[-MAX_VERSIONS - 1 :]
    result = []
    for index, (version, state) in enumerate(found):
        before = found[index - 1][1].side if index else None
        changes = compare(before, state.side, Context()) if before is not None else []
        result.append(Version(version, state.date, state.commit, tuple(changes), before is None))
    return result[-MAX_VERSIONS:][::-1]
