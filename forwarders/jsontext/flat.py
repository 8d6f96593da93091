"""Nested events as flat fields, for sinks whose columns have no depth."""

from __future__ import annotations

import math
from typing import Any

import msgspec

from forwarders.jsontext.edit import decode_object
from forwarders.jsontext.load import decode

MAX_FLAT_DEPTH = 20
_MAX_DOUBLE_DIGITS = 17
"""No double tells more digits apart."""

Flat = dict[str, msgspec.Raw | str]


def flatten(text: str, data: dict[str, Any] | None = None) -> dict[str, msgspec.Raw | str]:
    """The fields of an event's text by dotted path, each as the JSON text it was or, where a column cannot hold it, as
    a string: arrays, empty objects, objects below 20 levels, integers beyond 64 bits, decimals that a double changes.

    `data` is the same text parsed, where the caller has it. Two paths with the same dotted name
    (`{"a.b":1,"a":{"b":2}}`) both stay: the later one is `a.b#2`. Raises jsontext.DECODE_ERRORS when `text` is not an
    object.
    """
    fields: Flat = {}
    _fill(decode_object(text), decode(text) if data is None else data, "", 1, fields)
    return fields


def _fill(level: dict[str, msgspec.Raw], data: dict[str, Any], at: str, depth: int, fields: Flat) -> None:
    # Two parses of one text keep keys in the same order. The parsed value tells a type for less than its text does.
    for (name, raw), value in zip(level.items(), data.values(), strict=True):
        if type(value) is dict and value and depth < MAX_FLAT_DEPTH:
            _fill(decode_object(raw), value, f"{at}{name}.", depth + 1, fields)
            continue
        path = at + name
        if path in fields:
            path = _free(path, fields)
        fields[path] = raw if type(value) is str or _holds(value, raw) else bytes(raw).decode()


def _free(path: str, fields: Flat) -> str:
    """`path#2`, or the next number that no field has: found by doubling, as a hostile event has thousands."""
    number = 2
    while f"{path}#{number}" in fields:
        number *= 2
    return f"{path}#{number}"


def _holds(value: Any, raw: msgspec.Raw) -> bool:
    """Whether a column holds this value without changing it."""
    kind = type(value)
    if kind is int:
        return bool(-(1 << 63) <= value < 1 << 63)
    if kind is float:
        number = bytes(raw).decode()
        return number == repr(value) or _fits_double(number, abs(value))
    return kind is bool or value is None


def _fits_double(number: str, held: float) -> bool:
    """True when the double gives back the digits that are there, trailing zeros aside."""
    digits = number.lower().partition("e")[0].lstrip("-").replace(".", "").strip("0")
    if not digits:
        return True
    if len(digits) > _MAX_DOUBLE_DIGITS or held == 0 or math.isinf(held):
        return False
    shown = f"{held:.{len(digits) - 1}e}"
    return shown.partition("e")[0].replace(".", "") == digits
