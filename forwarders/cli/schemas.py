"""`logharbor schemas`: what a team that changes an event asks. Each command is imported when it is called."""

from __future__ import annotations

import click

from forwarders.cli.group import Lazy

_COMMANDS = {
    "diff": "forwarders.cli.schemas_diff",
    "lint": "forwarders.cli.schemas_lint",
    "new": "forwarders.cli.schemas_new",
    "propose": "forwarders.cli.schemas_propose",
    "check": "forwarders.cli.schemas_check",
    "catalogue": "forwarders.cli.schemas_catalogue",
    "codeowners": "forwarders.cli.schemas_codeowners",
}


@click.group("schemas", cls=Lazy, modules=_COMMANDS, short_help="Write, check, compare and publish contracts.")
def command() -> None:
    """Write, check, compare and publish contracts."""
