"""`logharbor run`: files through the whole pipeline, here and now."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterator, Sequence

import click
import msgspec
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from forwarders.cli.options import config_option, read_config, read_contracts, schemas_option, sink_option
from forwarders.cli.summary import print_summary
from forwarders.config import Config
from forwarders.contracts.compiled import Contracts
from forwarders.deadletters import open_store
from forwarders.model import Contract, Deadline, Receipt
from forwarders.pipeline import run
from forwarders.receipts import Recorder, memory_receipts, sqlite_receipts
from forwarders.runtime import make_ready, open_plans, open_sinks
from forwarders.sources import files
from forwarders.totals import Totals

BATCH_SECONDS = 120.0
"""How long one batch may try to be delivered; what is left then is returned, and the next run brings it."""


@click.command("run")
@click.argument("source", nargs=-1, required=True)
@sink_option
@config_option
@schemas_option
@click.option(
    "--dead-letters", "dead_letters", help="A folder or s3://bucket/prefix [default: of --config, or dead-letters]."
)
@click.option(
    "--receipts", help="The SQLite file for receipts [default: the sqlite sink's, else logharbor-receipts.db]."
)
@click.option("--explore", is_flag=True, help="Open the explorer on the SQLite file afterwards.")
@click.option("--json", "as_json", is_flag=True, help="Print the account as one JSON object as the last line.")
def command(
    source: tuple[str, ...],
    sinks: tuple[str, ...],
    config_path: str | None,
    schemas_path: str | None,
    dead_letters: str | None,
    receipts: str | None,
    explore: bool,
    as_json: bool,
) -> None:
    """Land SOURCE… (files, folders, globs, - for standard input; plain, gzip or zstd).

    Without --sink and --config it lands in logharbor.db. Running the same input again changes nothing.
    Exit 0: all accounted for and nothing to come again; 1: not so; 2: wrong usage or configuration.
    """
    config = read_config(config_path, sinks, default=("sqlite:logharbor.db",))
    database = next((sink.path for sink in config.sinks.values() if sink.type == "sqlite"), None)
    if explore and database is None:
        raise click.UsageError("--explore needs a sink sqlite:PATH")
    contracts = read_contracts(schemas_path)
    started = time.monotonic()
    recorder = _recorder(receipts or database, config)
    totals = land(source, config, contracts, dead_letters or config.dead_letters or "dead-letters", recorder)
    print_summary(totals, time.monotonic() - started)
    if as_json:
        click.echo(msgspec.json.encode(totals.plain()).decode())
    if explore and database is not None:
        from forwarders.explorer import serve

        serve(database, contracts)
    sys.exit(0 if totals.balanced and not totals.returned else 1)


def land(
    source: Sequence[str], config: Config, contracts: Sequence[Contract], dead_letters: str, recorder: Recorder
) -> Totals:
    """Every line of `source` through the pipeline to every sink of `config`; the receipts added up."""
    total_bytes = files.size(source)
    store = open_store(dead_letters)
    assert store is not None
    opened = open_sinks(config)
    totals = Totals()

    def write_receipt(receipt: Receipt) -> None:
        recorder.write(receipt)
        totals.add(receipt)

    with contextlib.ExitStack() as stack:
        stack.callback(recorder.close)
        for sink in opened.values():
            stack.callback(sink.close)
        make_ready(opened, contracts)
        plans = open_plans(config, Contracts(contracts), opened, store, write_receipt, reports_part=True)
        for batch in files.batches(source, on_bytes=stack.enter_context(_progress(total_bytes))):
            run(batch, plans.for_origin(batch.origin), _deadline(BATCH_SECONDS))
    return totals


def _recorder(path: str | None, config: Config) -> Recorder:
    if path is None and all(sink.type == "stdout" for sink in config.sinks.values()):
        return memory_receipts()
    return sqlite_receipts(path or "logharbor-receipts.db")


def _deadline(seconds: float) -> Deadline:
    ends = time.monotonic() + seconds
    return lambda: ends - time.monotonic()


@contextlib.contextmanager
def _progress(total_bytes: int | None) -> Iterator[Callable[[int], None]]:
    """A bar on standard error where that is a terminal and the work is long."""
    console = Console(stderr=True)
    columns = (TextColumn("landing"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("landing", total=total_bytes)
        yield lambda n: progress.update(task, advance=n)
