"""The receipts of a run added up, for a person and for a script. Floor 1, on the model alone."""

from __future__ import annotations

from typing import Any

from forwarders.model import Fate, Receipt, Verdict


class Totals:
    """What became of everything so far."""

    def __init__(self) -> None:
        self.taken = 0
        self.verdicts = dict.fromkeys(Verdict, 0)
        self.drifted = 0
        self.sinks: dict[str, dict[Fate, int]] = {}
        self.reasons: dict[str, dict[str, int]] = {}
        self.owners: dict[str, int] = {}
        self.drift: dict[str, int] = {}
        self.ambiguous = 0
        self.unbalanced = 0

    def add(self, receipt: Receipt) -> None:
        """One more receipt is counted."""
        self.taken += receipt.taken.n
        self.drifted += receipt.drifted
        self.unbalanced += not receipt.balances()
        for verdict, n in receipt.verdicts.items():
            self.verdicts[verdict] += n
        for counts, more in ((self.owners, receipt.owners), (self.drift, receipt.drift)):
            _merge(counts, more)
        for name, account in receipt.accounts.items():
            fates = self.sinks.setdefault(name, dict.fromkeys(Fate, 0))
            for fate, tally in account.fates.items():
                fates[fate] += tally.n
            _merge(self.reasons.setdefault(name, {}), account.reasons)
            self.ambiguous += account.ambiguous

    @property
    def balanced(self) -> bool:
        """True when every receipt balances."""
        return self.unbalanced == 0

    @property
    def returned(self) -> int:
        """How many events some sink still lacks."""
        return sum(fates[Fate.RETURNED] for fates in self.sinks.values())

    def plain(self) -> dict[str, Any]:
        """The object that `logharbor run --json` prints."""
        return {
            "in": self.taken,
            "verdicts": {str(verdict): n for verdict, n in self.verdicts.items()},
            "drifted": self.drifted,
            "sinks": {name: {str(fate): n for fate, n in fates.items()} for name, fates in self.sinks.items()},
            "balanced": self.balanced,
        }


def _merge(counts: dict[str, int], more: dict[str, int]) -> None:
    for key, n in more.items():
        counts[key] = counts.get(key, 0) + n
