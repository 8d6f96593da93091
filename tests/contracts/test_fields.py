"""The fields of a contract, as index templates and columns need them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from forwarders.contracts.fields import Field, fields
from forwarders.contracts.load import from_schema, read_folder

SCHEMAS = Path(__file__).parents[2] / "schemas"


def test_the_fields_of_a_contract_are_told_with_types_and_notes() -> None:
    """user.login.success has seven fields, in the order in which its author declared them."""
    contracts = {contract.name: contract for contract in read_folder(SCHEMAS)}
    assert fields(contracts["user.login.success"]) == [
        Field(("timestamp",), ("number",), required=True, time_unit="s", is_event_time=True),
        Field(("event",), ("string",), required=True),
        Field(("event_version",), ("integer",)),
        Field(("user",), ("string",), required=True, pii="identifier", cardinality=-1, max_length=256),
        Field(
            ("method",),
            ("string",),
            required=True,
            cardinality=10,
            known_values=("password", "totp-2fa", "webauthn", "sso"),
            max_length=32,
        ),
        Field(("source", "type"), ("string",), cardinality=20, max_length=64),
        Field(("source", "client"), ("string",), cardinality=500),
    ]


def test_every_place_of_a_contract_is_one_field() -> None:
    """References, arrays, branches and free objects: a place is told once, with all types that it may have."""
    schema: dict[str, Any] = {
        "$id": "urn:logharbor:a.b:1",
        "type": "object",
        "required": ["amount", "free"],
        "properties": {
            "amount": {"$ref": "#/$defs/money", "description": "All of it."},
            "rows": {"type": "array", "items": {"properties": {"n": {"type": ["integer", "null"]}}, "required": ["n"]}},
            "free": {"type": "object"},
            "map": {"type": "object", "additionalProperties": {"type": "string"}},
            "either": {"anyOf": [{"type": "integer"}, {"type": "number", "x-unit": "ms"}, {"const": "none"}]},
        },
        "$defs": {"money": {"type": "object", "required": ["minor"], "properties": {"minor": {"type": "integer"}}}},
        "x-event": {"version": "1.0.0", "owner": "team", "dataset": "a"},
    }
    assert fields(from_schema(schema, "v1.schema.json")) == [
        Field(("amount", "minor"), ("integer",), required=True),
        Field(("rows", "*", "n"), ("integer",), nullable=True, many=True),
        Field(("free",), ("object",), required=True),
        Field(("map", "*"), ("string",), many=True),
        Field(("either",), ("number", "string"), unit="ms"),
    ]
    assert [field.name for field in fields(from_schema(schema, "f"))][:2] == ["amount.minor", "rows.n"]


def test_personal_data_is_found_wherever_it_is_declared() -> None:
    """Nested objects, array items, free keys and branches: each place has its redactions, and a default."""
    pii = {"x-pii": {"class": "contact", "sinks": {"honeycomb": "drop", "*": "keep"}}}
    secret = {"x-pii": {"class": "secret"}}
    schema: dict[str, Any] = {
        "$id": "urn:logharbor:a.b:1",
        "properties": {
            "a": {"properties": {"b": pii}},
            "rows": {"items": {"items": {"$ref": "#/$defs/row"}}},
            "map": {"additionalProperties": secret},
            "either": {"oneOf": [{"properties": {"x": secret}}, {"properties": {"y": secret}}]},
            "whole": {"type": "object", **secret},
        },
        "$defs": {"row": {"properties": {"mail": pii}}},
        "x-event": {"version": "1.0.0", "owner": "team", "dataset": "a"},
    }
    contact, drop = {"honeycomb": "drop", "*": "keep"}, {"*": "drop"}
    assert from_schema(schema, "v1.schema.json").redactions == {
        ("a", "b"): contact,
        ("rows", "*", "*", "mail"): contact,
        ("map", "*"): drop,
        ("either", "x"): drop,
        ("either", "y"): drop,
        ("whole",): drop,
    }
