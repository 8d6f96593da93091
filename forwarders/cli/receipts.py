"""Where the receipts of `run` and `invoke` are kept: beside the events, where a SQLite file takes them."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence

from forwarders.config import Config
from forwarders.model import Receipt
from forwarders.receipts import sqlite_receipts


def sqlite_paths(config: Config) -> list[str]:
    """The files of the configuration's SQLite sinks, each once."""
    return list(dict.fromkeys(sink.path for sink in config.sinks.values() if sink.type == "sqlite"))


@contextlib.contextmanager
def kept(paths: Sequence[str], then: Callable[[Receipt], None]) -> Iterator[Callable[[Receipt], None]]:
    """A function that keeps a receipt in each of these SQLite files and then calls `then`; the files are closed after.

    Raises Transient when one cannot be kept; then nothing may be acknowledged.
    """
    with contextlib.ExitStack() as stack:
        recorders = [stack.enter_context(contextlib.closing(sqlite_receipts(path))) for path in paths]

        def write(receipt: Receipt) -> None:
            for recorder in recorders:
                recorder.write(receipt)
            then(receipt)

        yield write
