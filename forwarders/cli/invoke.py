"""`logharbor invoke`: what Lambda would do with one payload, here, with the receipt."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import click
import msgspec

from forwarders.cli.options import config_option, read_config, read_contracts, schemas_option, sink_option
from forwarders.contracts.compiled import Contracts
from forwarders.deadletters import open_store
from forwarders.errors import ConfigError
from forwarders.model import Receipt
from forwarders.receipts import to_dict
from forwarders.runtime import make_ready, open_plans, open_sinks


class _Context:
    """A Lambda context with so many seconds left."""

    invoked_function_arn = "arn:aws:lambda:local:000000000000:function:logharbor-forward"

    def __init__(self, seconds: float) -> None:
        self._ends = time.monotonic() + seconds

    def get_remaining_time_in_millis(self) -> int:
        return int((self._ends - time.monotonic()) * 1000)


@click.command("invoke")
@click.argument("event", type=click.File("rb"))
@sink_option
@config_option
@schemas_option
@click.option("--dead-letters", help="A folder or s3://bucket/prefix [default: of --config, or dead-letters].")
@click.option("--timeout", default=60.0, show_default=True, help="The function's time-out in seconds.")
def command(
    event: click.File,
    sinks: tuple[str, ...],
    config_path: str | None,
    schemas_path: str | None,
    dead_letters: str | None,
    timeout: float,
) -> None:
    """Run the payload in the file EVENT (- for standard input) as Lambda would, and print its receipts.

    Events go to standard output unless --sink or --config says otherwise; receipts to standard error.
    """
    from forwarders import sources
    from forwarders.handlers.forward import forward

    config = read_config(config_path, sinks, default=("stdout",))
    contracts = read_contracts(schemas_path)
    payload = _payload(event)
    store = open_store(dead_letters or config.dead_letters or "dead-letters")
    assert store is not None
    opened = open_sinks(config)

    def write_receipt(receipt: Receipt) -> None:
        line = msgspec.json.format(msgspec.json.encode(to_dict(receipt)), indent=2)
        click.echo(line.decode(), err=True)

    make_ready(opened, contracts)
    plans = open_plans(config, Contracts(contracts), opened, store, write_receipt, reports_part=False)
    receipts = forward(payload, plans, _Context(timeout))
    for sink in opened.values():
        sink.close()
    answer = sources.reply(payload, receipts)
    click.echo(f"the function would answer: {msgspec.json.encode(answer).decode()}", err=True)
    sys.exit(0 if all(receipt.balances() for receipt in receipts) else 1)


def _payload(file: object) -> object:
    body = file.read()  # type: ignore[attr-defined]
    try:
        return msgspec.json.decode(body)
    except msgspec.DecodeError as error:
        name = str(Path(getattr(file, "name", "-")))
        raise ConfigError(
            name, "(whole file)", str(error), "the JSON that Lambda would hand to the function"
        ) from error
