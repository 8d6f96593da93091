"""Random contracts, mutations of them, and events near what they accept; all from one seed."""

from __future__ import annotations

import copy
from collections.abc import Callable
from random import Random
from typing import Any

NAMES = ("a", "b", "c", "d", "user_id")
TEXTS = ("", "a", "ab", "abc", "abcdef", "x-1", "2026-01-02T03:04:05Z", "10.0.0.1", "ok", "git-abcdef0", "é")
NUMBERS = (-7, -1, 0, 1, 2, 3, 5, 10, 100, 0.5, 1.0, 2.5, -0.5, 99.5)
PATTERNS = ("^a", "^[a-z]+$", "^[a-z0-9-]*$", "^git-[0-9a-f]{6,8}$", "^(ab|x-)", "b")
FORMATS = ("date-time", "ipv4", "email", "uuid")
TYPES = ("null", "boolean", "object", "array", "string", "integer", "number")


def contract(random: Random) -> dict[str, Any]:
    """A schema of an object, as contracts are."""
    return {"type": "object", **_object(random, 3)}


def node(random: Random, depth: int) -> Any:
    """A schema of any kind, valid in draft 2020-12."""
    roll = random.random()
    if roll < 0.03:
        return random.choice((True, False, {}))
    if roll < 0.12 and depth:
        return {
            random.choice(("anyOf", "oneOf", "allOf")): [node(random, depth - 1) for _ in range(random.randint(1, 3))]
        }
    if roll < 0.15 and depth:
        return _conditional(random, depth)
    kind = random.choice(TYPES if depth else ("null", "boolean", "string", "integer", "number"))
    made: dict[str, Any] = {"type": kind}
    if random.random() < 0.12:
        made["type"] = sorted({kind, random.choice(TYPES)})
    if random.random() < 0.03:
        del made["type"]
    if random.random() < 0.12:
        made["enum"] = random.sample((*TEXTS, *NUMBERS[:9], None, True, False), random.randint(1, 5))
    elif random.random() < 0.06:
        made["const"] = random.choice((*TEXTS, *NUMBERS, None, True))
    if kind in _OF_KIND:
        made |= _OF_KIND[kind](random, depth)
    if depth and random.random() < 0.05:
        made[random.choice(("anyOf", "oneOf", "allOf"))] = [
            node(random, depth - 1) for _ in range(random.randint(1, 2))
        ]
    if random.random() < 0.02:
        made["not"] = node(random, 0)
    return made


def _combined(random: Random, depth: int, most: int) -> dict[str, Any]:
    branches = [node(random, depth - 1) for _ in range(random.randint(1, most))]
    return {random.choice(("anyOf", "oneOf", "allOf")): branches}


def _conditional(random: Random, depth: int) -> dict[str, Any]:
    made = {"if": node(random, depth - 1), "then": node(random, depth - 1)}
    if random.random() < 0.5:
        made["else"] = node(random, depth - 1)
    return made


def _object(random: Random, depth: int) -> dict[str, Any]:
    names = random.sample(NAMES, random.randint(0, 4))
    made: dict[str, Any] = {"properties": {name: node(random, depth - 1) for name in names}}
    made["required"] = [name for name in random.sample(NAMES, 2) if random.random() < 0.4]
    roll = random.random()
    if roll < 0.6:
        made["additionalProperties"] = False
    elif roll < 0.7:
        made["additionalProperties"] = node(random, depth - 1)
    if random.random() < 0.08:
        made["patternProperties"] = {random.choice(("^a", "^[cd]$", "id$")): node(random, depth - 1)}
    if random.random() < 0.06:
        made["minProperties"] = random.randint(0, 2)
    if random.random() < 0.06:
        made["maxProperties"] = random.randint(0, 5)
    if random.random() < 0.04:
        made["propertyNames"] = {"pattern": random.choice(("^[a-c]$", "^[a-z_]+$"))}
    if random.random() < 0.04:
        made["dependentRequired"] = {random.choice(NAMES): [random.choice(NAMES)]}
    if random.random() < 0.03:
        made["dependentSchemas"] = {random.choice(NAMES): {"required": [random.choice(NAMES)]}}
    return made


def _array(random: Random, depth: int) -> dict[str, Any]:
    made: dict[str, Any] = {}
    if random.random() < 0.8:
        made["items"] = node(random, depth - 1)
    if random.random() < 0.25:
        made["prefixItems"] = [node(random, depth - 1) for _ in range(random.randint(1, 2))]
    if random.random() < 0.2:
        made["minItems"] = random.randint(0, 2)
    if random.random() < 0.2:
        made["maxItems"] = random.randint(0, 4)
    if random.random() < 0.15:
        made["uniqueItems"] = True
    if random.random() < 0.06:
        made["contains"] = node(random, 0)
        if random.random() < 0.5:
            made["minContains"] = random.randint(0, 2)
    return made


def _string(random: Random, depth: int) -> dict[str, Any]:
    made: dict[str, Any] = {}
    if random.random() < 0.3:
        made["minLength"] = random.randint(0, 4)
    if random.random() < 0.5:
        made["maxLength"] = random.randint(1, 20)
    if random.random() < 0.15:
        made["pattern"] = random.choice(PATTERNS)
    if random.random() < 0.1:
        made["format"] = random.choice(FORMATS)
    return made


def _number(random: Random, depth: int) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for keyword in ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"):
        if random.random() < 0.2:
            made[keyword] = random.choice(NUMBERS)
    if random.random() < 0.08:
        made["multipleOf"] = random.choice((1, 2, 3, 4, 0.5, 0.1))
    return made


_OF_KIND: dict[str, Callable[[Random, int], dict[str, Any]]] = {
    "object": _object,
    "array": _array,
    "string": _string,
    "integer": _number,
    "number": _number,
}


def mutated(random: Random, schema: dict[str, Any]) -> dict[str, Any]:
    """The schema after one to three edits, as a pull request would make them."""
    changed = copy.deepcopy(schema)
    for _ in range(random.randint(1, 3)):
        _edit(random, random.choice(_dicts(changed)))
    return changed


def _dicts(schema: Any) -> list[dict[str, Any]]:
    found = [schema] if isinstance(schema, dict) else []
    for key, value in list(schema.items()) if isinstance(schema, dict) else []:
        if key in ("properties", "patternProperties"):
            found += [one for child in value.values() for one in _dicts(child)]
        elif key in ("anyOf", "oneOf", "allOf", "prefixItems"):
            found += [one for child in value for one in _dicts(child)]
        elif key in ("items", "additionalProperties", "if", "then", "else", "not"):
            found += _dicts(value)
    return found


def _edit(random: Random, schema: dict[str, Any]) -> None:
    fresh = node(random, 1)
    keys = [key for key in schema if key not in ("properties", "required")]
    roll = random.random()
    if roll < 0.2 and "properties" in schema:
        schema["properties"][random.choice(NAMES)] = fresh
    elif roll < 0.3 and schema.get("properties"):
        schema["properties"].pop(random.choice(list(schema["properties"])))
    elif roll < 0.4 and "required" in schema:
        schema["required"] = random.sample(NAMES, random.randint(0, 2))
    elif roll < 0.6 and keys:
        schema.pop(random.choice(keys))
    elif roll < 0.8 and isinstance(fresh, dict):
        schema.update(fresh)
    elif keys:
        _nudge(random, schema, random.choice(keys))


def _nudge(random: Random, schema: dict[str, Any], key: str) -> None:
    value = schema[key]
    if isinstance(value, int) and not isinstance(value, bool):
        schema[key] = max(0, value + random.choice((-1, 1)))
    elif key == "enum":
        schema[key] = value[: max(1, len(value) - 1)] if random.random() < 0.5 else [*value, random.choice(TEXTS)]
        schema[key] = list(dict.fromkeys(schema[key]))
    elif key == "type" and value == "integer":
        schema[key] = "number"
    elif key == "additionalProperties":
        schema[key] = not value


def event(random: Random, schema: Any, depth: int = 4) -> Any:
    """A value that the schema may well accept, or just not."""
    if random.random() < 0.06 or not isinstance(schema, dict) or not depth:
        return _any(random, depth)
    if "const" in schema and random.random() < 0.9:
        return schema["const"]
    if schema.get("enum") and random.random() < 0.9:
        return random.choice(schema["enum"])
    for keyword in ("anyOf", "oneOf", "allOf"):
        if schema.get(keyword) and random.random() < 0.5:
            return event(random, random.choice(schema[keyword]), depth - 1)
    kinds = schema.get("type", TYPES)
    kind = kinds if isinstance(kinds, str) else random.choice(kinds)
    if kind == "object":
        return _an_object(random, schema, depth)
    if kind == "array":
        return _an_array(random, schema, depth)
    if kind == "string":
        return _a_text(random, schema)
    if kind in ("integer", "number"):
        edges = [schema[key] + step for key in _BOUNDS if key in schema for step in (-1, 0, 1, 0.5)]
        found = random.choice([*NUMBERS, *edges, *edges])
        return int(found) if kind == "integer" else found
    return None if kind == "null" else random.random() < 0.5


_BOUNDS = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf")


def _an_object(random: Random, schema: dict[str, Any], depth: int) -> dict[str, Any]:
    made = {}
    for name, child in schema.get("properties", {}).items():
        if name in schema.get("required", ()) or random.random() < 0.5:
            made[name] = event(random, child, depth - 1)
    for name in schema.get("required", ()):
        if name not in made:
            made[name] = event(random, schema.get("additionalProperties"), depth - 1)
    if schema.get("additionalProperties") is not False and random.random() < 0.4:
        made[random.choice(NAMES)] = event(random, schema.get("additionalProperties"), depth - 1)
    return made


def _an_array(random: Random, schema: dict[str, Any], depth: int) -> list[Any]:
    first = schema.get("prefixItems", [])
    count = random.randint(0, 4) if random.random() < 0.7 else schema.get("minItems", schema.get("maxItems", 0))
    return [event(random, first[i] if i < len(first) else schema.get("items"), depth - 1) for i in range(int(count))]


def _a_text(random: Random, schema: dict[str, Any]) -> str:
    edges = [
        "k" * int(schema[key] + step) for key in ("minLength", "maxLength") if key in schema for step in (-1, 0, 1)
    ]
    return random.choice([*TEXTS, *edges, *edges])


def _any(random: Random, depth: int) -> Any:
    if depth and random.random() < 0.2:
        return {random.choice(NAMES): _any(random, depth - 1)}
    if depth and random.random() < 0.1:
        return [_any(random, depth - 1)]
    return random.choice((*TEXTS, *NUMBERS, None, True, False))
