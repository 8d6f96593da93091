"""Where contracts, configuration and metrics meet: what is measured in the forwarder, when it counts, where it goes.

Floor 2. A metric never decides about an event: whatever fails here is counted in our own log, and the batch goes on.
What was measured in a batch counts once the batch's outcome is durable and only where the batch will not come again.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from forwarders.canary import Lag
from forwarders.metrics.points import MINUTE_MS, PIPELINE, Dimensions, Point, Totals
from forwarders.model import Contract, Event, Fate, Origin, Receipt, Verdict

# What only some processes need is imported where the first of it comes by: together 3 ms of a cold start.
if TYPE_CHECKING:
    from forwarders.metrics.functions import Profile
    from forwarders.metrics.measure import Cells, Guard, Measure
    from forwarders.metrics.rules import Path, Rule

OWN_NAMESPACE = "Logharbor"
LAMBDA = "lambda."
"""What the names of the Lambda service's own events begin with."""
MAX_TOLD = 10_000
"""Failures of requests that are remembered, so that one that is told of in two batches is counted once."""
MAX_POINTS = 50_000
"""Points of one invocation: metrics × minutes × dimensions. In EMF they are 25 MB of log."""
PERSONAL_DATA, DIMENSION_LIMIT, UNREAD = "personal_data", "dimension_limit", "unread"

Measured = Mapping[str, Mapping[str, Sequence[str]]]
"""{route: {"event:major": [names of its metrics]}}: which rules the forwarder measures."""

Output = Callable[[Sequence[Point], float, Counter[str]], None]
"""Takes all points of an invocation, the seconds that are left, and a counter for what it could not take, by reason.
Called once an invocation; whatever it raises is counted and goes no further."""


class Meter:
    """What one process measures. `measured` is None for every rule of every contract, wherever its home is.

    `safe` gives a text as it may be shown. `profile` makes the profile of Lambda functions; None: there is none.
    `embedded`: metrics that lines hold already are taken as well. `pipeline`: the name that the pipeline's own
    metrics carry; empty: none.
    """

    def __init__(
        self,
        namespace: str,
        measured: Measured | None,
        safe: Callable[[str], str],
        outputs: Sequence[Output] = (),
        profile: Callable[[], Profile] | None = None,
        embedded: bool = False,
        clock_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
        max_points: int = MAX_POINTS,
        pipeline: str = "",
    ) -> None:
        self.totals = Totals(max_points)
        self.moved: dict[str, dict[str, Any]] = {}
        """The data, as they came, of events out of which a field was moved; by event id."""
        self.profiles = profile is not None
        """Whether Lambda functions are profiled."""
        self.embedded = embedded
        self.resource: dict[str, str] = {}
        """What OpenTelemetry calls the resource: who measured. Read at the first flush."""
        self.safe = safe
        self._make_profile = profile
        self._profile: Profile | None = None
        self._namespace = namespace
        self._measured = measured
        self._outputs = outputs
        self._clock_ms = clock_ms
        self._measures: dict[tuple[str, Contract], Measure | None] = {}
        self._guards: dict[tuple[str, Contract], list[Guard]] = {}
        self._pending: list[Measuring] = []
        self._told: dict[tuple[str, str], None] = {}
        self._told_pending: dict[tuple[str, str], None] = {}
        self._own = Totals()
        self._whose: Dimensions = ((PIPELINE, pipeline),) if pipeline else ()
        self._max_points = max_points

    def begin(self, route: str, origin: Origin) -> Measuring:
        """The measuring of one batch that came by `route`."""
        self.moved.clear()
        return Measuring(self, route, origin)

    def hold(self, measuring: Measuring) -> None:
        """What was measured waits for keep or forget."""
        self._pending.append(measuring)
        self._told_pending.update(measuring.told)

    def end(self, measuring: Measuring, receipt: Receipt) -> None:
        """The batch's outcome is durable: what was measured waits for keep or forget; the receipt is counted."""
        self.hold(measuring)
        self._own.update(_of_receipt(receipt, self._minute()))

    def keep(self) -> None:
        """What waits counts: its batches will not come again."""
        for measuring in self._pending:
            try:
                self.totals.update(measuring.points())
            except Exception as error:  # ours, and no reason to fail an invocation whose batches are done
                self.totals.dropped[f"internal:{type(error).__name__}"] += 1
            self.totals.dropped.update(measuring.dropped)
        self._told.update(self._told_pending)
        self.forget()
        while len(self._told) > MAX_TOLD:
            del self._told[next(iter(self._told))]

    def forget(self) -> None:
        """What waits does not count: its batches come again, and are measured then."""
        self._pending.clear()
        self._told_pending.clear()

    def reset(self) -> None:
        """An invocation begins: what an earlier one left behind when it failed comes again and does not count."""
        self.forget()
        self.totals, self._own, self._guards = Totals(self._max_points), Totals(), {}

    def was_told(self, failure: tuple[str, str]) -> bool:
        """Whether this failure of a request has been counted."""
        return failure in self._told or failure in self._told_pending

    def lag(self, lags: Iterable[Lag]) -> None:
        """The lags of canaries are among the pipeline's own metrics."""
        for one in lags:
            point = _own("Lag", "distribution", "Milliseconds", self._minute(), 1, sink=one.sink)
            point.values[one.ms] = 1
            self._own.add(point)

    def close(self) -> Totals:
        """All that was kept, and what was dropped; called once, before a reset."""
        self.keep()
        others = sum(guard.others for guards in self._guards.values() for guard in guards)
        self.totals.dropped[DIMENSION_LIMIT] += others
        return self.totals

    def flush(self, left_s: float) -> Counter[str]:
        """All that was kept, and the pipeline's own metrics, have been given to the outputs; what found no place there
        is counted by reason. Called once an invocation; never raises."""
        began = time.monotonic()
        totals, own = self.close(), self._own
        dropped = totals.dropped
        every = [*self._named(own.points()), *totals.points()]
        self.reset()
        self._give(every, left_s, dropped)
        lost = +dropped
        if lost:
            minute = self._minute()
            counts = [_own("MetricsDropped", "count", "Count", minute, n, reason=why) for why, n in lost.items()]
            self._give(self._named(counts), left_s - (time.monotonic() - began), Counter())
        return lost

    def measure(self, route: str, contract: Contract) -> Measure | None:
        """The rules of a contract that are measured for a route; None when there are none."""
        key = (route, contract)
        if key not in self._measures:
            self._measures[key] = self._make(route, contract)
        return self._measures[key]

    def guards(self, route: str, contract: Contract, measure: Measure) -> list[Guard]:
        """The invocation's guards for a contract's rules."""
        key = (route, contract)
        if key not in self._guards:
            self._guards[key] = measure.guards(self.safe, self.totals.dropped)
        return self._guards[key]

    def profile(self) -> Profile:
        """The profile of Lambda functions."""
        if self._profile is None:
            assert self._make_profile is not None
            self._profile = self._make_profile()
        return self._profile

    def _make(self, route: str, contract: Contract) -> Measure | None:
        if self._measured is not None and not self._measured.get(route, {}).get(f"{contract.name}:{contract.major}"):
            return None
        if not contract.schema.get("x-event", {}).get("metrics"):
            return None
        from forwarders.metrics.measure import Measure
        from forwarders.metrics.rules import rules

        found = rules(contract.schema)
        if self._measured is not None:
            names = self._measured.get(route, {}).get(f"{contract.name}:{contract.major}", ())
            found = [rule for rule in found if rule.name in names]
        fit = [rule for rule in found if not tells_of_a_person(rule, contract)]
        self.totals.dropped[PERSONAL_DATA] += len(found) - len(fit)
        return Measure(fit, self._namespace) if fit else None

    def _named(self, own: list[Point]) -> list[Point]:
        """The pipeline's own points, with its name where it has one."""
        for point in own:
            point.dimensions = self._whose + point.dimensions
        return own

    def _minute(self) -> int:
        return self._clock_ms() // MINUTE_MS * MINUTE_MS

    def _give(self, points: Sequence[Point], left_s: float, dropped: Counter[str]) -> None:
        began = time.monotonic()
        for output in self._outputs:
            try:
                output(points, left_s - (time.monotonic() - began), dropped)
            except Exception as error:  # a metric is never worth an event
                dropped[f"output:{type(error).__name__}"] += sum(point.n for point in points)


class Measuring:
    """What one batch gives. `dropped` counts by reason what could not be measured."""

    def __init__(self, meter: Meter, route: str, origin: Origin) -> None:
        self.dropped: Counter[str] = Counter()
        self.told: dict[tuple[str, str], None] = {}
        """Failures of requests that are counted here."""
        self._meter = meter
        self._route = route
        self._origin = origin
        self._found: dict[Contract, tuple[Measure, Cells, list[Guard]] | None] = {}
        self._others: list[Point] = []

    def take(self, events: Sequence[Event]) -> None:
        """The events are measured; never raises. Two rules of a 240 B event: 0.3 µs."""
        try:
            if self._meter.moved:
                events = list(map(self._as_it_came, events))
            contracts = {event.contract for event in events}
            if len(contracts) == 1:
                self._take(events[0].contract, events)
                return
            groups: dict[Contract | None, list[Event]] = {contract: [] for contract in contracts}
            for event in events:
                groups[event.contract].append(event)
            for contract, some in groups.items():
                self._take(contract, some)
        except Exception as error:  # ours, and no reason to lose an event
            self.dropped[f"internal:{type(error).__name__}"] += len(events)

    def unread(self, n: int) -> None:
        """So many events go to the store unread: a replay does not measure, so they are counted here."""
        self.dropped[UNREAD] += n

    def points(self) -> list[Point]:
        """All that was measured."""
        found = [measure.points(cells) for measure, cells, _ in filter(None, self._found.values())]
        return [point for points in found for point in points] + self._others

    def _take(self, contract: Contract | None, events: Sequence[Event]) -> None:
        if contract is None:
            self._take_lines(events)
            return
        try:
            found = self._found[contract]
        except KeyError:
            found = self._found[contract] = self._prepare(contract)
        if found is not None:
            measure, cells, guards = found
            measure.take(events, cells, guards, self.dropped)
        if contract.name.startswith(LAMBDA) or "_aws" in contract.schema.get("properties", ()):
            self._take_lines(events)
        elif self._meter.embedded:  # the unknown fields of a valid event were moved, those of an invalid one were not
            self._take_lines(event for event in events if event.verdict is Verdict.INVALID)

    def _prepare(self, contract: Contract) -> tuple[Measure, Cells, list[Guard]] | None:
        measure = self._meter.measure(self._route, contract)
        if measure is None:
            return None
        return measure, measure.cells(), self._meter.guards(self._route, contract, measure)

    def _take_lines(self, events: Iterable[Event]) -> None:
        """What lines say without a contract: a profile of functions, and metrics that are written out in them."""
        meter = self._meter
        for event in events:
            if meter.profiles and event.name.startswith(LAMBDA):
                self._take_invocation(event)
            if meter.embedded and "_aws" in event.data:
                from forwarders.metrics import embedded

                self._others += embedded.points(event.data, event.time_ms, meter.safe, self.dropped)

    def _take_invocation(self, event: Event) -> None:
        from forwarders.metrics import functions

        if event.name in functions.EVENTS:
            function = self._meter.safe(functions.function_name(self._origin.log_group, self._origin.path))
            profile = self._meter.profile()
            self._others += profile.points(event.name, event.data, event.time_ms, function, self._is_new)

    def _is_new(self, request: str, metric: str) -> bool:
        failure = (request, metric)
        if failure in self.told or self._meter.was_told(failure):
            return False
        self.told[failure] = None
        return True

    def _as_it_came(self, event: Event) -> Event:
        """The event before drift was moved out of it, as CloudWatch reads it."""
        data = self._meter.moved.pop(event.id, None)
        if data is None:
            return event
        came = msgspec.structs.replace(event, data=data)
        if "_aws" in data and "_aws" not in event.data:
            self._take_lines([came])
        return came


def tells_of_a_person(rule: Rule, contract: Contract) -> bool:
    """Whether a dimension of the rule is a field that the contract classifies (`x-pii`)."""
    return any(_covers(classified, path) for path in rule.dimensions for classified in contract.redactions)


def _covers(classified: Path, path: Path) -> bool:
    return len(classified) <= len(path) and all(a in ("*", b) for a, b in zip(classified, path, strict=False))


def _of_receipt(receipt: Receipt, minute: int) -> list[Point]:
    """The pipeline's own metrics of one batch; what did not happen has no point."""
    points = [
        _own("Events", "count", "Count", minute, tally.n, sink=sink, fate=str(fate))
        for sink, account in receipt.accounts.items()
        for fate, tally in account.fates.items()
        if tally.n
    ]
    points += [
        _own("Dead", "count", "Count", minute, account.fates[Fate.DEAD].n, sink=sink)
        for sink, account in receipt.accounts.items()
        if account.fates[Fate.DEAD].n
    ]
    points += [_own("Quarantined", "count", "Count", minute, n, owner=owner) for owner, n in receipt.owners.items()]
    if not receipt.balances():
        points.append(_own("Unbalanced", "count", "Count", minute, 1))
    return points


def _own(name: str, kind: Any, unit: str, minute: int, n: int, **dimensions: str) -> Point:
    value = n if kind == "count" else 0
    return Point(OWN_NAMESPACE, name, kind, unit, minute, tuple(dimensions.items()), n, value)
