"""`logharbor audit`: adds up receipts and says whether the account balances."""

from __future__ import annotations

import sys

import click
import msgspec


@click.command("audit")
@click.argument("path", type=click.Path(exists=True, allow_dash=True))
@click.option("--json", "as_json", is_flag=True, help="Print the report as one JSON object.")
def command(path: str, as_json: bool) -> None:
    """Add up the receipts of PATH (a SQLite file, or lines of receipts from our own log; - for standard input).

    Exit 0 when every receipt and the whole balance and the stored events are those that the receipts claim; else 1.
    """
    from forwarders.audit import audit, render

    report = audit(path)
    click.echo(msgspec.json.encode(report).decode() if as_json else render(report))
    sys.exit(0 if report.balanced else 1)
