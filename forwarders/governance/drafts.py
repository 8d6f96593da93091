"""A new contract on disk: the schema, an example that it takes and one that it refuses; kept if lint takes them."""

from __future__ import annotations

import copy
import json
import re
from pathlib import Path
from typing import Any

import msgspec

from forwarders.contracts.check import DIALECT
from forwarders.contracts.compiled import Compiled
from forwarders.contracts.load import from_schema
from forwarders.errors import ConfigError
from forwarders.governance import lock
from forwarders.governance.lint import Finding, lint

Files = dict[Path, str]


class Draft(msgspec.Struct, frozen=True):
    """A contract that nobody has reviewed yet, with events that it takes by the name of their file."""

    schema: dict[str, Any]
    valid: dict[str, Any]

    @property
    def name(self) -> str:
        return str(self.schema["$id"]).split(":")[2]


class Written(msgspec.Struct, frozen=True):
    """The files that were written, and what lint says of them."""

    files: list[Path]
    findings: list[Finding]


def skeleton(
    name: str, owner: str, dataset: str, stability: str, severity: str, title: str, text: str
) -> dict[str, Any]:
    """A contract without fields of its own: what every event has."""
    return {
        "$schema": DIALECT,
        "$id": f"urn:logharbor:{name}:1",
        "title": title or name.replace(".", " ").replace("_", " ").capitalize(),
        "description": text or f"One for each {name.replace('.', ' ').replace('_', ' ')}.",
        "type": "object",
        "additionalProperties": False,
        "required": ["event"],
        "properties": {"event": {"const": name}, "event_version": {"const": 1}},
        "x-event": {
            "version": "1.0.0",
            "owner": owner,
            "stability": stability,
            "severity": severity,
            "dataset": dataset,
        },
    }


_PLAIN = re.compile(r"[a-z0-9_]{1,64}\Z")


def files(draft: Draft, folder: Path, domain: str = "") -> Files:
    """The files of a draft by path, with an invalid example that says what it expects."""
    name, version = draft.name, f"v{draft.schema['$id'].rpartition(':')[2]}"
    home = folder / (domain or name.partition(".")[0]) / name
    result = {home / f"{version}.schema.json": text_of(draft.schema)}
    for what, event in draft.valid.items():
        result[home / "valid" / f"{version}.{what}.json"] = text_of(event)
    what, case = refused(draft)
    result[home / "invalid" / f"{version}.{what}.json"] = text_of(case)
    return result


def refused(draft: Draft) -> tuple[str, dict[str, Any]]:
    """An event that the draft refuses, as an example file holds it, and what is wrong with it."""
    compiled = Compiled(from_schema(draft.schema, draft.name))
    event: dict[str, Any] = copy.deepcopy(next(iter(draft.valid.values()), {}))
    required = [key for key in draft.schema.get("required", ()) if key in event and key != "event"]
    if required:
        del event[required[0]]
        # The key may come from a log, and this is a file's name: no `../`, and nothing that a file system refuses.
        what = f"no-{required[0].replace('_', '-')}" if _PLAIN.match(required[0]) else "no-field"
    else:
        event["event"] = 1
        what = "another-event"
    _, flaws, _ = compiled.judge(event)
    flaw = flaws[0]
    return what, {"expect": {"pointer": flaw.pointer, "keyword": flaw.keyword}, "event": event}


def write(wanted: Files, folder: Path, keep: bool = False) -> Written:
    """The files are written and linted with all other contracts; the lock is renewed where there is one.

    When lint finds an error in them they are taken away again, unless `keep`. Raises ConfigError when one is there.
    """
    for file in wanted:
        if file.exists():
            raise ConfigError(str(file), "(whole file)", "a file", "nothing yet", "To change a contract, edit it.")
    made: list[Path] = []
    for file, text in wanted.items():
        missing = [parent for parent in file.parents if not parent.exists()]
        file.parent.mkdir(parents=True, exist_ok=True)
        made.extend(missing)
        file.write_text(text)
    report = lint(folder)
    ours = {str(file) for file in wanted}
    findings = [one for one in report.findings if one.file in ours]
    if not keep and any(one.severity == "error" for one in findings):
        for file in wanted:
            file.unlink()
        for empty in sorted(made, key=lambda path: -len(path.parts)):
            empty.rmdir()
        return Written([], findings)
    lock_file = folder / lock.FILE
    if lock_file.is_file():
        lock_file.write_text(report.lock)
    return Written(list(wanted), findings)


def text_of(value: Any) -> str:
    """A file's text: small objects and lists on one line, as a person would write them."""
    return _text(value, "") + "\n"


def _text(value: Any, indent: str) -> str:
    flat = json.dumps(value, ensure_ascii=False)
    if not isinstance(value, (dict, list)) or not value or (len(flat) + len(indent) <= 100 and _is_leaf(value)):
        return flat
    inner = indent + "  "
    if isinstance(value, dict):
        lines = [f"{inner}{json.dumps(key, ensure_ascii=False)}: {_text(child, inner)}" for key, child in value.items()]
        return "{\n" + ",\n".join(lines) + f"\n{indent}}}"
    return "[\n" + ",\n".join(inner + _text(child, inner) for child in value) + f"\n{indent}]"


def _is_leaf(value: Any) -> bool:
    children = value.values() if isinstance(value, dict) else value
    return sum(isinstance(child, dict) for child in children) <= 1 and not (
        isinstance(value, dict) and {"properties", "x-event", "$id"} & value.keys()
    )
