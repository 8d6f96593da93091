"""`logharbor bundle`: pipeline.yaml and contracts, checked, as one file for the Lambda layer."""

from __future__ import annotations

from pathlib import Path

import click

from forwarders import bundle
from forwarders.cli.options import schemas_option
from forwarders.config import read_yaml
from forwarders.contracts.load import read_folder


@click.command("bundle")
@click.option("--config", "config_path", default="pipeline.yaml", show_default=True, help="The pipeline.")
@schemas_option
@click.option("-o", "--output", required=True, type=click.Path(dir_okay=False), help="The file to write.")
def command(config_path: str, schemas_path: str | None, output: str) -> None:
    """Write the checked bundle of a pipeline and its contracts: the same bytes for the same input."""
    config = read_yaml(config_path)
    contracts = read_folder(schemas_path or "schemas")
    body = bundle.build(config, contracts)
    bundle.read(body, output)
    target = Path(output)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(body)
    click.echo(f"{output}: {len(contracts)} contracts, {len(body):,} bytes")
