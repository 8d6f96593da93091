"""What may go wrong. One question decides every fate: would the same input fail again?

Floor 0. An error's text may be read by anybody: it says what was found by type, length and place, never by value.
"""

from __future__ import annotations


class LogharborError(Exception):
    """Base of every error that Logharbor raises on purpose."""


class Malformed(LogharborError):
    """This input would fail again: it ends in quarantine with `reason`, a bounded phrase such as `json_depth`."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason = reason
        self.detail = detail


class Withheld(LogharborError):
    """A copy must not be made because its redaction failed; the record is quarantined without its text."""


class Transient(LogharborError):
    """The same input may succeed later (a secret store that is down): what depends on it is returned."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason = reason


class ConfigError(LogharborError):
    """A file that a person wrote is wrong: names the file, the key, what was found and what was expected."""

    def __init__(self, file: str, key: str, found: str, expected: str, hint: str = "") -> None:
        text = f"{file}: {key}: found {found}, expected {expected}"
        super().__init__(f"{text}. {hint}" if hint else text)
        self.file, self.key, self.found, self.expected, self.hint = file, key, found, expected, hint
