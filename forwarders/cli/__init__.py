"""The command `logharbor`. One file for each command; each is imported when it is called."""

from __future__ import annotations

import importlib
import sys
from typing import Any

import click

from forwarders.errors import LogharborError

_COMMANDS = {
    "run": "forwarders.cli.run",
    "invoke": "forwarders.cli.invoke",
    "explain": "forwarders.cli.explain",
    "explore": "forwarders.cli.explore",
    "audit": "forwarders.cli.audit",
    "bundle": "forwarders.cli.bundle",
    "sinks": "forwarders.cli.sinks",
}


class _Lazy(click.Group):
    """A group that imports a command when it is asked for, so that `--help` and completion stay quick."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        module = _COMMANDS.get(cmd_name)
        return importlib.import_module(module).command if module else None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        from difflib import get_close_matches

        near = get_close_matches(args[0], _COMMANDS, 1)
        if args[0] not in _COMMANDS and near:
            ctx.fail(f"No such command {args[0]!r}. Did you mean {near[0]!r}?")
        return super().resolve_command(ctx, args)


@click.group(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="logharbor")
def cli() -> None:
    """Serverless and legacy logs in one place: validated against contracts, and accounted for to the last event."""


def main(args: list[str] | None = None) -> Any:
    """Runs the command line; exit 2 for wrong usage or configuration, with a sentence that says what to change."""
    try:
        return cli.main(args, prog_name="logharbor")
    except LogharborError as error:
        click.secho("error: ", fg="red", bold=True, nl=False, err=True)
        click.echo(str(error), err=True)
        sys.exit(2)
