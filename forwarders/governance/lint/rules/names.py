"""Names: of the event, of its fields, and those that Logharbor keeps for itself."""

from __future__ import annotations

import re
from collections.abc import Iterator

from forwarders.governance.lint.finding import ERROR, WARNING
from forwarders.governance.lint.rule import Found, Rule
from forwarders.governance.lint.subject import Subject
from forwarders.governance.policy import Policy

RESERVED = ("logharbor", "cloud", "faas", "_extra")
"""Logharbor writes under these names itself, in Honeycomb beside the author's own fields."""

NAME = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+\Z")
_KEY = re.compile(r"[a-z][a-z0-9_]*\Z")


def names(subject: Subject, policy: Policy) -> Iterator[Found]:
    """Events are domain.entity.action, keys are snake_case without dots, and no field takes a reserved name."""
    name = subject.contract.name
    if not NAME.match(name):
        wanted = "domain.entity.action in snake_case, such as user.login.success"
        yield Found("/$id", "name-event", ERROR, f"the event is called {name}: name it {wanted}")
    domain = subject.file.parent.parent.name
    if domain and subject.file.parent.name == name and domain != name.partition(".")[0]:
        message = f"{name} lies in the folder {domain}: the folder of its domain is {name.partition('.')[0]}"
        yield Found("/$id", "name-domain", WARNING, message)
    for said in (one for many in subject.said.values() for one in many):
        for key in said.node.get("properties", ()):
            problem = _key_problem(key, ecs=subject.contract.shape == "ecs")
            if problem:
                yield Found(said.at("properties", key), "name-key", ERROR, problem)
            if not said.path and key in RESERVED:
                message = (
                    f"{key} is Logharbor's own: call the field something else ({name.split('.')[-2]}_{key.strip('_')})"
                )
                yield Found(said.at("properties", key), "name-reserved", ERROR, message)


def _key_problem(key: str, ecs: bool) -> str:
    shown = key if len(key) <= 60 else key[:59] + "…"
    if _KEY.match(key) or key in RESERVED or (ecs and key == "@timestamp"):
        return ""
    if "." in key:
        return f"the key {shown!r} has a dot, which columns read as an object in an object: nest it, or use _"
    snake = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", key).replace("-", "_").lower()
    hint = f": write {snake}" if _KEY.match(snake) and len(snake) <= 60 else ""
    return f"the key {shown!r} is not snake_case{hint}"


RULE = Rule(("name-event", "name-domain", "name-key", "name-reserved"), names)
