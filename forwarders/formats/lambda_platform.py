"""What the Lambda service itself writes: REPORT and its like, as text and as JSON platform events.

Both spellings give the same fields: `lambda.report` for the report of an invocation, `lambda.platform` for all else.
Numbers keep their digits; units are in the names.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from forwarders import jsontext
from forwarders.formats.parsed import Context, Parsed

REPORT, PLATFORM = "lambda.report", "lambda.platform"

encode = msgspec.json.Encoder().encode
_level = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode

_MAX_LINE_CHARS = 4096
_NUMBER = re.compile(r"(?:0|[1-9][0-9]{0,15})(?:\.[0-9]{1,9})?")
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_TIMED_OUT = re.compile(r"[0-9T:.Z-]{20,30} (\S{36}) Task timed out after ([0-9.]{1,16}) seconds\s*")
_EXITED = re.compile(r"RequestId: (\S{36}) (Error: .+)", re.DOTALL)
_KIND = re.compile(
    r"(REPORT|START|END|INIT_START|INIT_REPORT|RESTORE_START|RESTORE_REPORT|EXTENSION|LOGS|TELEMETRY)[ \t]"
)
_HUMP = re.compile(r"(?<=[a-z0-9])([A-Z]+)")

# The words of a text line: field, and unit where the value is a number.
_WORDS = {
    "RequestId": ("request_id", ""),
    "Version": ("function_version", ""),
    "Duration": ("duration_ms", " ms"),
    "Billed Duration": ("billed_duration_ms", " ms"),
    "Memory Size": ("memory_size_mb", " MB"),
    "Max Memory Used": ("max_memory_used_mb", " MB"),
    "Init Duration": ("init_duration_ms", " ms"),
    "Restore Duration": ("restore_duration_ms", " ms"),
    "Billed Restore Duration": ("billed_restore_duration_ms", " ms"),
    "Status": ("status", ""),
    "Error Type": ("error_type", ""),
    "Phase": ("phase", ""),
    "Runtime Version": ("runtime_version", ""),
    "Runtime Version ARN": ("runtime_version_arn", ""),
    "TraceId": ("trace_id", ""),
    "SegmentId": ("segment_id", ""),
    "Sampled": ("sampled", ""),
    "Name": ("name", ""),
    "State": ("state", ""),
    "Events": ("events", ""),
    "Types": ("types", ""),
}


_RENAMED = {"version": "function_version"}
"""Members of a platform event that the text line calls otherwise."""


def platform_line(text: str) -> Parsed | None:
    """The event of a text line that the Lambda service wrote; None when it is not one, whatever it looks like.

    `REPORT RequestId: <uuid>\\tDuration: 9.14 ms\\tBilled Duration: 10 ms\\t…` gives `lambda.report`; START, END,
    INIT_START, INIT_REPORT, RESTORE_…, EXTENSION, `Task timed out after 3.00 seconds` and `Error: Runtime exited …`
    give `lambda.platform` with a `type`.
    """
    if len(text) > _MAX_LINE_CHARS:
        return None
    kind = _KIND.match(text)
    if kind is None:
        return _old_style(text)
    rest = text[kind.end() :]
    fields = _fields(rest.replace(" Version: ", "\tVersion: ") if kind[1] == "START" else rest)
    if not fields:
        return None
    request_id = fields.get("request_id")
    has_id = request_id is not None and _UUID.fullmatch(jsontext.decode(_text(request_id))) is not None
    if kind[1] == "REPORT":
        return _event(REPORT, fields, None) if has_id and "duration_ms" in fields else None
    if kind[1] in ("START", "END") and not has_id:
        return None
    return _event(PLATFORM, {"type": _json(kind[1].lower())} | fields, None)


def platform_event(text: str, data: dict[str, Any], context: Context | None) -> Parsed | None:
    """The event of `{"time":…,"type":"platform.report","record":{…}}`; None when it is no platform event."""
    type_, record = data.get("type"), data.get("record")
    if type(type_) is not str or not type_.startswith("platform.") or type(record) is not dict or len(data) > 3:
        return None
    fields: dict[str, msgspec.Raw] = {}
    if type_ != "platform.report":
        fields["type"] = _json(_snake(type_.removeprefix("platform.")))
    for name, raw in _level(_level(text)["record"]).items():
        if name == "metrics" and type(record[name]) is dict:
            for metric, number in _level(raw).items():
                fields.setdefault(_snake(metric), number)
        else:
            fields.setdefault(_RENAMED.get(name) or _snake(name), raw)
    return _event(REPORT if type_ == "platform.report" else PLATFORM, fields, context)


def _old_style(text: str) -> Parsed | None:
    if (match := _TIMED_OUT.fullmatch(text)) and _NUMBER.fullmatch(match[2]):
        fields = {"type": _json("timeout"), "request_id": _json(match[1]), "timeout_s": jsontext.raw(match[2])}
        return _event(PLATFORM, fields, None)
    if (match := _EXITED.fullmatch(text)) and _UUID.fullmatch(match[1]):
        fields = {"type": _json("exit"), "request_id": _json(match[1]), "message": _json(match[2].rstrip())}
        return _event(PLATFORM, fields, None)
    return None


def _fields(text: str) -> dict[str, msgspec.Raw] | None:
    """The `Word: value` pairs between tabs; None when one is not of that kind, as then the line is somebody's own."""
    fields: dict[str, msgspec.Raw] = {}
    for part in text.replace("\n", "\t").split("\t"):
        word, _, value = part.removeprefix("XRAY ").strip().partition(": ")
        if not word:
            continue
        if word not in _WORDS or not value:
            return None
        name, unit = _WORDS[word]
        if unit:
            number = value.removesuffix(unit)
            if number == value or not _NUMBER.fullmatch(number):
                return None
            fields.setdefault(name, jsontext.raw(number))
        else:
            fields.setdefault(name, jsontext.raw(value) if value in ("true", "false") else _json(value))
    return fields


def _event(name: str, fields: dict[str, msgspec.Raw], context: Context | None) -> Parsed:
    text = encode(fields).decode()
    return name, text, jsontext.decode(text), context


def _json(text: str) -> msgspec.Raw:
    return msgspec.Raw(encode(text))


def _text(value: msgspec.Raw) -> str:
    return bytes(value).decode()


def _snake(name: str) -> str:
    """`maxMemoryUsedMB` to `max_memory_used_mb`."""
    return _HUMP.sub(r"_\1", name).lower()
