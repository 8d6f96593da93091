"""What contracts and configuration mean for metrics: which rule is measured where, alarms, and dashboards. Floor 2.

For `logharbor filters build` and `logharbor bundle`; never imported while events flow. Every rule has one home on every
route, CloudWatch or the forwarder, so that nothing is counted twice and nothing is forgotten.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

import msgspec

from forwarders import canary
from forwarders.config import OWN_NAMESPACE, Config, Events, Route, glob
from forwarders.contracts.fields import Field, fields
from forwarders.contracts.load import is_wire_default
from forwarders.errors import ConfigError
from forwarders.formats.lambda_platform import PLATFORM, REPORT
from forwarders.metrics.alarms import NO_CONTRACT, Alarm, alarms_of, pipeline_alarms
from forwarders.metrics.alarms import PLATFORM as PLATFORM_OWNER
from forwarders.metrics.dashboards import Dashboard, Section, dataset_dashboard, pipeline_dashboard, views
from forwarders.metrics.filters import MAX_FILTERS, Filter, Metric, Source, check_limits, is_log_group, slug
from forwarders.metrics.pattern_of import Inexpressible, Pattern, pattern_of
from forwarders.metrics.rules import Path, Rule, dotted, rules
from forwarders.model import Contract
from forwarders.plan import format_of
from forwarders.sources.piecemeal import OWN_LOG_GROUPS

NO_ROUTE = "(no route)"
"""What plan.py calls the route of a record that no route takes."""

STREAMS = "kinesis/"
"""What begins the names under which records that are in a stream without CloudWatch Logs are routed."""

MAX_VALUES = 1_000
"""CloudWatch may switch off a filter that yields more names and values of dimensions in an hour."""

_MADE_HERE = frozenset({PLATFORM, REPORT})
_TEXT_FORMATS = {
    "auto": "the lines may begin with Lambda's text prefix, or hold JSON as a string: no JSON pattern matches those",
    "lambda": "the lines may begin with Lambda's text prefix, or hold JSON as a string: no JSON pattern matches those",
    "text": "the lines are text, not events",
}


class Measured(msgspec.Struct, frozen=True):
    """A rule that the forwarder measures on a route, and why CloudWatch does not."""

    route: str
    event: str
    major: int
    metric: str
    why: str


class Derived(msgspec.Struct, frozen=True):
    """Everything that is derived: metric filters, what the forwarder measures, alarms, dashboards; in a fixed order."""

    filters: list[Filter]
    measured: list[Measured]
    alarms: list[Alarm]
    dashboards: list[Dashboard]


def derive(config: Config, contracts: Sequence[Contract], handwritten: Sequence[Filter] = ()) -> Derived:
    """What the contracts mean on the routes of a configuration: the same for the same input, in whatever order.

    `handwritten` filters take their place in the log groups' limits. Raises ConfigError for a rule that can be measured
    nowhere, for an alarm that would never have data, and for limits that the handwritten filters exceed.
    """
    contracts = sorted(contracts, key=lambda contract: (contract.name, contract.major))
    check_limits(handwritten, "filters/handwritten")
    filters, measured = homes(config, contracts, handwritten)
    check_limits([*handwritten, *filters], "filters")
    _check_once(handwritten, filters)
    return Derived(filters, measured, _alarms(config, contracts), _dashboards(config, contracts))


def _check_once(handwritten: Sequence[Filter], derived: Sequence[Filter]) -> None:
    """Raises ConfigError for a handwritten filter that publishes a metric of a contract in one of its log groups."""
    known = {(group, one.metric.namespace, one.metric.name): one for one in derived for group in one.log_groups}
    for one in handwritten:
        for group in one.log_groups:
            if other := known.get((group, one.metric.namespace, one.metric.name)):
                found = f"the metric {one.metric.name} in {group}, which {other.name} is for: it would count twice"
                raise ConfigError("filters/handwritten", one.name, found, "a metric of its own, or no such filter")


def homes(
    config: Config, contracts: Sequence[Contract], handwritten: Sequence[Filter] = ()
) -> tuple[list[Filter], list[Measured]]:
    """The metric filters, and the rules that the forwarder measures: each rule once on each route."""
    contracts = sorted(contracts, key=lambda contract: (contract.name, contract.major))
    taken: dict[str, int] = {}
    for one in handwritten:
        for group in one.log_groups:
            taken[group] = taken.get(group, 0) + 1
    known = [
        (contract, rule, _unfit(rule, declared)) for contract, said, declared in _rules(contracts) for rule in said
    ]
    filters: list[Filter] = []
    measured: list[Measured] = []
    for route in _routes(config):
        groups, root, why = _reach(route, config)
        expressible: list[tuple[Contract, Rule, Pattern]] = []
        for contract, rule, unfit in known:
            try:
                pattern = pattern_of(rule, root)
                left_out = "" if _expects(route, rule.event) else "the route's `filters` leave this event out"
                for reason in (unfit, why, left_out):
                    if reason:
                        raise Inexpressible(reason)
            except Inexpressible as error:
                measured.append(Measured(route.name, rule.event, rule.major, rule.name, str(error)))
            else:
                expressible.append((contract, rule, pattern))
        fits, beyond, full = _fitting(expressible, groups, taken)
        filters += [_filter(config, route, groups, *one) for one in fits]
        why = f"log group {full} has its {MAX_FILTERS} metric filters without it"
        measured += [Measured(route.name, rule.event, rule.major, rule.name, why) for _, rule, _ in beyond]
    filters.sort(key=lambda one: one.name)
    measured.sort(key=lambda one: (one.route, one.event, one.major, one.metric))
    return filters, measured


def measured_by_route(
    config: Config, contracts: Sequence[Contract], handwritten: Sequence[Filter] = ()
) -> dict[str, dict[str, list[str]]]:
    """What the forwarder measures, as the bundle says it: `{route: {"order.placed:1": ["OrdersPlaced"]}}`."""
    result: dict[str, dict[str, list[str]]] = {}
    for one in homes(config, contracts, handwritten)[1]:
        result.setdefault(one.route, {}).setdefault(f"{one.event}:{one.major}", []).append(one.metric)
    return result


def _routes(config: Config) -> Iterator[Route]:
    yield from config.routes
    if not any("*" in route.log_groups for route in config.routes):
        yield Route(name=NO_ROUTE)


def _reach(route: Route, config: Config) -> tuple[tuple[str, ...], Path, str]:
    """The route's log groups, the keys under which the event lies in a line, and why a pattern cannot reach it."""
    if any(name.startswith(STREAMS) for name in route.log_groups):
        return (), (), "what hosts write into a stream themselves passes no log group"
    groups = tuple(sorted({name for name in route.log_groups if is_log_group(name)}))
    if len(groups) < len(set(route.log_groups)):
        return (), (), "the route's log groups are not all known by name"
    if not groups:
        return (), (), "the route has no log groups"
    groups = tuple(name for name in groups if not name.startswith(OWN_LOG_GROUPS))
    if not groups:
        return (), (), "the route's log groups are Logharbor's own, which it leaves alone"
    groups = tuple(name for name in groups if config.route(name) is route)
    if not groups:
        return (), (), "a route before this one takes all of its log groups"
    fmt = format_of(route)
    if fmt == "json":
        return groups, (), ""
    if fmt.startswith("key:"):
        return groups, (fmt.removeprefix("key:"),), ""
    other = f"the format {fmt} makes events of text: no pattern says which lines it takes"
    return (), (), _TEXT_FORMATS.get(fmt, other)


def _unfit(rule: Rule, said: Mapping[str, Field]) -> str:
    """Why no pattern of a rule is fit for CloudWatch, on whatever route; empty when one is."""
    if rule.event in _MADE_HERE:
        return "Logharbor makes these events of lines of the Lambda platform"
    for name in map(dotted, rule.dimensions):
        if name in said and (said[name].cardinality < 0 or said[name].cardinality > MAX_VALUES):
            many = "unbounded" if said[name].cardinality < 0 else f"{said[name].cardinality:,}"
            return f"dimension {name} has {many} values: only the forwarder can cap them"
    return ""


def _expects(route: Route, event: str) -> bool:
    return any(glob(one)(event) for one in route.filters)


def _fitting(
    candidates: list[tuple[Contract, Rule, Pattern]], groups: Sequence[str], taken: Mapping[str, int]
) -> tuple[list[tuple[Contract, Rule, Pattern]], list[tuple[Contract, Rule, Pattern]], str]:
    """The rules for which every log group has room, those for which one has none, and which group that is.

    Rules with an alarm go first: CloudWatch tells a minute after the line, whatever the forwarder is doing.
    """
    if not groups:
        return candidates, [], ""
    full = max(groups, key=lambda group: taken.get(group, 0))
    room = max(0, MAX_FILTERS - taken.get(full, 0))
    order = sorted(candidates, key=lambda one: not one[1].alarms)
    return order[:room], order[room:], full


def _filter(
    config: Config, route: Route, groups: tuple[str, ...], contract: Contract, rule: Rule, pattern: Pattern
) -> Filter:
    adds_up = rule.kind in ("count", "sum") and all(alarm.statistic == "Sum" for alarm in rule.alarms)
    metric = Metric(
        rule.name,
        config.metrics.namespace,
        pattern.value,
        rule.unit,  # type: ignore[arg-type]
        0 if adds_up and not rule.dimensions else None,  # it counts once for every other line: only a sum bears that
        pattern.dimensions,
    )
    name = slug(route.name, rule.event, f"v{rule.major}", rule.name)
    return Filter(name, groups, pattern.text, metric, Source(rule.event, rule.major, contract.version, contract.owner))


def _rules(contracts: Sequence[Contract]) -> Iterator[tuple[Contract, list[Rule], Mapping[str, Field]]]:
    """The rules of each contract, checked; and its fields by their dotted names, where it has rules."""
    defaults: dict[str, int] = {}
    flagged = {contract.name: contract.major for contract in contracts if is_wire_default(contract)}
    for contract in contracts:
        defaults[contract.name] = flagged.get(contract.name, max(contract.major, defaults.get(contract.name, 0)))
    for contract in contracts:
        said = rules(contract.schema, defaults[contract.name] == contract.major)
        declared = {field.name: field for field in fields(contract)} if said else {}
        _check(contract, said, declared)
        yield contract, said, declared


def _check(contract: Contract, said: Sequence[Rule], by_name: Mapping[str, Field]) -> None:
    """Raises ConfigError for a rule that cannot be measured, or whose dimensions tell of a person."""
    place = f"{contract.name} v{contract.major}"
    seen: set[str] = set()
    for i, rule in enumerate(said):
        key = f"/x-event/metrics/{i}"
        if rule.name.lower() in seen:
            raise ConfigError(place, f"{key}/name", f"the metric {rule.name} twice", "a name of its own")
        seen.add(rule.name.lower())
        if any(later <= earlier for earlier, later in pairwise(rule.buckets)):
            raise ConfigError(place, f"{key}/buckets", "buckets that do not rise", "each upper bound once, rising")
        for path in (*((rule.value,) if rule.value else ()), *rule.dimensions, *(one.path for one in rule.where)):
            field = by_name.get(dotted(path))
            if field is not None and field.many:
                found = f"{dotted(path)}, which lies in an array or under a key that is not declared"
                raise ConfigError(place, key, found, "a field that an event has once")
        for path in rule.dimensions:
            field = by_name.get(dotted(path))
            if field is not None and field.pii:
                found = f"{dotted(path)}, which is x-pii of class {field.pii}"
                raise ConfigError(place, f"{key}/dimensions", found, "a dimension that tells nothing of a person")


def _alarms(config: Config, contracts: Sequence[Contract]) -> list[Alarm]:
    result: list[Alarm] = []
    channels: dict[str, str] = {}
    for contract, said, _ in _rules(contracts):
        place = f"{contract.name} v{contract.major}"
        channels.setdefault(contract.owner, "")
        for rule in said:
            made = alarms_of(rule, config.metrics.namespace, contract.owner, place)
            if not _expected(config, contract.name):
                continue
            if made and not channels[contract.owner]:
                channels[contract.owner] = made[0].notify
            result += made
    result += pipeline_alarms(OWN_NAMESPACE, channels, config.sinks, _canary_sinks(config))
    return sorted(result, key=lambda one: one.name)


def _expected(config: Config, event: str) -> bool:
    """Whether any route expects the event: an alarm on what cannot come would sound for ever, or never."""
    return event in _MADE_HERE or not config.routes or any(_expects(route, event) for route in config.routes)


def _canary_sinks(config: Config) -> list[str]:
    route = config.route(canary.log_group("name"))
    names = (route.sinks if route else ()) or tuple(config.sinks)
    return [name for name in names if _takes(config.sinks[name].events, canary.EVENT)]


def _takes(events: Events, name: str) -> bool:
    return any(glob(one)(name) for one in events.include) and not any(glob(one)(name) for one in events.exclude)


def _dashboards(config: Config, contracts: Sequence[Contract]) -> list[Dashboard]:
    sections: dict[tuple[str, str], list[Section]] = {}
    for contract, said, _ in _rules(contracts):
        # CloudWatch has the raw line; a dashboard should not be what shows it to everybody.
        personal = {field.name for field in fields(contract) if field.pii}
        columns, group_by = views(contract.schema.get("x-event", {}).get("views", {}), personal)
        title = str(contract.schema.get("title", contract.name))
        logs = _logs(config, contract)
        section = Section(contract.name, contract.major, title, said, columns, group_by, logs)
        sections.setdefault((contract.dataset, contract.owner), []).append(section)
    result = [dataset_dashboard(*key, config.metrics.namespace, part) for key, part in sections.items()]
    owners = {contract.owner for contract in contracts} | {NO_CONTRACT}
    result.append(pipeline_dashboard(OWN_NAMESPACE, PLATFORM_OWNER, config.sinks, owners))
    return sorted(result, key=lambda one: one.name)


def _logs(config: Config, contract: Contract) -> list[tuple[str, Path]]:
    """The log groups in whose lines CloudWatch can read this contract's events, each with the keys they lie under."""
    if "event" not in contract.schema.get("properties", {}) or contract.name in _MADE_HERE:
        return []
    result: list[tuple[str, Path]] = []
    for route in config.routes:
        groups, root, _ = _reach(route, config)
        if _expects(route, contract.name):
            result += [(group, root) for group in groups]
    return result


def files(derived: Derived) -> dict[str, bytes]:
    """What is derived as the files of the folder filters/, by their place in it; the same bytes for the same input."""
    plain = {f"derived/{one.name}.json": one for one in derived.filters}
    whole = {
        "forwarder.json": {"rules": derived.measured},
        "alarms.json": {"alarms": derived.alarms},
        "dashboards.json": {"dashboards": derived.dashboards},
    }
    return {
        name: msgspec.json.format(msgspec.json.encode(content), indent=2) + b"\n"
        for name, content in sorted({**plain, **whole}.items())
    }
