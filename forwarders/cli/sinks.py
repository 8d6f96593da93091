"""`logharbor sinks plan|apply`: what the contracts mean for the sinks, said first and then done."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import click

from forwarders import preparing
from forwarders.cli.group import Group
from forwarders.cli.options import (
    PIPELINE,
    json_option,
    read_config,
    read_contracts,
    schemas_option,
    sink_option,
)
from forwarders.cli.shown import json_line, printable
from forwarders.config import Config
from forwarders.errors import ConfigError
from forwarders.model import Contract
from forwarders.preparing import Preparation


@click.group("sinks", cls=Group, short_help="Say what the sinks lack for the contracts, and put it there.")
def command() -> None:
    """Say what the sinks lack for the contracts, and put it there.

    For Elasticsearch index templates, mappings of streams that exist, retention and Kibana's data views; for Honeycomb
    datasets and columns. Nothing is ever deleted, and what is not Logharbor's own is not touched.
    """


_config_option = click.option(
    "--config",
    "config_path",
    type=click.Path(dir_okay=False),
    help=f"The pipeline, a YAML file  [default: {PIPELINE}, where no --sink is named]",
)


def _options(function: Callable[..., Any]) -> Callable[..., Any]:
    for option in (json_option, schemas_option, _config_option, sink_option):
        function = option(function)
    return function


@command.command("plan")
@_options
def plan(sinks: tuple[str, ...], config_path: str | None, schemas_path: str | None, as_json: bool) -> None:
    """Print what `sinks apply` would change; changes nothing.

    Exit 0, whether there is something to change or not; 2 when a sink refuses or does not answer.
    """
    plans = preparing.plan(*_wanted(sinks, config_path, schemas_path))
    if as_json:
        _print_json(plans)
    else:
        _print_plans(plans)


@command.command("apply")
@_options
def apply(sinks: tuple[str, ...], config_path: str | None, schemas_path: str | None, as_json: bool) -> None:
    """Print the plan, then make the changes in its order.

    All of it can be repeated: what is there already is left alone. Exit 0 when everything is there; 2 when a sink
    refuses, after saying which change and how many were made.
    """
    config, contracts = _wanted(sinks, config_path, schemas_path)
    plans = preparing.plan(config, contracts)
    if not as_json:
        _print_plans(plans)
    for wanted in plans:
        preparing.apply(config, contracts, wanted)
        if wanted.changes and not as_json:
            click.secho(f"{wanted.sink}: {_number(wanted)} made", fg="green")
    if as_json:
        _print_json(plans)


def _wanted(sinks: Sequence[str], config_path: str | None, schemas_path: str | None) -> tuple[Config, list[Contract]]:
    path = config_path or (None if sinks else PIPELINE)
    config = read_config(path, sinks)
    if not config.sinks:
        raise ConfigError(path or PIPELINE, "sinks", "none", "at least one", "Or name one with --sink.")
    contracts = read_contracts(schemas_path)
    for name in preparing.unused(config, contracts):
        told = f"datasets.{name}: nothing lands there (no contract and no route names it)"
        click.secho(f"warning: {told}", fg="yellow", err=True)
    return config, contracts


def _print_plans(plans: Sequence[Preparation]) -> None:
    for wanted in plans:
        if wanted.note:
            click.echo(f"{wanted.sink} ({wanted.type}): nothing to prepare, {wanted.note}")
            continue
        click.echo(f"{wanted.sink} ({wanted.type}): {_number(wanted) if wanted.changes else 'nothing to change'}")
        kinds = max((len(change.kind) for change in wanted.changes), default=0)
        names = max((len(change.name) for change in wanted.changes), default=0)
        for change in wanted.changes:
            line = f"  {change.kind:<{kinds}}  {change.name:<{names}}  {change.summary}"
            click.echo(printable(line))


def _print_json(plans: Sequence[Preparation]) -> None:
    """One object: each sink's type, and its changes with what is sent for each."""
    told = {wanted.sink: {"type": wanted.type, "changes": wanted.changes} for wanted in plans}
    click.echo(json_line({"sinks": told}))


def _number(wanted: Preparation) -> str:
    n = len(wanted.changes)
    return f"{n} change{'s' if n > 1 else ''}"
