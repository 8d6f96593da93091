"""The bundle: pipeline.yaml and all contracts, checked, as one JSON file that a Lambda layer carries. Floor 2.

It is built from files by `logharbor bundle` and read at cold start. Contracts stay text until their first event.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from forwarders.config import Config, from_plain
from forwarders.contracts.load import Entry, entries
from forwarders.errors import ConfigError
from forwarders.model import Contract

if TYPE_CHECKING:
    from forwarders.metrics.filters import Filter

FORMAT = 1
"""The version of the bundle's own form. Code refuses a form that it does not know, so that a rollback is noticed."""

PACKAGE = "logharbor_bundle"
FILE = "bundle.json"


Measured = dict[str, dict[str, list[str]]]
"""What the forwarder measures: `{route: {"event:major": [names of its metrics]}}`."""


class Bundle(msgspec.Struct, frozen=True, omit_defaults=True):
    """A bundle as it lies on disk."""

    format: int
    pipeline: msgspec.Raw
    contracts: list[Entry]
    measured: Measured = {}


class _Form(msgspec.Struct, frozen=True):
    format: int


class _Measured(msgspec.Struct, frozen=True):
    measured: Measured = {}


def build(config: Config, contracts: Sequence[Contract], handwritten: Sequence[Filter] = ()) -> bytes:
    """The bundle of a checked configuration and checked contracts: the same bytes for the same input.

    What neither CloudWatch nor a filter written by hand measures, the forwarder does.
    """
    from forwarders.deriving import measured_by_route  # for those who build; no Lambda does

    pipeline = msgspec.json.encode(config, order="deterministic")
    measured = measured_by_route(config, contracts, handwritten)
    bundle = Bundle(FORMAT, msgspec.Raw(pipeline), entries(contracts), measured)
    return msgspec.json.encode(bundle, order="deterministic") + b"\n"


def read(body: bytes, name: str) -> tuple[Config, list[Entry]]:
    """The configuration and the unparsed contracts of a bundle; `name` is for errors.

    Raises ConfigError when it is no bundle, or one of a form that this code does not know.
    """
    try:
        form = msgspec.json.decode(body, type=_Form).format
        if form != FORMAT:
            hint = "Deploy code and bundle that fit together, or build the bundle with this version of logharbor."
            raise ConfigError(name, "format", str(form), str(FORMAT), hint)
        bundle = msgspec.json.decode(body, type=Bundle)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ConfigError(name, "(whole file)", str(error), "a bundle made by `logharbor bundle`") from error
    return from_plain(msgspec.json.decode(bundle.pipeline), name), bundle.contracts


def read_measured(body: bytes) -> Measured:
    """Which rules the forwarder measures, by the bundle; `read` has found the bundle to be one."""
    return msgspec.json.decode(body, type=_Measured).measured


def find(environ: Any = os.environ, path: Sequence[str] | None = None) -> Path:
    """The bundle's file: what LOGHARBOR_BUNDLE names, else the package `logharbor_bundle` on sys.path.

    Raises ConfigError that lists where it was looked for.
    """
    named = environ.get("LOGHARBOR_BUNDLE")
    if named:
        if not Path(named).is_file():
            raise ConfigError("environment", "LOGHARBOR_BUNDLE", "no file at that path", "a bundle's path")
        return Path(named)
    for folder in sys.path if path is None else path:
        candidate = Path(folder, PACKAGE, FILE)
        if candidate.is_file():
            return candidate
    expected = f"{PACKAGE}/{FILE} in a folder of sys.path (the contracts layer)"
    raise ConfigError("sys.path", PACKAGE, "no bundle", expected, "Or name one by LOGHARBOR_BUNDLE.")
