"""Config + contracts -> the Plan of an origin, built once. Floor 2: the place where the rooms of floor 1 meet."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec

from forwarders import formats, redact
from forwarders.config import Config, Route
from forwarders.contracts.compiled import Contracts
from forwarders.deadletters import Store
from forwarders.lanes import LaneSpec
from forwarders.measuring import Meter
from forwarders.model import Origin, Receipt
from forwarders.reading import Reader, reader
from forwarders.sinks import Sink

MAX_PLANS = 256
"""Plans kept: one for each log stream in Lambda. A plan is cheap; the oldest goes first."""


class Plan(msgspec.Struct, frozen=True):
    """What `run` needs for batches of one origin.

    `reports_part`: the invoker can be told that a part of the batch must come again. Where it is False (an
    asynchronous invocation) what is returned goes to `store`. `origin` is how documents and receipts name where the
    batch came from: without what looks like a secret in the name of a group, a stream or a file. `meter` is None where
    nothing is measured: a replay brings events that were measured when they came first.
    """

    origin: Origin
    route: Route
    read: Reader
    lanes: tuple[LaneSpec, ...]
    store: Store
    write_receipt: Callable[[Receipt], None]
    clock_ms: Callable[[], int]
    reports_part: bool = False
    meter: Meter | None = None


class Plans:
    """The plans of one process."""

    def __init__(
        self,
        config: Config,
        contracts: Contracts,
        sinks: Mapping[str, Sink],
        store: Store,
        write_receipt: Callable[[Receipt], None],
        clock_ms: Callable[[], int],
        reports_part: bool = False,
        meter: Meter | None = None,
    ) -> None:
        self._config = config
        self._contracts = contracts
        self._sinks = sinks
        self.meter = meter
        self._rest = (store, write_receipt, clock_ms, reports_part, meter)
        self._plans: dict[Origin, Plan] = {}
        self._readers: dict[str, Reader] = {}

    def for_origin(self, origin: Origin) -> Plan:
        """The plan for `origin`: its log group's (or path's) first matching route, else a route to every sink."""
        plan = self._plans.get(origin)
        if plan is None:
            if len(self._plans) >= MAX_PLANS:
                del self._plans[next(iter(self._plans))]
            plan = self._plans[origin] = self._build(origin)
        return plan

    def _build(self, origin: Origin) -> Plan:
        config = self._config
        route = config.route(origin.log_group or origin.path) or Route(name="(no route)")
        shown = _shown(origin)
        names = route.sinks or tuple(self._sinks)
        lanes = tuple(
            LaneSpec(
                self._sinks[name], shown, config.environment, route.unregistered_dataset, config.sinks[name].events
            )
            for name in names
        )
        if route.name not in self._readers:
            moved = self.meter.moved if self.meter is not None else None
            self._readers[route.name] = reader(*_format(route), self._contracts, moved)
        return Plan(shown, route, self._readers[route.name], lanes, *self._rest)


def _shown(origin: Origin) -> Origin:
    return Origin(*(redact.patterns(getattr(origin, name)) for name in origin.__struct_fields__))


def format_of(route: Route) -> str:
    """The name of the route's format, made of its envelope and its format: `key:message`, `lambda`, `json` …"""
    if route.envelope.startswith("key:"):
        return route.envelope
    if route.envelope == "line" and route.format == "auto":
        return "json"
    if route.envelope == "prefix" and route.format in ("auto", "json"):
        return "lambda"
    return route.format


def _format(route: Route) -> tuple[formats.Format, bool]:
    """The route's format, and whether a line that starts with a brace may be the event itself."""
    name = format_of(route)
    fmt = formats.named(name)
    assert fmt is not None, name
    return fmt, name in ("auto", "json", "lambda")
