"""What a person is told about one event."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from forwarders.contracts.explain import explain
from forwarders.contracts.load import read_folder

CONTRACTS = {one.name: one for one in read_folder(Path(__file__).parents[2] / "schemas")}
ABOUT = "contract user.login.failure 1.0.0, owned by team-identity"
EVENT: dict[str, Any] = {
    "timestamp": 1493214553,
    "event": "user.login.failure",
    "user": "ryansb",
    "method": "password",
    "reason": "locked",
}


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({}, f"valid: {ABOUT}"),
        (
            {"colour": "s3cret", "method": "s3cret"},
            f"valid, with drift: {ABOUT}\n  colour: not known to the contract\n  method: not known to the contract",
        ),
        (
            {"timestamp": "s3cret"},
            f"invalid: {ABOUT}\n  /timestamp: expected number, found string of 6 characters (type)",
        ),
        (
            {"event": "s3cret"},
            f'invalid: {ABOUT}\n  /event: expected "user.login.failure", found string of 6 characters (const)',
        ),
        (
            {"attempt": 0},
            f"invalid: {ABOUT}\n  /attempt: expected at least 1, found integer of 1 digit (minimum)\n"
            "  the contract says of it: How many failures in a row, this one included.",
        ),
        (
            {"source": {"ip": "s3cret.example"}},
            f"invalid: {ABOUT}\n"
            "  /source/ip: expected format ipv4 or format ipv6, found string of 14 characters (anyOf)",
        ),
    ],
    ids=["valid", "drift", "type", "const", "description", "alternatives"],
)
def test_an_event_is_explained_without_its_values(change: dict[str, Any], told: str) -> None:
    """Verdict, contract and owner; then the flaw that tells most, or the names of what is unknown."""
    assert explain(CONTRACTS["user.login.failure"], EVENT | change) == told


def test_a_missing_field_is_explained() -> None:
    """An empty event is told the first thing that it misses."""
    assert explain(CONTRACTS["user.login.failure"], {}) == (
        f'invalid: {ABOUT}\n  the event: expected property "timestamp", found nothing (required)'
    )


def test_what_only_the_validator_refuses_is_explained_by_its_own_flaw() -> None:
    """A date that does not exist is no error to jsonschema; the explanation then is the pipeline's."""
    event = {
        "timestamp": "2025-02-30T08:15:00Z",
        "event": "order.cancelled",
        "order": {"id": "o", "currency": "EUR"},
        "by": "agent",
    }
    assert explain(CONTRACTS["order.cancelled"], event) == (
        "invalid: contract order.cancelled 1.0.0, owned by team-checkout\n"
        "  /timestamp: expected format date-time, found string of 20 characters (format)"
    )
