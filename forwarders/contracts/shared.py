"""References to `_shared/NAME.schema.json`, put in place when contracts are read, so that a bundle needs no other file.

Never imported while events flow.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from forwarders.contracts.tree import LISTS, MAPS, ONES, pointer
from forwarders.errors import ConfigError

FOLDER = "_shared"
SUFFIX = ".schema.json"

Place = tuple[str | int, ...]


class Shared:
    """The shared definitions of one folder of contracts; each file is read once, when the first contract needs it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._root = os.path.normpath(folder / FOLDER)
        self._read: dict[str, dict[str, Any]] = {}
        self.origins: dict[str, Path] = {}
        """The file that each inlined definition is from, by the definition's name in `$defs`."""

    def inline(self, schema: dict[str, Any], file: Path) -> dict[str, Any]:
        """The schema with what it refers to in `_shared` under its own `$defs`; itself when that is nothing.

        Raises ConfigError for a relative reference that leads out of `_shared`, or to nothing. Any other reference is
        left as it is, for the check to judge. Definitions are named `_shared.<file>` and `_shared.<file>.<name>`.
        """
        if not any(is_relative(node["$ref"]) for _, node in references(schema)):
            return schema
        wanted: dict[str, Any] = {}
        result = self._rewritten(schema, file, (), wanted)
        return {**result, "$defs": {**result.get("$defs", {}), **wanted}}

    def _rewritten(self, node: Any, file: Path, place: Place, wanted: dict[str, Any]) -> Any:
        """A copy of a subschema whose relative references name definitions, all of which `wanted` holds afterwards."""
        if not isinstance(node, dict):
            return node
        copy = dict(node)
        for where, child in _children(node):
            rewritten = self._rewritten(child, file, (*place, *where), wanted)
            if len(where) == 1:
                copy[where[0]] = rewritten
                continue
            if copy[where[0]] is node[where[0]]:
                copy[where[0]] = copy[where[0]].copy()
            copy[where[0]][where[1]] = rewritten
        reference = node.get("$ref")
        if isinstance(reference, str) and (is_relative(reference) or self._is_shared(file)):
            copy["$ref"] = "#/$defs/" + self._define(reference, file, (*place, "$ref"), wanted)
        return copy

    def _define(self, reference: str, file: Path, place: Place, wanted: dict[str, Any]) -> str:
        path, _, fragment = reference.partition("#")
        target = os.path.normpath(os.path.join(file.parent, path)) if path else os.path.normpath(file)
        inside = os.path.dirname(target) == self._root and target.endswith(SUFFIX)
        definition = fragment.removeprefix("/$defs/")
        if not inside or (fragment and definition == fragment):
            wish = f"a file of {FOLDER}: …/{FOLDER}/NAME{SUFFIX}, or …{SUFFIX}#/$defs/NAME of one"
            raise ConfigError(str(file), pointer(place), reference[:100], wish, "Contracts share nothing else.")
        name = f"{FOLDER}.{os.path.basename(target).removesuffix(SUFFIX)}" + (f".{definition}" if fragment else "")
        if name in wanted:
            return name
        source = self._parse(target, file, place, reference)
        found = source.get("$defs", {}).get(definition) if fragment else _without_identity(source)
        if not isinstance(found, (dict, bool)):
            names = ", ".join(sorted(source.get("$defs", {}))) or "none"
            hint = f"The definitions of {target} are: {names}."
            raise ConfigError(str(file), pointer(place), reference[:100], "the name of a definition", hint)
        wanted[name] = True  # a reference back to it ends here; expanding refuses the cycle
        self.origins[name] = Path(target)
        start: Place = ("$defs", definition) if fragment else ()
        wanted[name] = self._rewritten(found, Path(target), start, wanted)
        return name

    def _is_shared(self, file: Path) -> bool:
        return os.path.normpath(file.parent) == self._root

    def _parse(self, target: str, file: Path, place: Place, reference: str) -> dict[str, Any]:
        from forwarders.contracts import check

        if target not in self._read:
            if not os.path.isfile(target) or os.path.islink(target):
                raise ConfigError(str(file), pointer(place), reference[:100], f"a file that is there: {target}")
            schema = check.parse(Path(target))
            for problem in check.meta_problems(schema, target):
                raise problem
            self._read[target] = schema
        return self._read[target]


def is_relative(reference: Any) -> bool:
    """Whether a reference is a relative path to a file, and so for `Shared` to follow."""
    if not isinstance(reference, str) or not reference or reference[0] in "#/":
        return False
    return ":" not in reference.partition("/")[0]


def references(node: Any, place: Place = ()) -> Iterator[tuple[Place, dict[str, Any]]]:
    """Every subschema with a `$ref`, with its place; never stumbles over a schema that is malformed."""
    stack: list[tuple[Place, Any]] = [(place, node)]
    while stack:
        where, one = stack.pop()
        if isinstance(one, dict):
            if "$ref" in one:
                yield where, one
            stack.extend(((*where, *inner), child) for inner, child in _children(one))


def _children(node: dict[str, Any]) -> Iterator[tuple[tuple[Any, ...], Any]]:
    for keyword in (*MAPS, "$defs"):
        branch = node.get(keyword)
        if isinstance(branch, dict):
            yield from (((keyword, name), child) for name, child in branch.items())
    for keyword in LISTS:
        branch = node.get(keyword)
        if isinstance(branch, list):
            yield from (((keyword, index), child) for index, child in enumerate(branch))
    yield from (((keyword,), node[keyword]) for keyword in ONES if keyword in node)


def _without_identity(schema: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in schema.items() if key not in ("$schema", "$id", "$defs")}
