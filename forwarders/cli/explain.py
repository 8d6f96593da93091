"""`logharbor explain 'LINE'`: what happens to one line, step by step, and why. Nothing is sent."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator

import click
from rich.console import Console
from rich.table import Table

from forwarders.cli.options import config_option, read_config, read_contracts, schemas_option, sink_option
from forwarders.config import Config
from forwarders.contracts.compiled import Contracts
from forwarders.lanes import LaneSpec
from forwarders.model import Event, Origin, Record, Verdict, event_id
from forwarders.plan import Plan, format_of
from forwarders.receipts import memory_receipts
from forwarders.runtime import open_plans, open_sinks

Step = tuple[str, str]


class _NoStore:
    def put(self, kind: str, name: str, body: bytes) -> None:
        raise AssertionError("explaining stores nothing")


@click.command("explain")
@click.argument("line")
@click.option("--log-group", default="/aws/lambda/example", show_default=True, help="The log group it would come from.")
@sink_option
@config_option
@schemas_option
def command(
    line: str, log_group: str, sinks: tuple[str, ...], config_path: str | None, schemas_path: str | None
) -> None:
    """Say what would happen to LINE (- reads it from standard input) and why; nothing is sent or stored."""
    text = sys.stdin.read().removesuffix("\n") if line == "-" else line
    config = read_config(config_path, sinks, default=("sqlite:logharbor.db",))
    contracts = Contracts(read_contracts(schemas_path))
    plans = open_plans(config, contracts, open_sinks(config), _NoStore(), memory_receipts().write, reports_part=True)
    origin = Origin("cloudwatch", f"explain:{log_group}", log_group=log_group)
    plan = plans.for_origin(origin)
    now_ms = time.time_ns() // 1_000_000
    id = event_id(origin.id_prefix(), "0")
    (event,) = plan.read([Record("0", now_ms, text)], [id])
    console = Console(highlight=False, soft_wrap=True)
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(style="bold cyan", no_wrap=True)
    table.add_column(overflow="fold")
    for title, words in _steps(event, plan, config, contracts, log_group, now_ms):
        table.add_row(title, words)
    console.print(table)


def _steps(
    event: Event, plan: Plan, config: Config, contracts: Contracts, log_group: str, now_ms: int
) -> Iterator[Step]:
    route = plan.route
    yield "route", f"{route.name}: format {format_of(route)}, sinks {', '.join(lane.name for lane in plan.lanes)}"
    yield "format", _format_words(event)
    yield from _contract_steps(event, contracts)
    if event.time_ms == now_ms:
        yield "time", "the log event's own (here: now)"
    else:
        yield "time", f"{_utc(event.time_ms)}, from the contract's time field"
    yield "id", f"{event.id} (by where the line comes from, so a redelivery has the same)"
    for lane in plan.lanes:
        yield f"→ {lane.name}", _copy(lane, event)


def _format_words(event: Event) -> str:
    if event.verdict is Verdict.INVALID and not event.name:
        return f"not readable: {event.reason}"
    said = ", ".join(f"{key} {value}" for key, value in (event.context or {}).items())
    words = f"event {event.name!r}" if event.name else "an event that does not say its name"
    repaired = f"; repaired: {', '.join(event.flags)}" if event.flags else ""
    return words + (f"; its wrapper said: {said}" if said else "") + repaired


def _contract_steps(event: Event, contracts: Contracts) -> Iterator[Step]:
    contract = event.contract
    if contract is None:
        if event.verdict is Verdict.UNREGISTERED:
            reason = contracts.reason(event.name, event.data.get("event_version"))
            yield "contract", f"none ({reason}): it lands in the dataset for what has no contract"
        yield "verdict", str(event.verdict)
        return
    yield "contract", f"{contract.name} v{contract.major} ({contract.version}), owner {contract.owner}"
    yield "verdict", str(event.verdict) + (f", drift: {', '.join(event.drift)}" if event.drift else "")
    for flaw in event.flaws:
        where = flaw.pointer or "(the event)"
        yield "  flaw", f"{where}: {flaw.keyword}, expected {flaw.expected}, found {flaw.found}"
    if event.flaws:
        from forwarders.contracts.explain import explain

        yield "  in words", explain(contract, event.data)


def _copy(lane: LaneSpec, event: Event) -> str:
    choice = lane.choose(event)
    if isinstance(choice, tuple):
        fate, reason = choice
        return f"{fate} ({reason})"
    return choice(event).replace("\x1f", " | ").strip()


def _utc(time_ms: int) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(time_ms / 1000)) + f".{time_ms % 1000:03d}Z"
