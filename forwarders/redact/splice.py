"""The hot road of redaction: a string replaced where it provably stands in the event's text, without parsing it again.

What is proved: the text holds no backslash, so every string in it is spelled as it is; the field's quoted name stands
in it exactly once; and the parsed event has that field at that path. So that one place is the field's key, and the
next string after it is its value. Wherever one of these does not hold, the editor does the work (twice the time).

It runs for every event, so it is a function compiled for a contract's paths. The only text of an author in its source
is property names that are plain letters and digits, written by repr().
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from forwarders.jsontext import Path
from forwarders.model import Event
from forwarders.redact.actions import HMAC, MASK, PATTERNS
from forwarders.redact.key import DIGEST_BYTES, HashKey

_PLAIN_NAME = re.compile(r"[A-Za-z0-9_.@-]+").fullmatch
"""Names that need no escape, and cannot be taken for what stands between two strings."""

Redact = Callable[[Event], str]


def splicer(wanted: Mapping[Path, str], key: HashKey | None, thorough: Redact) -> Redact:
    """The redaction of all paths of a contract's actions; `thorough` gets every event in which it is not proved how."""
    replacements = {MASK: _MASK, PATTERNS: ["r = by_patterns(v)"]} | ({HMAC: _HASH} if key is not None else {})
    if not all(action in replacements and path and all(map(_PLAIN_NAME, path)) for path, action in wanted.items()):
        return thorough
    lines = ["text = event.text", "data = event.data", "if '\\\\' in text or not data:", " return thorough(event)"]
    for path, action in wanted.items():
        if action != PATTERNS:
            lines += _replace(path, replacements[action])
    free = [path for path, action in wanted.items() if action == PATTERNS]
    if free:
        # Most texts hold nothing at all that could be redacted: one search over all of it tells (0.5 µs).
        lines += ["if may_match(text):", " found = []"]
        lines += [f" {line}" for path in free for line in _collect(path)]
        lines += [" if may_match('\\n'.join(found)):"]
        lines += [f"  {line}" for path in free for line in _replace(path, replacements[PATTERNS])]
    body = "\n  ".join(["def redact(event):\n try:", *lines, "return text"])
    # What stands where it should not is for the thorough way as well.
    source = f"{body}\n except Exception:\n  return thorough(event)"
    space: dict[str, Any] = {"thorough": thorough}
    if free:
        from forwarders.redact.words import may_match  # with its expressions 9 ms, for contracts with free text only

        space |= {"may_match": may_match, "by_patterns": _by_patterns}
    if key is not None:
        space |= {
            "hashed": hashlib.blake2b(key=key.secret, digest_size=DIGEST_BYTES).copy,
            "prefix": f'"hmac:{key.id}:',
        }
    exec(source, space)  # noqa: S102
    redact: Redact = space["redact"]
    return redact


_MASK = ["r = '\"***\"'"]
_HASH = ["s = hashed()", "s.update(v.encode())", "r = prefix + s.hexdigest() + '\"'"]


def _replace(path: Path, replacement: list[str]) -> list[str]:
    """Statements that put `r`, which `replacement` makes of the string `v`, in the place of the string at `path`."""
    quoted = f'"{path[-1]}"'
    absent = f"v is not None or {quoted!r} in text"
    lines, indent = _walk(path, absent)
    inner = [
        *replacement,
        "if r is not None:",
        f" head, name, tail = text.partition({quoted!r})",
        " if not name or name in tail:",
        "  return thorough(event)",
        " at = tail.index('\"')",
        " text = f'{head}{name}{tail[:at]}{r}{tail[at + len(v) + 2:]}'",
    ]
    lines += [f"{indent}if type(v) is str:", *(f"{indent} {line}" for line in inner)]
    return [*lines, f"{indent}elif {absent}:", f"{indent} return thorough(event)"]


def _collect(path: Path) -> list[str]:
    """Statements that append the string at `path` to `found`."""
    lines, indent = _walk(path, "v is not None")
    return [*lines, f"{indent}if v is not None:", f"{indent} found.append(v)"]


def _walk(path: Path, stray: str) -> tuple[list[str], str]:
    """Statements that leave the value at `path` in `v`, where there is an object above it, and their indentation."""
    lines, indent = [f"v = data.get({path[0]!r})"], ""
    for name in path[1:]:
        lines += [
            f"{indent}if type(v) is not dict:",
            f"{indent} if {stray}:",
            f"{indent}  return thorough(event)",
            f"{indent}else:",
        ]
        indent += " "
        lines.append(f"{indent}v = v.get({name!r})")
    return lines, indent


def _by_patterns(value: str) -> str | None:
    """The JSON text that takes the place of a string in which something was redacted, else None."""
    from forwarders.redact.text import patterns

    safe = patterns(value)
    return None if safe == value else msgspec.json.encode(safe).decode()
