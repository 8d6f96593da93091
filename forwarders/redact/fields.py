"""Redaction by contract: the fields that a contract classifies, changed in one sink's copy."""

from __future__ import annotations

import hashlib
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

    `drop` removes the value, `mask` puts `"***"` in its place, `hmac` the string `hmac:<key id>:<32 hex digits>`: BLAKE2b
    with the key over a string's UTF-8 (so `"a"` and `"\\u0061"` are one), over the JSON text of any other value. A
    string or number that stands where an object with classified fields should is masked. One hashed field at the root
    of 240 B: 1.2 µs. The function raises Withheld for whatever goes wrong.
    """
    wanted = actions(contract, sink_type, sink_name, key is not None)
    if not wanted:
        return None
    hashed = _hash_with(key) if key is not None else _mask
    change_by_action: Mapping[str, Change] = {MASK: _mask, HMAC: hashed}
    edit = jsontext.editor({path: change_by_action.get(action, _drop) for path, action in wanted.items()}, stray=_mask)

    def redact(text: str) -> str:
        try:
            return edit(text)
        except Exception as error:  # whatever it is: a copy that was not redacted is not made
            raise Withheld(f"redaction failed: {type(error).__name__}") from None

    return redact


def _drop(_: msgspec.Raw) -> None:
    return None


def _mask(_: msgspec.Raw) -> msgspec.Raw:
    return MASKED


def _hash_with(key: HashKey) -> Change:
    # Copying the keyed state is 0.2 µs cheaper than keying a new one.
    copy = hashlib.blake2b(key=key.secret, digest_size=_DIGEST_BYTES).copy
    prefix = f'"hmac:{key.id}:'
    decode, raw = jsontext.decode, jsontext.raw

    def change(value: msgspec.Raw) -> msgspec.Raw:
        plain = decode(value)
        state = copy()
        state.update(plain.encode() if type(plain) is str else bytes(value))
        return raw(f'{prefix}{state.hexdigest()}"')

    return change


def _is_secret(schema: Mapping[str, Any], path: Path) -> bool:
    """Whether the contract's own text classifies the path as a secret; for contracts that do not say what else to do."""
    node: Any = schema
    for step in path:
        if not isinstance(node, Mapping):
            return False
        properties = node.get("properties", {})
        node = properties[step] if step in properties else node.get("items") or node.get("additionalProperties")
    pii = node.get("x-pii") if isinstance(node, Mapping) else None
    return isinstance(pii, Mapping) and pii.get("class") == "secret"
