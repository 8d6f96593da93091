"""Old and new contracts over events that have been: how many would newly be refused, and which are the first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import jsonschema_rs
import msgspec

from forwarders.contracts.compiled import validator, variant
from forwarders.contracts.words import bounded_pointer, found
from forwarders.errors import Malformed
from forwarders.formats.auto import auto_line
from forwarders.governance import landed
from forwarders.governance.compare import default_major
from forwarders.governance.contract import Side
from forwarders.governance.folders import Folder, Key
from forwarders.governance.located import TooBig
from forwarders.sources import files

SHOWN = 3

Found = tuple[str, str, Any]
"""Where an event was found, the name that its format gave it or nothing, and the event."""


@dataclass
class Replayed:
    """The counts; `first` tells of the first three refused events where they are and why, never what they hold."""

    events: int = 0
    judged: int = 0
    refused: int = 0
    orphaned: int = 0
    accepted: int = 0
    first: list[str] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)

    def lines(self) -> list[str]:
        """The result as sentences."""
        told = f"replay: would newly reject {self.refused:,} of {self.events:,} events"
        lines = [f"{told}, first {len(self.first)}:" if self.first else told]
        lines += [f"  {one}" for one in self.first]
        if self.orphaned:
            lines.append(f"replay: {self.orphaned:,} events would have no contract any more")
        if self.accepted:
            lines.append(f"replay: would newly accept {self.accepted:,}")
        lines.append(f"replay: {self.judged:,} of the events are of contracts that differ")
        return lines + [f"replay: {one}" for one in self.unread]


class _Judge:
    """The contracts of one folder as the forwarder would ask them, compiled when the first event comes."""

    def __init__(self, contracts: Mapping[Key, Side], changed: frozenset[Key], told: list[str]) -> None:
        self.contracts = contracts
        self.changed = changed
        self.told = told
        self.compiled: dict[Key, jsonschema_rs.Draft202012Validator | None] = {}
        self.defaults: dict[str, int | None] = {}

    def find(self, name: str, version: Any) -> Key | None:
        """The contract of an event; None when it has none."""
        if version is None:
            if name not in self.defaults:
                self.defaults[name] = default_major(name, self.contracts)
            version = self.defaults[name]
        key = (name, version)
        return key if isinstance(version, int) and key in self.contracts else None

    def error(self, key: Key, event: Any) -> str | None:
        """Why the contract refuses the event: place, keyword and what was found; None when it does not."""
        if key not in self.compiled:
            self.compiled[key] = self._compile(key)
        judge = self.compiled[key]
        if judge is None or judge.is_valid(event):
            return None
        try:
            judge.validate(event)
        except jsonschema_rs.ValidationError as error:
            return _told(error, event)
        except ValueError:
            return "too deep to be judged"
        return None

    def _compile(self, key: Key) -> jsonschema_rs.Draft202012Validator | None:
        side = self.contracts[key]
        try:
            return validator(variant(side.tree, closed=False))
        except (ValueError, TooBig, jsonschema_rs.ReferencingError):
            self.told.append(f"{side.file} cannot be compiled: its events are not judged")
            return None


def replay(sources: Sequence[str], old: Folder, new: Folder) -> Replayed:
    """Every event of log files, or of an SQLite file of `run`, asked of both folders' contracts as the forwarder would.

    An SQLite file holds what its sink was allowed to keep: what was redacted is judged as it is there. Raises
    ConfigError for a source that cannot be read.
    """
    before, after = old.contracts(), new.contracts()
    changed = frozenset(
        key for key in before.keys() | after.keys() if key not in before or key not in after
        or before[key].raw != after[key].raw
    )  # fmt: skip
    names = {name for name, _ in changed}
    done = Replayed()
    first, second = _Judge(before, changed, done.unread), _Judge(after, changed, done.unread)
    for where, named, event in _events(sources):
        done.events += 1
        name = named or event.get("event")
        if not isinstance(name, str) or name not in names:
            continue
        one, other = first.find(name, event.get("event_version")), second.find(name, event.get("event_version"))
        if one == other and one not in changed:
            continue
        done.judged += 1
        _count(done, first, second, one, other, where, event)
    return done


def _count(
    done: Replayed, first: _Judge, second: _Judge, one: Key | None, other: Key | None, where: str, event: Any
) -> None:
    was_fine = one is not None and first.error(one, event) is None
    if other is None:
        done.orphaned += one is not None
        return
    error = second.error(other, event)
    if error is None:
        done.accepted += one is not None and not was_fine
    elif was_fine:
        done.refused += 1
        if len(done.first) < SHOWN:
            done.first.append(f"{where}: {other[0]} v{other[1]} {error}")


def _told(error: jsonschema_rs.ValidationError, event: Any) -> str:
    value = event
    for part in error.instance_path:
        value = value[part]
    if isinstance(error.kind, jsonschema_rs.ValidationErrorKind.Required):
        missing = bounded_pointer([*error.instance_path, error.kind.property])
        return f"{missing}: required, found nothing"
    return f"{bounded_pointer(error.instance_path) or '(the event)'}: {error.kind.name}, found {found(value)}"


def _events(sources: Sequence[str]) -> Iterator[Found]:
    logs = []
    for source in sources:
        if landed.is_sqlite(source):
            yield from _from_sqlite(source)
        else:
            logs.append(source)
    if logs:
        yield from _from_logs(logs)


def _from_sqlite(source: str) -> Iterator[Found]:
    for id, name, fields in landed.rows(source, "SELECT id, event, fields FROM events ORDER BY rowid"):
        event = _object(fields)
        if event is not None:
            yield f"{source} event {id}", str(name), event


def _from_logs(sources: Sequence[str]) -> Iterator[Found]:
    for batch in files.batches(sources):
        for record in batch.records:
            if record.fault:
                continue
            try:
                name, _, event, _ = auto_line(record.text)
            except Malformed:
                continue
            yield f"{batch.origin.path or 'line'} record {record.position}", name or "", event


def _object(text: Any) -> dict[str, Any] | None:
    try:
        value = msgspec.json.decode(text)
    except (msgspec.DecodeError, TypeError, RecursionError, UnicodeError):
        return None
    return value if isinstance(value, dict) else None
