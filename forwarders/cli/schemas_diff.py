"""`logharbor schemas diff`: what a pull request on contracts breaks, for whom, and which version it asks for."""

from __future__ import annotations

import datetime
import sys
from pathlib import Path

import click

from forwarders.cli import diff_shown
from forwarders.errors import ConfigError
from forwarders.governance import folders, former, replay, revisions, versions
from forwarders.governance.difference import COMPATIBLE, difference
from forwarders.governance.folders import Folder

FORMATS = ("text", "json", "markdown", "github")


@click.command("diff", short_help="Say what changed contracts break, and for whom.")
@click.argument("old", required=False)
@click.argument("new", required=False)
@click.option("--against", metavar="REV", help="The branch whose merge base is OLD  [default: origin/main or main]")
@click.option(
    "--schemas",
    "schemas_path",
    metavar="FOLDER",
    help="Where contracts lie, here and in a revision  [default: schemas]",
)
@click.option(
    "--format", "form", type=click.Choice(FORMATS), default="text", show_default=True, help="For whom to say it."
)
@click.option(
    "--replay",
    "sources",
    multiple=True,
    metavar="SOURCE",
    help="Log files, or an SQLite file of `run`: counts the events that NEW refuses and OLD took. Repeatable.",
)
@click.option("--write", is_flag=True, help="Write the version that the changes ask for into x-event.version.")
def command(
    old: str | None,
    new: str | None,
    against: str | None,
    schemas_path: str | None,
    form: str,
    sources: tuple[str, ...],
    write: bool,
) -> int:
    """Say what changed contracts break: for the validator with the producers already deployed (V), for stored indices,
    columns and boards (Q), for metric filters and alarms (M).

    OLD and NEW are folders or git revisions. Without NEW it is the folder of contracts here; without OLD the merge base
    with the main branch, and then each earlier minor in its history as well.

    Exit 0 when compatible, 1 when breaking or to be reviewed, 2 for what cannot be read.
    """
    here = Path()
    before, after, branch = _sides(old, new, against, schemas_path, here)
    earlier = former.minors(before, after, branch, here) if branch else {}
    found = difference(before, after, datetime.datetime.now(datetime.UTC).date(), earlier)
    low = list(versions.wanted(found))
    if write:
        low = _written(low, after)
    replayed = replay.replay(sources, before, after) if sources else None
    diff_shown.show(found, [one.message for one in low], replayed, after, form, sys.stdout.isatty())
    return 0 if found.verdict == COMPATIBLE else 1


def _sides(
    old: str | None, new: str | None, against: str | None, schemas: str | None, here: Path
) -> tuple[Folder, Folder, str]:
    """The two folders, and the branch whose history counts too; empty where OLD was named."""
    branch = ""
    if old is None:
        old, branch = revisions.base(against, here)
    elif against is not None:
        raise click.UsageError("--against is for a diff without OLD: name one of them")
    after = folders.read(new if new is not None else schemas or "schemas", schemas, here)
    return folders.read(old, schemas, here), after, branch


def _written(low: list[versions.Wanted], after: Folder) -> list[versions.Wanted]:
    folder = Path(after.label)
    if not folder.is_dir():
        raise ConfigError(after.label, "--write", "a revision", "a folder, where a version can be written")
    left = []
    for one in low:
        if versions.write(folder, one):
            click.echo(f"{folder / one.side.file}: x-event.version is {one.version} now", err=True)
        else:
            left.append(one)
    return left
