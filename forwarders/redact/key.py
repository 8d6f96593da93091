"""The key of the keyed hash: which one was used is written beside each hash, so that a key can be changed."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable
from typing import Any

import msgspec

from forwarders.errors import ConfigError

_ID = re.compile(r"[A-Za-z0-9._-]{1,32}")
_MIN_BYTES, _MAX_BYTES = 16, 64
_EXPECTED = 'ID:SECRET or {"id": ID, "secret": SECRET}, the secret in base64, 16 to 64 bytes'


DIGEST_BYTES = 16


class HashKey(msgspec.Struct, frozen=True):
    """A secret for the keyed hash (BLAKE2b takes up to 64 bytes) and the name that may be known."""

    id: str
    secret: bytes

    @classmethod
    def parse(cls, value: str, file: str = "pipeline.yaml", key: str = "redaction.key") -> HashKey:
        """The key in a secret's value, `k1:c2VjcmV0…` or `{"id":"k1","secret":"c2VjcmV0…"}`.

        Raises ConfigError, which names lengths and never the value.
        """
        value = value.strip()
        if value[:1] == "{":
            id_, secret = _members(value)
        else:
            id_, _, secret = value.partition(":")
        try:
            raw = base64.b64decode(secret, validate=True)
        except ValueError:
            raise ConfigError(file, key, f"a secret of {len(secret)} characters that is no base64", _EXPECTED) from None
        if not _ID.fullmatch(id_):
            raise ConfigError(file, key, f"an id of {len(id_)} characters", "letters, digits, dot, hyphen, 1 to 32")
        if not _MIN_BYTES <= len(raw) <= _MAX_BYTES:
            raise ConfigError(file, key, f"a secret of {len(raw)} bytes", _EXPECTED)
        return cls(id_, raw)

    def __repr__(self) -> str:
        return f"HashKey({self.id!r})"


def hasher(key: HashKey) -> Callable[[bytes], str]:
    """The function from a value's bytes to the JSON string `"hmac:<key id>:<32 hex digits>"` (BLAKE2b, 128 bits)."""
    # Copying the keyed state is 0.2 µs cheaper than keying a new one.
    copy = hashlib.blake2b(key=key.secret, digest_size=DIGEST_BYTES).copy
    prefix = f'"hmac:{key.id}:'

    def digest(value: bytes) -> str:
        state = copy()
        state.update(value)
        return f'{prefix}{state.hexdigest()}"'

    return digest


def _members(value: str) -> tuple[str, str]:
    try:
        members: Any = msgspec.json.decode(value)
        return str(members["id"]), str(members["secret"])
    except (msgspec.DecodeError, UnicodeEncodeError, KeyError, RecursionError):
        return "", ""
