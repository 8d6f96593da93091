"""Which action a sink's copy needs at which path, by what the contract says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from forwarders.jsontext import Path
from forwarders.model import Contract

KEEP, DROP, MASK, HMAC, PATTERNS = "keep", "drop", "mask", "hmac", "patterns"
ANY_SINK = "*"


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
