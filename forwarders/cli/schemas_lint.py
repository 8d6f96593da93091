"""`logharbor schemas lint`: whether contracts are what all that is made from them needs."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from pathlib import Path

import click
import msgspec

from forwarders.cli.shown import printable
from forwarders.governance import lock
from forwarders.governance.lint import Finding, Report, has_errors, lint

_COLOURS = {"error": "red", "warning": "yellow"}


@click.command("lint", short_help="Say everything that is wrong with the contracts.")
@click.argument("folder", default="schemas", type=click.Path(exists=True, file_okay=False))
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "github"]),
    default="text",
    show_default=True,
    help="For a terminal, for programs, or as annotations of a pull request on GitHub.",
)
@click.option("--write", is_flag=True, help=f"Write {lock.FILE} anew: which field has which type in which dataset.")
@click.option("--strict", is_flag=True, help="Warnings fail too.")
def command(folder: str, form: str, write: bool, strict: bool) -> int:
    """Say everything that is wrong with the contracts in FOLDER, with file, line, pointer and what to do.

    Every file is looked at, whatever is wrong with the others. Exit 0, or 1 when there is an error.
    """
    today = datetime.datetime.now(datetime.UTC).date()
    report = lint(folder, today)
    if write and _wrote(Path(folder, lock.FILE), report.lock):
        report = lint(folder, today)
    {"text": _text, "json": _json, "github": _github}[form](report)
    counts = [finding for finding in report.findings if not finding.waived]
    return 1 if has_errors(counts) or (strict and counts) else 0


def _wrote(file: Path, text: str) -> bool:
    before = file.read_text() if file.is_file() else None
    if before != text:
        file.write_text(text)
        click.echo(f"{file}: written", err=True)
    return before != text


def _json(report: Report) -> None:
    told = [msgspec.to_builtins(finding) for finding in report.findings]
    plain = [{key: value for key, value in one.items() if value or key != "waived"} for one in told]
    click.echo(msgspec.json.format(msgspec.json.encode(plain), indent=1))


def _text(report: Report) -> None:
    for finding in report.findings:
        place = f"{finding.file}:{finding.line}" if finding.line else finding.file
        click.secho(place, bold=True, nl=False)
        click.echo(f": {finding.pointer}" if finding.pointer else "")
        click.echo("  ", nl=False)
        click.secho(finding.severity, fg=_COLOURS[finding.severity], nl=False)
        click.echo(f" {finding.message} ", nl=False)
        click.secho(f"[{finding.rule}]", dim=True)
        if finding.waived:
            click.secho(f"  waived {printable(finding.waived)}", fg="yellow")
    click.echo(_summary(report.findings, report.contracts))


def _summary(findings: Sequence[Finding], contracts: int) -> str:
    severities = [finding.severity for finding in findings]
    errors, warnings = severities.count("error"), severities.count("warning")
    said = f"{_count(errors, 'error')}, {_count(warnings, 'warning')}" if severities else "nothing to say"
    waived = sum(bool(finding.waived) for finding in findings)
    return f"{_count(contracts, 'contract')}: {said}" + (f", {waived:,} of them waived" if waived else "")


def _count(n: int, noun: str) -> str:
    return f"{n:,} {noun}" if n == 1 else f"{n:,} {noun}s"


def _github(report: Report) -> None:
    """Workflow commands: https://docs.github.com/actions/reference/workflow-commands-for-github-actions."""
    for finding in report.findings:
        line = f",line={finding.line}" if finding.line else ""
        place = f"{finding.pointer}: " if finding.pointer else ""
        title = f",title={_property(finding.rule)}"
        waived = f" (waived {printable(finding.waived)})" if finding.waived else ""
        message = _data(place + finding.message + waived)
        click.echo(f"::{finding.severity} file={_property(finding.file)}{line}{title}::{message}")


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
