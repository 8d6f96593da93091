"""Whether every event that one schema accepts is accepted by another: proved, refuted, or left open."""

from __future__ import annotations

from typing import Any

from forwarders.governance.located import at
from forwarders.governance.prover import Doubt, Doubts, Exhausted, Prover, Rule
from forwarders.governance.rules import RULES


def contained(old: Any, new: Any, rules: dict[str, Rule] | None = None) -> Doubts:
    """The doubts that every value accepted by `old` is accepted by `new`; none is a proof.

    Both are expanded schemas, read as any validator of JSON Schema reads them: what is unknown to a closed object is
    refused, though at run time it is drift. `rules` replaces the reading of keywords, for tests.
    """
    prover = Prover(RULES if rules is None else rules)
    try:
        return prover.contained(old, new)
    except (Exhausted, RecursionError):
        return [Doubt(at(new, ""), "", False, "cannot prove: too many combinations to decide")]
