"""Redaction by patterns over an event: strings, keys and numbers one by one, so that JSON comes out."""

from __future__ import annotations

import json
from typing import Any, NoReturn

import msgspec

from forwarders import jsontext
from forwarders.errors import Withheld
from forwarders.redact.patterns import SECRET, names_secret, patterns

_NAMES = ("name", "key", "header", "field")
_VALUES = ("value", "values")


def patterns_json(text: str) -> str:
    """`patterns` over the JSON `text`, and JSON again: keys too, numbers that are card numbers, and whatever stands
    under a key such as `password`. The same text comes back when nothing is found; numbers keep their digits.

    Raises Withheld for whatever goes wrong.
    """
    try:
        # Without escapes every string stands in the text as it is, so that what is not found there is nowhere.
        if "\\" not in text and patterns(text) == text:
            jsontext.decode(text)
            return text
        tree = json.loads(text, parse_int=jsontext.raw, parse_float=jsontext.raw, parse_constant=_refuse)
        return msgspec.json.encode(_redacted(tree, False)).decode()
    except Exception as error:  # whatever it is: a copy that was not redacted is not made
        raise Withheld(f"redaction failed: {type(error).__name__}") from None


def _refuse(_: str) -> NoReturn:
    raise ValueError("not a number")


def _redacted(value: Any, is_secret: bool) -> Any:
    if type(value) is dict:
        return _object(value, is_secret)
    if type(value) is list:
        return [_redacted(item, is_secret) for item in value]
    if type(value) is str:
        return SECRET if is_secret and value else patterns(value)
    if type(value) is msgspec.Raw:
        if is_secret:
            return SECRET
        digits = bytes(value).decode()
        safe = patterns(digits)
        return value if safe == digits else safe
    return value


def _object(level: dict[str, Any], is_secret: bool) -> dict[str, Any]:
    # {"name": "Cookie", "value": "…"}, as API Gateway and HAR files write headers.
    named = any(type(level.get(name)) is str and names_secret(level[name]) for name in _NAMES)
    result: dict[str, Any] = {}
    for key, value in level.items():
        hide = is_secret or (named and key in _VALUES) or (names_secret(key) and not _counts(key, value))
        safe_key = patterns(key)
        while safe_key in result:
            safe_key += "#"
        result[safe_key] = _redacted(value, hide)
    return result


def _counts(key: str, value: Any) -> bool:
    """True for `"total_tokens": 512`: how many, not which."""
    return type(value) is msgspec.Raw and "tokens" in key.lower()
