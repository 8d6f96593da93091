"""`logharbor schemas`: what a team that changes an event asks. Each command is imported when it is called."""

from __future__ import annotations

import importlib

import click

from forwarders.cli.group import Group

_COMMANDS = {
    "diff": "forwarders.cli.schemas_diff",
    "lint": "forwarders.cli.schemas_lint",
    "new": "forwarders.cli.schemas_new",
    "propose": "forwarders.cli.schemas_propose",
    "check": "forwarders.cli.schemas_check",
    "catalogue": "forwarders.cli.schemas_catalogue",
    "codeowners": "forwarders.cli.schemas_codeowners",
}


class _Lazy(Group):
    """A command pays only for the imports that it needs itself."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        module = _COMMANDS.get(cmd_name)
        command: click.Command | None = importlib.import_module(module).command if module else None
        return command


@click.group("schemas", cls=_Lazy, short_help="Write, check, compare and publish contracts.")
def command() -> None:
    """Write, check, compare and publish contracts."""
