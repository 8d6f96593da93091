"""`logharbor build`: what `terraform apply` puts into Lambda, the same bytes for the same input."""

from __future__ import annotations

from pathlib import Path

import click

from forwarders.cli.options import HANDWRITTEN, filters_option, pipeline_option, read_contracts, schemas_option

ARCHITECTURES = ("arm64", "x86_64")
PARTS = ("forward", "prepare", "layer")


@click.command("build", short_help="Build the functions' zips and the contracts layer, for Lambda.")
@click.option("--out", default="build", show_default=True, type=click.Path(file_okay=False), help="The folder.")
@click.option(
    "--arch",
    default=ARCHITECTURES[0],
    show_default=True,
    type=click.Choice(ARCHITECTURES),
    help="The functions' architecture.",
)
@pipeline_option
@schemas_option
@filters_option
@click.option("--only", "parts", multiple=True, type=click.Choice(PARTS), help="Build this part alone. Repeatable.")
def command(
    out: str, arch: str, config_path: str, schemas_path: str | None, filters_path: str, parts: tuple[str, ...]
) -> None:
    """Build forward.zip, prepare.zip and contracts-layer.zip, and the manifest.json that Terraform reads.

    Packages are wheels of the versions in uv.lock, with the hashes in it, from the registry that uv is configured for.
    The same checkout gives the same bytes in any folder, at any time.
    """
    from forwarders import bundle
    from forwarders.building.build import MANIFEST, Plan, build
    from forwarders.building.wheels import Architecture
    from forwarders.config import read_yaml
    from forwarders.metrics.filters import read_handwritten

    config = read_yaml(config_path)

    def bundle_body() -> bytes:
        contracts = read_contracts(schemas_path or "schemas")
        handwritten = read_handwritten(Path(filters_path) / HANDWRITTEN)
        return bundle.build(config, contracts, handwritten)

    architecture: Architecture = "x86_64" if arch == "x86_64" else "arm64"
    plan = Plan(Path(out), Path(config_path), architecture, parts or PARTS, config.metrics.otlp is not None)
    manifest = build(plan, bundle_body, tell=lambda text: click.echo(f"{text} …", err=True))
    if plan.otlp:
        click.echo("forward: with OpenTelemetry, because the pipeline sends metrics by OTLP", err=True)
    made = [*manifest.functions.values(), *manifest.layers.values()]
    click.echo(f"{'file':<20} {'zipped':>12} {'unzipped':>12}  sha256, as source_code_hash has it")
    for archive in made:
        click.echo(f"{archive.file:<20} {archive.zipped_bytes:>12,} {archive.unzipped_bytes:>12,}  {archive.sha256}")
    click.echo(f"{Path(out, MANIFEST)}: {manifest.runtime}, {manifest.architecture}, alias {manifest.alias}", err=True)
