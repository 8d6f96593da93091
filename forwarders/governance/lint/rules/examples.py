"""Example files: one that the contract takes and one that it refuses, for the reason that the file names."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from forwarders.contracts import check
from forwarders.contracts.tree import pointer
from forwarders.errors import ConfigError
from forwarders.governance.lint.files import read
from forwarders.governance.lint.finding import ERROR, Finding
from forwarders.governance.lint.rules.personal import in_values
from forwarders.governance.lint.subject import Subject
from forwarders.model import Verdict

IDS = ("example-missing", "example-valid", "example-invalid", "example-stray", "personal-example", "json")


def examples(files: list[Path], majors: dict[int, Subject | None], folder: Path) -> Iterator[Finding]:
    """Findings about the examples of one event; a major whose contract is too broken to judge by maps to None."""
    counted = {(major, kind): 0 for major in majors for kind in ("valid", "invalid")}
    for file in files:
        kind, major = file.parent.name, _major(file)
        if major not in majors:
            message = (
                f"which contract is it an example of? Name it v<major>.<what>.json, as in v{min(majors)}.minimal.json"
            )
            yield Finding(str(file), "", "example-stray", ERROR, message)
            continue
        counted[major, kind] += 1
        subject = majors[major]
        try:
            value = check.parse_json(read(file), str(file))
        except ConfigError as error:
            yield _broken(file, error)
            continue
        except OSError as error:
            yield Finding(str(file), "", "json", ERROR, f"cannot be read: {error.strerror}")
            continue
        if subject is not None:
            yield from (_valid if kind == "valid" else _invalid)(file, value, subject)
    for (major, kind), count in counted.items():
        if not count:
            what = "one that is refused" if kind == "invalid" else "an event that it takes"
            message = f"no {kind} example: write {what} to {folder}/{kind}/v{major}.<what>.json"
            yield Finding(str(folder / f"v{major}.schema.json"), "", "example-missing", ERROR, message)


def _broken(file: Path, error: ConfigError) -> Finding:
    line = int(error.key.split()[1]) if error.key.startswith("line ") else 0
    return Finding(str(file), "", "json", ERROR, f"{error.key}: found {error.found}, expected {error.expected}", line)


def _major(file: Path) -> int:
    number = file.name.partition(".")[0].removeprefix("v")
    return int(number) if file.name.startswith("v") and number.isascii() and number.isdigit() and len(number) < 7 else 0


def _valid(file: Path, event: Any, subject: Subject) -> Iterator[Finding]:
    compiled = subject.compiled
    if isinstance(event, dict) and {"expect", "event"} == event.keys():
        message = "an invalid example in valid/: move it to invalid/, or keep the event alone"
        yield Finding(str(file), "", "example-valid", ERROR, message)
        return
    if not compiled.is_strict(event):
        verdict, flaws, drift = compiled.judge(event)
        if verdict is Verdict.INVALID:
            for flaw in flaws:
                message = f"{subject.label} refuses it ({flaw.keyword}): found {flaw.found}, expected {flaw.expected}"
                yield Finding(str(file), flaw.pointer, "example-valid", ERROR, message)
        else:
            message = f"{drift[0]} is not known to {subject.label}: declare it, or take it out"
            yield Finding(str(file), "", "example-valid", ERROR, message)
    for where, message in in_values(subject, event):
        yield Finding(str(file), pointer(where), "personal-example", ERROR, message)


def _invalid(file: Path, case: Any, subject: Subject) -> Iterator[Finding]:
    expect = case.get("expect") if isinstance(case, dict) else None
    if not isinstance(expect, dict) or "event" not in case or not isinstance(expect.get("keyword"), str):
        message = (
            "an invalid example says which error it expects: "
            '{"expect": {"pointer": "/user", "keyword": "type"}, "event": {…}}'
        )
        yield Finding(str(file), "", "example-invalid", ERROR, message)
        return
    if subject.compiled.is_strict(case["event"]):
        message = f"{subject.label} takes it: break what the file expects to be refused"
        yield Finding(str(file), "/event", "example-invalid", ERROR, message)
        return
    verdict, flaws, drift = subject.compiled.judge(case["event"])
    if verdict is not Verdict.INVALID:
        message = f"{drift[0]} is drift, and an event with drift is valid: break a rule of the contract instead"
        yield Finding(str(file), "/event", "example-invalid", ERROR, message)
        return
    wanted = (expect.get("pointer", ""), expect["keyword"])
    if wanted not in [(flaw.pointer, flaw.keyword) for flaw in flaws]:
        found = ", ".join(f"{flaw.keyword} at {flaw.pointer or 'the event'}" for flaw in flaws)
        message = f"it expects {wanted[1]} at {wanted[0] or 'the event'}, and is refused for {found}"
        yield Finding(str(file), "/expect", "example-invalid", ERROR, message)
