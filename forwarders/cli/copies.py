"""A sink's copy of one event taken apart again, for a person who asks what lands where."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from forwarders.jsontext import DECODE_ERRORS, flatten
from forwarders.sinks.sqlite import SEPARATOR
from forwarders.sinks.sqlite_schema import COLUMNS

Parts = dict[str, msgspec.Raw | str]
"""What a copy consists of, by name; Raw where it is JSON."""


def parts(sink_type: str, piece: str) -> Parts:
    """The text that a sink's encoder made, as its parts: columns for SQLite, action and document for Elasticsearch."""
    if sink_type == "sqlite":
        values = zip(COLUMNS, piece.split(SEPARATOR, len(COLUMNS) - 1), strict=False)
        return {column: _json(value) if value[:1] in "{[" else value for column, value in values if value}
    if sink_type == "elasticsearch":
        action, _, document = piece.rstrip("\n").partition("\n")
        return {"action": _json(action), "document": _json(document)}
    if sink_type == "honeycomb":
        dataset, _, event = piece.partition("\n")
        return {"dataset": dataset, "event": _json(event)}
    return {"line": _json(piece)}


def changes(before: str, after: str) -> dict[str, str]:
    """What redaction did, by dotted name of the field: dropped, masked, `hashed (key k1)`, or `cut out by patterns`.

    Text that is no JSON, or no longer, has no names: then it is `(the text)`.
    """
    if before == after:
        return {}
    try:
        old, new = flatten(before), flatten(after)
    except DECODE_ERRORS:
        return {"(the text)": _PATTERNS}
    told = {
        name: _told(value) for name, value in new.items() if name not in old or bytes_of(old[name]) != bytes_of(value)
    }
    for name in old.keys() - new.keys():
        if not any(name.startswith(f"{changed}.") for changed in told):
            told[name] = "dropped"
    return dict(sorted(told.items()))


_PATTERNS = "cut out by patterns"


def _told(value: msgspec.Raw | str) -> str:
    text = bytes_of(value).decode("utf-8", "replace")
    if text == '"***"':
        return "masked"
    if text.startswith('"hmac:'):
        return f"hashed (key {text.split(':')[1]})"
    return _PATTERNS


def bytes_of(value: msgspec.Raw | str) -> bytes:
    """The field as text, whether it is JSON or was too much for a column."""
    return value.encode("utf-8", "surrogatepass") if isinstance(value, str) else bytes(value)


def _json(text: str) -> msgspec.Raw | str:
    """`text` as a piece of JSON, if it is one."""
    try:
        msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return text
    return msgspec.Raw(text.encode())


def text_of(copy: Mapping[str, msgspec.Raw | str]) -> dict[str, str]:
    """The parts as text."""
    return {name: bytes_of(value).decode("utf-8", "replace") for name, value in copy.items()}
