"""The versions that the changes ask for, against those that the contracts declare; written where they are too low."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import msgspec

from forwarders.governance.contract import Side
from forwarders.governance.difference import Difference
from forwarders.governance.positions import positions
from forwarders.governance.rows import BREAK, MAJOR, MINOR, NONE, PATCH, greatest

Version = tuple[int, int, int]
_VERSION = re.compile(r"([0-9]{1,6})\.([0-9]{1,6})\.([0-9]{1,6})\Z")


class Wanted(msgspec.Struct, frozen=True):
    """A contract whose `x-event.version` is lower than its changes ask for; `version` is empty where only a new major
    file would do."""

    side: Side
    bump: str
    declared: str
    version: str

    @property
    def message(self) -> str:
        """What to do, as a sentence."""
        name = f"{self.side.file}: x-event.version is {self.declared or 'not there'}"
        if self.version:
            return f"{name}, and the changes ask for {self.version} ({self.bump}); --write writes it"
        following = f"v{self.side.major + 1}.schema.json"
        return f"{name}: a change for a major belongs into a new file {following} beside this one, which stays as it is"


def wanted(found: Difference) -> Iterator[Wanted]:
    """The contracts that declare less than their changes ask for."""
    for old, new in found.pairs:
        if old is None or new is None:
            continue
        mine = [one for one in found.findings if one.new is new]
        bump = greatest(one.change.bump for one in mine)
        before, after = _parsed(old), _parsed(new)
        declared = str(new.notes.get("version", ""))
        if bump == NONE or before is None:
            continue
        if bump == MAJOR and all(one.fails != BREAK for one in mine):
            bump = MINOR  # nobody was promised anything, or it is waived: the major stays
        if bump == MAJOR:
            yield Wanted(new, bump, declared, "")
            continue
        asked = (before[0], before[1] + 1, 0) if bump == MINOR else (*before[:2], before[2] + 1)
        if after is None or after < asked:
            yield Wanted(new, bump, declared, ".".join(map(str, asked)))


def write(folder: Path, one: Wanted) -> bool:
    """The wanted version stands in the contract's file, and nothing else in it has changed. False: it has no place."""
    if not one.version or one.bump not in (PATCH, MINOR):
        return False
    file = folder / one.side.file
    text = one.side.raw.decode("utf-8")
    place = positions(text).get("/x-event/version")
    if place is None:
        return False
    file.write_bytes(f'{text[: place[0]]}"{one.version}"{text[place[1] :]}'.encode())
    return True


def _parsed(side: Side) -> Version | None:
    match = _VERSION.match(str(side.notes.get("version", "")))
    return (int(match[1]), int(match[2]), int(match[3])) if match else None
