"""What ends a run: an assertion that does not hold, or something that has to be installed first."""

from __future__ import annotations

from pathlib import Path
from typing import Any


class Missing(Exception):
    """The machine lacks something; says what, and what needs it."""


class Failed(Exception):
    """What was found is not what was expected; `where` are the files to look into."""

    def __init__(self, what: str, found: Any = "", expected: Any = "", where: tuple[Path, ...] = ()) -> None:
        super().__init__(what)
        self.what, self.found, self.expected, self.where = what, found, expected, where
        self.step = ""


def expect(what: str, found: Any, expected: Any, *where: Path) -> None:
    """Raises Failed unless both are equal; of two dicts it tells what is different."""
    if found == expected:
        return
    if isinstance(found, dict) and isinstance(expected, dict):
        same = {name for name in found.keys() & expected.keys() if found[name] == expected[name]}
        found = {name: value for name, value in found.items() if name not in same}
        expected = {name: value for name, value in expected.items() if name not in same}
    raise Failed(what, found, expected, where)
