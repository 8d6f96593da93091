"""A contract as a diff reads it: leniently, so that what lint would refuse is still compared."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from forwarders.governance.located import Find, Located, expand


@dataclass(frozen=True)
class Side:
    """One version of one contract. `file` is its path below the folder, `raw` its bytes."""

    event: str
    major: int
    file: str
    raw: bytes
    schema: dict[str, Any]
    find: Find

    @cached_property
    def tree(self) -> Located:
        """The expanded schema. Raises located.TooBig."""
        return expand(self.schema, self.find)

    @property
    def notes(self) -> dict[str, Any]:
        """`x-event`, or nothing."""
        return mapping(self.schema.get("x-event"))

    @property
    def stability(self) -> str:
        """What the author promises; who promises nothing is held to everything."""
        said = self.notes.get("stability")
        return said if isinstance(said, str) else "stable"

    @property
    def is_wire_default(self) -> bool:
        return self.notes.get("wireDefault") is True

    @property
    def dataset(self) -> str:
        return str(self.notes.get("dataset", ""))

    @property
    def tombstones(self) -> dict[str, Any]:
        return mapping(self.notes.get("removed"))

    @cached_property
    def metrics(self) -> tuple[Metric, ...]:
        return tuple(
            Metric(index, rule["name"], rule)
            for index, rule in enumerate(listing(self.notes.get("metrics")))
            if isinstance(rule, dict) and isinstance(rule.get("name"), str)
        )


@dataclass(frozen=True)
class Metric:
    """One metric rule and its position among the contract's."""

    index: int
    name: str
    rule: dict[str, Any]

    @property
    def value(self) -> str:
        value = self.rule.get("value")
        return value if isinstance(value, str) else ""

    @property
    def dimensions(self) -> tuple[str, ...]:
        return tuple(name for name in listing(self.rule.get("dimensions")) if isinstance(name, str))

    @property
    def where(self) -> dict[str, Any]:
        return mapping(self.rule.get("where"))

    @property
    def alarms(self) -> dict[str, dict[str, Any]]:
        found = [one for one in listing(self.rule.get("alarms")) if isinstance(one, dict)]
        return {str(one.get("name", index)): one for index, one in enumerate(found)}

    def reads(self, path: str) -> str:
        """How the metric reads the field at a dotted path or one below it: value, dimension, where, or not at all."""
        if _is_in(self.value, path):
            return "value"
        if any(_is_in(name, path) for name in self.dimensions):
            return "dimension"
        return "where" if any(_is_in(name, path) for name in self.where) else ""


def _is_in(name: str, path: str) -> bool:
    return name == path or (name.startswith(path) and name[len(path)] == ".") or (name != "" and path == "")


def mapping(value: Any) -> dict[str, Any]:
    """The value where it is an object, else an empty one."""
    return value if isinstance(value, dict) else {}


def listing(value: Any) -> list[Any]:
    """The value where it is a list, else an empty one."""
    return value if isinstance(value, list) else []
