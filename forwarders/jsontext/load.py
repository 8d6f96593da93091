"""JSON text to data: the fast parser, and the slow one that repairs or refuses what the fast one cannot take."""

from __future__ import annotations

import json
import re
from typing import Any, NoReturn, cast

import msgspec

from forwarders.errors import Malformed
from forwarders.jsontext.keys import has_unique_keys, key_count

decode = msgspec.json.Decoder().decode
"""The fast parser, 0.4 µs on 240 B. Integers are exact; the last of duplicate keys wins; NaN, lone surrogates and
numbers beyond a double are refused with one of DECODE_ERRORS."""

DECODE_ERRORS = (msgspec.DecodeError, UnicodeEncodeError, RecursionError)
"""What `decode` raises. UnicodeEncodeError: the text itself holds half a surrogate pair."""

MAX_DIGITS = 4300
"""Digits of an integer: what CPython converts without taking quadratic time, and all that `decode` takes."""

_RAW_SURROGATE = "[\ud800-\udfff]"  # compiled with the first text that needs it: 0.4 ms of a cold start
# Alternatives from left to right: a pair, half a pair, any other escape (so that `\\ud800` is a backslash and letters).
_ESCAPE = re.compile(r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u[dD][89a-fA-F][0-9a-fA-F]{2}|\\.")
_SINGLE_ESCAPE = 6


class Loaded(msgspec.Struct, frozen=True):
    """An event that may be spliced: one line of JSON without duplicate keys, the same parsed, and what was repaired.

    `flags`: `lone_surrogate` (half a pair became U+FFFD), `dup_keys` (the last one was kept).
    """

    text: str
    data: dict[str, Any]
    flags: tuple[str, ...] = ()


def load(text: str) -> Loaded:
    """The object in `text`, safe to splice; called when `decode` refused or when a key may stand there twice.

    Numbers keep their digits, whatever their size. Raises Malformed: `json_syntax`, `json_not_object`, `json_number`
    (NaN, beyond a double, an integer of more than 4,300 digits), `json_depth` (more than 200 levels). Linear in the
    size of the text: 1 MB of small numbers takes 0.1 s.
    """
    text = text.removeprefix("\ufeff")
    flags: tuple[str, ...] = ()
    data = _parse(text)
    if data is None:
        text, flags = _without_lone_surrogates(text), ("lone_surrogate",)
        data = _parse(text)
    if type(data) is not dict:
        raise Malformed("json_not_object")
    keys = key_count(data)
    if keys < 0:
        raise Malformed("json_depth")
    if not has_unique_keys(text, keys) and _has_duplicates(text):
        return Loaded(_unique(text), data, (*flags, "dup_keys"))
    return Loaded(one_line(text), data, flags)


def one_line(text: str) -> str:
    """Valid JSON without raw line ends and tabs: they can only stand between tokens, where they say nothing."""
    if "\n" in text or "\r" in text or "\t" in text:
        return text.replace("\n", "").replace("\r", "").replace("\t", "")
    return text


def _parse(text: str) -> Any:
    """What `decode` makes of the text; None (a text that says null is no object either way) for lone surrogates."""
    try:
        return decode(text)
    except DECODE_ERRORS:
        _refuse(text)
    return None


def _refuse(text: str) -> None:
    """Raises Malformed with the reason why `decode` refused; returns when lone surrogates are all that is wrong."""
    try:
        json.loads(text, parse_int=_check_integer, parse_float=_check_float, parse_constant=_not_a_number)
    except RecursionError:
        raise Malformed("json_depth") from None
    except ValueError:
        raise Malformed("json_syntax") from None


def _check_integer(digits: str) -> None:
    if len(digits) > MAX_DIGITS:
        raise Malformed("json_number")


def _check_float(digits: str) -> None:
    if float(digits) in (float("inf"), float("-inf")):
        raise Malformed("json_number")


def _not_a_number(_: str) -> NoReturn:
    raise Malformed("json_number")


def _without_lone_surrogates(text: str) -> str:
    def replace(match: re.Match[str]) -> str:
        escape = match.group()
        return "\\ufffd" if len(escape) == _SINGLE_ESCAPE else escape

    return re.sub(_RAW_SURROGATE, "\ufffd", _ESCAPE.sub(replace, text))


def _has_duplicates(text: str) -> bool:
    """Whether an object holds a key twice, decided exactly. `text` has passed `decode`."""
    found = False

    def look(pairs: list[tuple[str, Any]]) -> None:
        nonlocal found
        found = found or len(dict(pairs)) < len(pairs)

    json.loads(text, object_pairs_hook=look, parse_int=bool, parse_float=bool)
    return found


def _unique(text: str) -> str:
    """The text with the last of duplicate keys only: numbers keep their digits, strings their value."""
    level = json.loads(text, parse_int=_raw, parse_float=_raw)
    return msgspec.json.encode(level).decode()


def _raw(digits: str) -> msgspec.Raw:
    return msgspec.Raw(cast(Any, digits))
