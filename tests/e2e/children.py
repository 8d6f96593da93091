"""The processes that a run has started: each in a session of its own, so that it ends with all that it has started."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from .failed import Failed

PATIENCE_S = 15.0


class Children:
    """Services, which run until they are ended, and commands, which somebody waits for."""

    def __init__(self) -> None:
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._services: set[str] = set()
        self._lock = threading.Lock()
        self._ends = False

    def start(
        self, name: str, command: Sequence[str], log: Path, environ: Mapping[str, str], folder: Path
    ) -> subprocess.Popen[bytes]:
        """The command runs, and writes into `log`."""
        with self._lock, log.open("wb") as output:
            if self._ends:
                raise Failed(f"{name} was not started: the run is ending")
            child = subprocess.Popen(
                command, cwd=folder, env=dict(environ), stdin=subprocess.DEVNULL, stdout=output,
                stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip
            self._running[name] = child
        return child

    def serve(self, name: str, command: Sequence[str], log: Path, environ: Mapping[str, str], folder: Path) -> None:
        """The command runs until it is ended."""
        self._services.add(name)
        self.start(name, command, log, environ, folder)

    def run(
        self, name: str, command: Sequence[str], log: Path, environ: Mapping[str, str], folder: Path, ends_s: float
    ) -> int:
        """The exit code of a command that has ended. Raises Failed when it takes longer than `ends_s` seconds."""
        child = self.start(name, command, log, environ, folder)
        try:
            return child.wait(ends_s)
        except subprocess.TimeoutExpired:
            raise Failed(f"{name} takes longer than {ends_s:.0f} s", tail(log), "", (log,)) from None
        finally:
            end(child.pid)
            with self._lock:
                self._running.pop(name, None)

    def pids(self) -> dict[str, int]:
        """The processes that run, by name."""
        with self._lock:
            return {name: child.pid for name, child in self._running.items()}

    def end(self, but_services: bool = False) -> None:
        """None of them runs any more, and none can be started. `but_services`: only commands end."""
        with self._lock:
            self._ends = True
            ending = {
                name: child for name, child in self._running.items() if not (but_services and name in self._services)
            }
        for child in ending.values():
            child.send_signal(signal.SIGTERM)
        for name, child in ending.items():
            try:
                child.wait(PATIENCE_S)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
            end(child.pid)
            with self._lock:
                self._running.pop(name, None)


def end(group: int, patience_s: float = 2.0) -> None:
    """No process of this group runs any more: first asked, and killed when `patience_s` seconds have passed."""
    for asked in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(group, asked)
        except (ProcessLookupError, PermissionError):
            return
        ends = time.monotonic() + patience_s
        while asked is signal.SIGTERM and time.monotonic() < ends and _lives(group):
            time.sleep(0.05)


def _lives(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def tail(log: Path, lines: int = 15) -> str:
    """The last lines of a log."""
    return "\n".join(log.read_text("utf-8", "replace").splitlines()[-lines:])
