"""`logharbor metrics`: the metrics that files would give, by all rules of all contracts, wherever their home is."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from typing import Any

import click
import msgspec

from forwarders import redact
from forwarders.cli.metrics_shown import plot, table
from forwarders.cli.options import config_option, read_contracts, schemas_option
from forwarders.cli.shown import json_line
from forwarders.config import Config, read_yaml
from forwarders.contracts.compiled import Contracts
from forwarders.deadletters import open_store
from forwarders.measuring import DIMENSION_LIMIT, Meter
from forwarders.metrics.measure import OTHER
from forwarders.metrics.points import MINUTE_MS, Point, Totals, percentile
from forwarders.model import Batch, Contract, event_ids
from forwarders.pipeline import CHUNK
from forwarders.plan import Plan, Plans
from forwarders.runtime import profile_of
from forwarders.sources import files

STEPS = {"minute": MINUTE_MS, "hour": 60 * MINUTE_MS, "day": 1440 * MINUTE_MS}
MAX_STEPS = 48
"""Rows of one series in a table; with more of them the step is the next longer one."""

NOTHING = 1


@click.command("metrics", short_help="Print or plot the metrics that files would give.")
@click.argument("source", nargs=-1, required=True)
@config_option
@schemas_option
@click.option("--metric", "names", multiple=True, metavar="NAME", help="Only this metric. Repeatable.")
@click.option("--per", type=click.Choice(["auto", *STEPS]), default="auto", show_default=True, help="The step of time.")
@click.option("--plot", "plotted", is_flag=True, help="Draw each series over time instead of a table.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="For people, or one JSON object.",
)
def command(
    source: tuple[str, ...],
    config_path: str | None,
    schemas_path: str | None,
    names: tuple[str, ...],
    per: str,
    plotted: bool,
    form: str,
) -> None:
    """Print the metrics that SOURCE… (files, folders, globs, - for standard input) would give, over event time.

    All rules of all contracts are measured here, also those whose home is a CloudWatch metric filter; with them the
    profile of Lambda functions, and metrics that lines hold already (EMF). Nothing is sent or stored.

    Exit 0: there are some; 1: there are none; 2: wrong usage or configuration.
    """
    config = read_yaml(config_path) if config_path else Config()
    totals = measured(source, config, read_contracts(schemas_path))
    points = [point for point in totals.points() if not names or point.name in names]
    step = _step(points, per)
    points = _in_steps(points, STEPS[step])
    dropped = dict(sorted((+totals.dropped).items()))
    if form == "json":
        click.echo(json_line({"per": step, "metrics": [plain(point) for point in points], "dropped": dropped}))
    else:
        (plot if plotted else table)(points, step, STEPS[step])
        _say(points, names, dropped)
    sys.exit(0 if points else NOTHING)


def measured(source: Sequence[str], config: Config, contracts: Sequence[Contract]) -> Totals:
    """Everything that the files' events measure; nothing is shipped."""
    files.check(source)
    meter = Meter(config.metrics.namespace, None, redact.patterns, (), lambda: profile_of(config), embedded=True)
    store = open_store("dead-letters")
    assert store is not None  # nothing is put into it: no sink refuses anything here
    plans = Plans(config, Contracts(contracts), {}, store, lambda receipt: None, lambda: 0, meter=meter)
    for batch in files.batches(source):
        # A route's sinks are not asked for, so they need not be there.
        _measure(batch, plans.for_origin(batch.origin), meter)
    return meter.close()


def _measure(batch: Batch, plan: Plan, meter: Meter) -> None:
    if batch.drop:
        return
    prefix = batch.origin.id_prefix()
    measuring = meter.begin(plan.route.name, plan.origin)
    for start in range(0, len(batch.records), CHUNK):
        records = batch.records[start : start + CHUNK]
        measuring.take(plan.read(records, event_ids(prefix, records)))
    meter.hold(measuring)
    meter.keep()


def plain(point: Point) -> dict[str, Any]:
    """A point as plain data: what CloudWatch would say of it."""
    known: dict[str, Any] = {
        "namespace": point.namespace,
        "metric": point.name,
        "kind": point.kind,
        "unit": point.unit,
        "time": point.time_ms,
        "dimensions": dict(point.dimensions),
        "n": point.n,
    }
    if point.kind in ("count", "sum", "gauge"):
        return known | {"value": point.value}
    total = point.total()
    percents = {f"p{percent}": percentile(point.values, percent) for percent in (50, 95, 99)}
    ends = {"min": min(point.values), "max": max(point.values)}
    return known | {"sum": total, "average": total / point.n} | ends | percents


def _step(points: Sequence[Point], per: str) -> str:
    """The shortest step that shows the points in at most MAX_STEPS of it."""
    if per != "auto" or not points:
        return per if per != "auto" else "minute"
    for name, step in STEPS.items():
        if len({point.time_ms // step for point in points}) <= MAX_STEPS:
            return name
    return "day"


def _in_steps(points: Iterable[Point], step: int) -> list[Point]:
    totals = Totals()
    for point in points:
        totals.add(msgspec.structs.replace(point, time_ms=point.time_ms // step * step, values=point.values.copy()))
    return totals.points()


def _say(points: Sequence[Point], names: Sequence[str], dropped: dict[str, int]) -> None:
    if not points:
        wanted = f" called {', '.join(names)}" if names else ""
        click.secho(f"no metrics{wanted}: no event is of a contract that has any", fg="yellow", err=True)
    for reason, n in dropped.items():
        said = (
            f"not measured: {reason}"
            if reason != DIMENSION_LIMIT
            else f"measured as {OTHER}: a dimension has more values than are told apart"
        )
        click.secho(f"{n:,} {said}", fg="yellow", err=True)
    negative = {point.name for point in points if point.kind == "distribution" and min(point.values) < 0}
    for name in sorted(negative):
        click.secho(f"{name} has negative values: CloudWatch shows no percentiles then", fg="yellow", err=True)
