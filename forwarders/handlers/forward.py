"""The Lambda that sources invoke: `forwarders.handlers.forward.handle`.

The first invocation builds what all share; a healthy one imports no AWS client, no Elasticsearch client, no
jsonschema and no OpenTelemetry. Our own log gets one line a receipt and never anything that a payload holds.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from aws_lambda_powertools import Logger

from forwarders import bundle, sources
from forwarders.contracts.compiled import Contracts
from forwarders.deadletters import Store, open_store
from forwarders.errors import ConfigError
from forwarders.model import Receipt
from forwarders.pipeline import run
from forwarders.plan import Plans
from forwarders.receipts import log_receipts
from forwarders.runtime import open_plans, open_sinks

GRACE_S = 1.0
"""Kept of an invocation's time for what comes after the last attempt: dead letters, the receipt, the reply."""


class Context(Protocol):
    """What of Lambda's context object is used."""

    invoked_function_arn: str

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until Lambda ends the invocation."""
        ...


Handle = Callable[[Any, Context], Any]


def handler(make_plans: Callable[[], Plans], logger: Logger) -> Handle:
    """A handler whose plans are made with the first invocation."""
    made: list[Plans] = []

    def handle(event: Any, context: Context) -> Any:
        if not made:
            made.append(make_plans())
        receipts = forward(event, made[0], context)
        for receipt in receipts:
            if not receipt.balances():
                logger.error("a receipt does not balance", extra={"batch": receipt.batch})
        return sources.reply(event, receipts)

    return handle


def forward(event: Any, plans: Plans, context: Context) -> list[Receipt]:
    """Every batch of a payload, run; one receipt each. A payload that no source knows is quarantined."""

    def deadline() -> float:
        return context.get_remaining_time_in_millis() / 1000 - GRACE_S

    region = context.invoked_function_arn.split(":")[3:4]
    batches = sources.batches(event, region[0] if region else "")
    return [run(batch, plans.for_origin(batch.origin), deadline) for batch in batches]


def plans_from_bundle(logger: Logger, environ: Mapping[str, str] = os.environ) -> Plans:
    """The plans of the bundle that LOGHARBOR_BUNDLE names or sys.path holds."""
    path = bundle.find(environ)
    config, entries = bundle.read(path.read_bytes(), str(path))
    store = _store(config.dead_letters)
    receipts = log_receipts(lambda line: logger.info("receipt", extra={"receipt": line}))
    return open_plans(config, Contracts(entries), open_sinks(config), store, receipts.write, reports_part=False)


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
