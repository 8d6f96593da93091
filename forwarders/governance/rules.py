"""Which rule reads which keyword of the new schema; and the rules about numbers, strings and alternatives."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

from forwarders.governance import compounds
from forwarders.governance.conjuncts import INTEGER, NUMBERS, Facts, both, lower, types_of, upper
from forwarders.governance.located import at
from forwarders.governance.patterns import counterexample
from forwarders.governance.prover import Doubt, Doubts, Prover, Rule, alternatives, disjoint

ASSERTED = frozenset(
    {"date-time", "date", "time", "duration", "email", "idn-email", "hostname", "idn-hostname", "ipv4", "ipv6", "uri"}
    | {"uri-reference", "iri", "iri-reference", "uuid", "json-pointer", "relative-json-pointer", "regex"}
    | {"uri-template"}
)
"""The formats that the validator checks."""


def _there(new: dict[str, Any], keyword: str) -> str:
    return f"{at(new, '')}/{keyword}"


def _type(prover: Prover, old: Facts, new: dict[str, Any]) -> Doubts:
    lost = old.types - types_of({"type": new["type"]})
    if not lost:
        return []
    names = sorted("a number that is not whole" if name == "fraction" else name for name in lost)
    return [Doubt(_there(new, "type"), "type", True, f"no longer accepts {', '.join(names)}")]


def _values(prover: Prover, old: Facts, new: dict[str, Any]) -> Doubts:
    """const and enum: the old schema accepts more values than can be counted."""
    keyword = "const" if "const" in new else "enum"
    if all(old.has_same(one, new[one]) for one in ("const", "enum") if one in new):
        return []
    return [Doubt(_there(new, keyword), keyword, True, "accepts a few values only, where it accepted any")]


def _lower(prover: Prover, old: Facts, new: dict[str, Any]) -> Doubts:
    if not old.types & NUMBERS:
        return []
    bound, excluded = lower(old)
    doubts = []
    if "minimum" in new and bound < new["minimum"]:
        doubts.append(Doubt(_there(new, "minimum"), "minimum", True, "smaller numbers are refused"))
    limit = new.get("exclusiveMinimum")
    if limit is not None and (bound < limit or (bound == limit and not excluded)):
        doubts.append(Doubt(_there(new, "exclusiveMinimum"), "exclusiveMinimum", True, "smaller numbers are refused"))
    return doubts


def _upper(prover: Prover, old: Facts, new: dict[str, Any]) -> Doubts:
    if not old.types & NUMBERS:
        return []
    bound, excluded = upper(old)
    doubts = []
    if "maximum" in new and bound > new["maximum"]:
        doubts.append(Doubt(_there(new, "maximum"), "maximum", True, "greater numbers are refused"))
    limit = new.get("exclusiveMaximum")
    if limit is not None and (bound > limit or (bound == limit and not excluded)):
        doubts.append(Doubt(_there(new, "exclusiveMaximum"), "exclusiveMaximum", True, "greater numbers are refused"))
    return doubts


def _multiple(prover: Prover, old: Facts, new: dict[str, Any]) -> Doubts:
    if not old.types & NUMBERS:
        return []
    wanted = _exactly(new["multipleOf"])
    steps = [_exactly(step) for step in old.says("multipleOf")]
    if old.types & NUMBERS == {INTEGER}:
        steps.append(Fraction(1))
    # Validators divide doubles: only whole factors of whole steps are the same in every one of them.
    if any(step % wanted == 0 and step.denominator == wanted.denominator == 1 for step in steps):
        return []
    if old.has_same("multipleOf", new["multipleOf"]):
        return []
    return [Doubt(_there(new, "multipleOf"), "multipleOf", True, "numbers between the steps are refused")]


def _exactly(number: Any) -> Fraction:
    return Fraction(str(number)) if math.isfinite(number) else Fraction(1, 3)


def _lengths(prover: Prover, old: Facts, new: dict[str, Any]) -> Doubts:
    if "string" not in old.types:
        return []
    doubts = []
    if "minLength" in new and old.most("minLength") < new["minLength"]:
        doubts.append(Doubt(_there(new, "minLength"), "minLength", True, "shorter texts are refused"))
    if "maxLength" in new and old.least("maxLength") > new["maxLength"]:
        doubts.append(Doubt(_there(new, "maxLength"), "maxLength", True, "longer texts are refused"))
    return doubts


def _pattern(prover: Prover, old: Facts, new: dict[str, Any]) -> Doubts:
    if "string" not in old.types or old.has_same("pattern", new["pattern"]):
        return []
    known = [*old.says("pattern"), *old.says("format")]
    if not known:
        return [Doubt(_there(new, "pattern"), "pattern", True, "texts that do not match are refused")]
    prover.spend(20)
    if counterexample(old, new["pattern"]):
        return [Doubt(_there(new, "pattern"), "pattern", True, "a text that the old pattern allows is refused")]
    why = "cannot prove that the new pattern matches all that the old one did"
    return [Doubt(_there(new, "pattern"), "pattern", False, why)]


def _format(prover: Prover, old: Facts, new: dict[str, Any]) -> Doubts:
    if "string" not in old.types or old.has_same("format", new["format"]):
        return []
    if new["format"] not in ASSERTED:
        why = "cannot prove: no validator knows this format"
        return [Doubt(_there(new, "format"), "format", False, why)]
    sure = not any(old.says("pattern"))
    why = "texts of another form are refused" if sure else "cannot prove that the pattern allows only this format"
    return [Doubt(_there(new, "format"), "format", sure, why)]


def _all_of(prover: Prover, old: Facts, new: dict[str, Any]) -> Doubts:
    whole = both(*old.nodes)
    return [doubt for part in new["allOf"] for doubt in prover.contained(whole, part, _there(new, "allOf"))]


def _any_of(prover: Prover, old: Facts, new: dict[str, Any]) -> Doubts:
    if old.has_same("anyOf", new["anyOf"]):
        return []
    return alternatives(prover, old, both(*old.nodes), new["anyOf"], _there(new, "anyOf"), "anyOf")


def _one_of(prover: Prover, old: Facts, new: dict[str, Any]) -> Doubts:
    branches = new["oneOf"]
    if old.has_same("oneOf", branches):
        return []
    whole = both(*old.nodes)
    near = [branch for branch in branches if not disjoint(prover, whole, branch)]
    if any(not disjoint(prover, one, other) for i, one in enumerate(near) for other in near[:i]):
        why = "cannot prove that exactly one branch accepts each value"
        return [Doubt(_there(new, "oneOf"), "oneOf", False, why)]
    return alternatives(prover, old, whole, branches, _there(new, "oneOf"), "oneOf")


def _not(prover: Prover, old: Facts, new: dict[str, Any]) -> Doubts:
    if old.has_same("not", new["not"]) or disjoint(prover, both(*old.nodes), new["not"]):
        return []
    return [Doubt(_there(new, "not"), "not", False, "cannot prove that nothing of what was accepted is excluded")]


def _if(prover: Prover, old: Facts, new: dict[str, Any]) -> Doubts:
    wanted = {key: new[key] for key in ("if", "then", "else") if key in new}
    if any(all(node.get(key) == part for key, part in wanted.items()) for node in old.nodes if "if" in node) or (
        "if" not in new
    ):
        return []
    whole = both(*old.nodes)
    asked = new["if"]
    doubts: Doubts = []
    if "then" in new and not disjoint(prover, whole, asked):
        doubts += prover.contained(both(whole, asked), new["then"], _there(new, "then"))
    if "else" in new and prover.contained(whole, asked):
        doubts += prover.contained(whole, new["else"], _there(new, "else"))
    return [Doubt(one.pointer, one.keyword, False, f"cannot prove, under a condition: {one.why}") for one in doubts]


RULES: dict[str, Rule] = {
    "type": _type,
    "const": _values,
    "enum": _values,
    "minimum": _lower,
    "exclusiveMinimum": _lower,
    "maximum": _upper,
    "exclusiveMaximum": _upper,
    "multipleOf": _multiple,
    "minLength": _lengths,
    "maxLength": _lengths,
    "pattern": _pattern,
    "format": _format,
    "allOf": _all_of,
    "anyOf": _any_of,
    "oneOf": _one_of,
    "not": _not,
    "if": _if,
    "then": _if,
    "else": _if,
    "required": compounds.required,
    "properties": compounds.members,
    "patternProperties": compounds.members,
    "additionalProperties": compounds.members,
    "propertyNames": compounds.names,
    "minProperties": compounds.sizes,
    "maxProperties": compounds.sizes,
    "dependentRequired": compounds.dependent_required,
    "dependentSchemas": compounds.dependent_schemas,
    "items": compounds.elements,
    "prefixItems": compounds.elements,
    "minItems": compounds.counts,
    "maxItems": compounds.counts,
    "uniqueItems": compounds.unique,
    "contains": compounds.contains,
    "minContains": compounds.contains,
    "maxContains": compounds.contains,
}
