"""`logharbor filters explain PATTERN`: what a filter pattern means in words, and its traps."""

from __future__ import annotations

from textwrap import fill

import click

from forwarders.cli.shown import json_line, printable
from forwarders.metrics.filter_pattern import FilterPatternError, Pattern, parse

REFUSED = 2
PATTERN_SETTINGS = {"help_option_names": ["-h", "--help"]}
_WIDTH = 100


@click.command(
    "explain", short_help="Say what a filter pattern means, and its traps.", context_settings=PATTERN_SETTINGS
)
@click.argument("pattern")
@click.option(
    "--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True, help="What is printed."
)
def command(pattern: str, form: str) -> None:
    """Say what PATTERN means in words, and where it does not mean what it seems to.

    A pattern that begins with a minus goes behind `--`. Exit 2 for a pattern that AWS refuses.
    """
    from forwarders.metrics.filter_pattern.explain import explain

    told = explain(parsed_or_exit(pattern))
    if form == "json":
        click.echo(json_line(told))
        return
    for line in told.means:
        click.echo(printable(line))
    if told.traps:
        click.echo("\nMind")
    for trap in told.traps:
        click.echo(fill(printable(trap), _WIDTH, initial_indent="- ", subsequent_indent="  "))


def parsed_or_exit(pattern: str) -> Pattern:
    """The compiled pattern; where AWS would refuse it, exits 2 with a caret under the place."""
    try:
        return parse(pattern)
    except FilterPatternError as error:
        click.secho("error: ", fg="red", bold=True, nl=False, err=True)
        click.echo("AWS would refuse this filter pattern", err=True)
        click.echo("\n".join(printable(line) for line in error.shown().split("\n")), err=True)
        click.get_current_context().exit(REFUSED)
