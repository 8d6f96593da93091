"""`logharbor schemas catalogue`: a static site of every event."""

from __future__ import annotations

from pathlib import Path

import click

from forwarders.cli.options import HANDWRITTEN, PIPELINE, filters_option
from forwarders.config import read_yaml
from forwarders.contracts.load import read_folder
from forwarders.errors import ConfigError
from forwarders.governance import catalogue, folders, revisions
from forwarders.metrics.filters import read_handwritten


@click.command("catalogue", short_help="Write the catalogue of events: a static site.")
@click.option(
    "--schemas",
    "schemas_path",
    default="schemas",
    show_default=True,
    type=click.Path(exists=True, file_okay=False),
    help="The folder of contracts.",
)
@click.option(
    "--out", default="build/catalogue", show_default=True, type=click.Path(file_okay=False), help="Where it is written."
)
@click.option(
    "--config",
    "config_path",
    type=click.Path(exists=True, dir_okay=False),
    help=f"Says where each metric is measured  [default: {PIPELINE}, if it is there]",
)
@filters_option
@click.option("--history", "revision", metavar="REV", help="Whose versions are told  [default: HEAD, if git is there]")
@click.option("--no-history", is_flag=True, help="Without git: no versions.")
@click.option("--title", default="Event catalogue", show_default=True, help="What the first page is called.")
def command(
    schemas_path: str,
    out: str,
    config_path: str | None,
    filters_path: str,
    revision: str | None,
    no_history: bool,
    title: str,
) -> None:
    """Write the catalogue of events: a page for each with its fields, examples, metrics, alarms, consumers and
    versions, a search, and an index of fields.

    It needs no server and no network: open OUT/index.html. The same input gives the same bytes.
    """
    if no_history and revision:
        raise click.UsageError("--history names a revision and --no-history none: choose one")
    contracts = read_folder(schemas_path)
    if not contracts:
        raise ConfigError(schemas_path, "folder", "no contracts", "<domain>/<event>/v<major>.schema.json")
    folder = folders.read(schemas_path, None, Path())
    history = None if no_history else _history(folder, revision)
    if config_path is None and Path(PIPELINE).is_file():
        config_path = PIPELINE
    homes: catalogue.Homes = {}
    if config_path is not None:
        from forwarders.deriving import homes as find_homes

        handwritten = read_handwritten(Path(filters_path, HANDWRITTEN))
        homes = catalogue.homes_of(*find_homes(read_yaml(config_path), contracts, handwritten))
    entries = catalogue.entries(contracts, folder, history, homes)
    note = history.note if history is not None else ""
    files = catalogue.site(entries, title, note, config_path is not None, history is not None)
    changed = catalogue.write(Path(out), files)
    click.echo(f"{Path(out, 'index.html')}: {len(entries):,} events, {len(files):,} pages, {changed:,} changed")


def _history(folder: folders.Folder, revision: str | None) -> catalogue.History | None:
    """The versions in git; without git, and where nobody has asked for it, there are none."""
    where = Path(folder.label)
    try:
        is_there = bool(revisions.git(["rev-parse", "--verify", "--quiet", "HEAD"], where))
    except ConfigError:
        is_there = False
    if not is_there and revision is None:
        click.echo("no git history here: versions are left out", err=True)
        return None
    return catalogue.history(folder, where, revision or "HEAD")
