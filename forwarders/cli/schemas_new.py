"""`logharbor schemas new`: a contract with its examples, from a few words."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import click

from forwarders.governance import drafts
from forwarders.governance.lint import has_errors
from forwarders.governance.new import new

STABILITIES = ("experimental", "beta", "stable", "deprecated")
SEVERITIES = ("trace", "debug", "info", "warn", "error", "fatal")


@click.command("new", short_help="Write a new contract; ask for what is not given.")
@click.option("--event", help="The event's name: domain.entity.action.")
@click.option("--owner", help="The team that answers for it.")
@click.option("--domain", default="", help="The folder it lies in  [default: the first part of the event's name]")
@click.option("--dataset", help="Where its events are stored  [default: the domain]")
@click.option(
    "--stability", type=click.Choice(STABILITIES), default="experimental", show_default=True, help="How firm it is."
)
@click.option(
    "--severity", type=click.Choice(SEVERITIES), default="info", show_default=True, help="How grave the event is."
)
@click.option("--title", default="", help="What people call it.")
@click.option("--description", default="", help="When there is one of it.")
@click.option(
    "--field", "fields", multiple=True, metavar="NAME[!]:TYPE[:UNIT]", help="A field; ! means required. Repeatable."
)
@click.option(
    "--schemas", "folder", default="schemas", show_default=True, type=click.Path(file_okay=False), help="The contracts."
)
def command(
    event: str | None,
    owner: str | None,
    domain: str,
    dataset: str | None,
    stability: str,
    severity: str,
    title: str,
    description: str,
    fields: tuple[str, ...],
    folder: str,
) -> int:
    """Write a contract, an event that it takes, and one that it refuses: lint accepts them at once.

    Types are string, text, integer, number, boolean, time, date, uuid, ip, email and enum=a|b; [] after one makes an
    array, and dots in a name nest: --field 'user!:string' --field duration:number:ms --field source.ip:ip.
    """
    if domain and not re.fullmatch("[a-z0-9_-]{1,64}", domain):
        raise click.BadParameter("expected a folder's name in lower case", param_hint="--domain")
    asked = event is None or owner is None
    if asked and not sys.stdin.isatty() and (event is None and owner is None):
        raise click.UsageError("nothing to ask: give --event and --owner, or call it from a terminal")
    event = event if event is not None else click.prompt("Event (domain.entity.action)")
    owner = owner if owner is not None else click.prompt("Owner (a team)")
    if dataset is None and asked:
        dataset = click.prompt("Dataset", default=event.partition(".")[0])
    if asked and not fields:
        fields = _ask_fields()
    draft = new(event, owner, dataset or "", stability, severity, fields, title, description)
    written = drafts.write(drafts.files(draft, Path(folder), domain), Path(folder))
    for finding in written.findings:
        click.echo(f"{finding.severity}: {finding.pointer}: {finding.message} [{finding.rule}]", err=True)
    if has_errors(written.findings):
        click.echo("nothing was written", err=True)
        return 1
    for file in written.files:
        click.echo(str(file))
    return 0


def _ask_fields() -> tuple[str, ...]:
    fields: list[str] = []
    while text := click.prompt("Field (name!:type:unit, empty to end)", default="", show_default=False):
        fields.append(text)
    return tuple(fields)
