"""Contracts from a folder of schemas, or from the entries of a bundle."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from forwarders.contracts import facts
from forwarders.contracts.tree import expand
from forwarders.errors import ConfigError
from forwarders.model import Contract


class Entry(msgspec.Struct, frozen=True, gc=False, omit_defaults=True, rename="camel"):
    """One contract of a bundle; the schema stays text until the contract's first event comes.

    A bundle of 1,000 contracts is parsed in a few milliseconds that way. `wire_default` is
    repeated from the schema because the choice among majors is made before any of them is parsed.
    """

    name: str
    major: int
    schema: msgspec.Raw
    wire_default: bool = False

    def contract(self) -> Contract:
        """The contract, parsed now. Raises ConfigError when name or major are not the schema's."""
        place = f"bundle: {self.name} v{self.major}"
        try:
            schema = msgspec.json.decode(self.schema)
        except msgspec.DecodeError as error:
            raise ConfigError(place, "schema", str(error), "JSON") from error
        contract = from_schema(schema, place)
        if (contract.name, contract.major) != (self.name, self.major):
            raise ConfigError(place, "/$id", f"{contract.name}:{contract.major}", f"{self.name}:{self.major}")
        return contract


def read_folder(path: str | Path) -> list[Contract]:
    """The checked contracts below a folder, `<domain>/<event>/v<major>.schema.json`, sorted by name and major.

    What begins with `_` is no contract; references to files in `_shared` are put in place.

    Raises ConfigError for the first thing that is wrong, with the file, the JSON pointer (or line and column), what was
    found and what was expected. Takes about a millisecond a contract; a process that must start quickly reads a bundle.
    """
    from forwarders.contracts import check
    from forwarders.contracts.shared import Shared

    folder = Path(path)
    shared = Shared(folder)
    if not folder.is_dir():
        raise ConfigError(str(folder), "folder", "nothing", "a folder of contracts")
    contracts: dict[tuple[str, int], Contract] = {}
    for file in sorted(folder.glob("**/*.schema.json")):
        if any(part.startswith("_") for part in file.relative_to(folder).parts):
            continue
        contract = check.read_file(file, folder, shared)
        if (contract.name, contract.major) in contracts:
            key = f"{contract.name} v{contract.major}"
            raise ConfigError(str(file), "/$id", f"a second contract {key}", "one file for each event and major")
        contracts[contract.name, contract.major] = contract
    check.wire_defaults(contracts.values(), str(folder))
    return [contracts[key] for key in sorted(contracts)]


def from_schema(schema: dict[str, Any], file: str, tree: dict[str, Any] | None = None) -> Contract:
    """The facts of a schema that has been checked before; `file` is named in errors, `tree` is the expanded schema.

    Only what would crash the reader is checked here. `check.check` is the thorough one.
    """
    name, major, event = facts.identity(schema, file)
    return Contract(
        name=name,
        major=major,
        version=event["version"],
        owner=event["owner"],
        dataset=event["dataset"],
        severity=event.get("severity", "info"),
        shape=event.get("shape", "data"),
        redactions=facts.redactions(expand(schema, file) if tree is None else tree),
        sampling=event.get("sampling", {}),
        schema=schema,
    )


def entries(contracts: Iterable[Contract]) -> list[Entry]:
    """The bundle's entries for contracts, sorted, each schema as compact JSON: equal contracts give equal bytes."""
    return [
        Entry(one.name, one.major, msgspec.Raw(msgspec.json.encode(one.schema)), is_wire_default(one))
        for one in sorted(contracts, key=lambda contract: (contract.name, contract.major))
    ]


def is_wire_default(contract: Contract) -> bool:
    """Whether the author chose this major for events that do not say `event_version`."""
    event: Mapping[str, Any] = contract.schema.get("x-event", {})
    return event.get("wireDefault") is True
