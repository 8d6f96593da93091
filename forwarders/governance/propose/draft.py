"""A contract guessed from what was seen of an event: a beginning for a person, marked experimental."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from forwarders import redact
from forwarders.contracts.compiled import Compiled
from forwarders.contracts.facts import ANY
from forwarders.contracts.load import from_schema
from forwarders.governance import pii
from forwarders.governance.drafts import Draft, skeleton
from forwarders.governance.lint.rules.names import NAME
from forwarders.governance.lint.rules.times import PER_SECOND
from forwarders.governance.propose.observe import Seen

MAX_ENUM, MIN_SEEN_EACH = 8, 5
"""Text is an enum when it took at most eight values, and each of them five times on average."""
_EVENT_TIMES = ("timestamp", "time", "ts", "@timestamp", "datetime", "event_time", "occurred_at", "created_at")
_FROM_S, _TO_S = 1_100_000_000, 2_500_000_000
_LENGTHS = (16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384, 32768, 65536)
_MADE_UP = {
    "email": "ada@example.org",
    "card": "[card]",
    "ip": "192.0.2.1",
    "jwt": "[token]",
    "aws_key": "[key]",
    "token": "[token]",
    "iban": "[iban]",
    "phone": "[phone]",
}


class Proposal(msgspec.Struct, frozen=True):
    """A draft, and what a person has to decide about it."""

    draft: Draft
    decisions: list[str]


def propose(name: str, seen: Seen, samples: Sequence[dict[str, Any]], owner: str, dataset: str = "") -> Proposal | None:
    """The draft of a contract that takes every event seen; None when the name can be no contract's."""
    if not NAME.match(name) or len(name) > 128:
        return None
    text = f"Drafted from {seen.count:,} events: say when there is one of it, and who reads it."
    domain = name.partition(".")[0]
    schema = skeleton(name, owner, dataset or domain, "experimental", "info", "", text)
    guess = _Guess()
    drafted = guess.node(seen, (), root=True)
    properties = {key: node for key, node in drafted["properties"].items() if key not in ("event", "event_version")}
    schema["required"] = [key for key in drafted.get("required", ()) if key != "event_version"]
    schema["properties"] = {**schema["properties"], **properties}
    _major(schema, seen, guess.decisions)
    if not guess.has_time:
        guess.decisions.append("no field is the time of the event: events get the time at which they were collected")
    draft = Draft(schema, {})
    compiled = Compiled(from_schema(schema, name))
    for sample in samples:
        event = _presentable(sample, schema)
        if compiled.is_strict(event):
            draft = Draft({**schema, "examples": [event]}, {"recorded": event})
            break
    else:
        guess.decisions.append("no event is left after redaction that the draft takes: write an example by hand")
    return Proposal(draft, guess.decisions)


def _major(schema: dict[str, Any], seen: Seen, decisions: list[str]) -> None:
    """The major that the events say they are of; 1 when they do not say, or not alike."""
    version = seen.keys.get("event_version")
    if version is None:
        return
    if version.types == {"integer"} and version.low == version.high and 1 <= (version.low or 0) < 1_000_000:
        major = int(version.low or 1)
        schema["$id"] = f"{schema['$id'].rpartition(':')[0]}:{major}"
        schema["x-event"]["version"] = f"{major}.0.0"
        schema["properties"]["event_version"] = {"const": major}
    else:
        decisions.append("event_version: says several things, and the draft takes 1 alone: one contract for each major")


class _Guess:
    """The guesses about one event."""

    def __init__(self) -> None:
        self.decisions: list[str] = []
        self.has_time = False

    def node(self, seen: Seen, path: tuple[str, ...], root: bool = False) -> dict[str, Any]:
        kinds = sorted(seen.kinds())
        name = _dotted(path)
        if not kinds:
            self.decisions.append(f"{name}: was always null, so its type is anybody's guess")
            return {"type": ["string", "null"], "maxLength": 256}
        node: dict[str, Any] = {}
        for kind in kinds:
            node |= getattr(self, f"_{kind}")(seen, path, root)
        if len(kinds) > 1:
            self.decisions.append(
                f"{name}: is sometimes {', sometimes '.join(kinds)}: a store keeps one type for a field"
            )
            node["type"] = kinds
        if "null" in seen.types and "type" in node:
            node["type"] = [*([node["type"]] if isinstance(node["type"], str) else node["type"]), "null"]
            if "enum" in node:
                node["enum"] = [*node["enum"], None]
        elif "null" in seen.types:
            node["enum"] = [*node["enum"], None]
        self._personal(node, seen, path)
        return node

    def _boolean(self, seen: Seen, path: tuple[str, ...], root: bool) -> dict[str, Any]:
        return {"type": "boolean"}

    def _integer(self, seen: Seen, path: tuple[str, ...], root: bool) -> dict[str, Any]:
        return self._numeric("integer", seen, path)

    def _number(self, seen: Seen, path: tuple[str, ...], root: bool) -> dict[str, Any]:
        return self._numeric("number", seen, path)

    def _numeric(self, kind: str, seen: Seen, path: tuple[str, ...]) -> dict[str, Any]:
        low, high = seen.low or 0, seen.high or 0
        unit = _time_unit(path, low, high)
        if unit and len(seen.kinds()) == 1:
            factor = PER_SECOND[unit]
            role = self._role(path)
            bounds = {"minimum": 946_684_800 * factor, "maximum": 4_102_444_800 * factor - 1}
            return {"type": kind, **bounds, "x-time": {"role": role, "unit": unit}}
        return {"type": kind, "minimum": 0 if low >= 0 else -_headroom(-low), "maximum": _headroom(max(high, 0))}

    def _string(self, seen: Seen, path: tuple[str, ...], root: bool) -> dict[str, Any]:
        formats = seen.formats or set()
        if "date-time" in formats and len(seen.kinds()) == 1:
            return {"type": "string", "format": "date-time", "x-time": {"role": self._role(path), "unit": "rfc3339"}}
        if formats & {"date", "uuid"}:
            return {"type": "string", "format": next(iter(formats & {"date", "uuid"}))}
        if "ip" in formats and "ip" in seen.looks:
            return {"type": "string", "maxLength": 45, "anyOf": [{"format": "ipv4"}, {"format": "ipv6"}]}
        if "email" in formats:
            return {"type": "string", "maxLength": 320, "pattern": "^[^@ ]+@[^@ ]+$"}
        if "hex" in formats and seen.longest == seen.shortest and len(seen.texts) > 1:
            return {"type": "string", "pattern": f"^[0-9a-f]{{{seen.longest}}}$", "x-cardinality": "unbounded"}
        if self._is_enum(seen, path):
            return {"enum": sorted(seen.texts), "x-cardinality": len(seen.texts)}
        length = next((one for one in _LENGTHS if one >= 2 * seen.longest), 65536)
        if seen.overflowed or len(seen.texts) * 2 > seen.count:
            return {"type": "string", "maxLength": max(length, seen.longest), "x-cardinality": "unbounded"}
        return {"type": "string", "maxLength": length, "x-cardinality": 10 * ((len(seen.texts) * 2 + 9) // 10)}

    def _array(self, seen: Seen, path: tuple[str, ...], root: bool) -> dict[str, Any]:
        node: dict[str, Any] = {"type": "array", "maxItems": _headroom(max(seen.most_items, 1))}
        if seen.items is None or not seen.items.count:
            self.decisions.append(f"{_dotted(path)}: was always an empty list, so what it holds is anybody's guess")
        else:
            node["items"] = self.node(seen.items, (*path, ANY))
        return node

    def _object(self, seen: Seen, path: tuple[str, ...], root: bool) -> dict[str, Any]:
        if seen.any_key is not None:
            self.decisions.append(f"{_dotted(path)}: its keys are data, and no store has columns for them")
            inner = self.node(seen.any_key, (*path, ANY))
            return {"type": "object", "maxProperties": _headroom(seen.most_keys), "additionalProperties": inner}
        if not seen.keys:
            return {"type": "object", "additionalProperties": False, "maxProperties": 0}
        required = [key for key, child in seen.keys.items() if child.count == seen.objects]
        properties = {key: self.node(child, (*path, key)) for key, child in seen.keys.items()}
        node: dict[str, Any] = {"type": "object", "additionalProperties": False}
        return node | ({"required": required} if required else {}) | {"properties": properties}

    def _is_enum(self, seen: Seen, path: tuple[str, ...]) -> bool:
        if seen.overflowed or seen.looks or len(seen.kinds()) > 1 or pii.by_name(path, [{"type": "string"}]):
            return False
        return (
            len(seen.texts) <= MAX_ENUM and seen.count >= max(20, MIN_SEEN_EACH * len(seen.texts)) and all(seen.texts)
        )

    def _role(self, path: tuple[str, ...]) -> str:
        if not self.has_time and len(path) == 1 and path[0].lower() in _EVENT_TIMES:
            self.has_time = True
            return "event"
        return "other"

    def _personal(self, node: dict[str, Any], seen: Seen, path: tuple[str, ...]) -> None:
        if not path or "properties" in node or "items" in node:
            return
        suspicion = pii.by_name(path, [node])
        kind = next((pii.CLASS[look] for look in sorted(seen.looks)), "") or (suspicion.kind if suspicion else "")
        if kind:
            node["x-pii"] = {"class": kind}
            self.decisions.append(
                f"{_dotted(path)}: looks like personal data ({kind}): is it, and which sinks may keep it?"
            )


def _time_unit(path: tuple[str, ...], low: float, high: float) -> str:
    """The unit in which all values are times between 2004 and 2049, if the name may be a time's."""
    name = next((part for part in reversed(path) if part != ANY), "").lower()
    words = name.replace("@", "").split("_")
    if not {"time", "timestamp", "ts", "at", "date", "datetime", "epoch", "expires", "expiry", "since", "until"} & set(
        words
    ):
        return ""
    return next((unit for unit, per in PER_SECOND.items() if _FROM_S * per <= low and high <= _TO_S * per), "")


def _dotted(path: tuple[str, ...]) -> str:
    return ".".join(part for part in path if part != ANY)


def _headroom(value: float) -> int:
    """Ten times as much, as a round number."""
    return int(10 ** (len(str(int(value))) + 1))


def _presentable(value: Any, node: Any) -> Any:
    """A recorded value without what looks personal or secret; what the draft classifies is made up."""
    node = node if isinstance(node, dict) else {}
    if isinstance(value, dict):
        properties, rest = node.get("properties", {}), node.get("additionalProperties")
        return {key: _presentable(child, properties.get(key, rest)) for key, child in value.items()}
    if isinstance(value, list):
        return [_presentable(child, node.get("items")) for child in value[:5]]
    if isinstance(value, str):
        return _text(value, node)
    if isinstance(value, int) and not isinstance(value, bool) and (pii.by_value(value) or "x-pii" in node):
        return max(1, int(node.get("minimum", 1)))
    return value


def _text(value: str, node: dict[str, Any]) -> str:
    look = pii.by_value(value)
    if "enum" in node or "const" in node or "x-time" in node or node.get("format") in ("date", "date-time"):
        return value
    if "x-pii" not in node:
        return _MADE_UP[look] if look else redact.patterns(value)
    if "anyOf" in node:
        return _MADE_UP["ip"]
    if "@" in node.get("pattern", ""):
        return _MADE_UP["email"]
    if node.get("format") == "uuid":
        return "7c9e6679-7425-40de-944b-e07fc1f90ae7"
    if "pattern" in node:
        return "0" * len(value)
    return "x" * min(len(value), 8)
