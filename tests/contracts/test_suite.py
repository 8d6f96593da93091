"""The official JSON-Schema-Test-Suite, draft 2020-12, asked of contracts: each schema as the schema of one field.

A schema that a contract may hold must be read as the suite says, by the compiled contract that judges events. One that
a contract may not hold must be refused, with the reason.
"""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from forwarders.contracts import check
from forwarders.contracts.compiled import Compiled, variant
from forwarders.contracts.explain import format_checker
from forwarders.contracts.keywords import REFUSED
from forwarders.contracts.load import from_schema
from forwarders.contracts.tree import expand, subschemas
from forwarders.errors import ConfigError

ROOT = Path(__file__).parents[2]
SUITE = ROOT / "tests" / "data" / "json_schema_test_suite" / "draft2020-12"
FILES = sorted(str(file.relative_to(SUITE)) for file in SUITE.glob("**/*.json"))
DIFFERENCES = {
    (one["file"], one["case"], one["test"])
    for one in json.loads((ROOT / "tests" / "data" / "contracts" / "differences.json").read_text())
}
NAME = "suite.case.judged"


def contract_with(schema: Any) -> dict[str, Any]:
    """A contract whose field `value` has a schema of the suite; its definitions become the contract's."""
    definitions: dict[str, Any] = {}
    if isinstance(schema, dict):
        definitions = schema.get("$defs", {})
        schema = {key: value for key, value in schema.items() if key not in ("$schema", "$defs")}
    return {
        "$schema": check.DIALECT,
        "$id": f"urn:logharbor:{NAME}:1",
        "title": "A case of the suite",
        "type": "object",
        "properties": {"event": {"const": NAME}, "value": schema},
        "$defs": definitions,
        "x-event": {"version": "1.0.0", "owner": "team", "stability": "stable", "severity": "info", "dataset": "suite"},
    }


def refusal(contract: dict[str, Any]) -> str:
    """Why a contract may not be so; empty when it may."""
    try:
        check.check(contract, "case")
    except ConfigError as error:
        return str(error)
    return ""


def cases() -> list[tuple[str, dict[str, Any]]]:
    return [(file, case) for file in FILES for case in json.loads((SUITE / file).read_text())]


def unlike_the_suite() -> list[dict[str, Any]]:
    found = []
    for file, case in cases():
        contract = contract_with(case["schema"])
        if refusal(contract):
            continue
        compiled = Compiled(from_schema(contract, "case"))
        for test in case["tests"]:
            try:
                valid = compiled.is_strict({"event": NAME, "value": test["data"]})
            except ValueError:
                valid = None
            if valid != test["valid"]:
                found.append({"file": file, "case": case["description"], "test": test["description"], "is": valid})
    return found


def test_events_are_judged_as_the_official_suite_says() -> None:
    """Every test of every schema that a contract may hold is answered as the suite answers it, but for one thing.

    In a contract a format is an assertion, which the suite's format.json (and no other file) wants to be a mere note.
    """
    found = unlike_the_suite()
    assert {one["file"] for one in found} == {"format.json"}
    assert all(one["is"] is False and "only an annotation by default" in one["test"] for one in found)


def test_explanations_judge_as_the_official_suite_says() -> None:
    """What explains an error agrees as well, but for the differences that docs/conformance.md lists."""
    from jsonschema import Draft202012Validator

    found = []
    for file, case in cases():
        contract = contract_with(case["schema"])
        if refusal(contract):
            continue
        explainer = Draft202012Validator(
            variant(expand(contract, "case"), closed=True), format_checker=format_checker()
        )
        for test in case["tests"]:
            place = (file, case["description"], test["description"])
            if file == "format.json" or place in DIFFERENCES:
                continue
            if explainer.is_valid({"event": NAME, "value": test["data"]}) != test["valid"]:
                found.append(place)
    assert found == []


def test_most_of_the_suite_can_be_written_in_a_contract() -> None:
    """Of the files that concern contracts, 274 schemas are read; 159 need a keyword or a reference that is refused."""
    counts = Counter(bool(refusal(contract_with(case["schema"]))) for _, case in cases())
    assert counts == {False: 274, True: 159}


@pytest.mark.parametrize(
    "keyword",
    ["$anchor", "$dynamicAnchor", "$dynamicRef", "$vocabulary", "unevaluatedItems", "unevaluatedProperties",
     "definitions", "dependencies", "additionalItems", "contentSchema"],
)  # fmt: skip
def test_a_keyword_that_contracts_may_not_use_is_refused_with_its_reason(keyword: str) -> None:
    """The author is told why, and what to write instead."""
    message = refusal(contract_with({keyword: {}}))
    assert f'found the unknown key "{keyword}"' in message
    assert message.endswith(REFUSED[keyword])


def test_every_keyword_of_the_suite_is_either_allowed_or_refused_with_a_reason() -> None:
    """No keyword of the standard is refused as if nobody had ever heard of it."""
    known = set(json.loads(check.META_FILE.read_text())["propertyNames"]["enum"]) | REFUSED.keys()
    found = {word for _, case in cases() for word in keywords(case["schema"])}
    assert found - known == {"array_of_schemas", "object_of_schemas", "unknown-keyword"}


def keywords(schema: Any) -> list[str]:
    """The keywords of a schema and of all its subschemas."""
    if not isinstance(schema, dict):
        return []
    inner = [child for _, child in subschemas(schema)] + list(schema.get("$defs", {}).values())
    return [*schema, *(word for child in inner for word in keywords(child))]
