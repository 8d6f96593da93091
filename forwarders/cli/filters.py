"""`logharbor filters …`: CloudWatch filter patterns, derived, tested and explained. Each is imported when called."""

from __future__ import annotations

import importlib

import click

from forwarders.cli.group import Group

_COMMANDS = {
    "build": "forwarders.cli.filters_build",
    "test": "forwarders.cli.filters_test",
    "explain": "forwarders.cli.filters_explain",
}


class _Lazy(Group):
    """A group that imports a command when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        module = _COMMANDS.get(cmd_name)
        command: click.Command | None = importlib.import_module(module).command if module else None
        return command


@click.group("filters", cls=_Lazy, short_help="Derive, test and explain CloudWatch filter patterns.")
def command() -> None:
    """Derive, test and explain CloudWatch filter patterns; nothing is asked of AWS."""
