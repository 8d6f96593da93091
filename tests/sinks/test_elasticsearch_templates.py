"""What contracts become in Elasticsearch, and what a plan says, without a cluster."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from forwarders.contracts.fields import fields
from forwarders.contracts.load import read_folder
from forwarders.errors import ConfigError
from forwarders.model import Contract
from forwarders.sinks.elasticsearch.prepare import Change, apply, client, plan
from forwarders.sinks.elasticsearch.templates import (
    FLATTENED,
    KEYWORD,
    Dataset,
    author_properties,
    component_templates,
    index_templates,
)
from forwarders.sinks.http import endpoint
from forwarders.testing import Received, Reply, ScriptedServer

SCHEMAS = Path(__file__).parents[2] / "schemas"
LONG = {"type": "long", "ignore_malformed": True}
DOUBLE = {"type": "double", "ignore_malformed": True}


class Field(msgspec.Struct, frozen=True):
    """A field of a contract, as far as it is read."""

    path: tuple[str, ...]
    types: tuple[str, ...]
    format: str = ""
    time_unit: str = ""


def _contract(name: str = "a.b", **changes: Any) -> Contract:
    return Contract(name, 1, "1.0.0", "team", "user", **changes)


def _properties(*fields: Field, **changes: Any) -> Any:
    properties = author_properties(Dataset("user", contracts=[(_contract(**changes), fields)]), "es")
    return properties["data"]["properties"]


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        (Field(("x",), ("string",)), KEYWORD),
        (Field(("x",), ("string",), "date-time"), {"type": "date", "ignore_malformed": True}),
        (Field(("x",), ("string",), "", "rfc3339"), {"type": "date", "ignore_malformed": True}),
        (Field(("x",), ("string",), "ipv6"), {"type": "ip", "ignore_malformed": True}),
        (Field(("x",), ("integer",)), LONG),
        (Field(("x",), ("number",)), DOUBLE),
        (Field(("x",), ("boolean",)), {"type": "boolean"}),
        (Field(("x",), ("object",)), FLATTENED),
        (Field(("x",), ("integer", "string")), KEYWORD),
        (Field(("x",), ("object", "string")), None),
        (Field(("x",), ("array",)), None),
        (Field(("x",), ()), None),
    ],
)
def test_a_field_has_the_type_that_all_its_values_fit(field: Field, expected: Any) -> None:
    """Where no one type fits, the field is stored and not indexed: no valid event may be refused for its mapping."""
    assert _properties(field).get("x") == expected


def test_items_of_an_array_are_mapped_and_keys_of_a_map_are_not() -> None:
    """ES has no arrays; a map would add a column for each of its keys, so it is one field."""
    schema = {
        "properties": {
            "items": {"type": "array", "items": {"$ref": "#/$defs/item"}},
            "labels": {"type": "object", "additionalProperties": {"type": "string"}},
            "odd": {"anyOf": [{"items": {}}, {"additionalProperties": {}}]},
        },
        "$defs": {
            "item": {"type": "object", "properties": {"sku": {"type": "string"}, "tags": {"items": {"type": "string"}}}}
        },
    }
    listed = [
        Field(("items", "*", "sku"), ("string",)),
        Field(("items", "*", "tags", "*"), ("string",)),
        Field(("labels", "*"), ("string",)),
        Field(("odd", "*"), ("string",)),
    ]
    assert _properties(*listed, schema=schema) == {
        "items": {"properties": {"sku": KEYWORD, "tags": KEYWORD}},
        "labels": FLATTENED,
        "_extra": FLATTENED,
    }


def test_a_redacted_field_is_a_keyword_and_a_dropped_one_is_none() -> None:
    """A hash fits no number and no address; what was made of a whole object fits nothing."""
    redactions = {
        ("kept",): {"*": "drop", "elasticsearch": "keep"},
        ("hashed",): {"*": "keep", "es": "hmac"},
        ("dropped",): {"*": "drop"},
        ("person",): {"*": "mask"},
    }
    listed = [
        Field(("kept",), ("integer",)),
        Field(("hashed",), ("integer",)),
        Field(("dropped",), ("integer",)),
        Field(("person", "name"), ("string",)),
    ]
    assert _properties(*listed, redactions=redactions) == {"kept": LONG, "hashed": KEYWORD, "_extra": FLATTENED}


def test_contracts_of_one_dataset_are_one_mapping() -> None:
    """Whole and decimal numbers are decimal numbers, other differences are keywords, ECS fields lie at the root."""
    first = _contract("a.b"), [Field(("n",), ("integer",)), Field(("s",), ("string",)), Field(("o", "a"), ("string",))]
    second = _contract("a.c"), [Field(("n",), ("number",)), Field(("s",), ("boolean",)), Field(("o", "b"), ("string",))]
    ecs = _contract("h.a", shape="ecs"), [Field(("url", "path"), ("string",)), Field(("message",), ("string",))]
    assert author_properties(Dataset("user", contracts=[first, second, ecs]), "es") == {
        "url": {"properties": {"path": KEYWORD}},
        "_extra": FLATTENED,
        "data": {
            "dynamic": False,
            "properties": {
                "n": DOUBLE,
                "s": KEYWORD,
                "o": {"properties": {"a": KEYWORD, "b": KEYWORD}},
                "_extra": FLATTENED,
            },
        },
    }


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (Field(("o",), ("string",)), Field(("o", "a"), ("string",))),
        (Field(("o", "a"), ("string",)), Field(("o",), ("string",))),
        (Field(("o",), ("object",)), Field(("o",), ("string",))),
    ],
)
def test_a_value_here_and_an_object_there_is_refused(one: Field, other: Field) -> None:
    """The sentence names the dataset, the contract and the field."""
    dataset = Dataset("user", contracts=[(_contract("a.b"), [one]), (_contract("a.c"), [other])])
    with pytest.raises(ConfigError, match=r"dataset user: a\.c: o"):
        author_properties(dataset, "es")


def test_the_real_contracts_have_templates() -> None:
    """All of schemas/ together: no contradiction, and what people search for has the right type."""
    datasets: dict[str, list[Any]] = {}
    for contract in read_folder(SCHEMAS):
        datasets.setdefault(contract.dataset, []).append((contract, fields(contract)))
    made = component_templates([Dataset(name, contracts=listed) for name, listed in datasets.items()], "es")
    user = made["logharbor-user"]["template"]["mappings"]["properties"]["data"]["properties"]
    assert user["method"] == KEYWORD
    assert user["timestamp"] == DOUBLE
    http = made["logharbor-http_access"]["template"]["mappings"]["properties"]
    assert http["source"]["properties"]["ip"] == {"type": "ip", "ignore_malformed": True}
    assert http["http"]["properties"]["response"]["properties"]["status_code"] == LONG


def test_an_index_template_makes_data_streams_above_everybody_elses() -> None:
    """Pattern, priority, retention, and the mark by which we know it again."""
    made = index_templates([Dataset("user", "30d")])["logharbor-user"]
    assert made.pop("_meta")["managed_by"] == "logharbor"
    assert made == {
        "index_patterns": ["logs-user-*"],
        "priority": 600,
        "data_stream": {},
        "composed_of": ["logharbor-every-dataset", "logharbor-user"],
        "template": {"lifecycle": {"data_retention": "30d"}},
    }


def _cluster(state: dict[str, Any]) -> ScriptedServer:
    """Answers GET by path from `state`; keeps nothing."""

    def answer(request: Received) -> Reply:
        headers = {"x-elastic-product": "Elasticsearch", "content-type": "application/json"}
        if request.method == "GET" and request.path not in state:
            return Reply(404, b"{}", headers)
        return Reply(200, json.dumps(state.get(request.path, {"acknowledged": True})).encode(), headers)

    return ScriptedServer(otherwise=answer)


def test_retention_of_a_stream_that_exists_is_told_to_the_stream() -> None:
    """A template's retention counts for new streams only."""
    dataset = Dataset("user", "30d", open=True)
    made = component_templates([dataset], "es")
    properties = {**made["logharbor-every-dataset"]["template"]["mappings"]["properties"], "data": FLATTENED}
    index = ".ds-logs-user-prod-2026.11.23-000002"
    state: dict[str, Any] = {
        "/_component_template/logharbor-*": {
            "component_templates": [{"name": name, "component_template": body} for name, body in made.items()]
        },
        "/_index_template/logharbor-*": {
            "index_templates": [
                {"name": name, "index_template": body} for name, body in index_templates([dataset]).items()
            ]
        },
        "/_resolve/index/logs-user-*": {
            "data_streams": [
                {"name": "logs-user-prod", "backing_indices": [".ds-logs-user-prod-2026.12.01-000001", index]}
            ]
        },
        f"/{index}/_mapping": {index: {"mappings": {"dynamic": "false", "properties": properties}}},
        "/_data_stream/logs-user-prod/_lifecycle": {
            "data_streams": [{"name": "logs-user-prod", "lifecycle": {"enabled": True, "data_retention": "7d"}}]
        },
    }
    with _cluster(state) as server, client(endpoint(server.url), {"authorization": "ApiKey x"}) as cluster:
        changes = plan(cluster, [dataset])
        assert changes == [Change("retention", "logs-user-prod", "7d becomes 30d", {"data_retention": "30d"})]
        apply(cluster, changes)
    last = server.requests[-1]
    assert (last.method, last.path, last.json()) == (
        "PUT",
        "/_data_stream/logs-user-prod/_lifecycle",
        {"data_retention": "30d"},
    )
    assert {request.headers["authorization"] for request in server.requests} == {"ApiKey x"}
