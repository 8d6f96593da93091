"""The places of a contract, for what is made from them: what holds an element `*`, and what a sink's copy has there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from forwarders.model import Contract

ANY = "*"
"""The element of a field's path that stands for every item of an array, or for every key of an object."""


def holder(schema: Any, path: tuple[str, ...]) -> str:
    """Whether `path` holds an `array` or an `object` with keys that nobody declares; empty when it cannot be told."""
    node = _resolved(schema, schema)
    for part in path:
        inner = (
            node.get("items") or node.get("additionalProperties")
            if part == ANY
            else node.get("properties", {}).get(part)
        )
        node = _resolved(inner, schema)
    is_array, is_object = (
        "items" in node or "prefixItems" in node,
        isinstance(node.get("additionalProperties"), Mapping),
    )
    if is_array == is_object:
        return ""
    return "array" if is_array else "object"


def redacted(contract: Contract, path: tuple[str, ...], sink: str, kind: str) -> str:
    """What the copy of the sink of that name and type holds in place of a field: empty for the field itself, `drop`, or
    the action that changes it.

    Below a holder that is replaced nothing is left: it may be a string or an object afterwards.
    """
    for depth in range(1, len(path) + 1):
        actions = contract.redactions.get(path[:depth])
        if actions is None:
            continue
        action = actions.get(sink, actions.get(kind, actions.get(ANY, "mask")))
        if action != "keep":
            return action if depth == len(path) else "drop"
    return ""


def _resolved(node: Any, root: Any) -> Mapping[str, Any]:
    for _ in range(16):
        reference = node.get("$ref", "") if isinstance(node, Mapping) else ""
        if not reference.startswith("#/"):
            break
        node = root
        for part in reference[2:].split("/"):
            node = node.get(part, {}) if isinstance(node, Mapping) else {}
    return node if isinstance(node, Mapping) else {}
