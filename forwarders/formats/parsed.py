"""What every format returns, and the reading of JSON that they share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from forwarders import jsontext
from forwarders.errors import Malformed

Context = Mapping[str, str]
"""What the wrapper of an event said: `request_id`, `level`, `logger` … `flags` names what reading repaired."""

Parsed = tuple[str | None, str, dict[str, Any], Context | None]
"""The event's name where the format decides it, else None; the event as one line of JSON; the same, parsed; and what
its wrapper said. The text may hold a key twice (see jsontext.has_unique_keys); all else about it is sound."""

Format = Callable[[str], Parsed]
"""A record's text to its event. Pure, linear in the length of the text, raises nothing but errors.Malformed."""


def read_object(text: str) -> tuple[str, dict[str, Any], Context | None]:
    """The JSON object that `text` is: as one line, parsed, and with the flags of what had to be repaired.

    Raises Malformed with the reasons of jsontext.load.
    """
    try:
        data = jsontext.decode(text)
    except jsontext.DECODE_ERRORS:
        loaded = jsontext.load(text)
        return loaded.text, loaded.data, flagged(None, *loaded.flags)
    if type(data) is not dict:
        raise Malformed("json_not_object")
    return jsontext.one_line(text), data, None


def flagged(context: Context | None, *flags: str) -> Context | None:
    """The context with further flags."""
    if not flags:
        return context
    old = (context or {}).get("flags")
    return {**(context or {}), "flags": ",".join((old, *flags) if old else flags)}


def joined(first: Context | None, second: Context | None) -> Context | None:
    """What two wrappers said, one around the other: the inner (second) one counts where both speak."""
    if not first or not second:
        return first or second or None
    both = {**first, **second}
    if "flags" in first and "flags" in second:
        both["flags"] = f"{first['flags']},{second['flags']}"
    return both
