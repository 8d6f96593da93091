"""What a person reads after a run: how many landed where, what did not, why, and whose it is."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from forwarders.model import Fate
from forwarders.totals import Totals

_STYLES = {Fate.DELIVERED: "green", Fate.QUARANTINED: "yellow", Fate.DEAD: "red", Fate.RETURNED: "red"}


def print_summary(totals: Totals, seconds: float) -> None:
    """The account of a run, on standard error."""
    console = Console(stderr=True, highlight=False)
    speed = f"{totals.taken / seconds:,.0f} a second" if seconds > 0 else ""
    console.print(f"\n[bold]{totals.taken:,} records[/bold] in {seconds:.1f} s ({speed})")
    verdicts = ", ".join(f"{n:,} {verdict}" for verdict, n in totals.verdicts.items())
    console.print(f"Contracts say: {verdicts}; {totals.drifted:,} of the valid ones drift")
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("sink")
    for fate in Fate:
        table.add_column(str(fate), justify="right")
    for name, fates in totals.sinks.items():
        table.add_row(name, *(_cell(fate, fates[fate]) for fate in Fate))
    console.print(table)
    for name, reasons in totals.reasons.items():
        for reason, n in sorted(reasons.items(), key=lambda item: -item[1])[:8]:
            console.print(f"  {name}: {n:,} × {reason}", style="dim")
    if totals.owners:
        owners = ", ".join(f"{owner} {n:,}" for owner, n in sorted(totals.owners.items(), key=lambda item: -item[1]))
        console.print(f"Quarantined, by owner: {owners}")
    if totals.drift:
        top = sorted(totals.drift.items(), key=lambda item: -item[1])[:5]
        console.print("Drift: " + ", ".join(f"{field} {n:,}" for field, n in top))
    if totals.balanced:
        console.print("[green]The account balances[/green]: every record has exactly one fate in every sink.")
    else:
        console.print(
            f"[red bold]{totals.unbalanced} receipts do not balance[/]: the raw batches are kept; please report."
        )


def _cell(fate: Fate, n: int) -> str:
    style = _STYLES.get(fate) if n else "dim"
    return f"[{style}]{n:,}[/{style}]" if style else f"{n:,}"
