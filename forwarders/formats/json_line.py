"""JSON lines: the whole line is the event."""

from __future__ import annotations

from forwarders.formats.parsed import Parsed, read_object


def json_line(text: str) -> Parsed:
    """The event that the line is: `{"event":"user.login.success","user":"ryansb"}`.

    White space around it is fine. Raises Malformed with the reasons of jsontext.load for everything else.
    """
    return None, *read_object(text)
