"""All findings about a folder of contracts: every file, whatever is wrong with the others."""

from __future__ import annotations

import datetime
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from forwarders.contracts import check
from forwarders.contracts.keywords import refused_keyword
from forwarders.contracts.shared import FOLDER as SHARED
from forwarders.contracts.shared import Shared
from forwarders.contracts.tree import expand
from forwarders.errors import ConfigError
from forwarders.governance import lock
from forwarders.governance import policy as policies
from forwarders.governance.lint import files, positions, together
from forwarders.governance.lint.finding import ERROR, Finding
from forwarders.governance.lint.rules import RULES
from forwarders.governance.lint.rules.examples import examples
from forwarders.governance.lint.subject import Subject, mended
from forwarders.governance.lint.waived import waived
from forwarders.governance.policy import Policy

MAX_FINDINGS_PER_FILE = 100
_ANNOTATED = frozenset({"personal-unmarked", "time-unmarked", "unit-missing"})
"""Rules that miss an annotation. Where one was misspelt, and so taken out, the author has been told already."""


class Report(msgspec.Struct, frozen=True):
    """What lint found, sorted by file and line; how many contracts it read; and the text of an up-to-date lock."""

    findings: list[Finding]
    contracts: int
    lock: str


def lint(folder: str | Path, today: datetime.date | None = None) -> Report:
    """Every finding about the contracts below a folder. Never raises for what a file holds; fetches nothing.

    `today` decides which waivers still hold; without it none is looked at.
    """
    root = Path(folder)
    found = files.find(root)
    findings = list(found.findings)
    try:
        policy = policies.read(root)
    except ConfigError as error:
        findings.append(Finding(error.file, "", "policy", ERROR, _words(error)))
        policy = Policy()
    shared = Shared(root)
    for file in found.shared:
        findings.extend(_shared_findings(file, shared))
    subjects: list[Subject] = []
    majors: dict[Path, dict[int, Subject | None]] = {}
    for file in found.contracts:
        subject, said = _contract(file, root, shared, policy)
        findings.extend(said[:MAX_FINDINGS_PER_FILE])
        if subject is not None:
            subjects.append(subject)
        major = files.major_of(file)
        if major:
            majors.setdefault(file.parent, {})[major] = subject
    for event_folder in sorted(majors.keys() | found.examples.keys()):
        known = majors.get(event_folder)
        here = found.examples.get(event_folder, [])
        if known is None:
            message = "examples of nothing: there is no v<major>.schema.json beside this folder"
            findings.append(Finding(str(here[0]), "", "example-stray", ERROR, message))
        else:
            findings.extend(examples(here, known, event_folder))
    findings.extend(_moved(one, shared) for one in together.together(subjects, root, policy))
    if today is not None:
        findings = waived(findings, root, today)
    return Report(_located(findings), len(found.contracts), lock.text(together.collected(subjects)))


def _contract(file: Path, root: Path, shared: Shared, policy: Policy) -> tuple[Subject | None, list[Finding]]:
    """The contract as far as it can be looked at, and all that is wrong with it alone."""
    findings: list[Finding] = []
    try:
        schema = check.parse_bytes(files.read(file), str(file))
    except ConfigError as error:
        return None, [_finding(error, "json", shared)]
    except OSError as error:
        return None, [Finding(str(file), "", "file-kind", ERROR, f"cannot be read: {error.strerror}")]
    findings.extend(_place(file, root, schema))
    try:
        inlined = shared.inline(schema, file)
    except ConfigError as error:
        return None, [*findings, _finding(error, "reference", shared)]
    except RecursionError:
        return None, [
            *findings,
            Finding(str(file), "", "meta", ERROR, "hundreds of levels: write a schema of readable depth"),
        ]
    problems = list(check.meta_problems(inlined, str(file)))
    findings.extend(_meta_finding(problem, shared) for problem in problems)
    usable = mended(inlined, problems) if problems else inlined
    if usable is None:
        return None, findings
    identity = list(check.identity_problems(usable, str(file)))
    findings.extend(_finding(problem, "identity", shared) for problem in identity)
    try:
        tree = expand(usable, str(file))
        subject = Subject(file, usable, tree)
    except ConfigError as error:
        named = _finding(error, "reference" if error.key.endswith("/$ref") else "meta", shared)
        return None, [*findings, *(() if identity and error.key == "/$id" else (named,))]
    annotated = list(check.annotation_problems(tree, str(file)))
    compiled = list(check.compile_problems(usable, str(file)))
    findings.extend(_finding(problem, "annotation", shared) for problem in annotated)
    findings.extend(_finding(problem, "pattern", shared) for problem in compiled)
    broken = [problem.key for problem in problems]
    missing = {problem.key for problem in problems if problem.found == "nothing"}
    if not any(key.split("/")[-2:-1] == ["properties"] for key in broken):  # a field that is taken out is missed
        findings.extend(_finding(one, "path", shared) for one in check.path_problems(usable, tree, str(file)))
    for rule in RULES:
        for one in rule.look(subject, policy):
            if one.rule in _ANNOTATED and any(key.startswith(f"{one.pointer}/") for key in broken):
                continue
            if one.pointer in missing:
                continue  # what stands there is a stopgap of ours
            findings.append(_moved(Finding(str(file), one.pointer, one.rule, one.severity, one.message), shared))
    if compiled or identity:
        return None, findings
    findings.extend(_finding(problem, "example", shared) for problem in _own_examples(subject))
    return subject, findings


def _own_examples(subject: Subject) -> Iterator[ConfigError]:
    return check.example_problems(subject.contract, str(subject.file), subject.compiled)


def _place(file: Path, root: Path, schema: dict[str, Any]) -> Iterator[Finding]:
    """Whether a contract lies where its `$id` says."""
    name, _, major = str(schema.get("$id", "")).removeprefix("urn:logharbor:").rpartition(":")
    if not name or not major.isdigit():
        return  # found as a wrong $id
    parts = file.relative_to(root).parts
    if len(parts) != 3 or parts[1:] != (name, f"v{major}.schema.json"):
        wanted = f"{name.partition('.')[0]}/{name}/v{major}.schema.json"
        message = (
            f"{name}:{major} lies in {'/'.join(parts)}: put it at {wanted}, where its examples and owners are found"
        )
        yield Finding(str(file), "/$id", "file-place", ERROR, message)


def _shared_findings(file: Path, shared: Shared) -> Iterator[Finding]:
    try:
        schema = check.parse_bytes(files.read(file), str(file))
        problems = list(check.meta_problems(schema, str(file)))
        yield from (_meta_finding(problem, shared) for problem in problems)
        if problems:
            return
        shared.inline({"$ref": f"./{file.name}"}, file)
        for name in schema.get("$defs", {}):
            shared.inline({"$ref": f"./{file.name}#/$defs/{name}"}, file)
    except ConfigError as error:
        yield _finding(error, "reference" if error.key.endswith("/$ref") else "json", shared)
    except OSError as error:
        yield Finding(str(file), "", "file-kind", ERROR, f"cannot be read: {error.strerror}")
    except (RecursionError, AttributeError, TypeError):
        yield Finding(str(file), "", "meta", ERROR, "no schema of readable depth")


def _meta_finding(problem: ConfigError, shared: Shared) -> Finding:
    key = problem.key.rpartition("/")[2]
    rule = "meta"
    if problem.found.startswith("the unknown key"):
        rule = "keyword-refused" if refused_keyword(key.replace("~1", "/")) else "key-unknown"
    elif key == "$ref":
        rule = "reference"
    return _finding(problem, rule, shared)


def _finding(problem: ConfigError, rule: str, shared: Shared) -> Finding:
    line = int(problem.key.split()[1]) if problem.key.startswith("line ") else 0
    pointer = problem.key if problem.key.startswith("/") else ""
    return _moved(Finding(problem.file, pointer, rule, ERROR, _words(problem), line), shared)


def _words(problem: ConfigError) -> str:
    place = (
        "" if problem.key.startswith("/") or not problem.key or problem.key in ("JSON", "file") else f"{problem.key}: "
    )
    text = f"{place}found {problem.found}, expected {problem.expected}"
    return f"{text}. {problem.hint}" if problem.hint else text


def _moved(finding: Finding, shared: Shared) -> Finding:
    """With file and pointer of the shared file, where a finding is about what was put in place from one."""
    if not finding.pointer.startswith(f"/$defs/{SHARED}."):
        return finding
    name, _, rest = finding.pointer.removeprefix("/$defs/").partition("/")
    origin = shared.origins.get(name)
    if origin is None:
        return finding
    definition = name.removeprefix(f"{SHARED}.{origin.name.removesuffix('.schema.json')}").removeprefix(".")
    place = (f"/$defs/{definition}" if definition else "") + (f"/{rest}" if rest else "")
    return msgspec.structs.replace(finding, file=os.path.normpath(origin), pointer=place)


def _located(findings: list[Finding]) -> list[Finding]:
    """Each finding once, with its line; the files are read again, because only broken ones are asked for lines."""
    by_file: dict[str, set[Finding]] = {}
    for finding in findings:
        by_file.setdefault(finding.file, set()).add(finding)
    result: list[Finding] = []
    for file, several in by_file.items():
        text = _text(file)
        known = positions.lines(text) if text else {}
        for finding in several:
            if not finding.line and text:
                twice = positions.repeated_key(text) if finding.rule == "json" and " twice" in finding.message else None
                place, line = twice or (finding.pointer, positions.nearest_line(known, finding.pointer))
                finding = msgspec.structs.replace(finding, pointer=place, line=line)
            result.append(finding)
    return sorted(result, key=lambda one: (one.file, one.line, one.pointer, one.rule, one.message))


def _text(file: str) -> str:
    path = Path(file)
    try:
        return files.read(path).decode("utf-8", "replace") if path.is_file() and not path.is_symlink() else ""
    except OSError:
        return ""
