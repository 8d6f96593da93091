"""What is said about a value that a contract refuses: bounded phrases that never contain the value."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from forwarders.contracts.tree import pointer

MAX_TEXT = 200
"""Characters of a phrase. The keys of an event and the patterns of an author can be of any length."""

_QUOTED = frozenset('."[]\\')


def cut(text: str) -> str:
    """The text itself, or its first 199 characters and an ellipsis; lone surrogates are escaped."""
    if len(text) > MAX_TEXT:
        text = text[: MAX_TEXT - 1] + "…"
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode()[:MAX_TEXT]


def bounded_pointer(path: Sequence[str | int]) -> str:
    """The JSON pointer of a place in an event, cut to 200 characters: keys are the event's own and of any length."""
    return cut(pointer(list(path)))


def dotted(path: Iterable[str | int]) -> str:
    """A place in an event as drift names it: `source.type`, `items[].sku`, `labels."a.b"`.

    Array positions are left out, so that one unknown field is one name. A key that is empty, or has a dot, a quote, a
    bracket, a backslash or anything unprintable, is written as a JSON string. Cut to 200 characters.
    """
    text = ""
    for part in path:
        if isinstance(part, int):
            text += "[]"
            continue
        plain = part.isidentifier() or (part and part.isprintable() and " " not in part and _QUOTED.isdisjoint(part))
        key = part if plain else json.dumps(part[:MAX_TEXT])
        text += f".{key}" if text else key
    return cut(text)


def found(value: Any) -> str:
    """The type and length of a value, never the value: `string of 12 characters`, `integer of 10 digits`, `null`."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, str):
        return f"string of {_count(len(value), 'character')}"
    if isinstance(value, int):
        # str() of an int refuses more than 4,300 digits, and takes quadratic time before that.
        return f"integer of {_count(len(str(abs(value))), 'digit')}" if -(10**40) < value < 10**40 else "huge integer"
    if isinstance(value, dict):
        return f"object of {_count(len(value), 'key')}"
    if isinstance(value, (list, tuple)):
        return f"array of {_count(len(value), 'item')}"
    return "number"


def expected(keyword: str, wanted: Any, missing: str = "") -> str:
    """What a keyword of the contract asks for, in words a person reads; `wanted` is the keyword's value in the schema.

    `missing` is the property that `required` (or `dependentRequired`) misses. Cut to 200 characters.
    """
    return cut(_expected(keyword, wanted, missing))


def _expected(keyword: str, wanted: Any, missing: str) -> str:
    if keyword in ("required", "dependentRequired"):
        return f"property {json.dumps(missing)}" if missing else "its required properties"
    if keyword == "type":
        return " or ".join([wanted] if isinstance(wanted, str) else wanted)
    if keyword == "enum":
        return "one of " + _list(wanted)
    if keyword == "additionalProperties":
        return "no other property"
    if keyword in _PHRASES:
        return _PHRASES[keyword].format(_json(wanted) if not isinstance(wanted, str) or keyword == "const" else wanted)
    if keyword in _COUNTS:
        phrase, noun = _COUNTS[keyword]
        return f"{phrase} {_count(wanted, noun)}" if isinstance(wanted, int) else f"{phrase} {_json(wanted)} {noun}s"
    if keyword in ("anyOf", "oneOf"):
        how = "at least" if keyword == "anyOf" else "exactly"
        if all(isinstance(one, dict) and len(one) == 1 and one.keys() <= _PLAIN for one in wanted):
            return " or ".join(_expected(key, value, "") for one in wanted for key, value in one.items())
        return f"{how} one of {len(wanted)} alternatives"
    return keyword


_PHRASES = {
    "const": "{}",
    "minimum": "at least {}",
    "maximum": "at most {}",
    "exclusiveMinimum": "more than {}",
    "exclusiveMaximum": "less than {}",
    "multipleOf": "a multiple of {}",
    "pattern": "a match of {}",
    "format": "format {}",
    "uniqueItems": "items that all differ",
    "contains": "an item that fits `contains`",
    "propertyNames": "property names that fit `propertyNames`",
    "not": "not what `not` describes",
    "falseSchema": "nothing here",
}

_PLAIN = frozenset({"type", "const", "enum", "format", "pattern"})
"""Keywords that can be listed as alternatives without a reader losing the thread."""

_COUNTS = {
    "minLength": ("at least", "character"),
    "maxLength": ("at most", "character"),
    "minItems": ("at least", "item"),
    "maxItems": ("at most", "item"),
    "minProperties": ("at least", "key"),
    "maxProperties": ("at most", "key"),
}


def _count(n: int, noun: str) -> str:
    return f"{n:,} {noun}" if n == 1 else f"{n:,} {noun}s"


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _list(values: Sequence[Any]) -> str:
    """Up to ten values, so that an enum of a thousand does not hide how many there are."""
    shown = ", ".join(_json(value) for value in values[:10])
    return shown if len(values) <= 10 else f"{shown} and {len(values) - 10} more"
