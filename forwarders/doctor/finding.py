"""What the doctor found: one thing that is not as it should be, in words that say what to do."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from forwarders.doctor.advice import ADVICE, Severity

SHOWN = 10


class Finding(msgspec.Struct, frozen=True):
    """One finding: `where` it is, `what` was found, `why` it matters, and what to do about it (`do`).

    `check` is a stable name for scripts, such as `subscription_missing`; advice.py has them all.
    """

    severity: Severity
    check: str
    where: str
    what: str
    why: str
    do: str


def found(check: str, where: str, what: str) -> Finding:
    """A finding of a check, with its advice."""
    advice = ADVICE[check]
    return Finding(advice.severity, check, where, what, advice.why, advice.do)


def listed(names: Iterable[str]) -> str:
    """`a, b and 3 more`: many log groups with the same trouble are one finding."""
    there = sorted(names)
    more = f" and {len(there) - SHOWN} more" if len(there) > SHOWN else ""
    return ", ".join(there[:SHOWN]) + more


def count(number: int, what: str) -> str:
    """`1 log group`, `2 log groups`."""
    return f"{number} {what}{'' if number == 1 else 's'}"
