"""The Lambda that sources invoke: `forwarders.handlers.forward.handle`.

The first invocation builds what all share; a healthy one imports no AWS client, no Elasticsearch client, no
jsonschema and no OpenTelemetry. Our own log gets one line a receipt and never anything that a payload holds.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import msgspec
from aws_lambda_powertools import Logger

from forwarders import bundle, canary, sources
from forwarders.canary import Lag
from forwarders.contracts.compiled import Contracts
from forwarders.deadletters import Store, open_store
from forwarders.errors import ConfigError, Transient
from forwarders.measuring import Meter
from forwarders.model import Deadline, Fate, Receipt
from forwarders.pipeline import run
from forwarders.plan import Plans
from forwarders.receipts import log_receipts
from forwarders.runtime import open_meter, open_plans, open_sinks
from forwarders.sources.unit import Unit

GRACE_S = 1.0
"""Kept of an invocation's time for what comes after the last attempt: dead letters, the receipt, the reply."""
REPLY_S = 0.3
"""Of that, what metrics may not take."""


class Context(Protocol):
    """What of Lambda's context object is used."""

    invoked_function_arn: str

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until Lambda ends the invocation."""
        ...


Handle = Callable[[Any, Context], Any]


class Forwarded(msgspec.Struct):
    """What became of an invocation: a receipt for each batch, the units that must come again, and why.

    `failed` are the names by which the invoker knows those units; one that was not begun has no receipt. `lags` are
    those of the canaries that it brought.
    """

    receipts: list[Receipt]
    failed: list[str]
    reasons: set[str]
    lags: list[Lag]


def handler(make_plans: Callable[[], Plans], logger: Logger) -> Handle:
    """A handler whose plans are made with the first invocation."""
    made: list[Plans] = []

    def handle(event: Any, context: Context) -> Any:
        if not made:
            made.append(make_plans())
        done = forward(event, made[0], context)
        for receipt in done.receipts:
            if not receipt.balances():
                logger.error("a receipt does not balance", extra={"batch": receipt.batch})
        if done.failed:
            logger.warning("come again", extra={"units": len(done.failed), "reasons": sorted(done.reasons)})
        if made[0].meter is not None:
            _tell(made[0].meter, done, context, logger)
        return sources.source_of(event).reply(done.failed)

    return handle


def forward(event: Any, plans: Plans, context: Context) -> Forwarded:
    """Every unit of a payload was run, or is among those that must come again. A payload that no source knows is
    quarantined. Raises Transient when what must come again could neither be stored nor be asked for."""

    def deadline() -> float:
        return context.get_remaining_time_in_millis() / 1000 - GRACE_S

    region = context.invoked_function_arn.split(":")[3:4]
    source = sources.source_of(event)
    done = Forwarded([], [], set(), [])
    stopped: set[str] = set()
    if plans.meter is not None:
        plans.meter.reset()
    for unit in source.units(event, region[0] if region else ""):
        if not source.reports_part:
            _run(unit, plans, deadline, reports_part=False, done=done)
            continue
        reasons = {"order"} if unit.order in stopped else {"deadline"} if deadline() <= 0 else set()
        if not reasons:
            reasons = _told(unit, plans, deadline, done)
            if plans.meter is not None:  # what comes again is measured then
                (plans.meter.forget if reasons else plans.meter.keep)()
        if reasons:
            done.failed.append(unit.name)
            done.reasons |= reasons
            if unit.order is not None:
                stopped.add(unit.order)
    return done


def _told(unit: Unit, plans: Plans, deadline: Deadline, done: Forwarded) -> set[str]:
    """Why the unit, having been run, must come again: its invoker is told. Empty: it need not."""
    first = len(done.receipts)
    try:
        _run(unit, plans, deadline, reports_part=True, done=done)
    except Transient as error:  # nothing of it may be acknowledged: its receipt or a broken payload was not kept
        return {error.reason}
    accounts = [account for receipt in done.receipts[first:] for account in receipt.accounts.values()]
    reasons = {"returned" for account in accounts if account.fates[Fate.RETURNED].n}
    if reasons:
        said = f"{Fate.RETURNED}:"
        of = {
            reason.removeprefix(said) for account in accounts for reason in account.reasons if reason.startswith(said)
        }
        return of or reasons
    return reasons


def _run(unit: Unit, plans: Plans, deadline: Deadline, *, reports_part: bool, done: Forwarded) -> None:
    for batch in unit.batches:
        plan = plans.for_origin(batch.origin)
        if reports_part:
            plan = msgspec.structs.replace(plan, reports_part=True)
        receipt = run(batch, plan, deadline)
        done.receipts.append(receipt)
        done.lags += canary.lags(batch.origin.log_group, batch.records, receipt, plan.clock_ms())


def _tell(meter: Meter, done: Forwarded, context: Context, logger: Logger) -> None:
    """The metrics of the invocation are out, or counted in our log: never more than a warning."""
    meter.lag(done.lags)
    account = context.invoked_function_arn.split(":")[4:5]
    meter.resource.setdefault("cloud.account.id", account[0] if account else "")
    dropped = meter.flush(context.get_remaining_time_in_millis() / 1000 - REPLY_S)
    if dropped:
        logger.warning("metrics dropped", extra={"reasons": dict(dropped)})


def plans_from_bundle(logger: Logger, environ: Mapping[str, str] = os.environ) -> Plans:
    """The plans of the bundle that LOGHARBOR_BUNDLE names or sys.path holds."""
    path = bundle.find(environ)
    body = path.read_bytes()
    config, entries = bundle.read(body, str(path))
    if not config.sinks:
        raise ConfigError(
            str(path), "sinks", "none", "at least one", "What no sink takes would be acknowledged and lost."
        )
    store = _store(config.dead_letters)
    receipts = log_receipts(lambda line: logger.info("receipt", extra={"receipt": line}))
    name = environ.get("LOGHARBOR_NAME", "")
    meter = open_meter(config, bundle.read_measured(body), _print, pipeline=name)
    meter.resource.update(_resource(config.environment, environ))
    opened = open_sinks(config)
    return open_plans(config, Contracts(entries), opened, store, receipts.write, reports_part=False, meter=meter)


def _print(line: str) -> None:
    """One line of our log as it is: CloudWatch takes an EMF document only without anything around it."""
    print(line, flush=True)


_RESOURCE = {
    "cloud.region": "AWS_REGION",
    "faas.name": "AWS_LAMBDA_FUNCTION_NAME",
    "faas.version": "AWS_LAMBDA_FUNCTION_VERSION",
    "faas.instance": "AWS_LAMBDA_LOG_STREAM_NAME",
}
"""What OpenTelemetry calls this function, and the runtime's variable for it."""


def _resource(environment: str, environ: Mapping[str, str]) -> dict[str, str]:
    said = {name: environ[variable] for name, variable in _RESOURCE.items() if environ.get(variable)}
    known = {"service.name": "logharbor", "deployment.environment.name": environment}
    return known | {"cloud.provider": "aws", "cloud.platform": "aws_lambda"} | said


def _store(where: str) -> Store:
    store = open_store(where)
    if store is None:
        hint = "What a sink refuses, and what must come again, is kept there."
        raise ConfigError("pipeline.yaml", "dead_letters", "nothing", "s3://bucket/prefix", hint)
    return store


def ascii_json(line: dict[str, Any]) -> str:
    """A line of our log. All but ASCII is escaped: the name of a stream must not move a cursor or turn text round."""
    return json.dumps(line, default=str, separators=(",", ":"))


logger = Logger(service="logharbor", json_serializer=ascii_json)
handle = handler(lambda: plans_from_bundle(logger), logger)
