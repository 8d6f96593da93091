"""`schemas/_fields.lock.json`: the type of every field in every dataset, and who declares it. Generated, committed.

A pull request that touches a field which several teams share changes a line of this file, and all of them see it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from forwarders.contracts.fields import Field
from forwarders.errors import ConfigError
from forwarders.model import Contract

FILE = "_fields.lock.json"
ANY = "any"
"""The type of a field whose contract does not say: it conflicts with nothing."""


class Use(msgspec.Struct, frozen=True):
    """One contract that declares a field: what it makes of it, and who owns it."""

    type: str
    owner: str
    contract: str
    file: str
    pointer: str


Datasets = dict[str, dict[str, list[Use]]]
"""By dataset and field."""


def stored_type(field: Field) -> str:
    """What a store makes of a field: keyword, date, ip, long, double, boolean, object; mixed where no one type fits.

    The time of the event itself is `time` in whatever form it is written: what is queried is `@timestamp`.
    """
    if field.is_event_time:
        return "time"
    types = set(field.types)
    if field.time_unit == "rfc3339" or (types == {"string"} and field.format == "date-time"):
        return "date"
    if types == {"string"} and field.format in ("ipv4", "ipv6"):
        return "ip"
    if len(types) > 1 and types <= {"string", "integer", "number", "boolean"}:
        return "keyword"
    return _STORED.get(types.pop(), "mixed") if len(types) == 1 else ("mixed" if types else ANY)


_STORED = {"string": "keyword", "integer": "long", "number": "double", "boolean": "boolean", "object": "object"}


def collected(contracts: Iterable[tuple[Contract, Iterable[Field], str, Mapping[str, str]]]) -> Datasets:
    """Every field of every dataset with its uses, sorted; a contract comes with its fields, file, and pointers by name.

    Contracts of shape ecs lie at the root of a document and others under `data`, so their fields never meet.
    """
    datasets: Datasets = {}
    for contract, fields, file, pointers in contracts:
        prefix = "" if contract.shape == "ecs" else "data."
        label = f"{contract.name}:{contract.major}"
        for field in fields:
            use = Use(stored_type(field), contract.owner, label, file, pointers.get(field.name, ""))
            datasets.setdefault(contract.dataset, {}).setdefault(prefix + field.name, []).append(use)
    return {name: dict(sorted(datasets[name].items())) for name in sorted(datasets)}


def plain(datasets: Datasets) -> dict[str, dict[str, Any]]:
    """What the file holds: `{"order": {"data.order.id": {"type": "keyword", "owners": ["team-checkout"]}}}`."""
    return {
        dataset: {
            name: {"type": uses[0].type, "owners": sorted({use.owner for use in uses})} for name, uses in fields.items()
        }
        for dataset, fields in datasets.items()
    }


def text(datasets: Datasets) -> str:
    """The file's text, one field to a line, so that a pull request shows which fields it touches."""
    blocks = []
    for dataset, fields in plain(datasets).items():
        lines = [f"    {json.dumps(name)}: {json.dumps(entry)}" for name, entry in fields.items()]
        blocks.append(f"  {json.dumps(dataset)}: {{\n" + ",\n".join(lines) + "\n  }")
    return "{\n" + ",\n".join(blocks) + "\n}\n" if blocks else "{}\n"


def read(folder: Path) -> dict[str, dict[str, Any]] | None:
    """The locked fields of a folder; None when there is no file. Raises ConfigError when it is no lock."""
    file = folder / FILE
    try:
        return msgspec.json.decode(file.read_bytes(), type=dict[str, dict[str, dict[str, Any]]])
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ConfigError(str(file), "(whole file)", error.strerror or "no file", "what lint writes") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ConfigError(
            str(file), "(whole file)", str(error), "what `logharbor schemas lint --write` writes"
        ) from None
