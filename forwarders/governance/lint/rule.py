"""A rule: a function that looks at one contract and yields what it finds. One file for each subject of rules."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import msgspec

from forwarders.governance.lint.finding import Severity
from forwarders.governance.lint.subject import Subject
from forwarders.governance.policy import Policy


class Found(msgspec.Struct, frozen=True):
    """A finding whose file is the contract's own."""

    pointer: str
    rule: str
    severity: Severity
    message: str


class Rule(msgspec.Struct, frozen=True):
    """The ids that a function may find, and the function."""

    ids: tuple[str, ...]
    look: Callable[[Subject, Policy], Iterator[Found]]
