"""JSON around an event: Lambda's JSON log format, Powertools Logger's lines, platform events, and `key:NAME`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from forwarders.errors import Malformed
from forwarders.formats.parsed import Context, Format, Parsed, joined, read_object
from forwarders.formats.text import legacy_text

_levels = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode

_WRAPPER = frozenset({"timestamp", "level", "message"})
"""What every line of Lambda's JSON log format and of Powertools Logger has."""

_CONTEXT = {
    "AWSrequestId": "request_id",
    "cold_start": "cold_start",
    "correlation_id": "correlation_id",
    "function_arn": "function_arn",
    "function_memory_size": "function_memory_size",
    "function_name": "function_name",
    "function_request_id": "request_id",
    "level": "level",
    "location": "location",
    "logger": "logger",
    "requestId": "request_id",
    "sampling_rate": "sampling_rate",
    "service": "service",
    "tenantId": "tenant_id",
    "timestamp": "timestamp",
    "traceId": "trace_id",
    "xRayTraceId": "trace_id",
    "xray_trace_id": "trace_id",
}
"""Fields that the runtime or the logging library writes about a line; none is the author's."""

_SHIPPER_CONTEXT = _CONTEXT | {"container_id": "container_id", "stream": "stream", "time": "time"}
"""With what Docker and its log drivers write beside the line."""

_MAX_CONTEXT_CHARS = 256


def json_event(text: str, context: Context | None = None) -> Parsed:
    """The event in a line of a Lambda log group that begins with a brace.

    In this order: an object with a string `event` is the event; a platform event of the runtime; a line of a logging
    library holds the event, an object or a string of JSON, or just text, under `message`; any other object is an event
    without a name. What is no JSON is `legacy.text`. Raises Malformed for JSON that cannot be taken.
    """
    try:
        text, data, flags = read_object(text)
    except Malformed as error:
        if error.reason == "json_syntax":
            return legacy_text(text, context)
        raise
    context = joined(context, flags)
    if type(data.get("event")) is str:
        return None, text, data, context
    if data.keys() >= _WRAPPER:
        return _unwrapped(text, data, "message", _CONTEXT, context)
    if "record" in data:
        from forwarders.formats.lambda_platform import platform_event  # as in lambda_text.py

        return platform_event(text, data, context) or (None, text, data, context)
    return None, text, data, context


def under_key(name: str) -> Format:
    """The format of lines that hold the event under the key `name`, as an object or as a string of JSON or of text.

    `under_key("log")` reads Docker's `{"log":"{\\"event\\":…}\\n","stream":"stdout","time":"…"}`. What else the line
    holds goes with the event as unknown fields. Raises Malformed: `key_missing`, and the reasons of jsontext.load.
    """

    def keyed(text: str) -> Parsed:
        text, data, flags = read_object(text)
        if name not in data:
            raise Malformed("key_missing")
        return _unwrapped(text, data, name, _SHIPPER_CONTEXT, flags)

    return keyed


def _unwrapped(text: str, data: dict[str, Any], key: str, known: Mapping[str, str], context: Context | None) -> Parsed:
    """The event under `key`; the wrapper's own fields become context, the author's further fields go with the event."""
    level = _levels(text)
    said: dict[str, str] = {}
    others = {}
    for name, raw in level.items():
        if name != key and not (name in known and _tell(said, known[name], data[name], raw)):
            others[name] = raw
    context = joined(context, said)
    value = data[key]
    if type(value) is dict:
        return _with(None, bytes(level[key]).decode(), value, others, data, context)
    if type(value) is not str:
        return None, text, data, context
    inner = value.lstrip()
    if inner[:1] == "{":
        try:
            inner_text, inner_data, flags = read_object(inner)
        except Malformed as error:
            if error.reason != "json_syntax":
                raise
        else:
            return _with(None, inner_text, inner_data, others, data, joined(context, flags))
    plain_name, plain_text, plain, context = legacy_text(value, context)
    return _with(plain_name, plain_text, plain, others, data, context)


def _tell(said: dict[str, str], name: str, value: Any, raw: msgspec.Raw) -> bool:
    """Notes a scalar of the wrapper as context; False when it is none, or too long for one."""
    word = value if type(value) is str else bytes(raw).decode()
    if len(word) > _MAX_CONTEXT_CHARS or type(value) is dict or type(value) is list:
        return False
    if word:
        said[name] = word
    return True


def _with(
    name: str | None,
    text: str,
    event: dict[str, Any],
    others: Mapping[str, msgspec.Raw],
    data: Mapping[str, Any],
    context: Context | None,
) -> Parsed:
    """The event with the author's fields that stood beside it, unless the event has a field of that name itself."""
    add = {key: raw for key, raw in others.items() if key not in event}
    if not add:
        return name, text, event, context
    more = msgspec.json.encode(add).decode()
    joint = "," if event else ""
    whole = text.rstrip()[:-1] + joint + more[1:]
    return name, whole, event | {key: data[key] for key in add}, context
