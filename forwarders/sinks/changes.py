"""A change that a sink needs before it is ready, and how its server says no; shared by the set-up halves of sinks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import msgspec


class Change(msgspec.Struct, frozen=True):
    """One thing that `apply` would do. `kind` is component_template, index_template, mapping, rollover, retention,
    data_view, dataset or columns; `summary` is for people; `body` is what is sent.
    """

    kind: str
    name: str
    summary: str
    body: Mapping[str, Any] = {}


class SetUp(Protocol):
    """The set-up half of one sink, connected when it is first asked.

    Both methods raise Answered when the server says no, Unanswered when it says nothing; `plan` raises Unfit and
    errors.ConfigError for what would be refused.
    """

    def plan(self) -> list[Change]:
        """What has to be done so that the sink is ready; nothing when it is. Changes nothing."""
        ...

    def apply(self, change: Change) -> None:
        """One change of the plan is made; making it again does no harm."""
        ...

    def close(self) -> None:
        """Gives back connections."""
        ...


class Answered(Exception):
    """The server said no: `said` is status and reason, for people, without what was sent.

    `wait_s`: how long it asks to be left alone; None where it does not say.
    """

    def __init__(self, status: int, said: str, wait_s: float | None = None) -> None:
        super().__init__(said)
        self.status, self.said, self.wait_s = status, said, wait_s


class Unanswered(Exception):
    """There is no answer, or none that this server could have given."""


class Unfit(Exception):
    """What the sink has cannot become what the contracts say, or the credentials do not allow it."""
