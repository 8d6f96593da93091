"""Formats: a record's text to an event. `FORMATS` is the registry; a new format is a file, a line here and a page."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import import_module

from forwarders.formats.parsed import Context, Format, Parsed
from forwarders.formats.text import LEGACY_TEXT, legacy_text
from forwarders.formats.wrapped import under_key

__all__ = ["FORMATS", "LEGACY_TEXT", "Context", "Format", "Parsed", "legacy_text", "named", "under_key"]

FORMATS: Mapping[str, str] = {
    "access_log": "access_log:access_line",
    "auto": "auto:auto_line",
    "json": "json_line:json_line",
    "lambda": "lambda_text:lambda_line",
    "text": "text:text_line",
}
"""Module and function of each; imported when a plan asks for it, so that a cold start pays for what its route reads."""


@cache
def named(name: str) -> Format | None:
    """The format of that name in pipeline.yaml, `key:NAME` included; None when there is none."""
    if name.startswith("key:") and len(name) > len("key:"):
        return under_key(name.removeprefix("key:"))
    if name not in FORMATS:
        return None
    module, function = FORMATS[name].split(":")
    found: Format = getattr(import_module(f"forwarders.formats.{module}"), function)
    return found
