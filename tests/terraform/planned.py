"""What the mocked applies of terraform/tests/ would make, as plain dictionaries."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Planned:
    """One run: how it ended, what was said, and its resources by address."""

    status: str = ""
    said: list[str] = field(default_factory=list)
    resources: dict[str, dict[str, Any]] = field(default_factory=dict)

    def of(self, kind: str) -> dict[str, dict[str, Any]]:
        """The values of every resource of a type, by address."""
        return {address: found for address, found in self.resources.items() if f"{kind}." in f".{address}"}

    def role_policies(self) -> dict[str, list[dict[str, Any]]]:
        """The statements of each role's policy, by the name of the role."""
        names = {_module(address, "aws_iam_role"): found["name"] for address, found in self.of("aws_iam_role").items()}
        return {
            names[_module(address, "aws_iam_role_policy")]: json.loads(found["policy"])["Statement"]
            for address, found in self.of("aws_iam_role_policy").items()
        }


def _module(address: str, kind: str) -> tuple[str, str]:
    """A resource's module and its own name: a role and its policy share both."""
    module, _, name = f".{address}".rpartition(f".{kind}.")
    return module, name


def read(output: str) -> dict[str, Planned]:
    """The runs of `terraform test -json -verbose`, by name."""
    runs: dict[str, Planned] = {}
    for line in map(json.loads, output.splitlines()):
        if "@testrun" not in line:
            continue
        run = runs.setdefault(line["@testrun"], Planned())
        if line["type"] == "test_run" and line["test_run"]["progress"] == "complete":
            run.status = line["test_run"]["status"]
        elif line["type"] == "diagnostic":
            run.said.append(f"{line['diagnostic']['summary']}: {line['diagnostic']['detail']}")
        elif line["type"] == "test_state":
            run.resources = {
                found["address"]: found["values"] for found in _resources(line["test_state"]["root_module"])
            }
    return runs


def _resources(module: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield from module.get("resources", [])
    for child in module.get("child_modules", []):
        yield from _resources(child)
