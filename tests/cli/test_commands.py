"""The command line as a whole: help, documentation, and how anything that goes wrong is told."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
import pytest

from forwarders.cli import cli, exit_code
from forwarders.errors import ConfigError, Transient

PAGE = (Path(__file__).resolve().parents[2] / "docs/commands.md").read_text("utf-8")


def commands(group: click.Group = cli, at: str = "logharbor") -> Iterator[tuple[str, click.Command]]:
    """Every command with its full name, groups included."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        yield f"{at} {name}", command
        if isinstance(command, click.Group):
            yield from commands(command, f"{at} {name}")


COMMANDS = dict(commands())


def section(name: str) -> str:
    """What docs/commands.md says of a command, or of the group that it is in."""
    heading = " ".join(name.split()[:2])
    return PAGE.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]


def options(command: click.Command) -> set[str]:
    return {name for parameter in command.params for name in parameter.opts if name.startswith("-")}


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_and_option_is_documented(name: str) -> None:
    """docs/commands.md names the command and each of its options, and no option that it does not have."""
    group = " ".join(name.split()[:2])
    assert name in section(name)
    assert {option for option in options(COMMANDS[name]) if f"`{option}" not in section(name)} == set()
    known = {option for other, command in COMMANDS.items() if other.startswith(group) for option in options(command)}
    rows = [line for line in section(name).splitlines() if line.startswith("| `-")]
    assert {option for row in rows for option in re.findall(r"`(--?[a-z-]+)", row.split("|")[1])} <= known


@pytest.mark.parametrize("name", COMMANDS)
def test_help_is_there_and_fits_a_terminal(name: str, logharbor: Callable[..., Any]) -> None:
    """Every command says what it does in a sentence, every option what it is, in 80 columns."""
    done = logharbor(*name.split()[1:], "--help")
    command = COMMANDS[name]
    assert done.code == 0
    assert max(map(len, done.out.splitlines())) <= 80
    assert command.get_short_help_str(100).endswith(".")
    assert "…" not in command.get_short_help_str(62)
    assert [p.name for p in command.params if isinstance(p, click.Option) and not p.help] == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["rnu"], "No such command 'rnu'. Did you mean 'run'?"),
        (["sinks", "plna"], "No such command 'plna'. Did you mean 'plan'?"),
        (["xyzzy"], "No such command 'xyzzy'. There are run, explain, explore, "),
        (["run"], "Missing argument 'SOURCE...'."),
        (["explain", "x", "--skins", "y"], "No such option '--skins'."),
        (["run", "x", "--explore", "--sink", "stdout"], "--explore needs a sink sqlite:PATH"),
    ],
)
def test_wrong_usage_is_told(arguments: list[str], message: str, logharbor: Callable[..., Any]) -> None:
    """Exit 2, nothing on standard output, and a suggestion where something was meant."""
    done = logharbor(*arguments)
    assert (done.code, done.out) == (2, "")
    assert message in done.err


def failing(error: BaseException) -> click.Command:
    @click.command()
    def command() -> None:
        raise error

    return command


@pytest.mark.parametrize(
    ("error", "code", "told"),
    [
        (ConfigError("p.yaml", "sinks", "none", "one"), 2, r"error: p\.yaml: sinks: found none, expected one\n"),
        (Transient("file_unreadable", "a.log: EIO"), 1, r"error: file_unreadable: a\.log: EIO\n"),
        (PermissionError(13, "Permission denied", "out.json"), 2, r"error: out\.json: Permission denied\n"),
        (OSError(28, "No space left on device"), 2, r"error: No space left on device\n"),
        (KeyboardInterrupt(), 130, r"\ninterrupted\n"),
        (
            KeyError("secret-of-a-payload"),
            1,
            r"error: KeyError at [a-z_/.]+:\d+: a bug of logharbor's\. Please report it: \S+ \(LOGHARBOR_DEBUG=1.*\n",
        ),
    ],
)
def test_what_goes_wrong_is_one_sentence(
    error: BaseException, code: int, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """No traceback; of an unforeseen error only kind and place, because its text may quote a payload."""
    assert exit_code(failing(error), [], {}) == code
    captured = capsys.readouterr()
    assert re.fullmatch(told, captured.err)
    assert captured.out == ""


def test_a_traceback_is_there_for_who_asks(capsys: pytest.CaptureFixture[str]) -> None:
    """LOGHARBOR_DEBUG=1 shows where an unforeseen error came from."""
    assert exit_code(failing(KeyError("x")), [], {"LOGHARBOR_DEBUG": "1"}) == 1
    assert "Traceback (most recent call last)" in capsys.readouterr().err


def test_the_version_is_told(logharbor: Callable[..., Any]) -> None:
    """`logharbor --version` names the program and its version."""
    assert re.fullmatch(r"logharbor, version \d+\.\d+\.\d+\S*\n", logharbor("--version").out)
