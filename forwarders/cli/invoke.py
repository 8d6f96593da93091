"""`logharbor invoke`: what Lambda would do with one payload, here, with the receipt."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import click
import msgspec

from forwarders import bundle
from forwarders.cli.options import (
    DEAD_LETTERS,
    config_option,
    dead_letters_option,
    read_config,
    read_contracts,
    require_secrets,
    schemas_option,
    sink_option,
    with_sinks,
)
from forwarders.cli.receipts import kept, sqlite_paths
from forwarders.cli.shown import json_line, json_lines
from forwarders.config import Config
from forwarders.contracts.compiled import Contracts
from forwarders.contracts.load import Entry
from forwarders.deadletters import open_store
from forwarders.errors import ConfigError
from forwarders.model import Contract, Fate, Receipt
from forwarders.receipts import to_dict
from forwarders.runtime import make_ready, open_plans, open_sinks

if TYPE_CHECKING:
    from forwarders.handlers.forward import Forwarded

Sources = Sequence[Contract | Entry]


class _Context:
    """A Lambda context with so many seconds left."""

    def __init__(self, seconds: float, region: str) -> None:
        self.invoked_function_arn = f"arn:aws:lambda:{region}:000000000000:function:logharbor-forward"
        self._ends = time.monotonic() + seconds

    def get_remaining_time_in_millis(self) -> int:
        return int((self._ends - time.monotonic()) * 1000)


@click.command("invoke", short_help="Do what Lambda would do with a payload.")
@click.argument("event", type=click.File("rb"))
@sink_option
@config_option
@schemas_option
@click.option(
    "--bundle",
    "bundle_path",
    type=click.Path(dir_okay=False),
    help="A bundle, in place of --config and --schemas: exactly what the Lambda that has it would do.",
)
@dead_letters_option
@click.option(
    "--timeout",
    default=60.0,
    show_default=True,
    metavar="SECONDS",
    type=click.FloatRange(min=2.0),
    help="The function's time-out, at least 2; work stops 1.5 before it.",
)
@click.option("--region", default="local", show_default=True, help="The function's region.")
@click.option("--json", "as_json", is_flag=True, help="Print receipts and answer as one JSON object as the last line.")
def command(
    event: BinaryIO,
    sinks: tuple[str, ...],
    config_path: str | None,
    schemas_path: str | None,
    bundle_path: str | None,
    dead_letters: str | None,
    timeout: float,
    region: str,
    as_json: bool,
) -> None:
    """Run the payload in the file EVENT (- for standard input) as Lambda would, and print its receipts.

    Events go to standard output unless --sink, --config or --bundle says otherwise; receipts to standard error, and
    into the SQLite file where a sink is one.

    Exit 0: all accounted for and nothing to come again; 1: not so; 2: wrong usage or configuration.
    """
    from forwarders import sources

    if bundle_path and (config_path or schemas_path):
        raise click.UsageError("--bundle holds a pipeline and its contracts: name it without --config and --schemas")
    config, contracts = (
        _from_bundle(bundle_path, sinks) if bundle_path else _from_files(config_path, schemas_path, sinks)
    )
    where = dead_letters or config.dead_letters
    if bundle_path and not where:
        hint = "In Lambda it must be there. Name one with --dead-letters for now."
        raise ConfigError(bundle_path, "dead_letters", "nothing", "s3://bucket/prefix", hint)
    require_secrets(config)
    payload = _payload(event)
    done = _forward(payload, config, contracts, where or DEAD_LETTERS, _Context(timeout, region))
    receipts = done.receipts
    answer = sources.source_of(payload).reply(done.failed)
    if as_json:
        told = {"receipts": [to_dict(receipt) for receipt in receipts], "answer": answer}
        click.echo(json_line(told))
    else:
        for receipt in receipts:
            click.echo("\n".join(json_lines(json_line(to_dict(receipt)))), err=True)
        click.echo(f"the function would answer: {json_line(answer)}", err=True)
    sys.exit(0 if not done.failed and all(map(_is_done, receipts)) else 1)


def _from_files(config_path: str | None, schemas_path: str | None, sinks: Sequence[str]) -> tuple[Config, Sources]:
    return read_config(config_path, sinks, default=("stdout",)), read_contracts(schemas_path)


def _from_bundle(path: str, sinks: Sequence[str]) -> tuple[Config, Sources]:
    config, entries = bundle.read(Path(path).read_bytes(), path)
    return with_sinks(config, sinks, default=("stdout",)), entries


def _forward(payload: object, config: Config, contracts: Sources, dead_letters: str, context: _Context) -> Forwarded:
    from forwarders.handlers.forward import forward

    store = open_store(dead_letters)
    assert store is not None
    opened = open_sinks(config)
    known = Contracts(contracts)
    with contextlib.ExitStack() as stack:
        for sink in opened.values():
            stack.callback(sink.close)
        if sqlite_paths(config):
            make_ready(opened, known.all())
        write_receipt = stack.enter_context(kept(sqlite_paths(config), lambda receipt: None))
        plans = open_plans(config, known, opened, store, write_receipt, reports_part=False)
        return forward(payload, plans, context)


def _is_done(receipt: Receipt) -> bool:
    return receipt.balances() and not any(account.fates[Fate.RETURNED].n for account in receipt.accounts.values())


def _payload(file: BinaryIO) -> Any:
    body = file.read()
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        expected = "the JSON that Lambda would hand to the function"
        raise ConfigError(file.name, "(whole file)", str(error), expected) from error
