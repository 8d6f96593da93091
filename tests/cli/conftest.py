"""The command line as a person has it: in a folder of one's own, with the contracts of this checkout."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from forwarders.cli import cli, exit_code

ROOT = Path(__file__).resolve().parents[2]
COMMAND = Path(sys.executable).with_name("logharbor")


class Done(NamedTuple):
    """A command that has ended."""

    code: int
    out: str
    err: str

    @property
    def last(self) -> str:
        """The last line of standard output."""
        return self.out.splitlines()[-1]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder with schemas/, and none of the machine's own settings."""
    (tmp_path / "schemas").symlink_to(ROOT / "schemas")
    monkeypatch.chdir(tmp_path)
    for name in ("HONEYCOMB_API_KEY", "LOGHARBOR_ELASTICSEARCH_API_KEY", "LOGHARBOR_BUNDLE", "LOGHARBOR_DEBUG"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


@pytest.fixture
def logharbor(folder: Path, capfd: pytest.CaptureFixture[str]) -> Callable[..., Done]:
    """Runs a command line in this process."""

    def run(*arguments: str | Path) -> Done:
        capfd.readouterr()
        try:
            code = exit_code(cli, [str(argument) for argument in arguments])
        except SystemExit as exit:
            code = exit.code if isinstance(exit.code, int) else 0
        return Done(code, *capfd.readouterr())

    return run


@pytest.fixture
def process(folder: Path) -> Callable[..., Done]:
    """Runs a command line as a process of its own, with `stdin`."""

    def run(*arguments: str | Path, stdin: bytes = b"") -> Done:
        done = subprocess.run(
            [COMMAND, *map(str, arguments)], input=stdin, capture_output=True, check=False, timeout=60
        )
        return Done(done.returncode, done.stdout.decode(), done.stderr.decode())

    return run
