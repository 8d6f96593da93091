"""Formats: a record's text to an event. `FORMATS` is the registry; a new format is a file, a line here and a page."""

from __future__ import annotations

from collections.abc import Mapping

from forwarders.formats.access_log import access_line
from forwarders.formats.auto import auto_line
from forwarders.formats.json_line import json_line
from forwarders.formats.lambda_text import lambda_line
from forwarders.formats.parsed import Context, Format, Parsed
from forwarders.formats.text import LEGACY_TEXT, legacy_text, text_line
from forwarders.formats.wrapped import under_key

__all__ = ["FORMATS", "LEGACY_TEXT", "Context", "Format", "Parsed", "legacy_text", "named", "under_key"]

FORMATS: Mapping[str, Format] = {
    "access_log": access_line,
    "auto": auto_line,
    "json": json_line,
    "lambda": lambda_line,
    "text": text_line,
}


def named(name: str) -> Format | None:
    """The format of that name in pipeline.yaml, `key:NAME` included; None when there is none."""
    if name.startswith("key:") and len(name) > len("key:"):
        return under_key(name.removeprefix("key:"))
    return FORMATS.get(name)
