"""The command `logharbor`. One file for each command; each is imported when it is called."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Mapping
from typing import NoReturn

import click

from forwarders.cli.group import Lazy
from forwarders.errors import LogharborError, Transient

ISSUES = "https://github.com/logharbor/logharbor/issues"
DEBUG = "LOGHARBOR_DEBUG"

_PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

USAGE, FAILED, INTERRUPTED = 2, 1, 130

_COMMANDS = {
    "run": "forwarders.cli.run",
    "explain": "forwarders.cli.explain",
    "explore": "forwarders.cli.explore",
    "metrics": "forwarders.cli.metrics",
    "audit": "forwarders.cli.audit",
    "schemas": "forwarders.cli.schemas",
    "filters": "forwarders.cli.filters",
    "sinks": "forwarders.cli.sinks",
    "bundle": "forwarders.cli.bundle",
    "build": "forwarders.cli.build",
    "invoke": "forwarders.cli.invoke",
    "doctor": "forwarders.cli.doctor",
}


@click.group(cls=Lazy, modules=_COMMANDS, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="logharbor")
def cli() -> None:
    """Serverless and legacy logs in one place: validated against contracts, and accounted for to the last event.

    Exit 0 when all is well, 1 when something is left to do or does not add up, 2 for wrong usage or configuration,
    130 after Ctrl-C.
    """


def main(args: list[str] | None = None) -> NoReturn:
    """Runs the command line and exits; whatever goes wrong is one sentence that says what to change."""
    if sys.stdout is None:  # the shell's `>&-`
        sys.exit(_told("standard output is closed", USAGE))
    sys.exit(exit_code(cli, args))


def exit_code(command: click.Command, args: list[str] | None = None, environ: Mapping[str, str] = os.environ) -> int:
    """The exit code of a command line; errors are told on standard error."""
    try:
        code = command.main(args, prog_name="logharbor", standalone_mode=False)
        return code if isinstance(code, int) else 0
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except click.Abort:  # Ctrl-C
        click.echo("interrupted", err=True)
        return INTERRUPTED
    except LogharborError as error:
        return _told(str(error), FAILED if isinstance(error, Transient) else USAGE)
    except Exception as error:
        if environ.get(DEBUG):
            traceback.print_exc()
        if isinstance(error, OSError) and error.strerror:  # a full disk, a folder where a file should be
            return _told(f"{error.filename}: {error.strerror}" if error.filename else error.strerror, USAGE)
        # Only kind and place: the text of an unforeseen error may quote a payload.
        found = f"{type(error).__name__} at {_place(error)}"
        return _told(f"{found}: a bug of logharbor's. Please report it: {ISSUES} ({DEBUG}=1 shows more)", FAILED)


def _place(error: Exception) -> str:
    """Where in our own code it happened."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if frame.filename.startswith(_PACKAGE)] or frames
    return f"{os.path.relpath(ours[-1].filename, _PACKAGE)}:{ours[-1].lineno}"


def _told(text: str, code: int) -> int:
    click.secho("error: ", fg="red", bold=True, nl=False, err=True)
    click.echo(text, err=True)
    return code
