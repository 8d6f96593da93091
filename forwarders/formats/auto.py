"""For files and log groups that nobody has described: every line is what it looks like."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from forwarders.formats.lambda_text import lambda_line
from forwarders.formats.parsed import Parsed


def auto_line(text: str) -> Parsed:
    """An access line as `http.access`, everything else as `lambda` reads it: JSON, prefixes, `legacy.text`.

    A line that begins with `{` and is no JSON (a truncated one) is text, not an error: nobody said that it is JSON.
    Raises Malformed for JSON that cannot be taken (`json_number`, `json_depth`).
    """
    if '] "' in text and text[:1] != "{":
        event = _access_event()(text)
        if event is not None:
            return event
    return lambda_line(text)


@cache
def _access_event() -> Callable[[str], Parsed | None]:
    """Imported with the first line that looks like one: 1 ms of a cold start that functions' logs never need. The
    statement itself costs 0.6 µs, too much for every line."""
    from forwarders.formats.access_log import access_event

    return access_event
