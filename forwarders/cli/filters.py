"""`logharbor filters …`: CloudWatch filter patterns, derived, tested and explained. Each is imported when called."""

from __future__ import annotations

import click

from forwarders.cli.group import Lazy

_COMMANDS = {
    "build": "forwarders.cli.filters_build",
    "test": "forwarders.cli.filters_test",
    "explain": "forwarders.cli.filters_explain",
}


@click.group("filters", cls=Lazy, modules=_COMMANDS, short_help="Derive, test and explain CloudWatch filter patterns.")
def command() -> None:
    """Derive, test and explain CloudWatch filter patterns; nothing is asked of AWS."""
