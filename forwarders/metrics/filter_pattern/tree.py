"""What a JSON or a space-delimited pattern says: conditions, joined by `&&` and `||`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from forwarders.metrics.filter_pattern.numbers import Number
from forwarders.metrics.filter_pattern.regexes import Regex

Step = str | int | None
"""A key, an index, or None: the wildcard."""


@dataclass(frozen=True)
class Text:
    """A quoted or bare word; with a star it is a glob."""

    text: str

    @property
    def is_glob(self) -> bool:
        """True when the text holds a star, which cannot be escaped."""
        return "*" in self.text


Literal = Text | Number | Regex


@dataclass(frozen=True)
class Selector:
    """`$.a['b'].c[0]` as written, and its steps from the root of the event."""

    source: str
    steps: tuple[Step, ...]

    @property
    def has_wildcard(self) -> bool:
        """True when it may select several values."""
        return None in self.steps


@dataclass(frozen=True)
class Comparison:
    """A selector (or the name of a field) compared with a literal: `=`, `!=`, `<`, `<=`, `>`, `>=`."""

    subject: Selector | str
    operator: str
    literal: Literal


@dataclass(frozen=True)
class State:
    """A selector of which something is said: `IS NULL`, `IS TRUE`, `IS FALSE`, `NOT EXISTS`."""

    subject: Selector
    state: str


@dataclass(frozen=True)
class Every:
    """All of them hold: `&&`."""

    parts: tuple[Node, ...]


@dataclass(frozen=True)
class Some:
    """At least one of them holds: `||`, which binds less than `&&`."""

    parts: tuple[Node, ...]


Condition = Comparison | State
Node = Condition | Every | Some


def conditions(node: Node | None) -> Iterator[Condition]:
    """The conditions from left to right."""
    if isinstance(node, Every | Some):
        for part in node.parts:
            yield from conditions(part)
    elif node is not None:
        yield node
