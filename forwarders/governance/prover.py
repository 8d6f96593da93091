"""What a proof of containment is made of: doubts, the rules that raise them, and the budget of one question.

A proof is needed for each keyword of the new schema from the facts of the old one. What is not proved is a doubt: a
`sure` one is a narrowing, another one is what nobody has decided. Silence is a proof, so nothing is passed over that
could refuse an event: an unknown keyword is a doubt too.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jsonschema_rs
import msgspec

from forwarders.contracts.tree import NOTES, pointer
from forwarders.governance.conjuncts import FRACTION, INTEGER, NUMBERS, Facts, both, facts
from forwarders.governance.located import OPAQUE, at, same

MAX_STEPS = 20_000
MAX_VALUES = 2_000
"""Values of an enum that are tried one by one."""


class Doubt(msgspec.Struct, frozen=True):
    """Why containment is not proved: the place in the new schema, and whether it is surely narrower there."""

    pointer: str
    keyword: str
    sure: bool
    why: str


Doubts = list[Doubt]
Rule = Callable[["Prover", Facts, dict[str, Any]], Doubts]
"""Whether the facts of the old schema imply a group of keywords of the new one. Gets the prover, for what is nested."""

_SILENT = NOTES | {"$schema", "$id", "$anchor", "x-known-values", "contentEncoding", "contentMediaType"}
COMBINERS = ("anyOf", "oneOf")


class Exhausted(Exception):
    """The budget of steps is spent."""


class Prover:
    """One question's budget; every nested question spends of it."""

    def __init__(self, rules: dict[str, Rule]) -> None:
        self.rules = rules
        self.steps = 0

    def spend(self, steps: int) -> None:
        """Takes from the budget; one step is about 0.1 ms. Raises Exhausted when nothing is left."""
        self.steps += steps
        if self.steps > MAX_STEPS:
            raise Exhausted

    def contained(self, old: Any, new: Any, place: str = "") -> Doubts:
        """As the function; `place` is told where `new` is `false`, which has no place of its own."""
        self.spend(1)
        if new is True or same(old, new):
            return []
        known = facts(old)
        self.spend(known.weight)
        if not known.types or known.values == ():
            return []
        if new is False:
            return [Doubt(place, "", True, "events that have it are refused")]
        doubts = self.judged(old, known, new)
        return self.by_branch(known, new, doubts) if doubts else []

    def judged(self, old: Any, known: Facts, new: dict[str, Any]) -> Doubts:
        if known.values is not None and len(known.values) <= MAX_VALUES:
            self.spend(1 + len(known.values) // 100)
            return one_by_one(old, known.values, new)
        doubts: Doubts = []
        done: set[Rule] = set()
        for keyword in new:
            rule = self.rules.get(keyword)
            if rule is not None:
                if rule not in done:
                    done.add(rule)
                    doubts += rule(self, known, new)
            elif keyword not in _SILENT and not keyword.startswith("x-"):
                doubts.append(unknown(new, keyword))
        return doubts

    def by_branch(self, known: Facts, new: dict[str, Any], doubts: Doubts) -> Doubts:
        """The doubts that are left when the old schema's alternatives are looked at one by one."""
        for index, node in enumerate(known.nodes):
            for keyword in COMBINERS:
                if keyword not in node:
                    continue
                rest = [_without(one, ("allOf",)) for one in known.nodes]
                rest[index] = _without(rest[index], (keyword,))
                left: dict[Doubt, None] = {}
                for branch in node[keyword]:
                    left |= dict.fromkeys(self.contained(both(*rest, branch), new))
                return list(left)
        return doubts


def unknown(new: Any, keyword: str) -> Doubt:
    """The doubt about a keyword that nobody decides."""
    where = at(new, "")
    name = "$ref" if keyword == OPAQUE else keyword.removeprefix("\0odd:")
    what = "a reference that cannot be followed to its end" if keyword == OPAQUE else f"what {name} means"
    return Doubt(where if keyword == OPAQUE else f"{where}{pointer((name,))}", name, False, f"cannot prove: {what}")


def one_by_one(old: Any, values: tuple[Any, ...], new: dict[str, Any]) -> Doubts:
    """The doubts about values that can be counted: each is asked of the native validator."""
    if _is_unclear(new):
        return [Doubt(at(new, ""), "", False, "cannot prove: a part of the schema cannot be read")]
    try:
        doubts: dict[Doubt, None] = {}
        for asserted in (True, False):
            # Validators may check formats, as ours do, or take them for notes: the proof is to hold for both.
            accepts = _reader(old, asserted).is_valid if isinstance(old, dict) else lambda value: True
            judge = _reader(new, asserted)
            for value in values:
                if judge.is_valid(value) or not accepts(value):
                    continue
                error = next(iter(judge.iter_errors(value)))
                where = place(new, error.schema_path)
                keyword = str(error.schema_path[-1]) if error.schema_path else ""
                doubts[Doubt(where, keyword, True, "a value that was allowed is refused")] = None
        return list(doubts)
    except (ValueError, jsonschema_rs.ReferencingError):
        return [Doubt(at(new, ""), "", False, "cannot prove: the validator cannot read the schema")]


def _reader(schema: Any, asserted: bool) -> jsonschema_rs.Draft202012Validator:
    """The validator as contracts/compiled.py makes it, with formats checked or not."""
    return jsonschema_rs.Draft202012Validator(
        schema, validate_formats=asserted, offline=True, pattern_options=jsonschema_rs.RegexOptions()
    )


def place(node: Any, path: Any) -> str:
    """The pointer in the file of what lies at `path` below a node."""
    base, rest = at(node, ""), []
    for part in path:
        node = node[part] if isinstance(node, (dict, list)) else None
        rest.append(part)
        if hasattr(node, "at"):
            base, rest = node.at, []
    return base + pointer(rest)


def disjoint(prover: Prover, one: Any, other: Any, depth: int = 4) -> bool:
    """Whether it is proved that no value is accepted by both."""
    mine, yours = facts(one), facts(other)
    prover.spend(mine.weight + yours.weight)
    if not mine.types & yours.types:
        return True
    for here, there in ((mine, other), (yours, one)):
        if here.values is not None and len(here.values) <= MAX_VALUES and _none_fits(here.values, there):
            return True
    if depth and mine.types & yours.types == {"object"}:
        for name in mine.required & yours.required:
            if disjoint(prover, _property(mine, name), _property(yours, name), depth - 1):
                return True
    return False


def _property(known: Facts, name: str) -> Any:
    return both(*(said[name] for said in known.says("properties") if name in said))


def _none_fits(values: tuple[Any, ...], schema: Any) -> bool:
    if not isinstance(schema, dict):
        return schema is False
    try:
        judge = _reader(schema, asserted=False)
        return not any(judge.is_valid(value) for value in values)
    except (ValueError, jsonschema_rs.ReferencingError):
        return False


def _without(node: dict[str, Any], keywords: tuple[str, ...]) -> dict[str, Any]:
    return {key: value for key, value in node.items() if key not in keywords}


def _is_unclear(node: Any) -> bool:
    """Whether a part of the schema would be passed over by a validator."""
    if isinstance(node, dict):
        return any(key.startswith("\0") for key in node) or any(map(_is_unclear, node.values()))
    return isinstance(node, list) and any(map(_is_unclear, node))


def alternatives(prover: Prover, known: Facts, old: Any, branches: list[Any], where: str, word: str) -> Doubts:
    """The doubts that values of `old` are accepted by one of the branches of the new schema, type by type."""
    doubts: Doubts = []
    for kind in _kinds(known.types):
        if any(same(old, branch) for branch in branches):
            continue
        part = both(old, {"type": kind})
        fitting = [branch for branch in branches if not disjoint(prover, part, branch)]
        tried = [prover.contained(part, branch) for branch in fitting]
        if any(not left for left in tried):
            continue
        if len(tried) == 1:
            doubts += tried[0]
        elif not tried:
            doubts.append(Doubt(where, word, True, f"no branch accepts {kind} as it was"))
        else:
            doubts.append(Doubt(where, word, False, f"cannot prove: no single branch of {word} accepts all it did"))
    return doubts


def _kinds(types: frozenset[str]) -> list[str]:
    kinds = set(types)
    if FRACTION in kinds:
        kinds = (kinds - NUMBERS) | {"number"}
    return sorted(kinds, key=lambda kind: (kind == INTEGER, kind))
