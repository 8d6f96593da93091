"""Accounts for the doctor: a healthy one in data/, and what is changed in it for a case."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from forwarders.config import Config, from_plain
from forwarders.doctor.account import Denied, Missing

DATA = Path(__file__).parents[1] / "data" / "doctor"
HEALTHY: dict[str, Any] = json.loads((DATA / "healthy.json").read_text())


def config() -> Config:
    return from_plain(HEALTHY["pipeline"], "pipeline.yaml")


class Scripted:
    """Ask that answers from data: `service.operation` to an answer, or to a list of {"if": parameters, "then": answer}.

    An answer `"missing"` or `"denied"` is one of AWS's refusals. `asked` lists every question.
    """

    def __init__(self, changes: Mapping[str, Any] = {}) -> None:
        self.answers = copy.deepcopy(HEALTHY["answers"]) | copy.deepcopy(dict(changes))
        self.asked: list[str] = []

    def __call__(self, service: str, operation: str, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
        name = f"{service}.{operation}"
        self.asked.append(name)
        answer = self.answers[name]
        if isinstance(answer, list):
            answer = next(one["then"] for one in answer if one["if"].items() <= parameters.items())
        if answer == "missing":
            raise Missing(name, "ResourceNotFoundException")
        if answer == "denied":
            raise Denied(name)
        result: Mapping[str, Any] = answer
        return result
