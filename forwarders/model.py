"""What flows through Logharbor: Origin, Record, Batch, Event, Verdict, Fate, Outcome, Receipt.

Floor 0: nothing here imports another module of the package. Sources make batches of records, formats and contracts
turn a record into an event with a verdict, sinks answer with outcomes, and the receipt adds all of it up.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from typing import Any

import msgspec
import xxhash

ID_MODULUS = 1 << 128

Deadline = Callable[[], float]
"""Seconds that are left for work; zero or less: stop now. Called often, costs one clock read, never raises."""


class Verdict(StrEnum):
    """What the contract says of an event."""

    VALID = "valid"
    INVALID = "invalid"
    UNREGISTERED = "unregistered"


class Fate(StrEnum):
    """Where a record ended for one sink; every record ends in exactly one."""

    DELIVERED = "delivered"
    QUARANTINED = "quarantined"
    DEAD = "dead"
    FILTERED = "filtered"
    SAMPLED = "sampled"
    RETURNED = "returned"


class Outcome(msgspec.Struct, frozen=True, gc=False):
    """A sink's answer for one event: DELIVERED, DEAD or RETURNED, and why.

    `reason` is a bounded phrase (`already_present`, `sink_rejected:mapper_parsing_exception`), never a payload.
    `ambiguous`: the request was read by the server but never answered, so a copy may be there already.
    """

    fate: Fate
    reason: str = ""
    ambiguous: bool = False


DELIVERED = Outcome(Fate.DELIVERED)
ALREADY_PRESENT = Outcome(Fate.DELIVERED, "already_present")


class Origin(msgspec.Struct, frozen=True):
    """What is constant in a batch: where its records came from.

    `source` is the kind of source (`cloudwatch`, `file`). `container` is what a record's position is unique in: for
    CloudWatch `<owner>:<log group>:<log stream>`, for a file its content fingerprint. The other fields are for people
    and queries; they are empty where the source does not know them.
    """

    source: str
    container: str
    account: str = ""
    region: str = ""
    log_group: str = ""
    log_stream: str = ""
    path: str = ""

    def id_prefix(self) -> bytes:
        """The bytes that, followed by a record's position, are hashed to its event id."""
        return f"{self.source}\0{self.container}\0".encode("utf-8", "surrogatepass")


class Record(msgspec.Struct, gc=False):
    """One record as its source handed it over. The wire names are those of a CloudWatch log event.

    `position` is its place in the origin's container (CloudWatch's event id; `byte offset` in a file), `time_ms` the
    source's own time for it in ms since the epoch (None: the source has none), `text` the line without its line end.
    `flags` name what decoding had to repair (`invalid_utf8`). `fault` is set when the record stands for bytes that
    could not be decoded to lines: a reason such as `decode_truncated`; `text` then says only size and place.
    """

    position: str = msgspec.field(name="id")
    time_ms: int | None = msgspec.field(name="timestamp")
    text: str = msgspec.field(name="message")
    flags: tuple[str, ...] = ()
    fault: str = ""


class Batch(msgspec.Struct):
    """The smallest unit that the invoker can be told about: one CloudWatch payload, one run of lines of a file.

    `raw` is the payload as it came, to be stored when the batch must come again. `drop`, when set, is the reason why
    every record is filtered (`control`, `self`).
    """

    origin: Origin
    records: list[Record]
    raw: bytes = b""
    drop: str = ""


class Contract(msgspec.Struct, frozen=True, eq=False):
    """The facts of one contract that pipeline and sinks need; `contracts/` makes it from a schema and compiles it.

    `redactions` maps a path of property names to {sink type or name: action}; the key `*` is for sinks not listed.
    `sampling` maps a sink type or name to 1-in-N. `shape` is `data` (a sink may nest the event) or `ecs` (its fields
    are ECS fields, for the root).
    """

    name: str
    major: int
    version: str
    owner: str
    dataset: str
    severity: str = "info"
    shape: str = "data"
    redactions: Mapping[tuple[str, ...], Mapping[str, str]] = {}
    sampling: Mapping[str, int] = {}
    schema: Mapping[str, Any] = {}


class Flaw(msgspec.Struct, frozen=True):
    """One reason why an event is invalid: where (a JSON pointer), the keyword, what it asks for, and what was found.

    `found` names type and length, never the value: `string of 12 characters`.
    """

    pointer: str
    keyword: str
    expected: str
    found: str


class Event(msgspec.Struct, gc=False):
    """A record after format and contract.

    `id` is 32 lower-case hex digits. `text` is the event as one line of JSON, to be spliced into a request as it is;
    `data` is the same, parsed.
    `time_ms` comes from the contract's time field, else from the record. `drift` lists the dotted paths of fields
    and values that the contract does not know. `context` is what the wrapper said (`request_id`, `level`).
    """

    id: str
    time_ms: int
    name: str
    text: str
    data: dict[str, Any]
    contract: Contract | None
    verdict: Verdict
    flaws: tuple[Flaw, ...] = ()
    drift: tuple[str, ...] = ()
    context: Mapping[str, str] | None = None
    flags: tuple[str, ...] = ()
    reason: str = ""


class Kind(msgspec.Struct, frozen=True, eq=False):
    """All that is the same for many events of a batch: what a sink chooses an encoder by.

    `dataset` is where they go: the contract's for valid events, else the route's quarantine or unregistered dataset.
    """

    origin: Origin
    contract: Contract | None
    verdict: Verdict
    dataset: str
    environment: str


Encoder = Callable[[Event], str]
"""One event to the text of a sink's copy, redacted. Decided once for a Kind, called for every event of it; pure.
Raises errors.Withheld when the copy must not be made (redaction failed)."""


def event_id(prefix: bytes, position: str) -> str:
    """The 128-bit id (XXH3, 32 hex digits) of the record at `position`, after its origin's `id_prefix()`."""
    return xxhash.xxh3_128_hexdigest(prefix + position.encode("utf-8", "surrogatepass"))


def event_ids(prefix: bytes, records: Sequence[Record]) -> list[str]:
    """`event_id` of each record, in order; without a call for each."""
    digest = xxhash.xxh3_128_hexdigest
    try:
        return [digest(prefix + record.position.encode()) for record in records]
    except UnicodeEncodeError:
        return [event_id(prefix, record.position) for record in records]


class Tally(msgspec.Struct):
    """How many records, and the sum of their ids modulo 2^128; two tallies of the same records are equal."""

    n: int = 0
    sum: int = 0

    def add(self, n: int, id_sum: int) -> None:
        self.n += n
        self.sum = (self.sum + id_sum) % ID_MODULUS


class Account(msgspec.Struct):
    """One sink's side of a receipt: a tally for each fate, and how often each reason was given."""

    fates: dict[Fate, Tally]
    reasons: dict[str, int]
    ambiguous: int = 0


class Receipt(msgspec.Struct):
    """The account of one batch, for each sink: in = delivered + quarantined + dead + filtered + sampled + returned.

    `batch` identifies the batch by its records, so a redelivery has the same. `drift` counts unknown fields and values
    (`user.login.success:1 source.colour`), `drifted` the events that have any, `owners` the quarantined events of each
    contract's owner. `time_ms` is when the account was closed.
    """

    batch: str
    origin: Origin
    taken: Tally
    accounts: dict[str, Account]
    verdicts: dict[Verdict, int]
    drift: dict[str, int]
    drifted: int = 0
    owners: dict[str, int] = {}
    time_ms: int = 0

    def balances(self) -> bool:
        """True when, for every sink, the fates add up to what was taken in: by count and by id sum."""
        for account in self.accounts.values():
            n = sum(tally.n for tally in account.fates.values())
            id_sum = sum(tally.sum for tally in account.fates.values()) % ID_MODULUS
            if (n, id_sum) != (self.taken.n, self.taken.sum):
                return False
        return True
