"""What the values of a field have in common, kept in bounded memory while events go by."""

from __future__ import annotations

import re
from typing import Any

from forwarders.governance import pii

MAX_DISTINCT = 64
MAX_KEYS = 100
"""An object with more keys than this over all events is a map: its keys are data."""
MAX_DEPTH = 20

_FORMATS = {
    "date-time": re.compile(
        r"[0-9]{4}-[01][0-9]-[0-3][0-9][Tt][0-2][0-9]:[0-5][0-9]:[0-6][0-9](\.[0-9]{1,9})?"
        r"([Zz]|[+-][0-2][0-9]:[0-5][0-9])"
    ),
    "date": re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"),
    "uuid": re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"),
    "ip": re.compile(r"(?:[0-9]{1,3}\.){3}[0-9]{1,3}|[0-9a-fA-F]{0,4}(?::[0-9a-fA-F]{0,4}){2,7}(?:\.[0-9]{1,3}){0,3}"),
    "email": re.compile(r"[^@\s]{1,64}@[^@\s]{1,255}"),
    "hex": re.compile(r"[0-9a-f]{16,128}"),
}  # fmt: skip


class Seen:
    """All values of one place of an event: how many, of which types, and what all of them have in common."""

    def __init__(self) -> None:
        self.count = 0
        self.types: set[str] = set()
        self.texts: dict[str, int] = {}
        self.overflowed = False
        self.longest = 0
        self.shortest = 1 << 30
        self.low: float | int | None = None
        self.high: float | int | None = None
        self.formats: set[str] | None = None
        self.looks: set[str] = set()
        self.keys: dict[str, Seen] = {}
        self.any_key: Seen | None = None
        self.objects = 0
        self.most_keys = 0
        self.items: Seen | None = None
        self.most_items = 0

    def add(self, value: Any, depth: int = 0) -> None:
        """One more value."""
        self.count += 1
        if value is None:
            self.types.add("null")
        elif isinstance(value, bool):
            self.types.add("boolean")
        elif isinstance(value, (int, float)):
            self._number(value)
        elif isinstance(value, str):
            self._text(value)
        elif isinstance(value, list):
            self._array(value, depth)
        else:
            self._object(value, depth)

    def kinds(self) -> set[str]:
        """The JSON types without null; a number that is always whole is an integer."""
        types = self.types - {"null"}
        return types - {"integer"} if "number" in types else types

    def _number(self, value: float) -> None:
        self.types.add("integer" if isinstance(value, int) else "number")
        self.low = value if self.low is None else min(self.low, value)
        self.high = value if self.high is None else max(self.high, value)
        look = pii.by_value(value)
        if look:
            self.looks.add(look)

    def _text(self, value: str) -> None:
        self.types.add("string")
        self.longest, self.shortest = max(self.longest, len(value)), min(self.shortest, len(value))
        if value in self.texts or (len(self.texts) < MAX_DISTINCT and len(value) <= 128):
            self.texts[value] = self.texts.get(value, 0) + 1
        else:
            self.overflowed = True
        matching = (
            {name for name, pattern in _FORMATS.items() if pattern.fullmatch(value)} if len(value) < 330 else set()
        )
        self.formats = matching if self.formats is None else self.formats & matching
        look = pii.by_value(value)
        if look:
            self.looks.add(look)

    def _array(self, value: list[Any], depth: int) -> None:
        self.types.add("array")
        self.most_items = max(self.most_items, len(value))
        if self.items is None:
            self.items = Seen()
        for item in value[:1000] if depth < MAX_DEPTH else ():
            self.items.add(item, depth + 1)

    def _object(self, value: dict[str, Any], depth: int) -> None:
        self.types.add("object")
        self.objects += 1
        self.most_keys = max(self.most_keys, len(value))
        if depth >= MAX_DEPTH:
            return
        for key, child in value.items():
            if self.any_key is None and (key in self.keys or len(self.keys) < MAX_KEYS or depth == 0):
                self.keys.setdefault(key, Seen()).add(child, depth + 1)
                continue
            if self.any_key is None:
                self.any_key = Seen()
                for known in self.keys.values():
                    self.any_key.absorb(known)
                self.keys = {}
            self.any_key.add(child, depth + 1)

    def absorb(self, other: Seen) -> None:
        """As if every value of another place had been seen here."""
        self.count += other.count
        self.types |= other.types
        self.overflowed |= other.overflowed or len(self.texts) + len(other.texts) > MAX_DISTINCT
        if len(self.texts) + len(other.texts) <= MAX_DISTINCT:
            self.texts |= other.texts
        self.longest, self.shortest = max(self.longest, other.longest), min(self.shortest, other.shortest)
        self.low = other.low if self.low is None else self.low if other.low is None else min(self.low, other.low)
        self.high = other.high if self.high is None else self.high if other.high is None else max(self.high, other.high)
        self.looks |= other.looks
        if other.formats is not None:
            self.formats = other.formats if self.formats is None else self.formats & other.formats
        if other.items is not None:
            self.items = Seen() if self.items is None else self.items
            self.items.absorb(other.items)
        for key, child in other.keys.items():
            self.keys.setdefault(key, Seen()).absorb(child)
        if other.any_key is not None:
            self.any_key = Seen() if self.any_key is None else self.any_key
            self.any_key.absorb(other.any_key)
        self.most_items = max(self.most_items, other.most_items)
        self.objects += other.objects
        self.most_keys = max(self.most_keys, other.most_keys)
