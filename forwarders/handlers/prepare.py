"""The Lambda that makes the sinks ready: `forwarders.handlers.prepare.handle`.

Terraform's `aws_lambda_invocation` calls it whenever the bundle changes, before the forwarders:
`{"bundle": "<SHA-256 of bundle.json, in hex>", "tf": {"action": "create"}}`. An exception's text is what
`terraform apply` shows, so each is one sentence that says which sink refused what.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

from aws_lambda_powertools import Logger

from forwarders import bundle, preparing
from forwarders.errors import ConfigError
from forwarders.preparing import Patience
from forwarders.secret import resolve

GRACE_S = 5.0
"""Kept of an invocation's time, so that a refusal is told by us and not by a time-out."""


class Context(Protocol):
    """What of Lambda's context object is used."""

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until Lambda ends the invocation."""
        ...


def prepare(
    event: Mapping[str, Any],
    context: Context,
    path: Path,
    secret: Callable[[str], str] = resolve,
    sleep: Callable[[float], None] = time.sleep,
    log: Callable[[str], None] = lambda line: None,
) -> dict[str, Any]:
    """Every sink of the bundle at `path` is ready for its contracts; nothing is deleted, whatever Terraform destroys.

    Gives, for Terraform's state, how many changes each sink needed. Raises ConfigError for a wrong bundle and
    preparing.Refused for a sink that says no; when any sink would refuse, none was changed.
    """
    if _action(event) == "delete":
        kept = "templates, data views, datasets, columns and all events stay: nothing is deleted"
        log(kept)
        return {"sinks": {}, "kept": kept}
    body = path.read_bytes()
    _check_digest(event.get("bundle"), body)
    config, entries = bundle.read(body, path.name)
    contracts = [entry.contract() for entry in entries]
    patience = Patience(lambda: context.get_remaining_time_in_millis() / 1000 - GRACE_S, sleep)
    plans = preparing.plan(config, contracts, secret, patience)
    for wanted in plans:
        for change in wanted.changes:
            log(f"{wanted.sink}: {change.kind} {change.name} {change.summary}")
        preparing.apply(config, contracts, wanted, secret, patience)
    return {"sinks": {wanted.sink: {"type": wanted.type, "changes": len(wanted.changes)} for wanted in plans}}


def _action(event: Mapping[str, Any]) -> str:
    """What Terraform is doing: create, update, delete; empty when somebody else calls."""
    told = event.get("tf") if isinstance(event, Mapping) else None
    return str(told.get("action", "")) if isinstance(told, Mapping) else ""


def _check_digest(expected: Any, body: bytes) -> None:
    """Refuses a layer that holds another bundle than the one that the caller has built."""
    found = hashlib.sha256(body).hexdigest()
    if expected and expected != found:
        hint = "The function has an older or a newer contracts layer than the caller: apply again, or build again."
        raise ConfigError("bundle.json", "sha256", found[:12], str(expected)[:12], hint)


def handle(event: Mapping[str, Any], context: Context) -> dict[str, Any]:
    """See `prepare`, with the bundle that LOGHARBOR_BUNDLE names or sys.path holds."""
    path = Path() if _action(event) == "delete" else bundle.find(os.environ)
    return prepare(event, context, path, log=logger.info)


def _ascii_json(line: dict[str, Any]) -> str:
    return json.dumps(line, default=str, separators=(",", ":"))


logger = Logger(service="logharbor", json_serializer=_ascii_json)
