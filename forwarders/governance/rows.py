"""The changes of one contract while they are found, and what they come to."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import msgspec

OK, REVIEW, BREAK = "ok", "review", "break"
NONE, PATCH, MINOR, MAJOR = "none", "patch", "minor", "major"
VERDICTS = (OK, REVIEW, BREAK)
BUMPS = (NONE, PATCH, MINOR, MAJOR)
READERS = ("V", "Q", "M")


class Change(msgspec.Struct, frozen=True):
    """One change as it is told to the outside: a place in the contract's file, and what each reader says of it.

    V is the validator with producers already deployed, Q stored indices, columns and boards, M metric filters and
    alarms. `pointer` leads into the new file, and into the old one for what is no longer there.
    """

    event: str
    major: int
    pointer: str
    change: str
    V: str
    Q: str
    M: str
    bump: str
    why: str


@dataclass
class Row:
    """One change being judged; `why` collects the reasons, the first one is what happened."""

    pointer: str
    change: str
    base: str
    said: dict[str, str] = field(default_factory=lambda: dict.fromkeys(READERS, OK))
    why: list[str] = field(default_factory=list)
    is_bound: bool = False
    """Whether it is about which values are accepted."""

    def says(self, reader: str, verdict: str, why: str) -> Row:
        """A reader's verdict and its reason; the worst one counts."""
        self.said[reader] = max(self.said[reader], verdict, key=VERDICTS.index)
        text = why if verdict == OK else f"{reader}: {why}"
        if text not in self.why:
            self.why.append(text)
        return self

    def told(self, event: str, major: int) -> Change:
        """The change as it is told; what breaks any reader asks for a major."""
        bump = MAJOR if BREAK in self.said.values() or self.said["V"] == REVIEW else self.base
        v, q, m = self.said.values()
        what, rest = self.why[:1], sorted(self.why[1:], key=_reader)
        return Change(event, major, self.pointer, self.change, v, q, m, bump, "; ".join([*what, *rest]))


def _reader(why: str) -> int:
    """Reasons come in the order of the readers, advice after them."""
    return READERS.index(why[0]) if why[:1] in READERS and why[1:3] == ": " else len(READERS)


class Rows:
    """All changes of one contract: one for each place and kind of change."""

    def __init__(self) -> None:
        self._rows: dict[tuple[str, str], Row] = {}
        self._places: dict[str, list[Row]] = {}

    def add(self, pointer: str, change: str, base: str, why: str) -> Row:
        """The row of this place and change; a definition that is used twice has one row."""
        row = self._rows.get((pointer, change))
        if row is None:
            row = self._rows[pointer, change] = Row(pointer, change, base)
            self._places.setdefault(pointer, []).append(row)
        if why and why not in row.why:
            row.why.append(why)
        return row

    def have_bounds(self) -> bool:
        """Whether any row is about which values are accepted."""
        return any(row.is_bound for row in self._rows.values())

    def accept_the_same(self) -> None:
        """What is proved to accept the same values as before asks for a patch only."""
        for row in self._rows.values():
            if row.is_bound:
                row.base = PATCH
                row.why.append("the same events are accepted")

    def at(self, pointer: str) -> list[Row]:
        """The rows of exactly this place."""
        return self._places.get(pointer, [])

    def above(self, pointer: str) -> list[Row]:
        """The rows of the nearest place that holds this one; the root holds nothing."""
        while "/" in pointer:
            pointer = pointer.rpartition("/")[0]
            if found := self.at(pointer):
                return found if pointer else []
        return []

    def below(self, pointer: str) -> list[Row]:
        """The rows of all places inside of this one."""
        return [row for row in self._rows.values() if row.pointer.startswith(f"{pointer}/")]

    def told(self, event: str, major: int) -> list[Change]:
        """The changes in the order in which they were found."""
        return [row.told(event, major) for row in self._rows.values()]


def worst(verdicts: Iterable[str]) -> str:
    """The worst of some readers' verdicts; ok when there are none."""
    return max(verdicts, key=VERDICTS.index, default=OK)


def greatest(bumps: Iterable[str]) -> str:
    """The greatest of some bumps; none when there are none."""
    return max(bumps, key=BUMPS.index, default=NONE)
