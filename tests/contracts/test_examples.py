"""The contracts that ship with Logharbor, and every example beside them, read by both validators."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from forwarders import jsontext
from forwarders.contracts.compiled import Contracts, variant
from forwarders.contracts.explain import format_checker
from forwarders.contracts.load import read_folder
from forwarders.contracts.tree import expand, pointer
from forwarders.model import Contract, Verdict

SCHEMAS = Path(__file__).parents[2] / "schemas"
CONTRACTS = Contracts(read_folder(SCHEMAS))
VALID = sorted(SCHEMAS.glob("*/*/valid/*.json"))
INVALID = sorted(SCHEMAS.glob("*/*/invalid/*.json"))


def name_of(file: Path) -> str:
    return f"{file.parent.parent.name}-{file.stem}"


def contract_of(file: Path) -> tuple[str, int]:
    return file.parent.parent.name, int(file.name.removeprefix("v").split(".")[0])


def explainer(contract: Contract, closed: bool) -> Any:
    schema = variant(expand(dict(contract.schema), contract.name), closed=closed)
    return Draft202012Validator(schema, format_checker=format_checker())


def test_contracts_cover_several_teams() -> None:
    """A newcomer finds contracts of several domains, with and without ECS shape, and examples for each."""
    assert {(contract.name, contract.major, contract.owner, contract.dataset) for contract in CONTRACTS.all()} == {
        ("http.access", 1, "team-platform", "http_access"),
        ("job.failed", 1, "team-platform", "job"),
        ("job.finished", 1, "team-platform", "job"),
        ("lambda.platform", 1, "team-platform", "lambda"),
        ("lambda.report", 1, "team-platform", "lambda"),
        ("legacy.text", 1, "team-platform", "legacy"),
        ("order.cancelled", 1, "team-checkout", "order"),
        ("order.placed", 1, "team-checkout", "order"),
        ("payment.captured", 1, "team-payments", "payment"),
        ("user.login.failure", 1, "team-identity", "user"),
        ("user.login.success", 1, "team-identity", "user"),
        ("user.password.reset", 1, "team-identity", "user"),
    }
    for contract in CONTRACTS.all():
        own = (contract.name, contract.major)
        assert sum(contract_of(file) == own for file in VALID) >= 2, f"{own} needs two valid examples"
        assert sum(contract_of(file) == own for file in INVALID) >= 3, f"{own} needs three invalid examples"


@pytest.mark.parametrize("file", VALID, ids=name_of)
def test_a_valid_example_is_valid_without_drift(file: Path) -> None:
    """Both validators take it, nothing in it is unknown, and its keys are counted right."""
    compiled = CONTRACTS.find(*contract_of(file))
    assert compiled is not None
    text = file.read_text()
    event = json.loads(text)
    assert compiled.is_strict(event), compiled.judge(event)
    assert list(explainer(compiled.contract, closed=True).iter_errors(event)) == []
    assert compiled.key_count(event) == jsontext.key_count(event)
    if compiled.contract.shape == "data":
        assert event.get("event", compiled.contract.name) == compiled.contract.name


@pytest.mark.parametrize("file", INVALID, ids=name_of)
def test_an_invalid_example_is_refused_for_the_reason_it_names(file: Path) -> None:
    """Both validators refuse it, and both name the place and the keyword that the file expects."""
    compiled = CONTRACTS.find(*contract_of(file))
    assert compiled is not None
    case = json.loads(file.read_text())
    expect = (case["expect"]["pointer"], case["expect"]["keyword"])
    assert not compiled.is_strict(case["event"])
    verdict, flaws, drift = compiled.judge(case["event"])
    assert (verdict, drift) == (Verdict.INVALID, ())
    assert expect in [(flaw.pointer, flaw.keyword) for flaw in flaws]
    errors = explainer(compiled.contract, closed=False).iter_errors(case["event"])
    assert expect in [(pointer(list(error.absolute_path)), error.validator) for error in errors]


def test_the_facts_of_a_contract_are_those_of_its_file() -> None:
    """user.login.success, the contract of the documentation, keeps its user whole in Elasticsearch only."""
    compiled = CONTRACTS.find("user.login.success")
    assert compiled is not None
    contract = compiled.contract
    assert (contract.version, contract.severity, contract.shape) == ("1.0.0", "info", "data")
    assert contract.redactions == {("user",): {"elasticsearch": "keep", "honeycomb": "hmac", "*": "mask"}}
    assert contract.sampling == {"honeycomb": 1}
    assert compiled.time_ms({"timestamp": 1493214552}) == 1493214552000
