"""Redaction by contract: the fields that a contract classifies, changed in one sink's copy."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec

from forwarders import jsontext
from forwarders.errors import Withheld
from forwarders.jsontext import Change
from forwarders.model import Contract, Event
from forwarders.redact.actions import HMAC, MASK, PATTERNS, actions
from forwarders.redact.key import HashKey, hasher
from forwarders.redact.splice import splicer

MASKED = jsontext.raw('"***"')


def for_contract(
    contract: Contract, sink_type: str, sink_name: str, key: HashKey | None
) -> Callable[[Event], str] | None:
    """The function from an event to the JSON text of this sink's redacted copy; None when nothing is redacted.

    `drop` removes the value, `mask` puts `"***"` in its place, `hmac` the string `hmac:<key id>:<32 hex digits>`:
    BLAKE2b with the key over a string's UTF-8 (`"a"` and `"\\u0061"` are one), over the JSON text of any other value;
    `patterns` goes through `text.patterns`. A string or number that stands where an object with classified fields
    should is masked. One hashed field of a 240 B event: 0.7 µs. The function raises Withheld for whatever goes wrong.
    """
    wanted = actions(contract, sink_type, sink_name, key is not None)
    if not wanted:
        return None
    hashed = _hash_with(key) if key is not None else _mask
    change_by_action: Mapping[str, Change] = {MASK: _mask, HMAC: hashed, PATTERNS: _by_patterns}
    edit = jsontext.editor({path: change_by_action.get(action, _drop) for path, action in wanted.items()}, stray=_mask)

    def thorough(event: Event) -> str:
        try:
            return edit(event.text)
        except Exception as error:  # whatever it is: a copy that was not redacted is not made
            raise Withheld(f"redaction failed: {type(error).__name__}") from None

    return splicer(wanted, key, thorough)


def _drop(_: msgspec.Raw) -> None:
    return None


def _mask(_: msgspec.Raw) -> msgspec.Raw:
    return MASKED


def _by_patterns(value: msgspec.Raw) -> msgspec.Raw:
    from forwarders.redact.text import patterns

    plain = jsontext.decode(value)
    if type(plain) is str:
        return jsontext.raw(msgspec.json.encode(patterns(plain)).decode())
    text = bytes(value).decode()
    return value if patterns(text) == text else MASKED


def _hash_with(key: HashKey) -> Change:
    digest = hasher(key)
    decode, raw = jsontext.decode, jsontext.raw

    def change(value: msgspec.Raw) -> msgspec.Raw:
        plain = decode(value)
        return raw(digest(plain.encode() if type(plain) is str else bytes(value)))

    return change
