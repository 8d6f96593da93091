"""What this repository of contracts allows: `schemas/_policy.json`, where people with a say in it write it down."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec

from forwarders.errors import ConfigError

FILE = "_policy.json"


class MetricBudget(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How many custom metrics (one for each combination of dimension values) the contracts may make at CloudWatch.

    CloudWatch bills each by the month, so this is money. `contracts` maps an event's name, or `name:major`, to a budget
    of its own.
    """

    per_contract: int = 1_000
    total: int = 20_000
    contracts: Mapping[str, int] = {}


class Policy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The rules of one folder of contracts; every field has a default.

    `privacy_approvers` are asked when a personal-data class changes. `teams` maps an owner to who reviews for it on
    GitHub (`@org/team`). `fields_per_dataset` is Elasticsearch's `index.mapping.total_fields.limit`, `max_dimensions`
    how many dimensions a metric may have that CloudWatch's filters measure.
    """

    privacy_approvers: tuple[str, ...] = ()
    metric_budget: MetricBudget = MetricBudget()
    fields_per_dataset: int = 1_000
    max_dimensions: int = 3
    teams: Mapping[str, str] = {}


def read(folder: str | Path) -> Policy:
    """The policy of a folder of contracts, the defaults where there is no file. Raises ConfigError when it is wrong."""
    file = Path(folder, FILE)
    try:
        raw = file.read_bytes()
    except FileNotFoundError:
        return Policy()
    except OSError as error:
        raise ConfigError(str(file), "(whole file)", error.strerror or "an unreadable file", "a JSON file") from None
    return parse(raw, str(file))


def parse(raw: bytes, file: str) -> Policy:
    """The policy in the bytes of a file; `file` is for errors. Raises ConfigError with what is wrong and where."""
    try:
        policy = msgspec.json.decode(raw, type=Policy)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        message, _, place = str(error).partition(" - at `$")
        known = ", ".join(Policy.__struct_fields__)
        raise ConfigError(
            file, place.rstrip("`") or "(whole file)", message, f"a policy with some of {known}"
        ) from None
    amounts = {
        "fields_per_dataset": policy.fields_per_dataset,
        "max_dimensions": policy.max_dimensions,
        "metric_budget.per_contract": policy.metric_budget.per_contract,
        "metric_budget.total": policy.metric_budget.total,
        **{f"metric_budget.contracts.{name}": budget for name, budget in policy.metric_budget.contracts.items()},
    }
    for key, amount in amounts.items():
        if amount < 0:
            raise ConfigError(file, key, str(amount), "zero or more")
    return policy
