"""Elasticsearch as a process of its own: up until SIGTERM. Its address is in the file that the first argument names."""

from __future__ import annotations

import shutil
import signal
import sys
import tempfile
from pathlib import Path
from types import FrameType

from tests.live.start_elasticsearch import running


def _leave(number: int, frame: FrameType | None) -> None:
    sys.exit(0)


def main(address: Path, log: Path) -> None:
    """Runs it; its own log is copied to `log` at the end, because its folder goes with it."""
    signal.signal(signal.SIGTERM, _leave)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with running() as url:
        address.with_suffix(".part").write_text(url)
        address.with_suffix(".part").rename(address)
        try:
            while True:
                signal.pause()
        finally:
            for own in Path(tempfile.gettempdir()).glob("logharbor-es-*/output.log"):
                shutil.copyfile(own, log)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
