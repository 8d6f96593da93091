"""Values inside a JSON text replaced or removed; everything else stays the text it was.

A level of an object is parsed to its keys and the raw text of their values (msgspec.Raw), changed, and joined again.
A level that holds a key twice comes out with the last one only, so no earlier copy of a changed value survives.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

import msgspec

Path = tuple[str, ...]
"""Names of properties from the root. `*` is every item of an array, and every key of an object that is not named."""

Change = Callable[[msgspec.Raw], msgspec.Raw | None]
"""A value's JSON text to the text that takes its place; None removes it."""

Tree = dict[str, Any]
"""Steps to a Tree or, at the end of a path, to a Change."""

decode_object = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
decode_array = msgspec.json.Decoder(list[msgspec.Raw]).decode
encode = msgspec.json.Encoder().encode

ANY = "*"
OBJECT, ARRAY, STRING = b'{["'


# Raw takes a str too, and copies nothing; its stub does not know.
raw = cast(Callable[[str], msgspec.Raw], msgspec.Raw)
"""The text of one JSON value as msgspec joins it, unchecked."""


def edit(text: str, edits: Sequence[tuple[Path, str | None]]) -> str:
    """The object in `text` with the value at each path replaced by JSON text, or removed (None).

    A path that is not there is no error. Raises jsontext.DECODE_ERRORS when `text` is not an object.
    """

    def constant(replacement: str | None) -> Change:
        value = None if replacement is None else raw(replacement)
        return lambda _: value

    return editor({path: constant(replacement) for path, replacement in edits})(text)


def editor(changes: Mapping[Path, Change], stray: Change | None = None) -> Callable[[str], str]:
    """A function that applies a change to the value at each path of an object's text; made once, run for every event.

    A name that meets an array goes into each of its items. `stray`, where given, changes a string or number that
    stands where a path goes on, for those who must not miss a value that is not where it should be. One field at the
    root of 240 B: 0.7 µs without its change. The function raises jsontext.DECODE_ERRORS.
    """
    if len(changes) == 1:
        ((path, change),) = changes.items()
        if len(path) == 1 and path[0] != ANY:
            return _one_field(path[0], change)
    tree = grow(changes)

    def apply(text: str) -> str:
        level = decode_object(text)
        if ANY not in tree and level.keys().isdisjoint(tree):
            return text
        _change_object(level, tree, stray)
        return encode(level).decode()

    return apply


def _one_field(name: str, change: Change) -> Callable[[str], str]:
    def apply(text: str) -> str:
        level = decode_object(text)
        if name not in level:
            return text
        value = change(level[name])
        if value is None:
            del level[name]
        else:
            level[name] = value
        return encode(level).decode()

    return apply


def grow(changes: Mapping[Path, Change]) -> Tree:
    """Paths with a common beginning joined to a tree; a path that ends on the way of a longer one is all of it."""
    tree: Tree = {}
    for path in sorted(changes, key=len):
        node = tree
        for step in path[:-1]:
            node = node.setdefault(step, {})
            if callable(node):
                break
        else:
            if path:
                node.setdefault(path[-1], changes[path])
    return tree


def _change_object(level: dict[str, msgspec.Raw], tree: Tree, stray: Change | None) -> None:
    for name in list(level) if ANY in tree else [name for name in tree if name in level]:
        value = _changed(level[name], tree[name] if name in tree else tree[ANY], stray)
        if value is None:
            del level[name]
        else:
            level[name] = value


def _changed(value: msgspec.Raw, node: Any, stray: Change | None) -> msgspec.Raw | None:
    """The value after the changes that `node` holds for it. As deep as the longest path, and as arrays are nested."""
    if callable(node):
        return cast(Change, node)(value)
    first = memoryview(value)[0]
    if first == OBJECT:
        level = decode_object(value)
        _change_object(level, node, stray)
        return msgspec.Raw(encode(level))
    if first == ARRAY:
        inner = node.get(ANY, node)
        items = (_changed(item, inner, stray) for item in decode_array(value))
        return msgspec.Raw(encode([item for item in items if item is not None]))
    is_scalar = first == STRING or first not in b"tfn"
    return stray(value) if stray is not None and is_scalar else value
