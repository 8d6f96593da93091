"""A message as JSON: the whole of it must be one object."""

from __future__ import annotations

import json
from typing import Any, NoReturn

from forwarders import jsontext

MAX_DEPTH = 500
"""Levels of arrays and objects: what every supported Python parses. Nobody has recorded the limit of AWS."""


def parsed(message: str) -> dict[str, Any] | None:
    """The object that the message is, white space around it aside, else None. Of duplicate keys the last one counts.

    A number beyond a double becomes infinite; NaN is not JSON. Never raises, and takes linear time.
    """
    if message[:1] != "{" and message.lstrip()[:1] != "{":
        return None
    if message.count("[") + message.count("{") > MAX_DEPTH and _depth(message) > MAX_DEPTH:
        return None
    try:
        data = jsontext.decode(message)
    except jsontext.DECODE_ERRORS:
        try:
            data = json.loads(message, parse_constant=_no_json)
        except (ValueError, RecursionError):
            return None
    return data if type(data) is dict else None


def _no_json(name: str) -> NoReturn:
    raise ValueError(name)


def _depth(message: str) -> int:
    """The deepest level of brackets and braces; those in strings are counted only when the text is no JSON anyway."""
    deepest = level = 0
    for part in _outside_strings(message):
        for letter in part:
            if letter in "[{":
                level += 1
                deepest = max(deepest, level)
            elif letter in "]}":
                level -= 1
    return deepest


def _outside_strings(message: str) -> list[str]:
    return message.replace("\\\\", "").replace('\\"', "").split('"')[::2]
