"""Redaction by patterns over an event: strings, keys and numbers one by one, so that JSON comes out."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from typing import Any, NoReturn

import msgspec

from forwarders import jsontext
from forwarders.errors import Withheld
from forwarders.redact.text import SECRET, patterns, redacted
from forwarders.redact.words import may_match, names_secret

_NAMES = ("name", "key", "header", "field")
_VALUES = ("value", "values")
_MAX_NESTED = 3
"""JSON in strings of JSON that is taken apart; what lies deeper is redacted as text."""
_HEADER_PAIR = re.compile(rf'"(?:{"|".join(_NAMES)})"[ \t\r\n]*+:')


def patterns_json(text: str) -> str:
    """`patterns` over the JSON `text`, and JSON again: keys too, numbers that are card numbers, and whatever stands
    under a key such as `password`. The same text comes back when nothing is found; numbers keep their digits.

    Raises Withheld for whatever goes wrong.
    """
    try:
        return _safe(text, _MAX_NESTED)
    except Exception as error:  # whatever it is: a copy that was not redacted is not made
        raise Withheld(f"redaction failed: {type(error).__name__}") from None


def _safe(text: str, nested: int) -> str:
    # Without escapes every string stands in the text as it is, so that what is not found there is nowhere.
    if "\\" not in text and not (may_match(text) and (_HEADER_PAIR.search(text) or redacted(text) != text)):
        jsontext.decode(text)
        return text
    tree = json.loads(text, parse_int=jsontext.raw, parse_float=jsontext.raw, parse_constant=_refuse)
    return msgspec.json.encode(_redacted(tree, False, nested)).decode()


def _refuse(_: str) -> NoReturn:
    raise ValueError("not a number")


def _redacted(value: Any, is_secret: bool, nested: int) -> Any:
    if type(value) is dict:
        return _object(value, is_secret, nested)
    if type(value) is list:
        return [_redacted(item, is_secret, nested) for item in value]
    if type(value) is str:
        return SECRET if is_secret and value else _string(value, nested)
    if type(value) is msgspec.Raw:
        if is_secret:
            return SECRET
        digits = bytes(value).decode()
        safe = patterns(digits)
        return value if safe == digits else safe
    return value


def _string(text: str, nested: int) -> str:
    """A string redacted; where it is JSON itself, its strings and keys one by one."""
    if nested and text[:1] in ("{", "[", " ", "\n") and text.lstrip()[:1] in ("{", "["):
        with suppress(ValueError, RecursionError, msgspec.DecodeError):  # it may only begin like JSON
            text = _safe(text, nested - 1)
    return patterns(text)


def _object(level: dict[str, Any], is_secret: bool, nested: int) -> dict[str, Any]:
    # {"name": "Cookie", "value": "…"}, as API Gateway and HAR files write headers.
    named = any(type(level.get(name)) is str and names_secret(level[name]) for name in _NAMES)
    result: dict[str, Any] = {}
    twins = 0
    for key, value in level.items():
        hide = is_secret or (named and key in _VALUES) or (names_secret(key) and not _counts(key, value))
        safe_key = patterns(key)
        while safe_key in result:
            twins += 1
            safe_key = f"{patterns(key)}#{twins}"
        result[safe_key] = _redacted(value, hide, nested)
    return result


def _counts(key: str, value: Any) -> bool:
    """True for `"total_tokens": 512`: how many, not which."""
    return type(value) is msgspec.Raw and "tokens" in key.lower()
