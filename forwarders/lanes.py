"""One sink's way through a batch: choose an encoder, encode, ship, settle what the sink answered. Floor 2."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from forwarders.accounting import id_sum, settle
from forwarders.config import QUARANTINE, Events, glob
from forwarders.deadletters import DeadLetter, Store, dead_letters
from forwarders.errors import ConfigError, Transient, Withheld
from forwarders.model import (
    DELIVERED,
    Account,
    Contract,
    Deadline,
    Encoder,
    Event,
    Fate,
    Kind,
    Origin,
    Outcome,
    Verdict,
)
from forwarders.sinks import Sink


class LaneSpec:
    """What is decided once for a sink and an origin: which encoder an event gets, and which events it does not get."""

    def __init__(self, sink: Sink, origin: Origin, environment: str, unregistered: str, events: Events) -> None:
        self.name = sink.name
        self.sink = sink
        self._origin, self._environment = origin, environment
        self._unregistered = unregistered
        self._wants = _wants(events)
        self.fast: dict[Contract | None, Encoder] = {}
        """Encoders of the contracts whose valid events all go to this sink: the hot road."""
        self._slow: dict[tuple[Contract | None, Verdict], Encoder] = {}

    def choose(self, event: Event) -> Encoder | tuple[Fate, str]:
        """The encoder for `event`, or the fate and reason for which this sink does not get it."""
        if not self._wants(event.name):
            return Fate.FILTERED, "events"
        contract = event.contract
        rate = _rate(contract.sampling, self.sink) if contract is not None else 1
        if rate > 1 and event.verdict is Verdict.VALID and int(event.id, 16) % rate:
            return Fate.SAMPLED, f"1_in_{rate}"
        key = (contract, event.verdict)
        encoder = self._slow.get(key)
        if encoder is None:
            kind = Kind(self._origin, contract, event.verdict, self._dataset(event), self._environment)
            encoder = self._slow[key] = self.sink.encoder(kind)
            if rate == 1 and event.verdict is Verdict.VALID:
                self.fast[contract] = encoder
        return encoder

    def _dataset(self, event: Event) -> str:
        if event.verdict is Verdict.INVALID:
            return QUARANTINE
        return self._unregistered if event.contract is None else event.contract.dataset


def _rate(sampling: Mapping[str, int], sink: Sink) -> int:
    return sampling.get(sink.name, sampling.get(sink.type, 1))


def _wants(events: Events) -> Callable[[str], bool]:
    if events == Events():
        return lambda name: True
    included = [glob(pattern) for pattern in events.include]
    excluded = [glob(pattern) for pattern in events.exclude]
    return lambda name: any(m(name) for m in included) and not any(m(name) for m in excluded)


class Lane:
    """The state of one sink while one batch runs. It is one of `sinks`: of the time that is left, a request may take
    only so large a part, so that a sink that does not answer leaves the others theirs."""

    def __init__(self, spec: LaneSpec, account: Account, sinks: int) -> None:
        self.name = spec.name
        self.returned: list[str] = []
        self._spec = spec
        self._account = account
        self._sinks = sinks
        self._pieces: list[str] = []
        self._ids: list[str] = []
        self._quarantined: dict[str, str] = {}
        self._letters: dict[Outcome, list[DeadLetter]] = {}
        self._unready: dict[tuple[Contract | None, Verdict], str] = {}
        self._id_sum = 0
        self._size = 0

    def take(self, events: Sequence[Event], taken: Sequence[str], taken_sum: int, deadline: Deadline) -> None:
        """`events` are encoded or settled; what was waiting is shipped first where both would overfill a request.

        `taken` are the ids that went into reading and `taken_sum` their sum, which is used again only where the ids
        that came out of it are the same one by one (comparing them costs a tenth of adding them up).
        """
        find, valid = self._spec.fast.get, Verdict.VALID
        pieces: list[str] = []
        ids: list[str] = []
        add, keep = pieces.append, ids.append
        for event in events:
            try:
                encode = find(event.contract) if event.verdict is valid else None
                if encode is None:
                    encode = self._choose(event)
                    if encode is None:
                        continue
                add(encode(event))
            except (Transient, ConfigError, MemoryError) as error:  # not this event's fault: it comes again
                self.settle([event.id], Fate.RETURNED, _reason(error))
                continue
            except Exception as error:  # redaction fails closed: no copy of this event is made
                self._withhold(event, error, pieces, ids)
                continue
            keep(event.id)
        size = sum(map(len, pieces))
        if self._size + size > self._spec.sink.max_body_bytes:
            self.ship(deadline)
        self._pieces += pieces
        self._ids += ids
        self._id_sum += taken_sum if ids == taken else id_sum(ids)
        self._size += size

    def settle(self, ids: Sequence[str], fate: Fate, reason: str, ambiguous: int = 0) -> None:
        """`ids` have ended in `fate`; what is returned is remembered."""
        settle(self._account, ids, fate, reason, ambiguous)
        if fate is Fate.RETURNED:
            self.returned.extend(ids)

    def ship(self, deadline: Deadline) -> None:
        """What was encoded is sent, and settled by what the sink answered for each position."""
        pieces, ids, shipped_sum = self._pieces, self._ids, self._id_sum
        self._pieces, self._ids, self._id_sum, self._size = [], [], 0, 0
        if not ids:
            return
        left = deadline()
        not_ours = left - left / self._sinks
        try:
            outcomes = list(self._spec.sink.ship(pieces, ids, lambda: deadline() - not_ours))
        except Exception as error:  # whatever it is: nothing is known to be delivered
            self.settle(ids, Fate.RETURNED, _reason(error))
            return
        if not self._quarantined and len(outcomes) == len(ids) == outcomes.count(DELIVERED):
            self._account.fates[Fate.DELIVERED].add(len(ids), shipped_sum)
            return
        groups: dict[Outcome, list[str]] = {}
        for id, piece, outcome in zip(ids, pieces, outcomes, strict=False):  # a short answer must unbalance
            if outcome.fate is Fate.DEAD:
                self._letters.setdefault(outcome, []).append(DeadLetter(id, self.name, outcome.reason, piece))
                continue
            if outcome.fate is Fate.DELIVERED and id in self._quarantined:
                outcome = Outcome(Fate.QUARANTINED, self._quarantined[id], outcome.ambiguous)
            groups.setdefault(outcome, []).append(id)
        for outcome, same in groups.items():
            self.settle(same, outcome.fate, outcome.reason, len(same) if outcome.ambiguous else 0)

    def bury(self, store: Store, batch: str) -> None:
        """The copies that the sink refused for good are durable in `store`; if it is out of reach they are returned."""
        if not self._letters:
            return
        fate, letters, self._letters = Fate.DEAD, self._letters, {}
        try:
            every = [letter for some in letters.values() for letter in some]
            store.put("dead", f"{batch}-{self.name}.ndjson", dead_letters(every))
        except Transient:
            fate = Fate.RETURNED
        for outcome, some in letters.items():
            reason = outcome.reason if fate is Fate.DEAD else "store_unavailable"
            self.settle([letter.id for letter in some], fate, reason, len(some) if outcome.ambiguous else 0)

    def _choose(self, event: Event) -> Encoder | None:
        """The encoder for an event that is not on the hot road; None when it is settled without a copy."""
        kind = (event.contract, event.verdict)
        unready = self._unready.get(kind)
        if unready is None:
            try:
                choice = self._spec.choose(event)
            except (Transient, ConfigError) as error:  # the hash key's keeper is out of reach, or the key is no key
                unready = self._unready[kind] = _reason(error)
        if unready is not None:
            self.settle([event.id], Fate.RETURNED, unready)
            return None
        if isinstance(choice, tuple):
            self.settle([event.id], *choice)
            return None
        if event.verdict is Verdict.INVALID:
            self._quarantined[event.id] = event.reason
        return choice

    def _withhold(self, event: Event, error: Exception, pieces: list[str], ids: list[str]) -> None:
        """In place of a copy that could not be made safely, a document in quarantine says so without any text."""
        reason = "redaction_failed" if isinstance(error, Withheld) else f"internal:{type(error).__name__}"
        bare = Event(event.id, event.time_ms, "", "", {}, event.contract, Verdict.INVALID, reason=reason)
        try:
            encode = self._choose(bare)
            if encode is not None:
                pieces.append(encode(bare))
                ids.append(event.id)
        except Exception:
            self._letters.setdefault(Outcome(Fate.DEAD, reason), []).append(DeadLetter(event.id, self.name, reason, ""))


def _reason(error: Exception) -> str:
    """Why something comes again: what our errors say of themselves, and of any other only its kind."""
    if isinstance(error, Transient):
        return error.reason
    if isinstance(error, ConfigError):
        return f"configuration:{error.key}"[:100]
    return "memory" if isinstance(error, MemoryError) else f"internal:{type(error).__name__}"
