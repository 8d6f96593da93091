"""`logharbor schemas codeowners`: the lines of CODEOWNERS that follow from the contracts' owners."""

from __future__ import annotations

import os
from pathlib import Path

import click

from forwarders.contracts.load import read_folder
from forwarders.governance import codeowners, policy


@click.command("codeowners", short_help="Say who reviews which contract, for GitHub.")
@click.argument("folder", default="schemas", type=click.Path(exists=True, file_okay=False))
@click.option("--write", is_flag=True, help="Put the lines between their markers in CODEOWNERS.")
@click.option(
    "--file", "file", type=click.Path(dir_okay=False), help="CODEOWNERS  [default: where GitHub looks for it]"
)
def command(folder: str, write: bool, file: str | None) -> int:
    """Print the lines of CODEOWNERS for the contracts in FOLDER; other lines of the file stay as they are.

    Without --write exit 1 when the file lacks a line or has an outdated one.
    """
    contracts = read_folder(folder)
    folders = {
        path.parent.name: path.parent.relative_to(folder).as_posix() for path in Path(folder).glob("*/*/v*.schema.json")
    }
    repository = _repository(Path(folder).resolve())
    root = Path(folder).resolve().relative_to(repository).as_posix()
    lines = codeowners.codeowners(contracts, folders, policy.read(folder), root)
    target = Path(file) if file else codeowners.place(repository)
    before = target.read_text() if target.is_file() else ""
    after = codeowners.merged(before, lines)
    shown = os.path.relpath(target)
    if not write:
        click.echo(lines, nl=False)
        if before == after:
            return 0
        click.echo(f"{shown} says otherwise: run with --write", err=True)
        return 1
    if before != after:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(after)
    click.echo(f"{shown}: {'up to date' if before == after else 'written'}", err=True)
    return 0


def _repository(folder: Path) -> Path:
    """The folder that holds `.git`, or, where there is none, the one that holds the contracts."""
    return next((one for one in folder.parents if (one / ".git").exists()), folder.parent)
