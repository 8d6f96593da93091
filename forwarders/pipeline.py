"""run(batch, plan, deadline) -> Receipt: the whole way of a batch. Floor 2.

The one place where an exception becomes a fate. A batch is worked off in chunks, so that no more than one chunk of
parsed events and one request's worth of encoded text is held at a time.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from forwarders.accounting import Accounts, batch_id, id_sum
from forwarders.deadletters import StoredBatch, stored_batch
from forwarders.lanes import Lane
from forwarders.model import Batch, Deadline, Fate, Receipt, Tally, event_ids
from forwarders.plan import Plan

CHUNK = 100
"""Records read, encoded and let go together, so that they stay in the processor's cache (500 cost 3 % more)."""


def run(batch: Batch, plan: Plan, deadline: Deadline) -> Receipt:
    """Every record of `batch` has one fate for each of the plan's sinks, and the receipt that says so is written.

    What is `returned` is in the store as a batch to come again where the invoker cannot be told about a part. Raises
    Transient when that store could not be reached: then nothing may be acknowledged.
    """
    with _without_cycle_search():
        return _run(batch, plan, deadline)


@contextmanager
def _without_cycle_search() -> Iterator[None]:
    """Python's cyclic garbage collector waits: events hold no cycles, and looking for them costs up to 8 %."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _run(batch: Batch, plan: Plan, deadline: Deadline) -> Receipt:
    prefix = batch.origin.id_prefix()
    accounts = Accounts([spec.name for spec in plan.lanes])
    lanes = [Lane(spec, accounts.of(spec.name), len(plan.lanes)) for spec in plan.lanes]
    taken = Tally()
    measuring = plan.meter.begin(plan.route.name, plan.origin) if plan.meter is not None else None
    for start in range(0, len(batch.records), CHUNK):
        records = batch.records[start : start + CHUNK]
        ids = event_ids(prefix, records)
        ids_sum = id_sum(ids)
        taken.add(len(ids), ids_sum)
        if batch.drop or deadline() <= 0:
            fate, reason = (Fate.FILTERED, batch.drop) if batch.drop else (Fate.RETURNED, "deadline")
            _settle(lanes, ids, fate, reason)
            if measuring is not None and not batch.drop:
                measuring.unread(len(ids))
            continue
        try:
            events = plan.read(records, ids)
        except MemoryError:
            _settle(lanes, ids, Fate.RETURNED, "memory")
            if measuring is not None:
                measuring.unread(len(ids))
            continue
        accounts.judge(events)
        if measuring is not None:
            measuring.take(events)
        for lane in lanes:
            lane.take(events, ids, ids_sum, deadline)
    for lane in lanes:
        lane.ship(deadline)
    batch_name = batch_id(prefix, taken)
    for lane in lanes:
        lane.bury(plan.store, batch_name)
    receipt = accounts.close(batch_name, plan.origin, taken, plan.clock_ms())
    _keep(batch, receipt, plan, lanes)
    plan.write_receipt(receipt)
    if plan.meter is not None and measuring is not None:
        plan.meter.end(measuring, receipt)
    return receipt


def _settle(lanes: Sequence[Lane], ids: Sequence[str], fate: Fate, reason: str) -> None:
    for lane in lanes:
        lane.settle(ids, fate, reason)


def _keep(batch: Batch, receipt: Receipt, plan: Plan, lanes: Sequence[Lane]) -> None:
    """What must outlive this invocation is in the store, raw, under the prefix of its kind."""
    if batch.raw and any(record.fault for record in batch.records):
        plan.store.put("undecoded", f"{receipt.batch}.bin", batch.raw)
    if not receipt.balances():
        stored = StoredBatch(receipt.batch, batch.origin, batch.raw, None, "unbalanced")
        plan.store.put("unbalanced", f"{receipt.batch}.json", stored_batch(stored))
    wanted = {lane.name: lane.returned for lane in lanes if lane.returned}
    if wanted and not plan.reports_part:
        stored = StoredBatch(receipt.batch, batch.origin, batch.raw, wanted, "returned")
        plan.store.put("returned", f"{receipt.batch}.json", stored_batch(stored))
