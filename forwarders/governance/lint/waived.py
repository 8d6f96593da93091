"""Findings that people let through for a while: each stays in sight, as a warning that says until when and why."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from pathlib import Path

import msgspec

from forwarders.errors import ConfigError
from forwarders.governance import waivers
from forwarders.governance.lint.files import major_of
from forwarders.governance.lint.finding import ERROR, WARNING, Finding
from forwarders.governance.waivers import Waiver

REFUSED = frozenset(
    {"json", "file-kind", "reference", "meta", "key-unknown", "keyword-refused", "identity", "annotation", "pattern"}
    | {"path", "example"}
)
"""The rules without which no bundle is built: a waiver of one would only move the failure to the release."""


def waived(findings: Sequence[Finding], folder: Path, today: datetime.date) -> list[Finding]:
    """The findings after the waivers of `_waivers.json`, with one for each waiver that does nothing."""
    file = folder / waivers.FILE
    try:
        known = [(index, one) for index, one in enumerate(waivers.read(folder)) if one.rule]
    except ConfigError as error:
        place = error.key if error.key.startswith("/") else ""
        message = f"found {error.found}, expected {error.expected}"
        return [*findings, Finding(str(file), place, "waiver", ERROR, message)]
    used: set[int] = set()
    result = []
    for finding in findings:
        for index, waiver in known:
            if _covers(waiver, finding):
                used.add(index)
                finding = _after(finding, waiver, today)
                break
        result.append(finding)
    for index, waiver in known:
        if waiver.rule in REFUSED:
            message = f"{waiver.rule} cannot be waived: no bundle is built with it. Mend the contract"
            result.append(Finding(str(file), f"/{index}/rule", "waiver", ERROR, message))
        elif index not in used:
            message = f"{waiver.event}:{waiver.major} {waiver.pointer} has no finding of {waiver.rule}: remove it"
            result.append(Finding(str(file), f"/{index}", "waiver", WARNING, message))
    return result


def _covers(waiver: Waiver, finding: Finding) -> bool:
    file = Path(finding.file)
    about = (file.parent.name, major_of(file), finding.pointer, finding.rule)
    return about == (waiver.event, waiver.major, waiver.pointer, waiver.rule) and finding.rule not in REFUSED


def _after(finding: Finding, waiver: Waiver, today: datetime.date) -> Finding:
    if waiver.is_over(today):
        return msgspec.structs.replace(finding, message=f"{finding.message} (its waiver ended on {waiver.expires})")
    return msgspec.structs.replace(finding, severity=WARNING, waived=f"until {waiver.expires}: {waiver.reason}")
