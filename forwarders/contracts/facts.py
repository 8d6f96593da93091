"""What a contract's tree says about the places of an event: redactions, the time field, and the fields themselves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from forwarders.errors import ConfigError

Path = tuple[str, ...]

ANY = "*"
"""The path element that stands for every item of an array, and for every key of an object that declares none."""

_ACTION_BY_CLASS = {"secret": "drop", "free_text": "patterns"}
"""What a sink that a contract does not list gets; else a mask."""
_INNER = ("items", "prefixItems", "additionalProperties")
_SAME_PLACE = ("allOf", "anyOf", "oneOf", "then", "else")
_BELOW = frozenset({"properties", "dependentSchemas", *_INNER, *_SAME_PLACE})


def places(node: Any, path: Path = ()) -> Iterator[tuple[Path, dict[str, Any], bool]]:
    """Every subschema that describes a place of the event, with its path, and whether it always holds there.

    `("items", "*", "sku")` is the sku of every item. What stands in a branch (anyOf, oneOf, then, else) holds
    sometimes. Subschemas that only ask a question (not, if, contains, propertyNames, patternProperties) are left out.
    """
    found: list[tuple[Path, dict[str, Any], bool]] = []
    _collect(node, path, True, found)
    return iter(found)


def _collect(node: Any, path: Path, always: bool, found: list[tuple[Path, dict[str, Any], bool]]) -> None:
    # A generator that yields from itself costs three times as much, at every one of a thousand contracts.
    if not isinstance(node, dict):
        return
    found.append((path, node, always))
    if _BELOW.isdisjoint(node):
        return
    if "properties" in node:
        for name, child in node["properties"].items():
            _collect(child, (*path, name), always, found)
    for keyword in _INNER:
        if keyword in node:
            branches = node[keyword]
            for child in branches if isinstance(branches, list) else (branches,):
                _collect(child, (*path, ANY), always, found)
    for keyword in _SAME_PLACE:
        if keyword in node:
            branches = node[keyword]
            for child in branches if isinstance(branches, list) else (branches,):
                _collect(child, path, always and keyword == "allOf", found)
    if "dependentSchemas" in node:
        for child in node["dependentSchemas"].values():
            _collect(child, path, False, found)


def redactions(tree: dict[str, Any]) -> dict[Path, dict[str, str]]:
    """What each sink's copy may hold of each place: `{("user",): {"elasticsearch": "keep", "*": "mask"}}`.

    The key `*` is for sinks that the contract does not list; where the author is silent it is drop for secrets and
    mask for all else. Two annotations of one place: the first one found counts, and `check` refuses that they differ.
    """
    result: dict[Path, dict[str, str]] = {}
    for path, node, _ in places(tree):
        pii = node.get("x-pii")
        if pii is not None and path not in result:
            default = {ANY: _ACTION_BY_CLASS.get(pii["class"], "mask")}
            result[path] = default | pii.get("sinks", {})
    return result


def event_time(tree: dict[str, Any]) -> tuple[Path, str] | None:
    """The path and unit of the field with `x-time` of role event; None when the contract has none."""
    for path, node, _ in places(tree):
        time = node.get("x-time")
        if time is not None and time["role"] == "event":
            return path, time["unit"]
    return None


def identity(schema: Mapping[str, Any], file: str) -> tuple[str, int, Mapping[str, Any]]:
    """Name, major and `x-event` of a schema. Raises ConfigError when they are not there: all that run time checks."""
    urn = schema.get("$id")
    kind, _, rest = urn.partition("urn:logharbor:") if isinstance(urn, str) else ("?", "", "")
    name, _, major = rest.rpartition(":")
    if kind or not name or not major.isascii() or not major.isdigit() or len(major) > 6:
        raise ConfigError(file, "/$id", repr(urn)[:100], "urn:logharbor:EVENT:MAJOR")
    event = schema.get("x-event")
    if not isinstance(event, dict) or not {"version", "owner", "dataset"} <= event.keys():
        raise ConfigError(file, "/x-event", type(event).__name__, "an object with version, owner and dataset")
    return name, int(major), event
