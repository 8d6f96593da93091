"""`schemas/_waivers.json`: what people have agreed to let through, each with a reason and a day on which that ends."""

from __future__ import annotations

import datetime
from collections.abc import Iterable
from pathlib import Path

import msgspec

from forwarders.errors import ConfigError
from forwarders.governance.rows import READERS, Change

FILE = "_waivers.json"


class Waiver(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One change of one contract that may go through until `expires`, that day included; with `rule` a finding of lint.

    `pointer` is that of the change or finding; with `change` or `reader` (V, Q or M) it is about that alone.
    """

    event: str
    major: int
    pointer: str
    expires: datetime.date
    reason: str
    change: str = ""
    reader: str = ""
    rule: str = ""

    def covers(self, change: Change) -> bool:
        """Whether the waiver names this change, expired or not."""
        same = (self.event, self.major, self.pointer) == (change.event, change.major, change.pointer)
        return not self.rule and same and self.change in ("", change.change)

    def is_over(self, today: datetime.date) -> bool:
        return self.expires < today


def read(folder: str | Path) -> list[Waiver]:
    """The waivers of a folder of contracts, none where there is no file. Raises ConfigError when it is wrong."""
    file = Path(folder, FILE)
    try:
        raw = file.read_bytes()
    except FileNotFoundError:
        return []
    except OSError as error:
        raise ConfigError(str(file), "(whole file)", error.strerror or "an unreadable file", "a JSON file") from None
    return parse(raw, str(file))


def parse(raw: bytes, file: str) -> list[Waiver]:
    """The waivers in the bytes of a file; `file` is for errors. Raises ConfigError with what is wrong and where."""
    try:
        found = msgspec.json.decode(raw, type=list[Waiver])
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        message, _, place = str(error).partition(" - at `$")
        wanted = "a list of waivers with event, major, pointer, expires (YYYY-MM-DD) and reason"
        raise ConfigError(file, place.rstrip("`") or "(whole file)", message, wanted) from None
    for index, waiver in enumerate(found):
        if not waiver.reason.strip():
            raise ConfigError(file, f"/{index}/reason", "nothing", "why the change may go through")
        if waiver.reader not in ("", *READERS):
            raise ConfigError(file, f"/{index}/reader", waiver.reader[:40], "V, Q or M")
        if waiver.rule and (waiver.change or waiver.reader):
            raise ConfigError(file, f"/{index}", "rule with change or reader", "rule for lint, the others for diff")
    return found


def applied(waivers: Iterable[Waiver], change: Change, today: datetime.date) -> tuple[frozenset[str], list[Waiver]]:
    """The readers that are waived for a change, and the waivers that would cover it and are over."""
    readers: set[str] = set()
    over = []
    for waiver in waivers:
        if waiver.covers(change):
            if waiver.is_over(today):
                over.append(waiver)
            else:
                readers |= {waiver.reader} if waiver.reader else set(READERS)
    return frozenset(readers), over
