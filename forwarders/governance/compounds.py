"""The rules about objects and arrays: what is nested is a question of its own."""

from __future__ import annotations

import math
from typing import Any

import jsonschema_rs

from forwarders.contracts.compiled import validator
from forwarders.contracts.tree import pointer
from forwarders.governance.conjuncts import Facts, both
from forwarders.governance.located import Located, at, same
from forwarders.governance.prover import Doubt, Doubts, Prover


def _there(new: dict[str, Any], *parts: str | int) -> str:
    return at(new, "") + pointer(parts)


def required(prover: Prover, old: Facts, new: dict[str, Any]) -> Doubts:
    """Each required name was required before."""
    if "object" not in old.types:
        return []
    lost = [name for name in new["required"] if name not in old.required]
    declared = new.get("properties", {})
    places = [_there(new, "properties", name) if name in declared else _there(new, "required") for name in lost]
    return [Doubt(place, "required", True, "events without it are refused") for place in dict.fromkeys(places)]


def members(prover: Prover, old: Facts, new: dict[str, Any]) -> Doubts:
    """properties, patternProperties and additionalProperties together: every field that may have been there fits."""
    if "object" not in old.types:
        return []
    doubts: Doubts = []
    declared: dict[str, Any] = new.get("properties", {})
    patterns: dict[str, Any] = new.get("patternProperties", {})
    rest = new.get("additionalProperties", True)
    known = dict.fromkeys(name for said in old.says("properties") for name in said)
    for name in {**known, **declared}:
        wanted = [declared[name]] if name in declared else []
        wanted += [schema for pattern, schema in patterns.items() if matches(pattern, name)]
        where = _there(new, "properties", name) if name in declared else _was(old, new, name)
        if not wanted:
            wanted = [rest]
        before = member(old, name)
        for schema in wanted:
            found = prover.contained(before, schema, where)
            if found and schema is False and name not in declared:
                found = [Doubt(where, "additionalProperties", True, "the contract refuses events that still have it")]
            if found and name not in known and before is True:
                found = [_undeclared(where, name, found)]
            doubts += found
    return doubts + _unnamed(prover, old, new, patterns, rest)


def _was(old: Facts, new: dict[str, Any], name: str) -> str:
    """Where a field stands that the new schema does not declare: in the old file, where that can be told."""
    for node in old.nodes:
        if name in node.get("properties", {}) and isinstance(node, Located):
            return node.at + pointer(("properties", name))
    return _there(new, "properties", name)


def _undeclared(where: str, name: str, found: Doubts) -> Doubt:
    why = f"cannot prove: the old contract was open, so a producer may send {name} already, in another form"
    return Doubt(where, found[0].keyword, False, why)


def _unnamed(prover: Prover, old: Facts, new: dict[str, Any], patterns: dict[str, Any], rest: Any) -> Doubts:
    """Of the fields that neither of the two declares by name."""
    if rest is True and not patterns:
        return []
    doubts: Doubts = []
    before = member_by_pattern(old)
    for pattern, schema in patterns.items():
        fit = [said[pattern] for said in old.says("patternProperties") if pattern in said]
        where = _there(new, "patternProperties", pattern)
        if fit:
            doubts += prover.contained(both(*fit), schema, where)
            continue
        for possible in before:
            doubts += prover.contained(possible, schema, where)
    if rest is not True:
        for said in old.says("patternProperties"):
            for pattern, schema in said.items():
                if pattern not in patterns:
                    doubts += prover.contained(schema, rest, _there(new, "patternProperties", pattern))
        where = _there(new, "additionalProperties")
        left = _additional(old)
        doubts += prover.contained(left, rest, where)
    return doubts


def member(old: Facts, name: str) -> Any:
    """The schema of the values that a field of this name could have."""
    parts: list[Any] = []
    for node in old.nodes:
        own = []
        if name in node.get("properties", {}):
            own.append(node["properties"][name])
        own += [schema for pattern, schema in node.get("patternProperties", {}).items() if matches(pattern, name)]
        if not own and "additionalProperties" in node:
            own.append(node["additionalProperties"])
        parts += own
        if "propertyNames" in node and not _accepts(node["propertyNames"], name):
            return False
    return False if any(part is False for part in parts) else both(*parts)


def member_by_pattern(old: Facts) -> list[Any]:
    """The schemas of the values that a field of a name that is not declared could have."""
    found = [schema for said in old.says("patternProperties") for schema in said.values()]
    return [*found, _additional(old)]


def _additional(old: Facts) -> Any:
    rest = list(old.says("additionalProperties"))
    return False if any(part is False for part in rest) else both(*rest)


def names(prover: Prover, old: Facts, new: dict[str, Any]) -> Doubts:
    """propertyNames: every name that could be there is accepted."""
    wanted = new["propertyNames"]
    if "object" not in old.types or old.has_same("propertyNames", wanted):
        return []
    closed = _additional(old) is False and not any(old.says("patternProperties"))
    if closed:
        known = {name for said in old.says("properties") for name in said if member(old, name) is not False}
        if all(_accepts(wanted, name) for name in known):
            return []
        return [Doubt(_there(new, "propertyNames"), "propertyNames", True, "a name that was declared is refused")]
    return prover.contained(both({"type": "string"}, *old.says("propertyNames")), wanted, _there(new))


def sizes(prover: Prover, old: Facts, new: dict[str, Any]) -> Doubts:
    """minProperties and maxProperties."""
    if "object" not in old.types:
        return []
    doubts: Doubts = []
    fewest = max(old.most("minProperties"), len(old.required))
    if fewest < new.get("minProperties", 0):
        doubts.append(Doubt(_there(new, "minProperties"), "minProperties", True, "objects of fewer fields are refused"))
    biggest = old.least("maxProperties")
    if _additional(old) is False and not any(old.says("patternProperties")):
        biggest = min(biggest, len({name for said in old.says("properties") for name in said}))
    if biggest > new.get("maxProperties", math.inf):
        doubts.append(Doubt(_there(new, "maxProperties"), "maxProperties", True, "objects of more fields are refused"))
    return doubts


def dependent_required(prover: Prover, old: Facts, new: dict[str, Any]) -> Doubts:
    """dependentRequired: what must come with a field always came with it, or the field cannot be there."""
    if "object" not in old.types:
        return []
    doubts: Doubts = []
    for name, wanted in new["dependentRequired"].items():
        had = old.required | {one for said in old.says("dependentRequired") for one in said.get(name, ())}
        if member(old, name) is not False and not had.issuperset(wanted):
            where = _there(new, "dependentRequired", name)
            doubts.append(Doubt(where, "dependentRequired", True, f"events with {name} and without the others fail"))
    return doubts


def dependent_schemas(prover: Prover, old: Facts, new: dict[str, Any]) -> Doubts:
    """dependentSchemas: each holds for every value, or its field cannot be there, or it held before."""
    if "object" not in old.types:
        return []
    doubts: Doubts = []
    for name, wanted in new["dependentSchemas"].items():
        if member(old, name) is False or any(same(said.get(name), wanted) for said in old.says("dependentSchemas")):
            continue
        for doubt in prover.contained(both(*old.nodes, {"required": [name]}), wanted, _there(new)):
            doubts.append(Doubt(doubt.pointer, doubt.keyword, False, f"cannot prove, under a condition: {doubt.why}"))
    return doubts


def elements(prover: Prover, old: Facts, new: dict[str, Any]) -> Doubts:
    """prefixItems and items together, position by position."""
    if "array" not in old.types:
        return []
    doubts: Doubts = []
    first: list[Any] = new.get("prefixItems", [])
    rest = new.get("items", True)
    longest = old.least("maxItems")
    known = max((len(said) for said in old.says("prefixItems")), default=0)
    for index in range(max(len(first), known)):
        if index >= longest:
            return doubts
        wanted, where = (first[index], "prefixItems") if index < len(first) else (rest, "items")
        place = _there(new, where, index) if where == "prefixItems" else _there(new, where)
        doubts += prover.contained(element(old, index), wanted, place)
    if longest > max(len(first), known):
        doubts += prover.contained(element(old, max(len(first), known)), rest, _there(new, "items"))
    return doubts


def element(old: Facts, index: int) -> Any:
    """The schema of the element at a position."""
    parts = []
    for node in old.nodes:
        first = node.get("prefixItems", [])
        parts.append(first[index] if index < len(first) else node.get("items", True))
    return False if any(part is False for part in parts) else both(*parts)


def counts(prover: Prover, old: Facts, new: dict[str, Any]) -> Doubts:
    """minItems and maxItems."""
    if "array" not in old.types:
        return []
    doubts: Doubts = []
    if old.most("minItems") < new.get("minItems", 0):
        doubts.append(Doubt(_there(new, "minItems"), "minItems", True, "shorter lists are refused"))
    if old.least("maxItems") > new.get("maxItems", math.inf) and not _ends(old, new["maxItems"]):
        doubts.append(Doubt(_there(new, "maxItems"), "maxItems", True, "longer lists are refused"))
    return doubts


def _ends(old: Facts, count: Any) -> bool:
    known = max((len(said) for said in old.says("prefixItems")), default=0)
    return known <= count and element(old, known) is False


def unique(prover: Prover, old: Facts, new: dict[str, Any]) -> Doubts:
    """uniqueItems: lists had different elements before, or one at most."""
    if "array" not in old.types or not new["uniqueItems"] or any(old.says("uniqueItems")) or old.least("maxItems") <= 1:
        return []
    return [Doubt(_there(new, "uniqueItems"), "uniqueItems", True, "lists with an element twice are refused")]


def contains(prover: Prover, old: Facts, new: dict[str, Any]) -> Doubts:
    """contains with its counts: the same group was there before, or what it asks is about no array."""
    if "array" not in old.types or "contains" not in new:
        return []
    keys = ("contains", "minContains", "maxContains")
    if any(all(same(node.get(key), new.get(key)) for key in keys) for node in old.nodes):
        return []
    sure = not any(old.says("contains"))
    why = "lists without such an element are refused" if sure else "cannot prove that lists have such elements"
    return [Doubt(_there(new, "contains"), "contains", sure, why)]


def matches(pattern: str, name: str) -> bool:
    """Whether a field's name matches a pattern, by the validator's own engine; True when it cannot read the pattern."""
    return _accepts({"type": "string", "pattern": pattern}, name)


def _accepts(schema: Any, name: str) -> bool:
    if isinstance(schema, bool):
        return schema
    try:
        return bool(validator(schema).is_valid(name))
    except (ValueError, jsonschema_rs.ReferencingError):
        return True
