"""`logharbor bundle`: pipeline.yaml and contracts, checked, as one file for the Lambda layer."""

from __future__ import annotations

from pathlib import Path

import click

from forwarders import bundle
from forwarders.cli.options import HANDWRITTEN, filters_option, pipeline_option, read_contracts, schemas_option
from forwarders.config import read_yaml
from forwarders.metrics.filters import read_handwritten


@click.command("bundle", short_help="Write pipeline and contracts as one checked file, for Lambda.")
@pipeline_option
@schemas_option
@filters_option
@click.option("-o", "--output", required=True, type=click.Path(dir_okay=False), help="The file to write.")
def command(config_path: str, schemas_path: str | None, filters_path: str, output: str) -> None:
    """Write the checked bundle of a pipeline and its contracts: the same bytes for the same input.

    It is what the Lambda reads: as package data `logharbor_bundle/bundle.json` of a layer, or where LOGHARBOR_BUNDLE
    says. `logharbor invoke --bundle FILE` tries it.
    """
    config = read_yaml(config_path)
    contracts = read_contracts(schemas_path or "schemas")
    handwritten = read_handwritten(Path(filters_path) / HANDWRITTEN)
    body = bundle.build(config, contracts, handwritten)
    bundle.read(body, output)
    target = Path(output)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(body)
    click.echo(f"{output}: {len(contracts)} contracts, {len(body):,} bytes")
