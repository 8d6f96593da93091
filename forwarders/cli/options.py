"""What several commands share: which configuration, which contracts, which sinks."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import click
import msgspec

from forwarders.config import Config, SinkConfig, read_yaml
from forwarders.contracts.load import read_folder
from forwarders.model import Contract

config_option = click.option(
    "--config", "config_path", type=click.Path(dir_okay=False), help="pipeline.yaml; without it one route takes all."
)
schemas_option = click.option(
    "--schemas",
    "schemas_path",
    type=click.Path(file_okay=False),
    help="The folder of contracts [default: schemas/ here, where it is].",
)
sink_option = click.option(
    "--sink",
    "sinks",
    multiple=True,
    metavar="SINK",
    help="sqlite:PATH, stdout, elasticsearch:URL or honeycomb:DATASET; replaces the sinks of --config. Repeatable.",
)

ELASTICSEARCH_KEY = "LOGHARBOR_ELASTICSEARCH_API_KEY"
HONEYCOMB_KEY = "HONEYCOMB_API_KEY"


def read_config(path: str | None, sinks: Sequence[str], default: Sequence[str] = ()) -> Config:
    """The configuration at `path` (or an empty one), its sinks replaced by those named on the command line."""
    config = read_yaml(path) if path else Config()
    if sinks or not config.sinks:
        named = parse_sinks(sinks or default)
        routes = tuple(msgspec.structs.replace(route, sinks=()) for route in config.routes)
        config = msgspec.structs.replace(config, sinks=named, routes=routes)
    return config


def read_contracts(path: str | None) -> list[Contract]:
    """The contracts of `path`, else of schemas/ in this folder; none where there is no such folder."""
    if path is None and not Path("schemas").is_dir():
        click.secho(
            "no schemas/ here: every event is unregistered (name a folder with --schemas)", fg="yellow", err=True
        )
        return []
    return read_folder(path or "schemas")


def parse_sinks(texts: Sequence[str], environ: Mapping[str, str] = os.environ) -> dict[str, SinkConfig]:
    """`--sink` values as configurations, named by their type (`sqlite`, `sqlite-2`)."""
    sinks: dict[str, SinkConfig] = {}
    for text in texts:
        type_ = text.partition(":")[0]
        name, number = type_, 2
        while name in sinks:
            name, number = f"{type_}-{number}", number + 1
        sinks[name] = _parse_sink(text, environ)
    return sinks


def _parse_sink(text: str, environ: Mapping[str, str]) -> SinkConfig:
    type_, _, rest = text.partition(":")
    if type_ == "stdout" and not rest:
        return SinkConfig(type="stdout")
    if type_ == "sqlite" and rest:
        return SinkConfig(type="sqlite", path=rest)
    if type_ == "elasticsearch" and rest:
        if "@" in rest:
            raise click.BadParameter(f"no credentials in the URL: set {ELASTICSEARCH_KEY}", param_hint="--sink")
        if not environ.get(ELASTICSEARCH_KEY):
            return SinkConfig(type="elasticsearch", endpoint=rest, auth="none")
        return SinkConfig(type="elasticsearch", endpoint=rest, secret=f"env:{ELASTICSEARCH_KEY}")
    if type_ == "honeycomb" and rest:
        return SinkConfig(type="honeycomb", dataset=rest, secret=f"env:{HONEYCOMB_KEY}")
    expected = "sqlite:PATH, stdout, elasticsearch:URL or honeycomb:DATASET"
    raise click.BadParameter(f"found {text.partition('://')[0]!r}, expected {expected}", param_hint="--sink")
