"""`schemas new`: a contract from a few words."""

from __future__ import annotations

import re
from typing import Any

from forwarders.errors import ConfigError
from forwarders.governance import pii
from forwarders.governance.drafts import Draft, skeleton
from forwarders.governance.lint.rules.names import NAME
from forwarders.governance.lint.rules.units import QUANTITIES, has_unit

TYPES: dict[str, tuple[dict[str, Any], Any]] = {
    "string": ({"type": "string", "minLength": 1, "maxLength": 256}, "some text"),
    "text": ({"type": "string", "maxLength": 4096}, "a longer text"),
    "integer": ({"type": "integer", "minimum": 0, "maximum": 1_000_000_000}, 3),
    "number": ({"type": "number", "minimum": 0, "maximum": 1_000_000_000}, 12.5),
    "boolean": ({"type": "boolean"}, True),
    "time": (
        {"type": "string", "format": "date-time", "x-time": {"role": "other", "unit": "rfc3339"}},
        "2026-01-02T03:04:05Z",
    ),
    "date": ({"type": "string", "format": "date"}, "2026-01-02"),
    "uuid": ({"type": "string", "format": "uuid"}, "7c9e6679-7425-40de-944b-e07fc1f90ae7"),
    "ip": (
        {
            "type": "string",
            "maxLength": 45,
            "anyOf": [{"format": "ipv4"}, {"format": "ipv6"}],
            "x-pii": {"class": "identifier"},
        },
        "192.0.2.1",
    ),
    "email": (
        {"type": "string", "maxLength": 320, "pattern": "^[^@ ]+@[^@ ]+$", "x-pii": {"class": "contact"}},
        "ada@example.org",
    ),
}
"""What may be written as a field's type, with a value of it."""

_FIELD = re.compile(
    r"(?P<name>[a-z][a-z0-9_.]*)(?P<required>!?):(?P<type>[a-z]+)(?:=(?P<values>[^:]+))?(?P<many>\[\])?(?::(?P<unit>[A-Za-z0-9%/_.-]{1,32}))?\Z"
)
_EXAMPLES = "user!:string, duration:number:ms, method:enum=password|sso, source.ip:ip, tags:string[]"
TIMESTAMP = {
    "type": "number", "minimum": 946684800, "maximum": 4102444799, "x-time": {"role": "event", "unit": "s"},
}  # fmt: skip


def new(
    name: str,
    owner: str,
    dataset: str = "",
    stability: str = "experimental",
    severity: str = "info",
    fields: tuple[str, ...] = (),
    title: str = "",
    description: str = "",
) -> Draft:
    """The draft of a contract: a time, and each of `fields`, written NAME[!]:TYPE[:UNIT] (`!` is required).

    Dots nest, `enum=a|b` lists values, `[]` after a type makes an array. Raises ConfigError for a field that says none
    of this, and for a quantity without a unit.
    """
    if not NAME.match(name):
        raise ConfigError("--event", "event", name[:100], "domain.entity.action in snake_case: user.login.success")
    if not re.fullmatch("[a-z0-9_]{1,100}", dataset or name.partition(".")[0]):
        raise ConfigError("--dataset", "dataset", dataset[:100], "letters in lower case, digits and _")
    schema = skeleton(name, owner, dataset or name.partition(".")[0], stability, severity, title, description)
    schema["required"] = ["timestamp", "event"]
    schema["properties"] = {"timestamp": TIMESTAMP, **schema["properties"]}
    event: dict[str, Any] = {"timestamp": 1767323045.5, "event": name}
    for text in fields:
        _add(schema, event, text)
    schema["examples"] = [event]
    return Draft(schema, {"usual": event})


def _add(schema: dict[str, Any], event: dict[str, Any], text: str) -> None:
    match = _FIELD.match(text)
    if match is None or (match["type"] not in TYPES and match["type"] != "enum"):
        known = ", ".join([*TYPES, "enum=a|b"])
        raise ConfigError(
            "--field", text[:100], "no field", f"NAME[!]:TYPE[:UNIT] with one of {known}", f"Such as {_EXAMPLES}."
        )
    *holders, key = match["name"].split(".")
    node, value = schema, event
    for holder in holders:
        inner = node["properties"].setdefault(
            holder, {"type": "object", "additionalProperties": False, "properties": {}}
        )
        if "properties" not in inner:
            raise ConfigError("--field", text[:100], f"{holder}, a value", "an object to put it into")
        node, value = inner, value.setdefault(holder, {})
    if key in node["properties"]:
        raise ConfigError("--field", text[:100], f"{key} twice", "each field once")
    node["properties"][key], value[key] = _field(text, match, key)
    if match["required"]:
        node["required"] = [*node.get("required", ()), key]


def _field(text: str, match: re.Match[str], key: str) -> tuple[dict[str, Any], Any]:
    node: dict[str, Any]
    value: Any
    if match["type"] == "enum":
        values = [one for one in (match["values"] or "").split("|") if one]
        if not values:
            raise ConfigError("--field", text[:100], "no values", f"{key}:enum=one|other")
        node, value = {"enum": values}, values[0]
    else:
        node, value = dict(TYPES[match["type"]][0]), TYPES[match["type"]][1]
    asks = key.rpartition("_")[2] in QUANTITIES or match["type"] == "number"
    if match["unit"]:
        node["x-unit"] = match["unit"]
    elif match["type"] in ("integer", "number") and asks and not has_unit(key):
        wanted = f"{match['name']}:{match['type']}:UNIT, such as ms, bytes or minor"
        raise ConfigError("--field", text[:100], "a quantity without a unit", wanted)
    suspicion = pii.by_name(tuple(match["name"].split(".")), [node])
    if suspicion and "x-pii" not in node:
        node["x-pii"] = {"class": suspicion.kind}
    if match["many"]:
        return {"type": "array", "maxItems": 100, "items": node}, [value]
    return node, value
