"""Adding up what became of a batch: the making of a receipt. Floor 1, on the model alone."""

from __future__ import annotations

from collections.abc import Sequence

import xxhash

from forwarders.model import ID_MODULUS, Account, Event, Fate, Origin, Receipt, Tally, Verdict

MAX_REASONS = 100
"""Distinct reasons, drifting fields and owners that a receipt names; what is beyond is counted under `other`."""


def id_sum(ids: Sequence[str]) -> int:
    """The sum of hexadecimal event ids modulo 2^128."""
    return sum([int(id, 16) for id in ids]) % ID_MODULUS


def batch_id(prefix: bytes, taken: Tally) -> str:
    """An id of a batch by its records alone: a redelivery of the same records has the same."""
    return xxhash.xxh3_128_hexdigest(b"%sbatch\0%d\0%x" % (prefix, taken.n, taken.sum))


def count(counts: dict[str, int], key: str, n: int = 1) -> None:
    """`counts[key]` grows by `n`; a new key beyond MAX_REASONS is counted under `other`."""
    if key not in counts and len(counts) >= MAX_REASONS:
        key = "other"
    counts[key] = counts.get(key, 0) + n


def settle(account: Account, ids: Sequence[str], fate: Fate, reason: str = "", ambiguous: int = 0) -> None:
    """`ids` have ended in `fate` for this account's sink."""
    account.fates[fate].add(len(ids), id_sum(ids))
    account.ambiguous += ambiguous
    if reason and ids:
        count(account.reasons, f"{fate}:{reason}", len(ids))


class Accounts:
    """One account for each sink of a plan, and what the contracts said of the events."""

    def __init__(self, names: Sequence[str]) -> None:
        self._of = {name: Account({fate: Tally() for fate in Fate}, {}) for name in names}
        self._verdicts = dict.fromkeys(Verdict, 0)
        self._drift: dict[str, int] = {}
        self._owners: dict[str, int] = {}
        self._drifted = 0

    def of(self, name: str) -> Account:
        """The account of the sink `name`."""
        return self._of[name]

    def judge(self, events: Sequence[Event]) -> None:
        """The verdicts and the drift of `events` are counted."""
        odd = [event for event in events if event.verdict is not Verdict.VALID or event.drift]
        self._verdicts[Verdict.VALID] += len(events) - len(odd)
        for event in odd:
            self._verdicts[event.verdict] += 1
            if event.drift and event.contract is not None:
                self._drifted += 1
                for path in event.drift:
                    count(self._drift, f"{event.contract.name}:{event.contract.major} {path}")
            if event.verdict is Verdict.INVALID:
                count(self._owners, event.contract.owner if event.contract else "(no contract)")

    def close(self, batch: str, origin: Origin, taken: Tally, time_ms: int) -> Receipt:
        """The receipt of all that was settled."""
        return Receipt(
            batch, origin, taken, self._of, self._verdicts, self._drift, self._drifted, self._owners, time_ms
        )
