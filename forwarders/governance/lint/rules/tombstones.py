"""Tombstones: a field that was removed leaves its name behind."""

from __future__ import annotations

from collections.abc import Iterator

from forwarders.contracts.facts import ANY
from forwarders.contracts.tree import pointer
from forwarders.governance.lint.finding import ERROR, WARNING
from forwarders.governance.lint.rule import Found, Rule
from forwarders.governance.lint.subject import Subject
from forwarders.governance.policy import Policy


def tombstones(subject: Subject, policy: Policy) -> Iterator[Found]:
    """A removed field does not come back, and nothing is measured by a deprecated one."""
    declared = {".".join(part for part in path if part != ANY): many[0] for path, many in subject.said.items() if path}
    for name, stone in subject.event.get("removed", {}).items():
        if name in declared:
            since = stone.get("since", "?")
            message = (
                f"{name} was removed in {since} and its columns remember the old meaning: give the field a new name"
            )
            yield Found(declared[name].at(), "field-removed", ERROR, message)
    deprecated = {name for name, said in declared.items() if said.node.get("deprecated") is True}
    for i, metric in subject.metrics:
        for name in [metric.get("value"), *metric.get("dimensions", ()), *metric.get("where", ())]:
            if name in deprecated:
                message = f"{metric['name']} reads {name}, which is deprecated: measure what replaces it"
                place = pointer(("x-event", "metrics", i))
                yield Found(place, "field-deprecated", WARNING, message)


RULE = Rule(("field-removed", "field-deprecated"), tombstones)
