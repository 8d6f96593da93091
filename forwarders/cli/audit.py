"""`logharbor audit`: adds up receipts and says whether the account balances."""

from __future__ import annotations

import sys

import click

from forwarders.cli.options import json_option
from forwarders.cli.shown import json_line, printable


@click.command("audit", short_help="Add up receipts and say whether the account balances.")
@click.argument("path", type=click.Path(exists=True, dir_okay=False, allow_dash=True))
@json_option
def command(path: str, as_json: bool) -> None:
    """Add up the receipts of PATH: a SQLite file, or log lines that hold receipts (- for standard input).

    Of a SQLite file the events that are there are compared with what the receipts claim, by number, ids and content.

    Exit 0: every receipt, their sum, and the events balance; 1: they do not; 2: there are no receipts.
    """
    from forwarders.audit import audit, render

    report = audit(path)
    if as_json:
        click.echo(json_line(report))
    else:
        click.echo("\n".join(map(printable, render(report).split("\n"))))
    sys.exit(0 if report.balanced else 1)
