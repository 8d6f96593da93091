"""Text that somebody else wrote, made safe and readable on a terminal."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from textwrap import wrap

import click
import msgspec

_UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")
_ONE_LINE = 60
"""JSON of so many characters is shown on one line."""

Row = tuple[str, Sequence[str]]
"""A label and the lines beside it."""


def printable(text: str) -> str:
    """The text with whatever moves a cursor, ends a line or turns text around as an escape: ESC is `\\u001b`."""
    return _UNSAFE.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def json_line(value: object) -> str:
    """`value` as JSON on one line, safe to print as well: outside of strings there is nothing to escape."""
    try:
        text = msgspec.json.encode(value).decode()
    except UnicodeEncodeError:  # half a surrogate pair, which JSON can escape and UTF-8 cannot hold
        text = json.dumps(msgspec.to_builtins(value), ensure_ascii=True, separators=(",", ":"))
    return printable(text)


def json_lines(text: str) -> list[str]:
    """JSON, on one line where it is short, else indented; every number and string as it was written."""
    if len(text) > _ONE_LINE:
        try:
            lines = msgspec.json.format(text.encode(), indent=2).decode().split("\n")
            return [printable(line) for line in lines]
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            pass
    return [printable(text)]


def print_rows(rows: Iterable[Row], columns: int | None = None) -> None:
    """The rows with their labels in a column of their own; lines are folded to `columns`, None: to none."""
    rows = list(rows)
    width = max(len(label) for label, _ in rows) + 2
    for label, lines in rows:
        first = click.style(label.ljust(width), fg="cyan", bold=True)
        for line in lines or [""]:
            for part in _folded(line, columns - width if columns else None):
                click.echo((first + part).rstrip())
                first = " " * width


def _folded(line: str, columns: int | None) -> list[str]:
    if columns is None or len(line) <= columns or columns < 20:
        return [line]
    indent = " " * (len(line) - len(line.lstrip()) + 2)
    return wrap(line, columns, subsequent_indent=indent, break_on_hyphens=False, replace_whitespace=False) or [line]
