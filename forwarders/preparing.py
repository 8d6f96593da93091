"""A cluster made ready for what the contracts say: which datasets there are, what a sink lacks for them, and doing it.

Floor 2, off the hot path: it imports the official client of a sink when that sink is asked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import msgspec

from forwarders.config import QUARANTINE, Config, Route, SinkConfig
from forwarders.contracts.fields import fields
from forwarders.errors import ConfigError, LogharborError, Transient
from forwarders.model import Contract
from forwarders.secret import resolve
from forwarders.sinks.elasticsearch import prepare
from forwarders.sinks.elasticsearch.prepare import Change
from forwarders.sinks.elasticsearch.ship import authorization, cloud, server
from forwarders.sinks.elasticsearch.templates import Dataset

if TYPE_CHECKING:
    from elasticsearch import Elasticsearch

Resolve = Callable[[str], str]

NOTHING_TO_PREPARE = {
    "honeycomb": "Honeycomb makes datasets and columns as events come",
    "sqlite": "the run that lands in the file makes its tables",
    "stdout": "there is nothing behind it",
}
"""Sinks without a set-up half, and why they need none."""

_MAX_REASON = 300


class Refused(LogharborError):
    """A sink could not be asked, or said no; names the sink, what was asked of it, and its answer."""


class Preparation(msgspec.Struct, frozen=True):
    """What one sink lacks; `changes` is empty when it is ready. `note`: why a sink of this type lacks nothing ever."""

    sink: str
    type: str
    changes: list[Change] = []
    note: str = ""


def datasets(config: Config, contracts: Sequence[Contract]) -> list[Dataset]:
    """Every dataset that events may land in, sorted by name: the contracts', quarantine, and those for the rest.

    Raises ConfigError when a route sends events without a contract where a contract's events lie.
    """
    by_name: dict[str, list[Contract]] = {QUARANTINE: []}
    for contract in contracts:
        by_name.setdefault(contract.dataset, []).append(contract)
    opened = dict(_opened(config))
    for name, key in opened.items():
        if by_name.get(name):
            owner = by_name[name][0]
            found = f"{name!r}, the dataset of {owner.name}"
            raise ConfigError("pipeline.yaml", key, found, "a dataset of its own for what has no contract")
    return [
        Dataset(
            name,
            config.datasets[name].retention if name in config.datasets else "",
            [(contract, fields(contract)) for contract in by_name.get(name, ())],
            open=name in opened,
        )
        for name in sorted(by_name.keys() | opened.keys())
    ]


def unused(config: Config, contracts: Sequence[Contract]) -> list[str]:
    """The datasets of the configuration that no event can land in: a retention that is never applied."""
    known = {contract.dataset for contract in contracts} | {QUARANTINE} | dict(_opened(config)).keys()
    return sorted(config.datasets.keys() - known)


def plan(config: Config, contracts: Sequence[Contract], secret: Resolve = resolve) -> list[Preparation]:
    """What each sink of the configuration lacks, in the configuration's order. Changes nothing.

    Raises ConfigError for contracts or templates that contradict each other, Refused when a sink cannot be asked.
    """
    wanted = datasets(config, contracts)
    plans = []
    for name, settings in config.sinks.items():
        if settings.type in NOTHING_TO_PREPARE:
            plans.append(Preparation(name, settings.type, note=NOTHING_TO_PREPARE[settings.type]))
            continue
        with _client(name, settings, secret) as cluster, _asking(name, "to say what it has"):
            plans.append(Preparation(name, settings.type, prepare.plan(cluster, wanted, name)))
    return plans


def apply(config: Config, wanted: Preparation, secret: Resolve = resolve) -> None:
    """Everything that one sink lacks is there; nothing is deleted.

    Raises Refused at the first change that the sink will not make, and says how many it made before.
    """
    if not wanted.changes:
        return
    with _client(wanted.sink, config.sinks[wanted.sink], secret) as cluster:
        for done, change in enumerate(wanted.changes):
            before = f" ({done} of {len(wanted.changes)} changes are made)"
            with _asking(wanted.sink, f"for {change.kind} {change.name}", before):
                prepare.apply(cluster, [change])


def _opened(config: Config) -> Iterator[tuple[str, str]]:
    """The datasets for events without a contract, each with the key that names it."""
    yield Route(name="").unregistered_dataset, "routes"  # of a record that no route takes
    for number, route in enumerate(config.routes):
        yield route.unregistered_dataset, f"routes[{number}].unregistered_dataset"


@contextmanager
def _client(name: str, settings: SinkConfig, secret: Resolve) -> Iterator[Elasticsearch]:
    try:
        credentials = authorization(settings.auth, secret(settings.secret)) if settings.secret else {}
    except Transient as error:
        raise Refused(f"sink {name}: its secret cannot be read: {error}") from error
    target = (
        cloud(settings.cloud_id, settings.ca_file, settings.fingerprint)
        if settings.cloud_id
        else server(name, settings.endpoint, settings.ca_file, settings.fingerprint)
    )
    cluster = prepare.client(target, credentials)
    try:
        yield cluster
    finally:
        cluster.close()


@contextmanager
def _asking(sink: str, what: str, more: str = "") -> Iterator[None]:
    """The client's errors as Refused."""
    from elasticsearch import ApiError, TransportError, UnsupportedProductError

    try:
        yield
    except ApiError as error:
        said = str(error.message)
        if not isinstance(error, UnsupportedProductError):
            said = f"{error.status_code}" + (f" {error.message}" if error.body else "")
        detail = error.body.get("error") if isinstance(error.body, dict) else None
        if isinstance(detail, dict) and detail.get("reason"):
            said += f": {str(detail['reason'])[:_MAX_REASON]}"
        raise Refused(f"sink {sink} was asked {what} and refused: {said}{more}") from error
    except TransportError as error:
        said = f"{type(error).__name__}: {str(error.message)[:_MAX_REASON]}"
        raise Refused(f"sink {sink} was asked {what} and did not answer: {said}{more}") from error
