"""Files of a git revision, read by git itself: offline, without touching the working tree."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

from forwarders.errors import ConfigError

_ENVIRONMENT = {"GIT_TERMINAL_PROMPT": "0", "GIT_NO_LAZY_FETCH": "1", "GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"}
_HINT = "In CI fetch the whole history: actions/checkout with fetch-depth: 0."


def git(arguments: Sequence[str], cwd: Path, given: bytes | None = None) -> bytes | None:
    """What git prints; None when it fails. Raises ConfigError when there is no git."""
    try:
        done = subprocess.run(  # noqa: S603 - no shell; revisions that begin with a dash are refused before
            ["git", *arguments],  # noqa: S607 - the user's own git
            cwd=cwd,
            input=given,
            capture_output=True,
            env={**os.environ, **_ENVIRONMENT},
            check=False,
        )
    except FileNotFoundError:
        raise ConfigError("git", "command", "nothing", "git on the PATH, to read a revision") from None
    return done.stdout if done.returncode == 0 else None


def commit(revision: str, cwd: Path) -> str:
    """The full id of the commit that a revision names. Raises ConfigError when there is none."""
    found = (
        None if revision.startswith("-") else git(["rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}"], cwd)
    )
    if not found:
        inside = git(["rev-parse", "--git-dir"], cwd)
        what = "no such folder, and no such revision" if inside else "no such folder, and no git repository here"
        hint = _HINT if inside and git(["rev-parse", "--is-shallow-repository"], cwd) == b"true\n" else ""
        raise ConfigError(revision, "revision", what, "a folder of contracts or a git revision", hint)
    return found.decode().strip()


def files(revision: str, folder: str | None, cwd: Path) -> tuple[str, dict[str, bytes]]:
    """The JSON files of a revision: the folder that was read, from the repository's root, and bytes by path below it.

    `revision` may be `REV:FOLDER`. Else it is `folder` from where we are, else from the root, and where the revision
    has neither, all of it. Raises ConfigError.
    """
    name, _, inner = revision.partition(":")
    known = commit(name, cwd)
    prefix = (git(["rev-parse", "--show-prefix"], cwd) or b"").decode().strip()
    wanted = inner or folder or "schemas"
    root = _first_there(known, [os.path.normpath(f"{prefix}{wanted}"), os.path.normpath(wanted)], cwd)
    if root is None and (inner or folder):
        raise ConfigError(revision, "folder", "nothing", f"a folder {wanted} in that revision")
    return root or "", _blobs(f"{known}:{root or ''}", cwd)


def _first_there(known: str, folders: Sequence[str], cwd: Path) -> str | None:
    for folder in folders:
        if git(["cat-file", "-e", f"{known}:{folder}/"], cwd) is not None:
            return folder
    return None


def _blobs(tree: str, cwd: Path) -> dict[str, bytes]:
    listed = git(["ls-tree", "-r", "-z", "--full-tree", tree], cwd)
    if listed is None:
        raise ConfigError(tree, "revision", "a tree that git cannot list", "a revision whose files are here", _HINT)
    ids: dict[str, str] = {}
    for line in filter(None, listed.split(b"\0")):
        about, _, path = line.partition(b"\t")
        mode, kind, id = about.decode().split()
        text = path.decode("utf-8", "surrogateescape")
        if kind == "blob" and mode != "120000" and text.endswith(".json"):
            ids[text] = id
    return dict(zip(ids, contents(list(ids.values()), cwd), strict=True))


def contents(ids: Sequence[str], cwd: Path, gone: bytes | None = None) -> list[bytes]:
    """The bytes of blobs, in order, from one process of git; `gone` for one that is not here, or else ConfigError."""
    if not ids:
        return []
    answer = git(["cat-file", "--batch"], cwd, "".join(f"{id}\n" for id in ids).encode())
    found, position = [], 0
    for id in ids:
        end = (answer or b"").find(b"\n", position)
        header = (answer or b"")[position:end].split()
        if gone is not None and header[-1:] == [b"missing"]:
            found.append(gone)
            position = end + 1
            continue
        if answer is None or end < 0 or len(header) != 3:
            raise ConfigError(id, "blob", "nothing", "a file that is in this clone", _HINT)
        size = int(header[2])
        found.append(answer[end + 1 : end + 1 + size])
        position = end + size + 2
    return found


MAIN = ("origin/main", "main", "origin/master", "master")


def base(against: str | None, cwd: Path) -> tuple[str, str]:
    """The commit to compare with, the merge base of HEAD and `against`, and the branch it was found on.

    Without `against` the first of origin/main, main, origin/master and master that is there. Raises ConfigError.
    """
    branches = [against] if against else [one for one in MAIN if _is_there(one, cwd)]
    if not branches:
        raise ConfigError("git", "merge base", "no main branch here", "origin/main or main, or --against REV", _HINT)
    branch = commit(branches[0], cwd)
    found = git(["merge-base", "HEAD", branch], cwd)
    if not found:
        raise ConfigError(branches[0], "merge base", "none with HEAD", "a common ancestor", _HINT)
    return found.decode().strip(), branches[0]


def _is_there(revision: str, cwd: Path) -> bool:
    return bool(git(["rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}"], cwd))


def histories(branch: str, paths: Sequence[str], cwd: Path) -> dict[str, list[bytes]]:
    """What each file was after each commit of a branch that changed it, the newest first; `paths` from the root."""
    if not paths:
        return {}
    wanted = [f":(top,literal){path}" for path in paths]
    asking = ["-c", "core.quotePath=false", "log", "--no-renames", "--name-only", "--format=%x00%H", branch, "--"]
    log = git([*asking, *wanted], cwd)
    asked: list[tuple[str, str]] = []
    for entry in (log or b"").decode("utf-8", "surrogateescape").split("\0")[1:]:
        id, *names = filter(None, entry.split("\n"))
        asked += [(id, name) for name in names]
    found: dict[str, list[bytes]] = {}
    raws = contents([f"{id}:{name}" for id, name in asked], cwd, gone=b"")
    for (_, name), raw in zip(asked, raws, strict=True):
        if raw:
            found.setdefault(name, []).append(raw)
    return found
