"""A schema as a finite tree that remembers where each of its nodes stands in the file.

Read leniently: what lint would refuse is still compared. What cannot be followed (a reference that leads nowhere, or
back to itself) stays as an opaque node, which is equal only to itself.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import xxhash

from forwarders.contracts.tree import LISTS, MAPS, NOTES, ONES, pointer

MAX_NODES = 20_000
"""As in contracts/tree.py: nested definitions can double at every step."""
MAX_DEPTH = 150
"""Levels of subschemas: beyond, Python's own stack would end before the answer comes."""

OPAQUE = "\0opaque"
"""The key of a node that cannot be followed; its value differs when what it would lead to differs."""
ODD = "\0odd:"
"""The prefix of a keyword whose value has a shape that JSON Schema does not know."""

Parts = tuple[str | int, ...]
Find = Callable[[str], "Any | None"]
"""The document that a reference to another file names, or None."""

_LISTS_OF_TEXT = frozenset({"required"})
_COUNTS = frozenset(
    {"minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties", "minContains", "maxContains"}
)
_NUMBERS = frozenset({"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"})
_TEXTS = frozenset({"pattern", "format"})
_TYPES = frozenset({"null", "boolean", "object", "array", "string", "integer", "number"})


class Located(dict[str, Any]):
    """A node of the tree, equal to a plain dict of the same content; `at` is its JSON pointer in the file."""

    __slots__ = ("at",)
    at: str


class TooBig(Exception):
    """The tree would have more than 20,000 nodes, or more levels than can be read."""


def at(node: Any, otherwise: str) -> str:
    """The pointer of a node; `otherwise` for true and false, which remember nothing."""
    return node.at if isinstance(node, Located) else otherwise


def expand(schema: dict[str, Any], find: Find) -> Located:
    """The schema with its references put in place and without `$defs`. Raises TooBig.

    `find` answers what a reference such as `../_shared/address.schema.json` leads to.
    """
    return _Growth(schema, find).root()


def same(old: Any, new: Any) -> bool:
    """Whether two nodes say the same; true is not 1."""
    return bool(old == new) and digest(old) == digest(new)


def digest(node: Any) -> str:
    """A text that differs for nodes that differ."""
    return xxhash.xxh3_64_hexdigest(msgspec.json.encode(node, order="deterministic"))


class _Growth:
    def __init__(self, schema: dict[str, Any], find: Find) -> None:
        self.schema = schema
        self.find = find
        self.nodes = 0
        self.depth = 0

    def root(self) -> Located:
        grown = self.grow(self.schema, (), self.schema, "", ())
        assert isinstance(grown, Located)
        return grown

    def grow(self, node: Any, path: Parts, document: Any, file: str, open_: tuple[str, ...]) -> Any:
        """`file` names the document that local references of `node` are about; empty for the contract's own."""
        self.nodes += 1
        if self.nodes > MAX_NODES or self.depth > MAX_DEPTH:
            raise TooBig
        self.depth += 1
        grown = self.grown(node, path, document, file, open_)
        self.depth -= 1
        return grown

    def grown(self, node: Any, path: Parts, document: Any, file: str, open_: tuple[str, ...]) -> Any:
        if isinstance(node, bool):
            return node
        if not isinstance(node, dict):
            return _located({OPAQUE: digest(node)}, path)
        own = {key: value for key, value in node.items() if key not in ("$ref", "$defs", "definitions")}
        grown = _located(tidy(own), path)
        for keyword in MAPS:
            if keyword in grown:
                inner = grown[keyword]
                grown[keyword] = {k: self.grow(v, (*path, keyword, k), document, file, open_) for k, v in inner.items()}
        for keyword in LISTS:
            if keyword in grown:
                branches = enumerate(grown[keyword])
                grown[keyword] = [self.grow(v, (*path, keyword, i), document, file, open_) for i, v in branches]
        for keyword in ONES:
            if keyword in grown:
                grown[keyword] = self.grow(grown[keyword], (*path, keyword), document, file, open_)
        if "$ref" not in node:
            return grown
        return _merged(self.referred(node["$ref"], path, document, file, open_), grown)

    def referred(self, reference: Any, path: Parts, document: Any, file: str, open_: tuple[str, ...]) -> Any:
        lost = _located({OPAQUE: f"{reference} {digest(document)}"}, path)
        if not isinstance(reference, str) or "://" in reference:
            return lost
        other, _, fragment = reference.partition("#")
        if other:
            document, file = self.find(other), other
        parts = _parts(fragment)
        key = f"{file}#{fragment}"
        target = _within(document, parts) if parts is not None else None
        if target is None or key in open_:
            return lost
        # In the contract's own file the change is where the definition stands; another file has no place in this one.
        place = parts if not file and parts is not None else path
        return self.grow(target, place, document, file, (*open_, key))


def tidy(node: dict[str, Any]) -> dict[str, Any]:
    """The node, with every keyword of an impossible shape under another name, where nothing trips over it."""
    return {(key if _fits(key, value) else ODD + key): value for key, value in node.items()}


def _fits(key: str, value: Any) -> bool:
    if key in MAPS:
        return isinstance(value, dict)
    if key in LISTS or key == "enum":
        return isinstance(value, list)
    if key in _LISTS_OF_TEXT:
        return isinstance(value, list) and all(isinstance(one, str) for one in value)
    if key in _COUNTS:
        return isinstance(value, (int, float)) and not isinstance(value, bool) and value >= 0
    if key in _NUMBERS:
        return isinstance(value, (int, float)) and not isinstance(value, bool) and (key != "multipleOf" or value > 0)
    if key in _TEXTS:
        return isinstance(value, str)
    if key == "type":
        types = [value] if isinstance(value, str) else value
        return isinstance(types, list) and bool(types) and all(isinstance(t, str) and t in _TYPES for t in types)
    if key == "dependentRequired":
        return isinstance(value, dict) and all(_fits("required", names) for names in value.values())
    if key == "uniqueItems":
        return isinstance(value, bool)
    return True


def _located(node: dict[str, Any], path: Parts) -> Located:
    located = Located(node)
    located.at = pointer(path)
    return located


def _merged(target: Any, beside: Located) -> Any:
    """One node that says what a reference's target and the keywords beside the reference say together."""
    if not beside:
        return target
    if isinstance(target, Located) and (beside.keys() <= NOTES or all(key.startswith("x-") for key in beside)):
        both = Located({**target, **beside})
        both.at = target.at
        return both
    beside["allOf"] = [target, *beside.get("allOf", ())]
    return beside


def _parts(fragment: str) -> Parts | None:
    from urllib.parse import unquote

    if not fragment:
        return ()
    if not fragment.startswith("/"):
        return None
    return tuple(part.replace("~1", "/").replace("~0", "~") for part in unquote(fragment[1:]).split("/"))


def _within(document: Any, parts: Parts) -> Any | None:
    for part in parts:
        if isinstance(document, list) and isinstance(part, str) and part.isdigit() and int(part) < len(document):
            document = document[int(part)]
        elif isinstance(document, dict) and part in document:
            document = document[part]
        else:
            return None
    return document
