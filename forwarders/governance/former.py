"""The earlier minors of a contract in main's history: producers that were deployed then may still run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from forwarders.errors import ConfigError
from forwarders.governance import revisions
from forwarders.governance.contract import Side, mapping
from forwarders.governance.folders import Folder, Key, decode, identity

MAX_MINORS = 50


def minors(before: Folder, after: Folder, branch: str, here: Path) -> dict[Key, Sequence[Side]]:
    """For each contract that differs its last version of every earlier minor of its major, the newest first."""
    olds, news = before.contracts(), after.contracts()
    changed = {key: old for key, old in olds.items() if key in news and news[key].raw != old.raw}
    paths = {key: f"{before.prefix}/{old.file}" if before.prefix else old.file for key, old in changed.items()}
    histories = revisions.histories(branch, list(paths.values()), here)
    return {key: _minors(old, histories.get(paths[key], ())) for key, old in changed.items()}


def _minors(old: Side, history: Sequence[bytes]) -> list[Side]:
    sides: dict[str, Side] = {_minor(old): old}
    for raw in history:
        try:
            schema = decode(raw, old.file)
        except ConfigError:
            continue
        if not isinstance(schema, dict) or identity(schema, old.file) != (old.event, old.major):
            continue
        side = Side(old.event, old.major, old.file, raw, schema, old.find)
        sides.setdefault(_minor(side), side)
    return list(sides.values())[1 : MAX_MINORS + 1]


def _minor(side: Side) -> str:
    return str(mapping(side.notes).get("version", "")).rpartition(".")[0]
