"""What a Lambda log group holds: JSON, the runtimes' text prefixes, platform lines, and plain prints."""

from __future__ import annotations

import re

from forwarders.formats.parsed import Parsed
from forwarders.formats.text import legacy_text
from forwarders.formats.wrapped import json_event

_TIME_CHARS = len("2017-04-26T13:49:12.000Z")
_MAX_LEVEL_CHARS = 16
# 2020-08-31 20:40:53 0f7f1d80-… INFO  Handler:21 - {…}: log4j2's pattern in the developer guide for Java.
_JAVA = re.compile(
    r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:[.,]\d{3})? ([0-9a-f-]{36}) ([A-Z]{1,16}) {1,8}(\S{1,256}) {1,8}- (.*)",
    re.DOTALL,
)
_PLATFORM_INITIALS = frozenset("EILRST")


def lambda_line(text: str) -> Parsed:
    """The event in a line of a Lambda log group, without what the runtime put around it.

    `2017-04-26T13:49:12.000Z\\t<request id>\\tINFO\\t{…}` (Node.js, .NET), `[INFO]\\t<time>\\t<request id>\\t{…}`
    (Python), log4j2's line (Java), JSON log lines, Powertools Logger's lines; REPORT and its like become
    `lambda.report` and `lambda.platform`; anything else `legacy.text`. Raises Malformed for JSON that cannot be taken.
    """
    first = text[:1]
    if first == "{":
        return json_event(text)
    if first == "[":
        return _python(text)
    if first.isdigit():
        return _node(text)
    if first in _PLATFORM_INITIALS:
        return _platform(text)
    if first and first in " \t\r\n\ufeff":
        inner = text.lstrip("\ufeff \t\r\n")
        if inner[:1] == "{":
            return json_event(inner)
    return legacy_text(text)


def _python(text: str) -> Parsed:
    parts = text.split("\t", 3)
    if len(parts) != 4 or not _is_time(parts[1]) or parts[0][-1:] != "]" or not _is_level(parts[0][1:-1]):
        return legacy_text(text)
    return _payload(parts[3], parts[2], parts[0][1:-1])


def _node(text: str) -> Parsed:
    parts = text.split("\t", 3)
    if len(parts) > 2 and _is_time(parts[0]):
        if len(parts) == 4 and _is_level(parts[2]):
            return _payload(parts[3], parts[1], parts[2])
        return _payload("\t".join(parts[2:]), parts[1], "")  # Node.js before 10 wrote no level
    java = _JAVA.match(text)
    if java:
        request_id, level, logger, payload = java.groups()
        return _payload(payload, request_id, level, logger)
    return _platform(text)


def _platform(text: str) -> Parsed:
    from forwarders.formats.lambda_platform import platform_line  # 1 ms of a cold start that events never need

    return platform_line(text) or legacy_text(text)


def _payload(text: str, request_id: str, level: str, logger: str = "") -> Parsed:
    said = {"request_id": request_id, "level": level, "logger": logger}
    context = {name: word for name, word in said.items() if word and len(word) <= 256} or None
    inner = text.lstrip() if text[:1] in (" ", "\n") else text
    return json_event(inner, context) if inner[:1] == "{" else legacy_text(text, context)


def _is_time(text: str) -> bool:
    return len(text) == _TIME_CHARS and text[-1] == "Z" and text[10] == "T"


def _is_level(text: str) -> bool:
    return len(text) <= _MAX_LEVEL_CHARS and text.isalpha()
