"""The difference between two folders of contracts: every change, which of them fail, and the bump that all ask for."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from forwarders.errors import ConfigError
from forwarders.governance import policy, waivers
from forwarders.governance.compare import Context, compare, default_major, newcomer
from forwarders.governance.contract import Side, mapping
from forwarders.governance.folders import Folder, Key
from forwarders.governance.rows import BREAK, MINOR, OK, READERS, REVIEW, Change, Row, greatest, worst
from forwarders.governance.stored import Datasets
from forwarders.governance.waivers import Waiver

COMPATIBLE, BREAKING = "compatible", "breaking"
_VERDICTS = {OK: COMPATIBLE, REVIEW: REVIEW, BREAK: BREAKING}

_HELD: Mapping[str, tuple[str, ...]] = {"experimental": (), "beta": ("V",)}
"""The readers that may fail the check for each stability; all of them for any other."""

_OUTSIDE = re.compile(rb'"\$ref"\s*:\s*"[^#]')
"""A reference to another file, which may have changed where this one has not."""


@dataclass(frozen=True)
class Finding:
    """One change, where a person finds it, and what came of it: `fails` is the worst of the readers that count."""

    change: Change
    old: Side | None
    new: Side | None
    fails: str
    waived: str = ""

    @property
    def side(self) -> Side:
        """The version of the contract that the change's pointer leads into."""
        found = self.new or self.old
        assert found is not None
        return found


@dataclass(frozen=True)
class Difference:
    """All of what a pull request changes. `notes` are sentences for people: expired waivers, versions to be bumped."""

    verdict: str
    bump: str
    findings: tuple[Finding, ...]
    notes: tuple[str, ...] = ()
    pairs: tuple[tuple[Side | None, Side | None], ...] = field(default=(), repr=False)


def difference(
    old: Folder, new: Folder, today: datetime.date, earlier: Mapping[Key, Sequence[Side]] | None = None
) -> Difference:
    """Every change from one folder to another, judged. `earlier`: former minors that a contract must also agree with.

    Raises ConfigError for a file that cannot be read.
    """
    before, after = old.contracts(), new.contracts()
    excused = _waivers(new)
    notes: list[str] = []
    findings: list[Finding] = []
    pairs: list[tuple[Side | None, Side | None]] = []
    datasets = Datasets([*before.values(), *after.values()])
    approvers = _approvers(old) or _approvers(new)
    moved = old.files != new.files
    for key in sorted(before.keys() | after.keys()):
        one, other = before.get(key), after.get(key)
        if one and other and one.raw == other.raw and not (moved and _OUTSIDE.search(one.raw)):
            continue
        pairs.append((one, other))
        tombstones = _tombstones(before, after, key[0])
        context = Context(approvers, tombstones, datasets, default_major(key[0], before))
        for change in _changes(one, other, before, after, context, (earlier or {}).get(key, ())):
            findings.append(_judged(change, one, other, excused, today, notes))
    unused = [waiver for waiver in excused if not any(waiver.covers(one.change) for one in findings)]
    notes += [f"a waiver of {w.event} v{w.major} {w.pointer} covers nothing: remove it" for w in unused if pairs]
    verdict = _VERDICTS[worst(finding.fails for finding in findings)]
    bump = greatest(finding.change.bump for finding in findings)
    return Difference(verdict, bump, tuple(findings), tuple(notes), tuple(pairs))


def _changes(
    one: Side | None,
    other: Side | None,
    before: Mapping[Key, Side],
    after: Mapping[Key, Side],
    context: Context,
    earlier: Iterable[Side],
) -> list[Change]:
    if one is None:
        assert other is not None
        return newcomer(other, before, after, context)
    if other is None:
        return [_gone(one, before, after)]
    changes = compare(one, other, context)
    told = {(change.pointer, change.change) for change in changes}
    for former in earlier:
        # What main itself has changed since is no matter of this pull request.
        history = {(change.pointer, change.change) for change in compare(former, one, context)}
        for change in compare(former, other, context):
            key = (change.pointer, change.change)
            if {change.V, change.Q, change.M} != {OK} and key not in history and key not in told:
                told.add(key)
                changes.append(_since(change, str(former.notes.get("version", "an earlier version"))))
    return changes


def _since(change: Change, version: str) -> Change:
    why = f"against {version}, which producers may still send: {change.why}"
    c = change
    return Change(c.event, c.major, c.pointer, c.change, c.V, c.Q, c.M, c.bump, why)


def _gone(old: Side, before: Mapping[Key, Side], after: Mapping[Key, Side]) -> Change:
    others = [key for key in after if key[0] == old.event]
    row = Row("", "major_removed" if others else "event_removed", MINOR, why=[f"{old.event} v{old.major} is removed"])
    row.says("V", BREAK, "events of producers that still send it have no contract any more")
    row.says("Q", BREAK, "its data stream, columns and boards get no more events")
    if old.metrics:
        row.says("M", BREAK, f"its metrics end: {', '.join(metric.name for metric in old.metrics[:5])}")
    return row.told(old.event, old.major)


def _judged(
    change: Change,
    old: Side | None,
    new: Side | None,
    excused: Sequence[Waiver],
    today: datetime.date,
    notes: list[str],
) -> Finding:
    readers, over = waivers.applied(excused, change, today)
    where = f"{change.event} v{change.major} {change.pointer}"
    notes += [f"the waiver of {where} ended on {one.expires}: {one.reason}" for one in over]
    held = [_HELD.get(side.stability, READERS) for side in (old, new) if side is not None]
    said = {"V": change.V, "Q": change.Q, "M": change.M}
    counts = max(held, key=len)
    fails = worst(said[reader] for reader in counts if reader not in readers)
    reason = "; ".join(waiver.reason for waiver in excused if waiver.covers(change) and waiver not in over)
    was = worst(said[reader] for reader in counts)
    return Finding(change, old, new, fails, reason if was != fails else "")


def _tombstones(before: Mapping[Key, Side], after: Mapping[Key, Side], event: str) -> frozenset[str]:
    sides = [side for sides in (before, after) for key, side in sides.items() if key[0] == event]
    return frozenset(name for side in sides for name in side.tombstones)


def _approvers(folder: Folder) -> tuple[str, ...]:
    try:
        said = mapping(folder.decode(policy.FILE)) if policy.FILE in folder.files else {}
    except ConfigError:
        return ()
    named = said.get("privacy_approvers")
    return tuple(str(one) for one in named) if isinstance(named, list) else ()


def _waivers(folder: Folder) -> list[Waiver]:
    if waivers.FILE not in folder.files:
        return []
    found = waivers.parse(folder.files[waivers.FILE], f"{folder.label}/{waivers.FILE}")
    return [waiver for waiver in found if not waiver.rule]
