"""Sinks made ready for what the contracts say: which datasets there are, what each sink lacks for them, and doing it.

Floor 2, off the hot path. A laptop (`logharbor sinks`) and the Lambda (`handlers/prepare`) take the same road: all
sinks are planned before the first change is made, so that a sink that would refuse leaves the others as they were.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import msgspec

from forwarders.config import QUARANTINE, Config, Route, SinkConfig, glob
from forwarders.contracts.fields import fields
from forwarders.errors import ConfigError, LogharborError, Transient
from forwarders.model import Contract
from forwarders.preparing.patience import Patience, seconds
from forwarders.secret import resolve
from forwarders.sinks.changes import Answered, Change, SetUp, Unanswered, Unfit
from forwarders.sinks.elasticsearch.templates import Dataset

__all__ = ["Change", "Patience", "Preparation", "Refused", "apply", "datasets", "plan", "seconds", "unused"]

Resolve = Callable[[str], str]

NOTHING_TO_PREPARE = {
    "honeycomb": "Honeycomb makes datasets and columns as events come, for want of a prepare_secret",
    "sqlite": "the run that lands in the file makes its tables",
    "stdout": "there is nothing behind it",
}
"""Sinks without a set-up half, and why they need none."""

A_MINUTE_S = 60.0


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
            environment=config.environment,
        )
        for name in sorted(by_name.keys() | opened.keys())
    ]


def unused(config: Config, contracts: Sequence[Contract]) -> list[str]:
    """The datasets of the configuration that no event can land in: a retention that is never applied."""
    known = {contract.dataset for contract in contracts} | {QUARANTINE} | dict(_opened(config)).keys()
    return sorted(config.datasets.keys() - known)


def plan(
    config: Config, contracts: Sequence[Contract], secret: Resolve = resolve, patience: Patience | None = None
) -> list[Preparation]:
    """What each sink of the configuration lacks, in the configuration's order. Changes nothing.

    Raises ConfigError for contracts or templates that contradict each other, Refused when a sink cannot be asked, or
    would refuse.
    """
    wanted = datasets(config, contracts)
    patient = patience or Patience(seconds(A_MINUTE_S))
    plans = []
    for name, settings in config.sinks.items():
        note = _note(settings)
        if note:
            plans.append(Preparation(name, settings.type, note=note))
            continue
        with _set_up(name, config, wanted, secret) as sink, _asking(name, "to say what it has"):
            plans.append(Preparation(name, settings.type, patient(sink.plan)))
    return plans


def apply(
    config: Config,
    contracts: Sequence[Contract],
    wanted: Preparation,
    secret: Resolve = resolve,
    patience: Patience | None = None,
) -> None:
    """Everything that one sink lacks is there; nothing is deleted.

    Raises Refused at the first change that the sink will not make, and says how many it made before.
    """
    if not wanted.changes:
        return
    patient = patience or Patience(seconds(A_MINUTE_S))
    with _set_up(wanted.sink, config, datasets(config, contracts), secret) as sink:
        for done, change in enumerate(wanted.changes):
            before = f" ({done} of {len(wanted.changes)} changes are made)"
            with _asking(wanted.sink, f"for {change.kind} {change.name}", before):
                patient(lambda change=change: sink.apply(change))  # type: ignore[misc]


def _note(settings: SinkConfig) -> str:
    if settings.type == "honeycomb" and settings.prepare_secret:
        return ""
    return NOTHING_TO_PREPARE.get(settings.type, "")


def _opened(config: Config) -> Iterator[tuple[str, str]]:
    """The datasets for events without a contract, each with the key that names it."""
    yield Route(name="").unregistered_dataset, "routes"  # of a record that no route takes
    for number, route in enumerate(config.routes):
        yield route.unregistered_dataset, f"routes[{number}].unregistered_dataset"


@contextmanager
def _set_up(name: str, config: Config, wanted: Sequence[Dataset], secret: Resolve) -> Iterator[SetUp]:
    """The set-up half of a sink while the block runs."""
    settings = config.sinks[name]
    try:
        if settings.type == "honeycomb":
            sink = _honeycomb(name, settings, wanted, secret)
        else:
            from forwarders.preparing.cluster import open_cluster

            sink = open_cluster(name, settings, config.environment, wanted, secret)
    except Transient as error:
        raise Refused(f"sink {name}: its secret cannot be read: {error}") from error
    try:
        yield sink
    finally:
        sink.close()


def _honeycomb(name: str, settings: SinkConfig, wanted: Sequence[Dataset], secret: Resolve) -> SetUp:
    from forwarders.sinks.api import Api
    from forwarders.sinks.honeycomb import columns, prepare
    from forwarders.sinks.honeycomb.ship import US, team
    from forwarders.sinks.http import endpoint

    try:
        target = endpoint(settings.endpoint or US, settings.ca_file, settings.fingerprint)
    except ValueError as error:
        raise ConfigError("pipeline.yaml", f"sinks.{name}.endpoint", str(error), US) from None
    api = Api(target, team(secret(settings.prepare_secret)))
    return prepare.Prepare(api, columns.datasets(wanted, name, settings.dataset, _takes(settings)))


def _takes(settings: SinkConfig) -> Callable[[str], bool]:
    """Whether a sink gets events of a name."""
    include = [glob(pattern) for pattern in settings.events.include]
    exclude = [glob(pattern) for pattern in settings.events.exclude]
    return lambda name: any(match(name) for match in include) and not any(match(name) for match in exclude)


@contextmanager
def _asking(sink: str, what: str, more: str = "") -> Iterator[None]:
    """A server's no, or its silence, as Refused."""
    try:
        yield
    except Answered as error:
        raise Refused(f"sink {sink} was asked {what} and refused: {error.said}{more}") from error
    except Unanswered as error:
        raise Refused(f"sink {sink} was asked {what} and did not answer: {error}{more}") from error
    except Unfit as error:
        raise Refused(f"sink {sink} would refuse what the contracts need, and nothing was changed: {error}") from error
