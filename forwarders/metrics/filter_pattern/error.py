"""A filter pattern that CloudWatch Logs refuses: where, what stands there, what could, and what AWS says to it."""

from __future__ import annotations

from forwarders.errors import LogharborError

INVALID = "Invalid metric filter pattern"
"""What AWS says when the words are right and their order is not."""


class FilterPatternError(LogharborError):
    """The pattern would be refused by PutMetricFilter, PutSubscriptionFilter and TestMetricFilter.

    `position` is the offset in `pattern` from 0; `aws_message` is AWS's own wording, "" where nobody has recorded it.
    """

    def __init__(self, pattern: str, position: int, found: str, expected: str, aws_message: str = INVALID) -> None:
        said = f" (AWS: {aws_message})" if aws_message else ""
        super().__init__(f"filter pattern: at position {position} found {found}, expected {expected}{said}")
        self.pattern, self.position, self.found, self.expected = pattern, position, found, expected
        self.aws_message = aws_message

    def shown(self) -> str:
        """The pattern with a caret under the position, and below it what is wrong; at most 120 columns wide."""
        width = 100
        start = max(0, min(self.position - width // 2, len(self.pattern) - width))
        line = "".join(letter if letter.isprintable() else " " for letter in self.pattern[start : start + width])
        head, tail = "…" if start else "", "…" if start + width < len(self.pattern) else ""
        caret = " " * (len(head) + self.position - start) + "^"
        lines = [f"{head}{line}{tail}", caret, f"found {self.found}, expected {self.expected}"]
        return "\n".join([*lines, *([f"AWS says: {self.aws_message}"] if self.aws_message else [])])


def unknown(pattern: str, start: int, end: int, expected: str) -> FilterPatternError:
    """The error of AWS's scanner: its text runs from where the word begins to the character that it cannot go on with.

    `end` is the offset of that character; an `end` behind the pattern means that the pattern is over too early.
    """
    term = pattern[start : end + 1]
    found = repr(pattern[end]) if end < len(pattern) else "the end of the pattern"
    return FilterPatternError(
        pattern, min(end, len(pattern)), found, expected, f"Invalid character(s) in term '{term}'"
    )
