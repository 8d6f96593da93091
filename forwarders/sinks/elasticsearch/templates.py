"""What the contracts mean for Elasticsearch: component templates, index templates and mappings, as plain data.

One component template holds what every document of ours has; one for each dataset what its contracts declare. Nothing
is mapped that no contract declares (`dynamic: false`): such a field is stored and shown, but no event can add a column.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Protocol

import msgspec
import xxhash

from forwarders.errors import ConfigError
from forwarders.model import Contract
from forwarders.sinks.places import ANY, holder, redacted

PRIORITY = 600
"""Above 500, which Elastic's integrations use, so that ours is the template of our streams."""

MANAGED_BY = "logharbor"
COMMON = "every-dataset"
"""No dataset has a hyphen in its name."""
FIELD_LIMIT = 2_000
MAX_KEYWORD_CHARS = 8_191
"""Lucene refuses a document with a term of more than 32,766 bytes; a character has at most four."""

FLATTENED = {"type": "flattened", "depth_limit": 128, "ignore_above": MAX_KEYWORD_CHARS}
KEYWORD = {"type": "keyword", "ignore_above": MAX_KEYWORD_CHARS}

Properties = dict[str, Any]


class Field(Protocol):
    """What of a contract's field is read here; contracts.fields.Field is one."""

    @property
    def path(self) -> tuple[str, ...]: ...
    @property
    def types(self) -> tuple[str, ...]: ...
    @property
    def format(self) -> str: ...
    @property
    def time_unit(self) -> str: ...


class Dataset(msgspec.Struct, frozen=True):
    """One dataset: `retention` such as `30d` (empty: for ever), its contracts, and the fields that each declares.

    `open`: the events have no contract, so what their authors wrote lies in one `flattened` field. `environment` is
    the one whose data streams are meant (`*`: every one): another may have other contracts and another retention.
    """

    name: str
    retention: str = ""
    contracts: Sequence[tuple[Contract, Sequence[Any]]] = ()
    open: bool = False
    environment: str = "*"

    @property
    def streams(self) -> str:
        """The pattern of the dataset's data streams."""
        return f"logs-{self.name}-{self.environment}"

    def template(self, name: str) -> str:
        """The name of a template for this dataset's environment: `logharbor-user-prod`."""
        return f"logharbor-{name}" if self.environment == "*" else f"logharbor-{name}-{self.environment}"


def component_templates(datasets: Iterable[Dataset], sink: str) -> dict[str, dict[str, Any]]:
    """Every component template by name. Raises ConfigError when two contracts of a dataset contradict each other."""
    settings = {"index": {"mapping": {"total_fields": {"limit": FIELD_LIMIT}}}}
    common = {"settings": settings, "mappings": {"dynamic": False, "properties": _COMMON}}
    found: dict[str, dict[str, Any]] = {}
    for dataset in datasets:
        found.setdefault(dataset.template(COMMON), _marked({"template": common}))
        mappings = {"properties": author_properties(dataset, sink)}
        found[dataset.template(dataset.name)] = _marked({"template": {"mappings": mappings}})
    return found


def index_templates(datasets: Iterable[Dataset]) -> dict[str, dict[str, Any]]:
    """Every index template by name; each makes the data stream `logs-<dataset>-<environment>`."""
    return {dataset.template(dataset.name): _marked(_index_template(dataset)) for dataset in datasets}


def _index_template(dataset: Dataset) -> dict[str, Any]:
    lifecycle = {"data_retention": dataset.retention} if dataset.retention else {}
    return {
        "index_patterns": [dataset.streams],
        "priority": PRIORITY,
        "data_stream": {},
        "composed_of": [dataset.template(COMMON), dataset.template(dataset.name)],
        "template": {"lifecycle": lifecycle},
    }


def _marked(body: dict[str, Any]) -> dict[str, Any]:
    """With the mark by which we know our own, and a digest of what it says."""
    digest = xxhash.xxh3_64_hexdigest(msgspec.json.encode(body, order="deterministic"))
    return {**body, "_meta": {"managed_by": MANAGED_BY, "digest": digest}}


def all_properties(dataset: Dataset, sink: str) -> Properties:
    """Every mapped field of the dataset's documents, ours and the authors'."""
    return {**_COMMON, **author_properties(dataset, sink)}


def author_properties(dataset: Dataset, sink: str) -> Properties:
    """The fields that the dataset's contracts declare: under `data`, or at the root for contracts of shape `ecs`."""
    if dataset.open:
        return {"data": FLATTENED}
    root: Properties = {}
    data: Properties = {}
    for contract, fields in dataset.contracts:
        place = root if contract.shape == "ecs" else data
        for field in fields:
            mapped = mapping(field, contract, sink)
            if mapped is not None and not (place is root and _is_ours(mapped[0])):
                _put(place, *mapped, f"{dataset.name}: {contract.name}")
        place.setdefault("_extra", FLATTENED)
    if data:
        root["data"] = {"dynamic": False, "properties": data}
    return root


def mapping(field: Field, contract: Contract, sink: str) -> tuple[tuple[str, ...], dict[str, Any]] | None:
    """Where and how a field is mapped; None: it is stored and not indexed, because no one type fits all it may be."""
    path = list(field.path)
    for depth, part in enumerate(field.path):
        if part != ANY:
            continue
        held_by = holder(contract.schema, field.path[:depth])
        if held_by == "object":
            return _plain(path[:depth]), FLATTENED
        if held_by != "array":
            return None
    action = redacted(contract, field.path, sink, "elasticsearch")
    if action == "drop":
        return None
    return (_plain(path), KEYWORD) if action else _typed(field)


def _typed(field: Field) -> tuple[tuple[str, ...], dict[str, Any]] | None:
    types = set(field.types) - {"null"}
    if len(types) > 1 and types <= {"string", "integer", "number", "boolean"}:
        return _plain(field.path), KEYWORD
    if len(types) != 1:
        return None
    json_type = types.pop()
    if json_type == "string" and (field.format == "date-time" or field.time_unit == "rfc3339"):
        return _plain(field.path), {"type": "date", "ignore_malformed": True}
    if json_type == "string" and field.format in ("ipv4", "ipv6"):
        return _plain(field.path), {"type": "ip", "ignore_malformed": True}
    simple = _SIMPLE.get(json_type)
    return (_plain(field.path), simple) if simple else None


# What a valid event holds may still not fit (an integer beyond 64 bits); then the field is left out of the index and
# the document is kept.
_SIMPLE: dict[str, dict[str, Any]] = {
    "string": KEYWORD,
    "integer": {"type": "long", "ignore_malformed": True},
    "number": {"type": "double", "ignore_malformed": True},
    "boolean": {"type": "boolean"},
    "object": FLATTENED,
}


def _plain(path: Sequence[str]) -> tuple[str, ...]:
    return tuple(part for part in path if part != ANY)


def _is_ours(path: tuple[str, ...]) -> bool:
    node: Any = {"properties": _COMMON}
    for part in path:
        node = node.get("properties", {}).get(part)
        if node is None:
            return False
        if "properties" not in node:
            return True
    return True


def _put(properties: Properties, path: tuple[str, ...], wanted: dict[str, Any], where: str) -> None:
    *holders, name = path
    for part in holders:
        node = properties.setdefault(part, {"properties": {}})
        if "properties" not in node:
            raise _contradiction(where, path, "a value", "an object")
        properties = node["properties"]
    known = properties.get(name, wanted)
    if "properties" in known:
        raise _contradiction(where, path, "an object", "a value")
    properties[name] = _united(known, wanted, where, path)


def _united(one: dict[str, Any], other: dict[str, Any], where: str, path: tuple[str, ...]) -> dict[str, Any]:
    if one == other:
        return one
    types = {one["type"], other["type"]}
    if types == {"long", "double"}:
        return _SIMPLE["number"]
    if "flattened" in types:
        raise _contradiction(where, path, "an object", "a value")
    return KEYWORD


def _contradiction(where: str, path: tuple[str, ...], one: str, other: str) -> ConfigError:
    hint = "A field has one type in a dataset: rename it, or give the contract a dataset of its own."
    return ConfigError(
        "schemas", f"dataset {where}: {'.'.join(path)}", f"{one} here, {other} elsewhere", "one type", hint
    )


_ERRORS = dict.fromkeys(("pointer", "keyword", "expected", "found"), KEYWORD)

_COMMON: Properties = {
    "@timestamp": {"type": "date"},
    "message": {"type": "text"},
    "event": {"properties": {"action": KEYWORD, "dataset": KEYWORD}},
    "cloud": {
        "properties": {"provider": KEYWORD, "region": KEYWORD, "account": {"properties": {"id": KEYWORD}}},
    },
    "aws": {"properties": {"cloudwatch": {"properties": {"log_group": KEYWORD, "log_stream": KEYWORD}}}},
    "log": {"properties": {"level": KEYWORD, "file": {"properties": {"path": KEYWORD}}}},
    "faas": {"properties": {"execution": KEYWORD}},
    "error": {"properties": {"type": KEYWORD}},
    "logharbor": {
        "properties": {
            "contract": KEYWORD,
            "version": KEYWORD,
            "verdict": KEYWORD,
            "owner": KEYWORD,
            "drift": KEYWORD,
            "flags": KEYWORD,
            "errors": {"properties": _ERRORS},
        }
    },
}
