"""What the contracts mean for Honeycomb: datasets, and their columns with types and descriptions, as plain data."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol

import msgspec

from forwarders.model import Contract
from forwarders.sinks.honeycomb.ship import dataset_name
from forwarders.sinks.places import ANY, holder, redacted

MAX_NAME_CHARS = 255
MAX_DESCRIPTION_CHARS = 255

MARK = " · Logharbor"
"""Ends a description of ours; one without it is somebody's own and stays."""

_TYPES = {"string": "string", "integer": "integer", "number": "float", "boolean": "boolean"}


class Column(msgspec.Struct, frozen=True):
    """`type` is string, integer, float or boolean. `certain`: every contract of the dataset says so."""

    type: str
    description: str
    certain: bool = True


class Wanted(msgspec.Struct):
    """One dataset of Honeycomb, its columns by name."""

    description: str
    columns: dict[str, Column]


class Landing(Protocol):
    """What of a dataset of ours is read here."""

    @property
    def name(self) -> str: ...
    @property
    def contracts(self) -> Sequence[tuple[Contract, Sequence[Any]]]: ...
    @property
    def open(self) -> bool: ...


def datasets(
    landings: Iterable[Landing], sink: str, configured: str, takes: Callable[[str], bool] = lambda name: True
) -> dict[str, Wanted]:
    """Every dataset that events of this sink land in, by its name in Honeycomb.

    `configured` is the sink's `dataset`, `takes` says of an event's name whether the sink gets it.
    """
    found: dict[str, Wanted] = {}
    said: dict[tuple[str, str], list[tuple[str, str, str]]] = {}
    for landing in landings:
        contracts = [(contract, fields) for contract, fields in landing.contracts if takes(contract.name)]
        if not landing.contracts:
            what = "events without a contract" if landing.open else "events that break their contract"
            name = dataset_name(configured, landing.name, False)
            found[name] = Wanted(f"Logharbor: {what}{MARK}", _ours(_ALWAYS | ({} if landing.open else _BROKEN)))
        elif contracts:
            name = dataset_name(configured, landing.name, True)
            found.setdefault(name, Wanted(f"Events that keep their contract{MARK}", _ours(_ALWAYS)))
            for contract, fields in contracts:
                for column, type_, description in _columns(contract, fields, sink):
                    said.setdefault((name, column), []).append((type_, description, contract.name))
    for (name, column), told in said.items():
        if column not in found[name].columns:
            found[name].columns[column] = _united(told)
    return found


def _columns(contract: Contract, fields: Sequence[Any], sink: str) -> Iterable[tuple[str, str, str]]:
    """Name, type and description of each column; the type is empty where values may be of several."""
    seen = set()
    for field in fields:
        depth = field.path.index(ANY) if ANY in field.path else len(field.path)
        path = field.path[:depth]
        name = ".".join(path)
        listed = depth < len(field.path)
        if listed and holder(contract.schema, path) != "array":
            continue  # keys of any name: a column comes with each
        action = redacted(contract, path, sink, "honeycomb")
        if action == "drop" or name in seen or len(name) > MAX_NAME_CHARS:
            continue
        seen.add(name)
        types = set(field.types) - {"null"}
        if types == {"object"} and not listed and not action:
            continue
        type_ = "string" if listed or action or types & {"array", "object"} else _type(types)
        unit = f" ({field.unit})" if getattr(field, "unit", "") else ""
        description = "" if listed else f"{getattr(field, 'description', '')}{unit}".strip()
        yield name, type_, description


def _type(types: set[str]) -> str:
    if types == {"integer", "number"}:
        return "float"
    return _TYPES.get(next(iter(types)), "") if len(types) == 1 else ""


def _united(told: Sequence[tuple[str, str, str]]) -> Column:
    """One column of what several contracts say of it: the widest type, the first description, all their names."""
    types = {type_ for type_, _, _ in told}
    numbers = types <= {"integer", "float"}
    type_ = next(iter(types)) if len(types) == 1 else "float" if numbers else "string"
    description = next((text for _, text, _ in told if text), "")
    names = list(dict.fromkeys(name for _, _, name in told))
    source = ", ".join(names[:3]) + (" …" if len(names) > 3 else "")
    end = f" · {source}"[:100] + MARK
    room = MAX_DESCRIPTION_CHARS - len(end)
    text = description if len(description) <= room else description[: room - 1] + "…"
    return Column(type_ or "string", (text + end).removeprefix(" · "), "" not in types and (len(types) == 1 or numbers))


def _ours(described: dict[str, str]) -> dict[str, Column]:
    return {name: Column("string", text + MARK) for name, text in described.items()}


_ALWAYS = {
    "event.action": "The event's name",
    "logharbor.id": "The event's id: the same event has the same one, however often it comes",
    "logharbor.verdict": "valid, invalid or unregistered",
    "logharbor.dataset": "The dataset that the event belongs to",
    "logharbor.contract": "The contract's name and major version",
    "logharbor.version": "The contract's version when the event was read",
    "logharbor.owner": "The team that owns the contract",
    "logharbor.drift": "Fields and values that the contract does not know",
    "logharbor.flags": "What had to be repaired or left out",
    "cloud.account.id": "The AWS account that the event comes from",
    "cloud.region": "The AWS region that the event comes from",
    "aws.cloudwatch.log_group": "The log group that the event comes from",
    "aws.cloudwatch.log_stream": "The log stream that the event comes from",
    "log.file.path": "The file that the event comes from",
    "log.level": "The level that the line had",
    "faas.execution": "The request of the function that wrote the line",
}

_BROKEN = {
    "error.type": "Why the event is in quarantine",
    "logharbor.errors": "What the contract says, as JSON: pointer, keyword, expected, found",
    "message": "The redacted text",
}
