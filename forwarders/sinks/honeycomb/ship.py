"""The hot half: `/1/batch/<dataset>` over one connection, one status for each event.

One `ship` may hold several datasets, and each has a URL of its own. Honeycomb has no ids: an unanswered request leaves
doubt, and the outcomes say so.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import quote

import msgspec

from forwarders.errors import ConfigError
from forwarders.model import DELIVERED, Deadline, Encoder, Fate, Kind, Outcome, Verdict
from forwarders.sinks import Copies
from forwarders.sinks.delivery import Adapter, Answer, Body, Delivery, Limits, Retry, Surroundings, gzipped
from forwarders.sinks.honeycomb.documents import encoder
from forwarders.sinks.http import Connection, Endpoint, Response, Transport, endpoint

US = "https://api.honeycomb.io"
MAX_BODY_BYTES = 5_000_000
MAX_EVENT_BYTES = 1_000_000


class Honeycomb:
    """Ships to one Honeycomb environment, which the key decides.

    `dataset`: where valid events go, and what the other datasets begin with; empty: to the contracts' datasets.
    `credentials` gives the `X-Honeycomb-Team` header. `transport` and `around` are for tests.
    """

    type = "honeycomb"

    def __init__(
        self,
        name: str,
        target: Endpoint,
        *,
        copies: Copies,
        credentials: Callable[[], Mapping[str, str]] = dict,
        dataset: str = "",
        limits: Limits = Limits(max_body_bytes=MAX_BODY_BYTES),  # noqa: B008 - frozen
        transport: Transport | None = None,
        around: Surroundings = Surroundings(),  # noqa: B008 - frozen
    ) -> None:
        self.name = name
        self.max_body_bytes = limits.max_body_bytes
        self._copies, self._dataset, self._prefix = copies, dataset, target.prefix
        self._connection = Connection(target)
        self._engine = Delivery(transport or self._connection, credentials, limits, around)
        self._adapters: dict[str, Adapter] = {}

    def encoder(self, kind: Kind) -> Encoder:
        """Dataset, line feed, and one element of a batch for each event of `kind`."""
        return encoder(kind, self._copies, self._dataset_of(kind), self._rate(kind))

    def ship(self, pieces: Sequence[str], ids: Sequence[str], deadline: Deadline) -> Sequence[Outcome]:
        """See `sinks.Sink`: one request or more for each dataset."""
        outcomes: list[Outcome] = [_OVERSIZE] * len(pieces)
        for dataset, positions in _by_dataset(pieces).items():
            part = [pieces[position] for position in positions]
            part_ids = [ids[position] for position in positions]
            answers = self._engine.deliver(self._adapter(dataset), part, part_ids, deadline)
            for position, outcome in zip(positions, answers, strict=True):
                outcomes[position] = outcome
        return outcomes

    def close(self) -> None:
        """The connection is given back."""
        self._connection.close()

    def _adapter(self, dataset: str) -> Adapter:
        if dataset not in self._adapters:
            self._adapters[dataset] = adapter(f"{self._prefix}/1/batch/{quote(dataset, safe='')}")
        return self._adapters[dataset]

    def _dataset_of(self, kind: Kind) -> str:
        return dataset_name(self._dataset, kind.dataset, kind.verdict is Verdict.VALID)

    def _rate(self, kind: Kind) -> int:
        if kind.contract is None or kind.verdict is not Verdict.VALID:
            return 1
        return kind.contract.sampling.get(self.name, kind.contract.sampling.get(self.type, 1))


def dataset_name(configured: str, dataset: str, valid: bool) -> str:
    """The Honeycomb dataset for events of one of ours; `configured` is the sink's own, empty where it has none."""
    own = re.sub(r"[^a-z0-9]+", "-", dataset.lower())
    if not configured:
        return own
    return configured if valid else f"{configured}-{own}"


def open_sink(name: str, settings: Any, copies: Copies, secret: Callable[[str], str]) -> Honeycomb:
    """See `sinks.Open`. Nothing is connected and the key is not read before the first request."""
    try:
        target = endpoint(settings.endpoint or US, settings.ca_file, settings.fingerprint)
    except ValueError as error:
        raise ConfigError("pipeline.yaml", f"sinks.{name}.endpoint", str(error), US) from None

    def credentials() -> Mapping[str, str]:
        return team(secret(settings.secret)) if settings.secret else {}

    size = min(settings.max_body_bytes or MAX_BODY_BYTES, MAX_BODY_BYTES)
    limits = Limits(max_body_bytes=size, timeout_s=settings.timeout_s)
    return Honeycomb(name, target, copies=copies, credentials=credentials, dataset=settings.dataset, limits=limits)


def team(key: str) -> dict[str, str]:
    """The header that holds an ingest or a configuration key.

    Raises ConfigError for what cannot be one, without quoting it.
    """
    key = key.strip()
    if not re.fullmatch(r"[A-Za-z0-9_-]+", key):
        raise ConfigError("honeycomb", "secret", f"a string of {len(key)} characters", "an API key")
    return {"x-honeycomb-team": key}


def _by_dataset(pieces: Sequence[str]) -> dict[str, list[int]]:
    """The positions of each dataset's pieces; a piece that Honeycomb would refuse for its size is in none."""
    found: dict[str, list[int]] = {}
    for position, piece in enumerate(pieces):
        if len(piece) <= MAX_EVENT_BYTES // 4 or len(piece.encode("utf-8", "replace")) <= MAX_EVENT_BYTES:
            found.setdefault(piece[: piece.index("\n")], []).append(position)
    return found


def adapter(target: str) -> Adapter:
    """What the engine has to know of one dataset's URL."""

    def build(pieces: Sequence[str]) -> Body:
        events = ",".join([piece[piece.index("\n") + 1 :] for piece in pieces])
        return gzipped(target, "application/json", [f"[{events}]".encode()])

    return Adapter(build, read, _refused, idempotent=False)


class _Status(msgspec.Struct):
    status: int
    error: str = ""


_read_statuses = msgspec.json.Decoder(list[_Status]).decode


class _Refusal(msgspec.Struct):
    error: str


_read_refusal = msgspec.json.Decoder(_Refusal).decode


def read(response: Response, ids: Sequence[str]) -> Sequence[Answer]:
    """One answer for each event, by position; an event beyond the end of the answer is sent again.

    Raises ValueError when the body is no list of statuses, or a longer one than was asked for.
    """
    statuses = _read_statuses(response.body)
    if len(statuses) > len(ids):
        raise ValueError("more statuses than events")
    return [_judge(status) for status in statuses] + [_MISSING] * (len(ids) - len(statuses))


_MISSING = Retry("no_answer_for_item", maybe_taken=True)
_NOT_UNDERSTOOD = Retry("not_understood", maybe_taken=True)
_FORBIDDEN = Outcome(Fate.RETURNED, "unauthorised")
_OVERSIZE = Outcome(Fate.DEAD, "oversize_sink")


def _judge(item: _Status) -> Answer:
    status = item.status
    if status == 202:
        return DELIVERED
    if status == 429 or 500 <= status <= 599:
        return Retry(f"item_{status}")
    if status in (401, 403):
        return _FORBIDDEN
    if 400 <= status <= 499:
        return Outcome(Fate.DEAD, f"sink_rejected:{_phrase(item.error, status)}")
    return _NOT_UNDERSTOOD


def _refused(response: Response) -> str:
    try:
        return _phrase(_read_refusal(response.body).error, 400)
    except ValueError:
        return "http_400"


_PHRASES = {
    "request body should not be empty": "empty",
    "event has too many columns": "too_many_columns",
    "request body is malformed and cannot be read": "malformed",
    "request body is too large": "too_large",
}


def _phrase(error: str, status: int) -> str:
    """An error that is known; any other may quote the event, so that only its status is kept."""
    return _PHRASES.get(error.strip().rstrip(".").lower(), f"http_{status}")
