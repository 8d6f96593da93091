"""Drift: what a contract does not know moves from where it stands into one field at the root."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from forwarders.jsontext.edit import ARRAY, OBJECT, decode_array, decode_object, encode

EXTRA = "_extra"
EXCESS = "_excess"
MAX_EXTRA = 1000
"""Entries of `_extra`, the one that stands for all further ones included."""

_MAX_EXCESS_NAMES, _MAX_NAME = 20, 100

Step = str | int
Tree = dict[Step, Any]


def move_extra(text: str, paths: Iterable[tuple[Step, ...]], change: Callable[[str], str] = str) -> str:
    """The event with the values at `paths` under `_extra` instead, by dotted path, each as the text it was.

    `{"a":1,"b":{"x":2}}` and `("b", "x")` give `{"a":1,"b":{},"_extra":{"b.x":2}}`. A path is exact: property names
    and positions in arrays, as the event has them; what is not there is no error. Positions are left out of the dotted
    path (`items[].sku`), and several values of one dotted path become an array. An author's own `_extra` becomes an
    entry of ours. `change` makes of the text of `_extra` the one that is kept (redaction). From the thousandth entry on
    only the number and the first names are kept, in `_excess`. Raises jsontext.DECODE_ERRORS when `text` is not an
    object.
    """
    tree = _grow(paths)
    level = decode_object(text)
    if EXTRA in level:
        tree[EXTRA] = None
    elif not tree:
        return text
    found: dict[str, list[msgspec.Raw]] = {}
    _pull_object(level, tree, "", found)
    extra = {name: values[0] if len(values) == 1 else msgspec.Raw(encode(values)) for name, values in found.items()}
    if extra:
        level[EXTRA] = msgspec.Raw(change(encode(_bounded(extra)).decode()).encode())
    return encode(level).decode()


def _grow(paths: Iterable[tuple[Step, ...]]) -> Tree:
    """The paths as a tree of steps; None: all of what stands there moves."""
    tree: Tree = {}
    for path in paths:
        node: Tree | None = tree
        for step in path[:-1]:
            node = node.setdefault(step, {}) if node is not None else None
        if node is not None and path:
            node[path[-1]] = None
    return tree


def _pull_object(level: dict[str, msgspec.Raw], tree: Tree, at: str, found: dict[str, list[msgspec.Raw]]) -> None:
    for step, node in tree.items():
        if type(step) is str and step in level:
            left = _pulled(level[step], node, at + step, found)
            if left is None:
                del level[step]
            else:
                level[step] = left


def _pulled(value: msgspec.Raw, node: Tree | None, at: str, found: dict[str, list[msgspec.Raw]]) -> msgspec.Raw | None:
    """What stays of the value when all that `node` names is taken out; None when the whole of it moved."""
    if node is None:
        found.setdefault(at, []).append(value)
        return None
    first = memoryview(value)[0]
    if first == OBJECT:
        level = decode_object(value)
        _pull_object(level, node, f"{at}.", found)
        return msgspec.Raw(encode(level))
    if first != ARRAY:
        return value
    items = enumerate(decode_array(value))
    left = [_pulled(item, node[i], f"{at}[]", found) if i in node else item for i, item in items]
    return msgspec.Raw(encode([item for item in left if item is not None]))


def _bounded(extra: dict[str, msgspec.Raw]) -> dict[str, msgspec.Raw]:
    if len(extra) <= MAX_EXTRA:
        return extra
    kept = [name for name in extra if name != EXCESS][: MAX_EXTRA - 1]
    result = {name: extra[name] for name in kept}
    over = [name for name in extra if name not in result]
    told = [name[:_MAX_NAME] for name in over[:_MAX_EXCESS_NAMES]]
    result[EXCESS] = msgspec.Raw(encode({"count": len(over), "names": told}))
    return result
