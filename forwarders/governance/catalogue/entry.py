"""Everything that the catalogue says of one contract, gathered from its file, its examples and the pipeline."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from forwarders.contracts.tree import expand
from forwarders.deriving import Measured
from forwarders.errors import ConfigError
from forwarders.governance.catalogue.history import History, Version
from forwarders.governance.catalogue.rows import Row, number, plain, rows
from forwarders.governance.contract import listing, mapping
from forwarders.governance.folders import Folder, Key
from forwarders.metrics.filters import Filter
from forwarders.model import Contract

MAX_EXAMPLE = 20_000
"""Characters of an example that are shown."""

_OPERATORS = {"eq": "=", "ne": "≠", "in": "one of", "lt": "<", "le": "≤", "gt": ">", "ge": "≥", "prefix": "begins with"}
_MISSING = {
    "breaching": "no data is an alarm",
    "notBreaching": "no data is well",
    "ignore": "no data changes nothing",
    "missing": "no data is not enough data",
}


class Home(msgspec.Struct, frozen=True):
    """Where a metric is measured: `CloudWatch` or `the forwarder`, on which routes, and in which groups or why."""

    by: str
    routes: tuple[str, ...]
    why: str


Homes = Mapping[tuple[str, int, str], Sequence[Home]]
"""By event, major and metric."""


class Alarm(msgspec.Struct, frozen=True):
    """An alarm in words; `runbook` is an https address, or empty."""

    name: str
    condition: str
    description: str
    notify: str
    runbook: str


class Metric(msgspec.Struct, frozen=True):
    """A metric in words."""

    name: str
    kind: str
    description: str
    value: str
    unit: str
    dimensions: tuple[str, ...]
    where: tuple[str, ...]
    limits: tuple[str, ...]
    homes: tuple[Home, ...]
    alarms: tuple[Alarm, ...]


class Example(msgspec.Struct, frozen=True):
    """An example event as JSON text; `expect` is the error that an invalid one must get, empty for a valid one."""

    title: str
    text: str
    expect: str = ""


class Entry(msgspec.Struct, frozen=True):
    """One contract of the catalogue. `page` is its file below events/."""

    event: str
    major: int
    page: str
    title: str
    description: str
    version: str
    owner: str
    dataset: str
    stability: str
    severity: str
    shape: str
    is_wire_default: bool
    consumers: tuple[str, ...]
    sampling: tuple[tuple[str, str], ...]
    fields: tuple[Row, ...]
    removed: tuple[tuple[str, str, str], ...]
    metrics: tuple[Metric, ...]
    views: tuple[tuple[str, tuple[str, ...]], ...]
    valid: tuple[Example, ...]
    invalid: tuple[Example, ...]
    versions: tuple[Version, ...]
    source: str
    file: str


def entries(contracts: Sequence[Contract], folder: Folder, history: History | None, homes: Homes) -> list[Entry]:
    """The entries of the catalogue, in the order of the contracts, which have been checked before.

    Raises ConfigError for one that lies where a diff does not look.
    """
    sides = folder.contracts()
    for one in contracts:
        if (one.name, one.major) not in sides:
            place = "<domain>/<event>/v<major>.schema.json, in no folder that is hidden or called valid or invalid"
            raise ConfigError(folder.label, f"{one.name} v{one.major}", "it in another place", place)
    return [_entry(one, folder, sides[one.name, one.major].file, history, homes) for one in contracts]


def homes_of(filters: Sequence[Filter], measured: Sequence[Measured]) -> Homes:
    """Where each metric is measured; several routes with one answer are one home."""
    found: dict[tuple[str, int, str], dict[tuple[str, str], list[str]]] = {}
    for one in filters:
        if one.contract is not None:
            groups = ", ".join(one.log_groups)
            key = (one.contract.event, one.contract.major, one.metric.name)
            found.setdefault(key, {}).setdefault(("CloudWatch", groups), [])
    for rule in measured:
        key = (rule.event, rule.major, rule.metric)
        found.setdefault(key, {}).setdefault(("the forwarder", rule.why), []).append(rule.route)
    return {key: [Home(by, tuple(routes), why) for (by, why), routes in of.items()] for key, of in found.items()}


def _entry(contract: Contract, folder: Folder, file: str, history: History | None, homes: Homes) -> Entry:
    schema, event = contract.schema, mapping(contract.schema.get("x-event"))
    key: Key = (contract.name, contract.major)
    views = mapping(event.get("views"))
    titles = {"columns": "Columns", "facets": "Facets", "groupBy": "Grouped by"}
    place = Path(folder.label, file).parent
    return Entry(
        event=contract.name,
        major=contract.major,
        page=f"{contract.name}.v{contract.major}.html",
        title=str(schema.get("title", "")),
        description=str(schema.get("description", "")),
        version=contract.version,
        owner=contract.owner,
        dataset=contract.dataset,
        stability=str(event.get("stability", "")),
        severity=contract.severity,
        shape=contract.shape,
        is_wire_default=event.get("wireDefault") is True,
        consumers=tuple(map(str, listing(event.get("consumers")))),
        sampling=tuple((sink, f"1 in {rate}") for sink, rate in sorted(contract.sampling.items()) if rate > 1),
        fields=tuple(rows(contract, expand(dict(schema), file))),
        removed=tuple(
            (name, str(mapping(said).get("since", "")), str(mapping(said).get("why", "")))
            for name, said in sorted(mapping(event.get("removed")).items())
        ),
        metrics=tuple(_metric(key, rule, homes) for rule in listing(event.get("metrics"))),
        views=tuple(
            (title, tuple(map(str, listing(views.get(name))))) for name, title in titles.items() if name in views
        ),
        valid=tuple(_valid(place, contract)),
        invalid=tuple(_invalid(place, contract.major)),
        versions=tuple(history.versions.get(key, ())) if history is not None else (),
        source=folder.files[file].decode("utf-8", "replace").removeprefix("\ufeff").strip(),
        file=file,
    )


def _metric(key: Key, rule: Mapping[str, Any], homes: Homes) -> Metric:
    limits = []
    if "limit" in rule:
        limits.append(f"at most {number(rule['limit'])} values of a dimension, the others are __other__")
    if "buckets" in rule:
        limits.append(f"buckets up to {', '.join(number(one) for one in rule['buckets'])}")
    return Metric(
        name=str(rule["name"]),
        kind=str(rule["kind"]),
        description=str(rule.get("description", "")),
        value=str(rule.get("value", "")),
        unit=str(rule.get("unit", "")).replace("None", ""),
        dimensions=tuple(map(str, rule.get("dimensions", ()))),
        where=tuple(_conditions(mapping(rule.get("where")))),
        limits=tuple(limits),
        homes=tuple(homes.get((*key, str(rule["name"])), ())),
        alarms=tuple(_alarm(one) for one in rule.get("alarms", ())),
    )


def _conditions(where: Mapping[str, Any]) -> Iterator[str]:
    for path, comparisons in where.items():
        for operator, operand in mapping(comparisons).items():
            if operator == "exists":
                yield f"{path} {'is there' if operand else 'is not there'}"
            else:
                shown = ", ".join(map(plain, operand)) if isinstance(operand, list) else plain(operand)
                yield f"{path} {_OPERATORS.get(operator, operator)} {shown}"


def _alarm(said: Mapping[str, Any]) -> Alarm:
    periods = said["evaluationPeriods"]
    of = said.get("datapointsToAlarm", periods)
    times = f"in {of} of {periods} periods" if periods > 1 else "once"
    condition = f"{said['statistic']} over {_period(said['period'])} {said['op']} {number(said['threshold'])}, {times}"
    runbook = str(said.get("runbook", ""))
    return Alarm(
        name=str(said["name"]),
        condition=f"{condition}; {_MISSING.get(said['missing'], said['missing'])}",
        description=str(said.get("description", "")),
        notify=str(said["notify"]),
        # Lint asks for https; a page must not turn anything else into a link.
        runbook=runbook if runbook.startswith("https://") else "",
    )


def _period(seconds: int) -> str:
    for size, name in ((86400, "day"), (3600, "hour"), (60, "minute")):
        if seconds % size == 0:
            return f"1 {name}" if seconds == size else f"{seconds // size} {name}s"
    return f"{seconds} seconds"


class _Case(msgspec.Struct, frozen=True):
    """An invalid example: the event's text as it was written."""

    expect: dict[str, Any]
    event: msgspec.Raw


def _valid(place: Path, contract: Contract) -> Iterator[Example]:
    seen = []
    for title, raw in _files(place / "valid", contract.major):
        text, value = _shown(raw), _value(raw)
        seen.append(value)
        yield Example(title, text)
    for index, value in enumerate(listing(contract.schema.get("examples"))):
        if value not in seen:
            yield Example(f"in the contract, {index + 1}", _shown(msgspec.json.encode(value)))


def _invalid(place: Path, major: int) -> Iterator[Example]:
    for title, raw in _files(place / "invalid", major):
        try:
            case = msgspec.json.decode(raw, type=_Case)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            continue  # lint says what is wrong with it
        at = plain(case.expect.get("pointer", "")) or "the event"
        yield Example(title, _shown(bytes(case.event)), f"{plain(case.expect.get('keyword', ''))} at {at}")


def _files(folder: Path, major: int) -> Iterator[tuple[str, bytes]]:
    for file in sorted(folder.glob(f"v{major}.*.json")):
        if file.is_file() and not file.is_symlink() and not file.name.endswith(".schema.json"):
            yield file.name.removeprefix(f"v{major}.").removesuffix(".json").replace("-", " "), file.read_bytes()


def _shown(raw: bytes) -> str:
    """JSON with every number as it was written, indented."""
    try:
        text = msgspec.json.format(raw, indent=2).decode()
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        text = raw.decode("utf-8", "replace")
    return text if len(text) <= MAX_EXAMPLE else f"{text[:MAX_EXAMPLE]}\n… and more"


def _value(raw: bytes) -> Any:
    try:
        return msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
