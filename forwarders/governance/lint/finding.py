"""What lint finds: a place in a file, the rule that it breaks, and what to do."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import msgspec

Severity = Literal["error", "warning"]

ERROR: Severity = "error"
WARNING: Severity = "warning"


class Finding(msgspec.Struct, frozen=True, order=True):
    """One broken rule. `file` is relative to where lint was called, `pointer` is a JSON pointer into it.

    `line` counts from 1; 0 says that it has not been looked up, or that the file as a whole is meant. `waived` is why
    and until when people let it through; then it is a warning, and no check fails for it.
    """

    file: str
    pointer: str
    rule: str
    severity: Severity
    message: str
    line: int = 0
    waived: str = ""


def has_errors(findings: Iterable[Finding]) -> bool:
    """Whether a check must fail."""
    return any(finding.severity == ERROR and not finding.waived for finding in findings)
