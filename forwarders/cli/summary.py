"""What a person reads after a run: how many landed where, what did not, why, and whose it is."""

from __future__ import annotations

from collections.abc import Mapping

from rich.console import Console
from rich.table import Table
from rich.text import Text

from forwarders.cli.shown import printable
from forwarders.model import Fate
from forwarders.totals import Totals

MOST = 8
"""Reasons of a sink, owners and drifting fields that are shown; the explorer and --json have all."""

_STYLES = {Fate.DELIVERED: "green", Fate.QUARANTINED: "yellow", Fate.DEAD: "red", Fate.RETURNED: "red"}


def print_summary(totals: Totals, seconds: float, dead_letters: str = "") -> None:
    """The account of a run, on standard error. What an event's author chose is shown as text, never as markup."""
    console = Console(stderr=True, highlight=False, markup=False)
    speed = f" ({totals.taken / seconds:,.0f} a second)" if totals.taken and seconds > 0 else ""
    console.print()
    console.print(Text(f"{totals.taken:,} records", "bold").append(f" in {seconds:.1f} s{speed}", "not bold"))
    verdicts = {str(verdict): n for verdict, n in totals.verdicts.items()}
    drifted = f" ({totals.drifted:,} with drift)" if totals.drifted else ""
    valid, *others = [f"{n:,} {verdict}" for verdict, n in verdicts.items()]
    console.print(f"Contracts: {', '.join([valid + drifted, *others])}")
    _sinks(console, totals)
    for names, reasons in _reasons(totals):
        _counts(console, f"Why, in {', '.join(names)}", {key.replace(":", ": ", 1): n for key, n in reasons.items()})
    _counts(console, "Quarantined, by owner of the contract", totals.owners)
    _counts(console, "Drift: valid, and more than the contract knows", totals.drift)
    console.print()
    _verdict(console, totals, dead_letters)


def _sinks(console: Console, totals: Totals) -> None:
    if not totals.sinks:
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("sink", no_wrap=True, min_width=min(20, max(map(len, totals.sinks))))
    for fate in Fate:
        table.add_column(str(fate), justify="right", no_wrap=True)
    for name, fates in totals.sinks.items():
        table.add_row(Text(name), *(_cell(fate, fates[fate]) for fate in Fate))
    console.print()
    console.print(table)


def _reasons(totals: Totals) -> list[tuple[list[str], dict[str, int]]]:
    """The reasons of each sink; sinks that say the same are named together."""
    told: list[tuple[list[str], dict[str, int]]] = []
    for name, reasons in totals.reasons.items():
        same = next((names for names, known in told if known == reasons), None)
        if same is None:
            told.append(([name], reasons))
        else:
            same.append(name)
    return told


def _cell(fate: Fate, n: int) -> Text:
    return Text(f"{n:,}", _STYLES.get(fate, "") if n else "dim")


def _counts(console: Console, title: str, counts: Mapping[str, int]) -> None:
    if not counts:
        return
    console.print()
    console.print(Text(title, "bold"))
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(justify="right", no_wrap=True, min_width=9)
    table.add_column(overflow="fold")
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    for name, n in ranked[:MOST]:
        table.add_row(f"{n:,}", Text(printable(name)))
    if len(ranked) > MOST:
        table.add_row(f"{sum(n for _, n in ranked[MOST:]):,}", Text(f"of {len(ranked) - MOST:,} more", "dim"))
    console.print(table)


def _verdict(console: Console, totals: Totals, dead_letters: str) -> None:
    dead = sum(fates[Fate.DEAD] for fates in totals.sinks.values())
    if dead:
        console.print(f"{dead:,} refused for good are kept in {dead_letters}/dead.", style="red")
    if totals.ambiguous:
        console.print(
            f"{totals.ambiguous:,} were in requests that were never answered: copies may be there twice.",
            style="yellow",
        )
    if totals.returned:
        console.print(f"{totals.returned:,} are still to come: the same command again lands them.", style="red")
    if totals.balanced:
        told = Text("The account balances", "green")
        console.print(told.append(": every record has exactly one fate in every sink.", "default"))
    else:
        kept = f"the raw batches are in {dead_letters}/unbalanced"
        console.print(f"{totals.unbalanced:,} receipts do not balance; {kept}: please report it.", style="bold red")
