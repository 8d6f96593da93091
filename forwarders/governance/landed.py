"""A SQLite file that `logharbor run` has landed in: told from a log file, and read."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from forwarders.errors import ConfigError

_BEGINNING = b"SQLite format 3\x00"


def is_sqlite(source: str) -> bool:
    """Whether a SQLite file lies there, by its first bytes."""
    try:
        if not Path(source).is_file():
            return False  # a pipe would have lost its first bytes
        with open(source, "rb") as stream:
            return stream.read(len(_BEGINNING)) == _BEGINNING
    except OSError:
        return False


def rows(source: str, query: str) -> Iterator[tuple[Any, ...]]:
    """What a query finds in the file, which is not written to. Raises ConfigError when SQLite cannot answer it."""
    try:
        with closing(sqlite3.connect(f"{Path(source).absolute().as_uri()}?mode=ro", uri=True)) as db:
            yield from db.execute(query)
    except sqlite3.Error as error:
        wanted = "a file that `logharbor run --sink sqlite:FILE` has landed in"
        raise ConfigError(source, "(whole file)", f"SQLite says: {error}", wanted) from None
