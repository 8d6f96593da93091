"""From configuration and contracts to the datasets that a cluster must know."""

from __future__ import annotations

import pytest

from forwarders.config import Config, from_plain
from forwarders.contracts.load import read_folder
from forwarders.errors import ConfigError
from forwarders.preparing import datasets, unused

CONTRACTS = read_folder("schemas")


def config(**plain: object) -> Config:
    return from_plain(plain, "pipeline.yaml")


def test_every_place_that_an_event_may_land_in_is_a_dataset() -> None:
    """Those of the contracts, quarantine, one for each route's events without a contract; each with its retention."""
    routes = [
        {"name": "a", "log_groups": ["/a"], "unregistered_dataset": "rest_of_a"},
        {"name": "b", "log_groups": ["/b"], "unregistered_dataset": "rest_of_a"},
        {"name": "c"},
    ]
    retentions = {"user": {"retention": "90d"}, "rest_of_a": {"retention": "3d"}, "quarantine": {"retention": "30d"}}
    found = {dataset.name: dataset for dataset in datasets(config(routes=routes, datasets=retentions), CONTRACTS)}
    assert set(found) == {contract.dataset for contract in CONTRACTS} | {"quarantine", "rest_of_a", "unregistered"}
    assert {name: dataset.retention for name, dataset in found.items() if dataset.retention} == {
        "user": "90d",
        "rest_of_a": "3d",
        "quarantine": "30d",
    }
    assert {name for name, dataset in found.items() if dataset.open} == {"rest_of_a", "unregistered"}
    contracts = [contract.name for contract, _ in found["user"].contracts]
    assert contracts == [contract.name for contract in CONTRACTS if contract.dataset == "user"]
    assert {field.name for _, fields in found["user"].contracts for field in fields} >= {"user", "source.type"}


def test_without_contracts_there_are_still_two() -> None:
    """What has no contract, and what is broken."""
    assert [(dataset.name, dataset.open) for dataset in datasets(config(), [])] == [
        ("quarantine", False),
        ("unregistered", True),
    ]


def test_events_without_a_contract_do_not_lie_among_those_with_one() -> None:
    """One field cannot be flattened and typed at once."""
    routes = [{"name": "a"}, {"name": "b", "unregistered_dataset": "order"}]
    with pytest.raises(ConfigError, match=r"routes\[1\]\.unregistered_dataset: found 'order', the dataset of order\."):
        datasets(config(routes=routes), CONTRACTS)


def test_a_route_may_send_what_has_no_contract_to_quarantine() -> None:
    """Then quarantine is open as well."""
    found = datasets(config(routes=[{"name": "a", "unregistered_dataset": "quarantine"}]), [])
    assert [(dataset.name, dataset.open) for dataset in found] == [("quarantine", True), ("unregistered", True)]


def test_a_dataset_that_nothing_lands_in_is_found() -> None:
    """Its retention would never be applied."""
    named = {"user": {}, "quarantine": {}, "unregistered": {}, "usr": {}, "rest": {}}
    assert unused(config(datasets=named), CONTRACTS) == ["rest", "usr"]
    assert unused(config(datasets=named, routes=[{"name": "r", "unregistered_dataset": "rest"}]), CONTRACTS) == ["usr"]
