"""One contract as the rules look at it: its places with their pointers, its fields, and what could be mended of it.

A file with one misspelt key should be told of everything else that is wrong with it too. So what the meta-schema
refuses is taken out of a copy, and the rules read what is left.
"""

from __future__ import annotations

import copy
from functools import cached_property
from pathlib import Path
from typing import Any

from forwarders.contracts import check, facts
from forwarders.contracts.compiled import Compiled
from forwarders.contracts.fields import Field, fields_of
from forwarders.contracts.load import from_schema
from forwarders.contracts.tree import pointer
from forwarders.errors import ConfigError
from forwarders.model import Contract

Place = tuple[str | int, ...]

_DEFAULTS = {"owner": "nobody", "stability": "experimental", "severity": "info", "dataset": "none"}


class Said:
    """One subschema that speaks of a place of the event: where it stands in the file, and whether it always holds."""

    __slots__ = ("always", "node", "path", "where")

    def __init__(self, path: facts.Path, where: Place, node: dict[str, Any], always: bool) -> None:
        self.path, self.where, self.node, self.always = path, where, node, always

    def at(self, *more: str | int) -> str:
        """The JSON pointer of the subschema, or of a keyword in it."""
        return pointer((*self.where, *more))


class Subject:
    """A contract whose schema is sound enough to be looked at; `fields` are by dotted name."""

    def __init__(self, file: Path, schema: dict[str, Any], tree: dict[str, Any]) -> None:
        self.file = file
        self.schema = schema
        self.tree = tree
        self.contract: Contract = from_schema(schema, str(file), tree)
        self.event: dict[str, Any] = schema["x-event"]
        self.said: dict[facts.Path, list[Said]] = {}
        for one in said_of(schema):
            self.said.setdefault(one.path, []).append(one)
        self.fields: dict[str, Field] = {field.name: field for field in fields_of(tree)}

    @cached_property
    def compiled(self) -> Compiled:
        return Compiled(self.contract)

    @property
    def label(self) -> str:
        return f"{self.contract.name}:{self.contract.major}"

    @property
    def metrics(self) -> list[tuple[int, dict[str, Any]]]:
        """The metric rules with their place in the list; one that was taken out leaves its place empty."""
        return [(i, metric) for i, metric in enumerate(self.event.get("metrics", ())) if metric]

    def declared(self, name: str) -> Said | None:
        """The first subschema that speaks of the field with a dotted name."""
        field = self.fields.get(name)
        return self.said[field.path][0] if field and field.path in self.said else None


def said_of(schema: dict[str, Any]) -> list[Said]:
    """As facts.places, with references followed and the pointer in the file itself. The schema must have no cycle."""
    definitions = schema.get("$defs", {})
    found: list[Said] = []

    def walk(node: Any, path: facts.Path, where: Place, always: bool) -> None:
        if not isinstance(node, dict):
            return
        found.append(Said(path, where, node, always))
        if "$ref" in node:
            name = node["$ref"].removeprefix("#/$defs/")
            walk(definitions[name], path, ("$defs", name), always)
        for name, child in node["properties"].items() if "properties" in node else ():
            walk(child, (*path, name), (*where, "properties", name), always)
        for keyword in ("items", "additionalProperties"):
            if keyword in node:
                walk(node[keyword], (*path, facts.ANY), (*where, keyword), always)
        for index, child in enumerate(node.get("prefixItems", ())):
            walk(child, (*path, facts.ANY), (*where, "prefixItems", index), always)
        for keyword in ("allOf", "anyOf", "oneOf"):
            for index, child in enumerate(node.get(keyword, ())):
                walk(child, path, (*where, keyword, index), always and keyword == "allOf")
        for keyword in ("then", "else"):
            if keyword in node:
                walk(node[keyword], path, (*where, keyword), False)
        for name, child in node["dependentSchemas"].items() if "dependentSchemas" in node else ():
            walk(child, path, (*where, "dependentSchemas", name), False)

    walk(schema, (), (), True)
    return found


def mended(schema: dict[str, Any], problems: list[ConfigError]) -> dict[str, Any] | None:
    """A copy without what the meta-schema refuses; None when too little would be left to look at."""
    result = copy.deepcopy(schema)
    for problem in problems:
        path = _path(problem.key)
        if not path or path in (["properties"], ["x-event"], ["$id"], ["type"]):
            return None
        _take_out(result, path, problem.found == "nothing")
    event = result.get("x-event")
    if not isinstance(event, dict):
        return None
    major = str(result.get("$id", "")).rpartition(":")[2]
    for key, value in _DEFAULTS.items():
        event.setdefault(key, value)
    event.setdefault("version", f"{major}.0.0")
    if list(check.meta_problems(_without_gaps(result), "")):
        _blank_metrics(result, problems)
    return None if list(check.meta_problems(_without_gaps(result), "")) else result


def _blank_metrics(root: dict[str, Any], problems: list[ConfigError]) -> None:
    """Takes out whole metric rules of which a part was wrong: what is left of one may be no rule."""
    metrics = root["x-event"].get("metrics")
    for path in map(_path, (problem.key for problem in problems)):
        if path[:2] != ["x-event", "metrics"] or len(path) < 3 or not isinstance(metrics, list):
            continue
        if path[2].isdigit() and int(path[2]) < len(metrics):
            metrics[int(path[2])] = {}


def _take_out(root: dict[str, Any], path: list[str], missing: bool) -> None:
    """Removes what a pointer names, or, when something is missing there, what it is missing from."""
    parents: list[tuple[Any, Any]] = []
    node: Any = root
    for part in path:
        key: Any = int(part) if isinstance(node, list) and part.isdigit() else part
        parents.append((node, key))
        try:
            node = node[key]
        except (KeyError, IndexError, TypeError):
            break
    if missing and len(parents) > 1 and parents[0][1:] != ("x-event",):
        parents.pop()
    if missing and path[0] == "x-event" and len(path) == 2:
        return
    holder, key = parents[-1]
    if isinstance(holder, dict):
        holder.pop(key, None)
    elif isinstance(holder, list) and isinstance(key, int) and key < len(holder):
        if len(path) > 1 and path[0] == "x-event" and len(parents) == 3:
            holder[key] = {}  # the others keep their number
        else:
            del holder[key]


def _without_gaps(schema: dict[str, Any]) -> dict[str, Any]:
    event = schema.get("x-event")
    metrics = event.get("metrics") if isinstance(event, dict) else None
    if not isinstance(metrics, list) or {} not in metrics:
        return schema
    return {**schema, "x-event": {**schema["x-event"], "metrics": [one for one in metrics if one != {}]}}


def _path(key: str) -> list[str]:
    if not key.startswith("/"):
        return []
    return [part.replace("~1", "/").replace("~0", "~") for part in key[1:].split("/")]
