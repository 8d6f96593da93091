"""A process made ready: sinks opened, contracts found, plans at hand. Floor 2, above the plans.

Nothing is connected and no secret is read here; both wait for the first event that needs them.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, TypeVar

from forwarders import redact
from forwarders.config import Config, OtlpConfig
from forwarders.contracts.compiled import Contracts
from forwarders.deadletters import Store
from forwarders.errors import LogharborError
from forwarders.measuring import OWN_NAMESPACE, Measured, Meter, Output
from forwarders.metrics.points import Point
from forwarders.model import Contract, Receipt
from forwarders.plan import Plans
from forwarders.secret import resolve
from forwarders.sinks import OPEN, Copies, LocalSink, RedactEvent, Sink

if TYPE_CHECKING:
    from forwarders.metrics.functions import Profile
    from forwarders.metrics.otel import Exporter

Resolve = Callable[[str], str]
T = TypeVar("T")

REST_S = 10.0


def open_sinks(config: Config, secret: Resolve = resolve) -> dict[str, Sink]:
    """Every sink of the configuration, by name; the redaction key is resolved with the first event that needs it."""
    return {
        name: OPEN[settings.type](name, settings, _copies(config, settings.type, name, secret), secret)
        for name, settings in config.sinks.items()
    }


def _copies(config: Config, sink_type: str, sink_name: str, secret: Resolve) -> Copies:
    """How the copies of one sink are redacted."""

    def read_key() -> redact.HashKey | None:
        return redact.HashKey.parse(secret(config.redaction.key)) if config.redaction.key else None

    key = _remembered(read_key)

    def redactor(contract: Contract) -> RedactEvent | None:
        if not contract.redactions:
            return None
        return redact.for_contract(contract, sink_type, sink_name, key())

    return Copies(redactor, redact.patterns, redact.patterns_json)


def _remembered(read: Callable[[], T], clock: Callable[[], float] = time.monotonic) -> Callable[[], T]:
    """`read` whose result is kept, and whose failure is for REST_S seconds: a keeper that is out of reach is not asked
    anew for every contract."""
    results: list[T] = []
    failed: list[tuple[float, Exception]] = []

    def remembered() -> T:
        if not results:
            if failed and clock() < failed[0][0] + REST_S:
                raise failed[0][1]
            try:
                results.append(read())
            except LogharborError as error:
                failed[:] = [(clock(), error)]
                raise
        return results[0]

    return remembered


def open_plans(
    config: Config,
    contracts: Contracts,
    sinks: Mapping[str, Sink],
    store: Store,
    write_receipt: Callable[[Receipt], None],
    reports_part: bool,
    clock_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    meter: Meter | None = None,
) -> Plans:
    """The plans of this process; see plan.Plan for what the arguments mean."""
    return Plans(config, contracts, sinks, store, write_receipt, clock_ms, reports_part, meter)


def open_meter(
    config: Config,
    measured: Measured,
    write_line: Callable[[str], None],
    secret: Resolve = resolve,
    clock_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    pipeline: str = "",
) -> Meter:
    """The meter of a Lambda: `write_line` writes a line of its own log, where CloudWatch looks for EMF documents.

    The pipeline's own metrics go there even where `metrics.emf` is off: its alarms stand on them. They carry its name,
    `pipeline`, where it has one.
    """
    settings = config.metrics

    def to_cloudwatch(points: Sequence[Point], left_s: float, dropped: Counter[str]) -> None:
        from forwarders.metrics import emf  # after the receipts: what a cold start waits for is done by then

        end = time.monotonic() + left_s
        own = [point for point in points if point.namespace == OWN_NAMESPACE]
        for line in emf.documents(own, clock_ms(), dropped):  # few, and alarms stand on them
            write_line(line)
        if settings.emf:
            others = [point for point in points if point.namespace != OWN_NAMESPACE]
            for line in emf.documents(others, clock_ms(), dropped, lambda: end - time.monotonic()):
                write_line(line)

    outputs: list[Output] = [to_cloudwatch]
    meter = Meter(
        settings.namespace,
        measured,
        redact.patterns,
        outputs,
        (lambda: profile_of(config)) if settings.functions.measured else None,
        embedded=settings.otlp is not None,
        clock_ms=clock_ms,
        pipeline=pipeline,
    )
    if settings.otlp is not None:
        outputs.append(_otlp(settings.otlp, meter.resource, secret))  # last: it may take all the time that is left
    return meter


def profile_of(config: Config) -> Profile:
    """The profile of Lambda functions with the prices of a configuration."""
    from forwarders.metrics.functions import Prices, Profile

    return Profile(Prices(config.metrics.functions.gb_second_usd, config.metrics.functions.request_usd))


def _otlp(settings: OtlpConfig, resource: Mapping[str, str], secret: Resolve) -> Output:
    """Sends points by OTLP; the exporter is imported and made when the first ones come."""

    def read_headers() -> dict[str, str]:
        return {settings.header: secret(settings.secret)} if settings.secret else {}

    headers = _remembered(read_headers)
    made: list[Exporter] = []

    def send(points: Sequence[Point], left_s: float, dropped: Counter[str]) -> None:
        if not made:
            from forwarders.metrics.otel import Exporter

            made.append(Exporter(settings.endpoint, headers, settings.timeout_s, resource))
        made[0].send(points, left_s, dropped)

    return send


def make_ready(sinks: Mapping[str, Sink], contracts: Sequence[Contract]) -> None:
    """The sinks that live on this machine have their tables and views; those of a cluster are `prepare`'s."""
    for sink in sinks.values():
        if isinstance(sink, LocalSink):
            sink.prepare(contracts, columns_of)


def columns_of(contract: Contract) -> list[tuple[tuple[str, ...], str]]:
    """Path and JSON type of each single-valued field, for a view's columns; the type is empty where it is open."""
    from forwarders.contracts.facts import ANY
    from forwarders.contracts.fields import fields

    single = (field for field in fields(contract) if ANY not in field.path)
    return [(field.path, field.types[0] if len(field.types) == 1 else "") for field in single]
