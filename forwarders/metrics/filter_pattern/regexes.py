"""`%regex%`: AWS's restrictions, each with its position, and a search that takes linear time.

The expressions that AWS refuses to compile (possessive quantifiers, `a**`, bounds above 1,000) are those that RE2
refuses, so RE2 evaluates them: `.` is not a line end, `$` is the end of the text alone, `\\d`, `\\s` and `\\w` are of
ASCII.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from forwarders.metrics.filter_pattern.error import FilterPatternError, unknown

LIMIT = 2
"""Regexes in a JSON or space-delimited pattern."""
PER_GROUP = 5
"""Filters with a regex in a log group, metric and subscription filters together."""
TOO_MANY = "exceeded the maximum of 2 regular expressions per filter pattern"
_FAILED = "Failed to compile regular expression."

_ALLOWED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789:_#=@/;,-^$?[]{}|\\*+. ")
_ESCAPE = re.compile(r"\\(?:[dDsSwW:_#=@/;,\-^$?\[\]{}|\\*+. ]|x[0-9A-Fa-f]{2})").match
_OPEN_MINIMUM = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|\{,(?=[0-9]+\})", re.DOTALL)
# RE2 searches in linear time; this bounds the factor, at 8 µs a byte for the worst expression that still fits.
_MAX_MEMORY = 1 << 19


@dataclass(frozen=True)
class Regex:
    """An expression between percent signs, and whether it is found in a text."""

    source: str
    found: Callable[[str], bool] = field(compare=False, repr=False)


def regex(pattern: str, at: int) -> tuple[Regex, int]:
    """The regex that begins with the `%` at `at`, and the offset behind its closing `%`."""
    end = at + 1
    while end < len(pattern) and pattern[end] in _ALLOWED:
        end += 1
    if end == len(pattern) or pattern[end] != "%" or end == at + 1:
        raise unknown(pattern, at, end, "a letter, a digit, one of : _ # = @ / ; , - ^ $ ? [ ] { } | \\ * + . or '%'")
    source = pattern[at + 1 : end]
    return Regex(source, _compiled(source, pattern, at + 1)), end + 1


def for_re2(source: str) -> str:
    """The expression as RE2 means it: AWS documents that either bound may be left out, to RE2 `{,3}` would be text."""
    return _OPEN_MINIMUM.sub(lambda part: "{0," if part[0] == "{," else part[0], source)


def _compiled(source: str, pattern: str, start: int) -> Callable[[str], bool]:
    at = source.find("\\")
    while at >= 0:
        escape = _ESCAPE(source, at)
        if escape is None:
            expected = "\\d \\D \\s \\S \\w \\W, \\x and two hexadecimal digits, or a symbol"
            raise FilterPatternError(pattern, start + at, f"the escape {source[at : at + 2]!r}", expected, _FAILED)
        at = source.find("\\", escape.end())
    import re2  # type: ignore[import-untyped]  # 10 ms, only for patterns with a regex

    options = re2.Options()
    options.log_errors, options.never_capture, options.max_mem = False, True, _MAX_MEMORY
    try:
        search = re2.compile(for_re2(source), options).search
    except re2.error as error:
        why = error.args[0].decode() if error.args and isinstance(error.args[0], bytes) else "what cannot be compiled"
        if "too large" in why:
            raise FilterPatternError(pattern, start, "too many repetitions", "fewer than about 2,000", "") from None
        raise FilterPatternError(pattern, start, why, "a regular expression that RE2 takes", _FAILED) from None

    def found(text: str) -> bool:
        try:
            return search(text) is not None
        except UnicodeEncodeError:  # half a surrogate pair
            return search(text.encode("utf-8", "replace").decode()) is not None

    return found
