"""The hot road of redaction: a string replaced where it provably stands in the event's text, without parsing it again.

What is proved: the text holds no backslash, so every string in it is spelled as it is; the field's quoted name stands
in it exactly once; and the parsed event has that field at that path. So that one place is the field's key, and the
next string after it is its value. Wherever one of these does not hold, the editor does the work (1.2 µs against 0.7).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from forwarders.jsontext import Path
from forwarders.redact.actions import HMAC, MASK, PATTERNS
from forwarders.redact.key import HashKey, hasher
from forwarders.redact.text import patterns
from forwarders.redact.words import may_match

_PLAIN_NAME = re.compile(r"[A-Za-z0-9_.@-]+").fullmatch
"""Names that need no escape, and cannot be taken for what stands between two strings."""

Splice = Callable[[str, dict[str, Any]], "str | None"]
"""A text and the same parsed to the redacted text; None where it is not proved how."""

_Replace = Callable[[str], "str | None"]
"""A string to the JSON text that takes its place; None: it stays."""


def splicer(wanted: Mapping[Path, str], key: HashKey | None) -> Splice:
    """A splice for all paths of a contract's actions; it proves nothing where a path or an action is not simple."""
    replace_by_action: dict[str, _Replace] = {MASK: lambda _: '"***"', PATTERNS: _by_patterns}
    if key is not None:
        digest = hasher(key)
        replace_by_action[HMAC] = lambda value: digest(value.encode())
    if not all(action in replace_by_action and path and all(map(_PLAIN_NAME, path)) for path, action in wanted.items()):
        return lambda text, data: None
    steps = [_step(path, replace_by_action[action]) for path, action in wanted.items() if action != PATTERNS]
    free = [path for path, action in wanted.items() if action == PATTERNS]
    free_steps = [_step(path, _by_patterns) for path in free]
    free_text = texts_at(free)

    def splice(text: str, data: dict[str, Any]) -> str | None:
        if "\\" in text or not data:
            return None
        # Most texts hold nothing at all that could be redacted: one search over all of it tells (0.5 µs).
        todo = [*steps, *free_steps] if free and may_match(text) and may_match(free_text(data)) else steps
        for step in todo:
            changed = step(text, data)
            if changed is None:
                return None
            text = changed
        return text

    return splice


def texts_at(paths: Sequence[Path]) -> Callable[[dict[str, Any]], str]:
    """A function that joins the strings at `paths` with line feeds, so that one search finds out about all of them.

    It is made for every event, so it is compiled for the paths: 0.3 µs for six of them. It raises AttributeError or
    TypeError for an event in which something else stands at or above one of the paths.
    """
    lines = ["def texts(d):", " found = []"]
    for path in paths:
        node, indent = "d", " "
        for depth, name in enumerate(path):
            lines += [f"{indent}v{depth} = {node}.get({name!r})", f"{indent}if v{depth} is not None:"]
            node, indent = f"v{depth}", indent + " "
        lines.append(f"{indent}found.append({node})")
    space: dict[str, Any] = {}
    # The only text of an author in the source is property names, written by repr().
    exec("\n".join([*lines, ' return "\\n".join(found)']), space)  # noqa: S102
    texts: Callable[[dict[str, Any]], str] = space["texts"]
    return texts


def _step(path: Path, replace: _Replace) -> Splice:
    *parents, name = path
    quoted = f'"{name}"'

    def step(text: str, data: dict[str, Any]) -> str | None:
        node: Any = data
        for parent in parents:
            node = node.get(parent)
            if type(node) is not dict:
                return text if node is None and quoted not in text else None
        value = node.get(name)
        if type(value) is not str:
            return text if value is None and name not in node and quoted not in text else None
        replacement = replace(value)
        if replacement is None:
            return text
        if text.count(quoted) != 1:
            return None
        key_ends = text.index(quoted) + len(quoted)
        begins = text.index('"', key_ends)
        return f"{text[:begins]}{replacement}{text[begins + len(value) + 2 :]}"

    return step


def _by_patterns(value: str) -> str | None:
    safe = patterns(value)
    return None if safe == value else msgspec.json.encode(safe).decode()
