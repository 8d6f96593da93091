"""`logharbor doctor`: what is wrong with a pipeline in an AWS account, and what to do. It only ever reads."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import click
import msgspec

from forwarders.cli.options import PIPELINE
from forwarders.cli.shown import json_line, printable
from forwarders.config import Config, read_yaml
from forwarders.doctor import Finding, Report, Severity, examine
from forwarders.doctor.account import Account, Denied, Unreachable, aws

HEALTHY, ILL, BLIND = 0, 1, 2

_COLOURS = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.NOTE: "blue"}


@click.command("doctor", short_help="Say what is wrong with a pipeline in an AWS account, and what to do.")
@click.option(
    "--config",
    "config_path",
    type=click.Path(dir_okay=False),
    help=f"The pipeline, a YAML file: which log groups should be subscribed  [default: {PIPELINE}, if it is there]",
)
@click.option("--name", default="", help="The pipeline's name in Terraform, where an account has several.")
@click.option("--region", help="The region to look at  [default: the machine's own]")
@click.option("--profile", help="The profile of the machine's AWS configuration.")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", help="text, or one JSON object.")
def command(config_path: str | None, name: str, region: str | None, profile: str | None, form: str) -> int:
    """Say what is wrong with a pipeline in an AWS account, and what to do.

    Looks at functions, subscriptions, streams, queues, keys, secrets, quotas and the metrics of the last day. Every
    call is a Describe, List or Get. Exit 0 when there is no error, 1 when there is one, 2 when something could not be
    looked at.
    """
    try:
        account = Account(aws(region, profile))
        report = examine(account, name, _config(config_path), progress=_progress(form))
    except (Denied, Unreachable) as error:
        click.secho("error: ", fg="red", bold=True, nl=False, err=True)
        click.echo(f"AWS cannot be looked at: {printable(str(error))}", err=True)
        return BLIND
    if form == "json":
        click.echo(json_line(msgspec.to_builtins(report)))
    else:
        _print(report)
    if any(finding.severity is Severity.ERROR for finding in report.findings):
        return ILL
    return BLIND if report.blind else HEALTHY


def _config(path: str | None) -> Config | None:
    if path is None and not Path(PIPELINE).is_file():
        return None
    return read_yaml(path or PIPELINE)


def _progress(form: str) -> Callable[[str], None]:
    if form == "json" or not sys.stderr.isatty():
        return lambda about: None
    return lambda about: click.echo(f"looking at {about} …", err=True)


def _print(report: Report) -> None:
    for finding in report.findings:
        _print_one(finding)
    number = Counter(finding.severity for finding in report.findings)
    told = ", ".join(f"{number[one]} {one}{'' if number[one] == 1 else 's'}" for one in Severity if number[one])
    click.echo(f"{report.pipeline}: {told or 'healthy'}. Looked at {', '.join(report.looked) or 'nothing'}.")


def _print_one(finding: Finding) -> None:
    click.secho(f"{finding.severity}", fg=_COLOURS[finding.severity], bold=True, nl=False)
    click.echo(printable(f"  {finding.check}: {finding.what}"))
    for label, text in (("where", finding.where), ("why", finding.why), ("do", finding.do)):
        click.echo(printable(f"    {label:<5}  {text}"))
    click.echo()
