"""What a person reads while it runs: a line for each step, with the time, what was asserted, and how long it took."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from .failed import Failed


class Report:
    """Lines of two examples at once; `held` counts what was asserted."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._lock = threading.Lock()
        self.held = 0
        self.steps: list[tuple[str, float]] = []

    def took(self) -> float:
        """Seconds since it began."""
        return time.monotonic() - self._began

    def say(self, who: str, text: str) -> None:
        """One line."""
        with self._lock:
            print(f"{time.monotonic() - self._began:6.1f} s  {who:<11} {text}", flush=True)

    def holds(self, count: int = 1) -> None:
        """So many more assertions held."""
        with self._lock:
            self.held += count

    @contextmanager
    def step(self, who: str, what: str) -> Iterator[list[str]]:
        """A step is told when it ends; what it puts into the list is told with it."""
        began, found = time.monotonic(), list[str]()
        try:
            yield found
        except BaseException as error:
            if isinstance(error, Failed):
                error.step = f"{who}: {what}"
            self.say(who, f"FAILED: {what}")
            raise
        took = time.monotonic() - began
        with self._lock:
            self.steps.append((f"{who}: {what}", took))
        self.say(who, f"{what} ({took:.1f} s){': ' if found else ''}{'; '.join(found)}")

    def failed(self, failed: Failed) -> None:
        """What was found, what was expected, where to look."""
        with self._lock:
            out = sys.stderr
            print(f"\n{failed.step or 'make e2e'}\n  {failed.what}", file=out)
            if failed.found != "" or failed.expected != "":
                print(f"  found:    {_indented(failed.found)}\n  expected: {_indented(failed.expected)}", file=out)
            for path in failed.where:
                print(f"  look at:  {path}", file=out)
            out.flush()


def _indented(value: object) -> str:
    text = value if isinstance(value, str) else repr(value)
    return text[:4000].replace("\n", "\n            ") or "nothing"
