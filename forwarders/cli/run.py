"""`logharbor run`: files through the whole pipeline, here and now."""

from __future__ import annotations

import contextlib
import os
import stat
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TextIO

import click

from forwarders.cli.options import (
    DEAD_LETTERS,
    config_option,
    dead_letters_option,
    read_config,
    read_contracts,
    require_secrets,
    schemas_option,
    sink_option,
)
from forwarders.cli.receipts import kept, sqlite_paths
from forwarders.cli.shown import json_line
from forwarders.cli.summary import print_summary
from forwarders.config import Config
from forwarders.contracts.compiled import Contracts
from forwarders.deadletters import open_store
from forwarders.errors import Transient
from forwarders.model import Contract, Deadline, Fate
from forwarders.pipeline import run
from forwarders.runtime import make_ready, open_plans, open_sinks
from forwarders.sources import files
from forwarders.totals import Totals

BATCH_SECONDS = 120.0
"""How long one batch may try to be delivered; what is left then is returned, and the next run brings it."""

RECEIPTS = "logharbor-receipts.db"
"""Where receipts are kept when no sink is a SQLite file."""

FAILED, INTERRUPTED = 1, 130


@click.command("run", short_help="Land files, folders or standard input.")
@click.argument("source", nargs=-1, required=True)
@sink_option
@config_option
@schemas_option
@dead_letters_option
@click.option(
    "--receipts",
    metavar="PATH",
    help=f"The SQLite file for receipts  [default: those of the sqlite sinks, else {RECEIPTS}]",
)
@click.option("--label", default="", help="A host's name, say: keeps apart logs of several hosts that begin alike.")
@click.option("--explore", is_flag=True, help="Open the explorer on the SQLite file afterwards.")
@click.option("--json", "as_json", is_flag=True, help="Print the account as one JSON object as the last line.")
def command(
    source: tuple[str, ...],
    sinks: tuple[str, ...],
    config_path: str | None,
    schemas_path: str | None,
    dead_letters: str | None,
    receipts: str | None,
    label: str,
    explore: bool,
    as_json: bool,
) -> None:
    """Land SOURCE… (files, folders, globs, - for standard input; plain, gzip or zstd).

    Without --sink and --config it lands in logharbor.db. Running the same input again changes nothing.

    Exit 0: all accounted for and nothing to come again; 1: not so; 2: wrong usage or configuration; 130: interrupted.
    """
    config = read_config(config_path, sinks, default=("sqlite:logharbor.db",))
    databases = sqlite_paths(config)
    if explore:
        _require_explorer(databases)
    require_secrets(config)
    contracts = read_contracts(schemas_path)
    store = dead_letters or config.dead_letters or DEAD_LETTERS
    totals = Totals()
    started = time.monotonic()
    code = land(source, config, contracts, store, _receipt_files(receipts, config), totals, label)
    cut_off = _is_cut_off(totals, config)
    if _prints_in_vain(totals, config):
        _forget_stdout()
    if cut_off:
        sys.exit(FAILED)
    print_summary(totals, time.monotonic() - started, store)
    if as_json:
        click.echo(json_line(totals.plain()))
    if explore and code != INTERRUPTED:
        from forwarders.explorer import serve

        serve(databases[0], contracts)
    sys.exit(code)


def land(
    source: Sequence[str],
    config: Config,
    contracts: Sequence[Contract],
    dead_letters: str,
    receipts: Sequence[str],
    totals: Totals,
    label: str = "",
) -> int:
    """Every line of `source` is landed in every sink of `config`, and `totals` says what became of all; the exit code.

    `receipts` are the SQLite files that keep the receipts. Cut short, by Ctrl-C or a disk that fails, it says so, sinks
    are closed, and the receipts of finished batches are kept.
    """
    files.check(source)
    store = open_store(dead_letters)
    assert store is not None
    opened = open_sinks(config)
    for name in opened:  # a sink that gets nothing is told of as well
        totals.sinks[name] = dict.fromkeys(Fate, 0)
    try:
        with contextlib.ExitStack() as stack:
            for sink in opened.values():
                stack.callback(sink.close)
            make_ready(opened, contracts)
            write_receipt = stack.enter_context(kept(receipts, totals.add))
            plans = open_plans(config, Contracts(contracts), opened, store, write_receipt, reports_part=True)
            on_bytes = stack.enter_context(_progress(source, config))
            for batch in files.batches(source, on_bytes=on_bytes, label=label):
                run(batch, plans.for_origin(batch.origin), _deadline(BATCH_SECONDS))
                if _is_cut_off(totals, config):
                    break
    except KeyboardInterrupt:
        _say("interrupted: what is not accounted for below is landed by the same command again")
        return INTERRUPTED
    except Transient as error:
        _say(f"cut short: {error}; the same command again lands the rest")
        return FAILED
    return 0 if totals.balanced and not totals.returned else FAILED


def _receipt_files(path: str | None, config: Config) -> list[str]:
    if path:
        return [path]
    only_shown = all(sink.type == "stdout" for sink in config.sinks.values())
    return sqlite_paths(config) or ([] if only_shown else [RECEIPTS])


def _require_explorer(databases: Sequence[str]) -> None:
    """Before the work, not after it."""
    if not databases:
        raise click.UsageError("--explore needs a sink sqlite:PATH")
    from forwarders.explorer.server import require_extra

    require_extra()


def _is_cut_off(totals: Totals, config: Config) -> bool:
    """Whether standard output is the only sink, and its reader is gone (`| head`): nobody wants the rest."""
    only_shown = all(sink.type == "stdout" for sink in config.sinks.values())
    return only_shown and _is_a(sys.stdout, stat.S_ISFIFO) and _prints_in_vain(totals, config)


def _prints_in_vain(totals: Totals, config: Config) -> bool:
    """Whether standard output takes no more: a reader that is gone, a full disk."""
    shown = (name for name, sink in config.sinks.items() if sink.type == "stdout")
    return any("returned:stdout_closed" in totals.reasons.get(name, {}) for name in shown)


def _forget_stdout() -> None:
    """Python would complain at exit that it cannot write what nobody reads."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _deadline(seconds: float) -> Deadline:
    ends = time.monotonic() + seconds
    return lambda: ends - time.monotonic()


def _say(text: str) -> None:
    click.secho(text, fg="yellow", err=True)


@contextlib.contextmanager
def _progress(source: Sequence[str], config: Config) -> Iterator[Callable[[int], None]]:
    """A bar on standard error where that is a terminal, unless the events themselves may go to that terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = (TextColumn("landing"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    hidden = not console.is_terminal or (_prints_events(config) and not _is_a(sys.stdout, stat.S_ISREG))
    with Progress(*columns, console=console, transient=True, disable=hidden) as progress:
        task = progress.add_task("landing", total=files.size(source))
        yield lambda n: progress.update(task, advance=n)


def _prints_events(config: Config) -> bool:
    return any(sink.type == "stdout" for sink in config.sinks.values())


def _is_a(stream: TextIO, kind: Callable[[int], bool]) -> bool:
    """Whether the stream is a file, a pipe …; a terminal shows events and bar on one screen, a pipe's reader may."""
    try:
        return kind(os.fstat(stream.fileno()).st_mode)
    except (OSError, ValueError):
        return False
