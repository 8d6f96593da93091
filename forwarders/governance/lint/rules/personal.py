"""Personal data: what is named or looks like it says x-pii."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from forwarders.contracts.facts import ANY, Path
from forwarders.contracts.tree import pointer
from forwarders.governance import pii
from forwarders.governance.lint.finding import ERROR, WARNING
from forwarders.governance.lint.rule import Found, Rule
from forwarders.governance.lint.subject import Subject
from forwarders.governance.policy import Policy


def personal(subject: Subject, policy: Policy) -> Iterator[Found]:
    """Of names and of the contract's own examples; the example files are looked at where they are read."""
    for path, many in subject.said.items():
        if not path or is_classified(subject, path):
            continue
        suspicion = pii.by_name(path, [one.node for one in many])
        if suspicion:
            severity = ERROR if suspicion.sure else WARNING
            yield Found(many[0].at(), "personal-unmarked", severity, f"{suspicion.why}: {wish(suspicion.kind)}")
    for i, example in enumerate(subject.schema.get("examples", ())):
        for where, message in in_values(subject, example):
            yield Found(pointer(("examples", i, *where)), "personal-example", ERROR, message)


def in_values(subject: Subject, event: Any) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """The places of an example event whose value looks personal in a field that is not marked so."""
    for where, path, value in _leaves(event, (), ()):
        kind = pii.by_value(value)
        if kind and not is_classified(subject, path) and not _is_listed(subject, path):
            name = ".".join(part for part in path if part != ANY)
            what = pii.DESCRIBED[kind]
            yield where, f"the example of {name} looks like {what}: {wish(pii.CLASS[kind])}, or make up another value"


def is_classified(subject: Subject, path: Path) -> bool:
    """Whether a field, or what holds it, has an x-pii; keys of an object that declares none count as any."""
    return any(
        "x-pii" in one.node
        for depth in range(1, len(path) + 1)
        for candidate in ({path[:depth], (*path[: depth - 1], ANY)})
        for one in subject.said.get(candidate, ())
    )


def wish(kind: str) -> str:
    """What to write, in the author's own words."""
    return f'say so with "x-pii": {{"class": "{kind}"}}'


def _is_listed(subject: Subject, path: Path) -> bool:
    return any({"const", "enum"} & one.node.keys() for one in subject.said.get(path, ()))


def _leaves(value: Any, where: tuple[str | int, ...], path: Path) -> Iterator[tuple[tuple[str | int, ...], Path, Any]]:
    if isinstance(value, dict):
        for key, child in value.items():
            yield from _leaves(child, (*where, key), (*path, key))
    elif isinstance(value, list):
        for index, child in enumerate(value[:1000]):
            yield from _leaves(child, (*where, index), (*path, ANY))
    elif isinstance(value, (str, int)) and not isinstance(value, bool):
        yield where, path, value


RULE = Rule(("personal-unmarked", "personal-example"), personal)
