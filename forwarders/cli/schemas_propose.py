"""`logharbor schemas propose`: drafts of contracts for the events that have none."""

from __future__ import annotations

from pathlib import Path

import click

from forwarders.contracts.compiled import Contracts
from forwarders.contracts.load import read_folder
from forwarders.governance import drafts
from forwarders.governance.lint import has_errors
from forwarders.governance.propose import Proposal, collect, propose
from forwarders.governance.propose.corpus import MAX_EVENTS, Corpus


@click.command("propose", short_help="Draft contracts from events that have none.")
@click.argument("source", nargs=-1, required=True)
@click.option("--event", "names", multiple=True, help="Draft this event only, even if it has a contract. Repeatable.")
@click.option("--owner", default="nobody", show_default=True, help="The team that answers for the drafts.")
@click.option("--dataset", default="", help="Where the events are stored  [default: the first part of their name]")
@click.option(
    "--schemas",
    "folder",
    default="schemas",
    show_default=True,
    type=click.Path(file_okay=False),
    help="Where contracts are, and drafts go.",
)
@click.option("--limit", default=MAX_EVENTS, show_default=True, type=click.IntRange(1), help="Events to look at.")
@click.option("--dry-run", is_flag=True, help="Print the drafts; write nothing.")
def command(
    source: tuple[str, ...],
    names: tuple[str, ...],
    owner: str,
    dataset: str,
    folder: str,
    limit: int,
    dry_run: bool,
) -> int:
    """Draft a contract for each event in SOURCE that has none, and say what a person has to decide about it.

    SOURCE are log files, folders or -, or a SQLite file that `logharbor run` has landed in. Drafts are experimental;
    their examples are recorded events without what looks personal or secret. Exit 1 when lint refuses a draft.
    """
    contracts = Contracts(read_folder(folder) if Path(folder).is_dir() else [])
    corpus = collect(source, contracts, names, limit)
    refused = False
    wanted: drafts.Files = {}
    for name, gathered in sorted(corpus.events.items()):
        proposal = propose(name, gathered.seen, gathered.samples, owner, dataset)
        if proposal is None:
            click.echo(f"{name[:100]}: no draft: an event is named domain.entity.action in snake_case", err=True)
            refused = True
            continue
        if dry_run:
            click.echo(drafts.text_of(proposal.draft.schema), nl=False)
        else:
            wanted |= drafts.files(proposal.draft, Path(folder))
        _decisions(name, proposal)
    refused |= _write(wanted, Path(folder))
    _left(corpus)
    return 1 if refused or not corpus.events else 0


def _write(wanted: drafts.Files, folder: Path) -> bool:
    """Writes all drafts and says what lint does; True when it refuses one."""
    if not wanted:
        return False
    written = drafts.write(wanted, folder, keep=True)
    for file in written.files:
        click.echo(str(file))
    for finding in written.findings:
        place = f"{finding.file}:{finding.line}: {finding.pointer or 'the file'}"
        click.echo(f"{place}: {finding.severity}: {finding.message} [{finding.rule}]", err=True)
    return has_errors(written.findings)


def _decisions(name: str, proposal: Proposal) -> None:
    click.echo(f"{name}: to be decided by a person:", err=True)
    for decision in [
        *proposal.decisions,
        "the description, the severity, the metrics, and how many values fields take",
    ]:
        click.echo(f"  - {decision}", err=True)


def _left(corpus: Corpus) -> None:
    left = {
        "without a name": corpus.unnamed,
        "that are no JSON": corpus.unreadable,
        "with a contract": corpus.registered,
        "of names beyond the first 200": corpus.dropped,
    }
    said = ", ".join(f"{count:,} {what}" for what, count in left.items() if count)
    if said:
        click.echo(f"left alone: {said}", err=True)
    if not corpus.events:
        click.echo("no event without a contract was found", err=True)
