"""What several commands share: which configuration, which contracts, which sinks."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import click
import msgspec

from forwarders import redact
from forwarders.config import Config, SinkConfig, read_yaml
from forwarders.contracts.load import read_folder
from forwarders.model import Contract
from forwarders.secret import resolve

PIPELINE = "pipeline.yaml"
DEAD_LETTERS = "dead-letters"
HANDWRITTEN = "handwritten"
"""The folder, among the filters, of those that people write."""

config_option = click.option(
    "--config",
    "config_path",
    type=click.Path(dir_okay=False),
    help="The pipeline, a YAML file; without it one route takes everything.",
)
pipeline_option = click.option(
    "--config",
    "config_path",
    default=PIPELINE,
    show_default=True,
    type=click.Path(dir_okay=False),
    help="The pipeline, a YAML file.",
)
schemas_option = click.option(
    "--schemas",
    "schemas_path",
    type=click.Path(file_okay=False),
    help="The folder of contracts  [default: schemas, where that is here]",
)
filters_option = click.option(
    "--filters",
    "filters_path",
    default="filters",
    show_default=True,
    type=click.Path(file_okay=False),
    help="The folder of metric filters.",
)
sink_option = click.option(
    "--sink",
    "sinks",
    multiple=True,
    metavar="SINK",
    help="sqlite:PATH, stdout, elasticsearch:URL or honeycomb:DATASET; replaces the sinks of --config. Repeatable.",
)
dead_letters_option = click.option(
    "--dead-letters",
    metavar="STORE",
    help=f"A folder or s3://bucket/prefix  [default: that of --config, else {DEAD_LETTERS}]",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON object on standard output.")

ELASTICSEARCH_KEY = "LOGHARBOR_ELASTICSEARCH_API_KEY"
HONEYCOMB_KEY = "HONEYCOMB_API_KEY"


def read_config(path: str | None, sinks: Sequence[str], default: Sequence[str] = ()) -> Config:
    """The configuration at `path` (or an empty one), its sinks replaced by those named on the command line."""
    return with_sinks(read_yaml(path) if path else Config(), sinks, default)


def with_sinks(config: Config, sinks: Sequence[str], default: Sequence[str] = ()) -> Config:
    """`config` with the sinks named on the command line in place of its own, or with `default` where it has none."""
    if sinks or not config.sinks:
        named = parse_sinks(sinks or default)
        routes = tuple(msgspec.structs.replace(route, sinks=()) for route in config.routes)
        config = msgspec.structs.replace(config, sinks=named, routes=routes)
    return config


def require_secrets(config: Config, environ: Mapping[str, str] = os.environ) -> None:
    """Every secret that is an environment variable is set; raises ConfigError naming the first that is not.

    Asked before the work begins: later it would be told of every batch. What AWS keeps is asked for when it is needed.
    """
    for settings in config.sinks.values():
        if settings.secret.startswith("env:"):
            resolve(settings.secret, environ)
    if config.redaction.key.startswith("env:"):
        redact.HashKey.parse(resolve(config.redaction.key, environ))


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
        return _elasticsearch(rest, environ)
    if type_ == "honeycomb" and rest:
        return SinkConfig(type="honeycomb", dataset=rest, secret=f"env:{HONEYCOMB_KEY}")
    expected = "sqlite:PATH, stdout, elasticsearch:URL or honeycomb:DATASET"
    raise click.BadParameter(f"found {text.partition('://')[0]!r}, expected {expected}", param_hint="--sink")


def _elasticsearch(url: str, environ: Mapping[str, str]) -> SinkConfig:
    if "@" in url:
        raise click.BadParameter(f"no credentials in the URL: set {ELASTICSEARCH_KEY}", param_hint="--sink")
    if not url.startswith(("http://", "https://")):
        raise click.BadParameter(
            f"found {url!r}, expected a URL such as https://localhost:9200 after 'elasticsearch:'", param_hint="--sink"
        )
    if not environ.get(ELASTICSEARCH_KEY):
        return SinkConfig(type="elasticsearch", endpoint=url, auth="none")
    return SinkConfig(type="elasticsearch", endpoint=url, secret=f"env:{ELASTICSEARCH_KEY}")
