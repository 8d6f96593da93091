"""Redaction by contract: the fields that a contract classifies, changed in one sink's copy."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from forwarders import jsontext
from forwarders.errors import Withheld
from forwarders.jsontext import Change, Path
from forwarders.model import Contract
from forwarders.redact.key import HashKey

KEEP, DROP, MASK, HMAC = "keep", "drop", "mask", "hmac"
ANY_SINK = "*"
MASKED = jsontext.raw('"***"')
_DIGEST_BYTES = 16
_PLAIN_NAME = re.compile(r"[A-Za-z0-9_.-]+").fullmatch
"""Names that need no escape and cannot be taken for what stands between two strings."""

Edit = Callable[[str], str]
NewText = Callable[[str | bytes], str]
"""A string, or the JSON text of another value, to the JSON text that takes its place."""


def actions(contract: Contract, sink_type: str, sink_name: str, has_key: bool) -> dict[Path, str]:
    """What one sink's copy needs: an action for each classified path, those to be kept left out.

    The sink's name counts first, then its type, then `*`. What lists none of them is hashed where there is a key, else
    masked; a secret is dropped. A hash without a key is a mask, and an unknown action a drop: nothing fails open.
    """
    result: dict[Path, str] = {}
    for path, by_sink in contract.redactions.items():
        action = by_sink.get(sink_name) or by_sink.get(sink_type) or by_sink.get(ANY_SINK)
        if action is None:
            action = DROP if _is_secret(contract.schema, path) else HMAC
        if action == HMAC and not has_key:
            action = MASK
        if action != KEEP:
            result[path] = action
    return result


def for_contract(
    contract: Contract, sink_type: str, sink_name: str, key: HashKey | None
) -> Callable[[str], str] | None:
    """The function from an event's JSON text to that of this sink's redacted copy; None when nothing is redacted.

    `drop` removes the value, `mask` puts `"***"` in its place, `hmac` the string `hmac:<key id>:<32 hex digits>`:
    BLAKE2b with the key over a string's UTF-8 (`"a"` and `"\\u0061"` are one), over the JSON text of any other value. A
    string or number that stands where an object with classified fields should is masked. One hashed field at the root
    of 240 B: 1.1 µs. The function raises Withheld for whatever goes wrong.
    """
    wanted = actions(contract, sink_type, sink_name, key is not None)
    if not wanted:
        return None
    new_text = _hash_with(key) if key is not None else _mask_text
    changes: dict[str, Change] = {MASK: _mask, HMAC: _change_by(new_text), DROP: _drop}
    edit = jsontext.editor({path: changes.get(action, _drop) for path, action in wanted.items()}, stray=_mask)
    ((path, action),) = wanted.items() if len(wanted) == 1 else [((), DROP)]
    if action in (HMAC, MASK) and path and all(map(_PLAIN_NAME, path)):
        edit = _one_string(path, new_text if action == HMAC else _mask_text, edit)

    def redact(text: str) -> str:
        try:
            return edit(text)
        except Exception as error:  # whatever it is: a copy that was not redacted is not made
            raise Withheld(f"redaction failed: {type(error).__name__}") from None

    return redact


def _one_string(path: Path, new_text: NewText, edit: Edit) -> Edit:
    """`edit` for a single string, by replacing it where it stands in the text when that place is beyond doubt.

    Valid JSON without a backslash holds every key as it is written; where the quoted name occurs once, that is the key,
    and what follows it the value. 1.0 µs on 240 B, where taking the object apart takes 1.5.
    """
    find = _finder(path)
    name = f'"{path[-1]}"'

    def change(text: str) -> str:
        if "\\" not in text:
            try:
                found = find(text)
                for _ in path:
                    found = found.value
            except (msgspec.ValidationError, AttributeError):
                return edit(text)
            if found is not None:
                head, here, tail = text.partition(f'{name}:"{found}"')
                if here and name not in head and name not in tail:
                    return f"{head}{name}:{new_text(found)}{tail}"
        return edit(text)

    return change


def _finder(path: Path) -> Callable[[str], Any]:
    """A decoder that parses an object no further than to the string at `path`: 0.2 µs on 240 B."""
    type_: Any = str
    for step in reversed(path):
        type_ = msgspec.defstruct("At", [("value", type_ | None, None)], rename={"value": step}, gc=False)
    return msgspec.json.Decoder(type_).decode


def _drop(_: msgspec.Raw) -> None:
    return None


def _mask(_: msgspec.Raw) -> msgspec.Raw:
    return MASKED


def _mask_text(_: str | bytes) -> str:
    return '"***"'


def _hash_with(key: HashKey) -> NewText:
    # Copying the keyed state is 0.2 µs cheaper than keying a new one.
    copy = hashlib.blake2b(key=key.secret, digest_size=_DIGEST_BYTES).copy
    prefix = f'"hmac:{key.id}:'

    def new_text(value: str | bytes) -> str:
        state = copy()
        state.update(value.encode() if type(value) is str else value)  # type: ignore[arg-type]
        return f'{prefix}{state.hexdigest()}"'

    return new_text


def _change_by(new_text: NewText) -> Change:
    decode, raw = jsontext.decode, jsontext.raw

    def change(value: msgspec.Raw) -> msgspec.Raw:
        plain = decode(value)
        return raw(new_text(plain if type(plain) is str else bytes(value)))

    return change


def _is_secret(schema: Mapping[str, Any], path: Path) -> bool:
    """Whether the contract's own text classifies the path as a secret, where `redactions` does not say what to do."""
    node: Any = schema
    for step in path:
        if not isinstance(node, Mapping):
            return False
        properties = node.get("properties", {})
        node = properties[step] if step in properties else node.get("items") or node.get("additionalProperties")
    pii = node.get("x-pii") if isinstance(node, Mapping) else None
    return isinstance(pii, Mapping) and pii.get("class") == "secret"
