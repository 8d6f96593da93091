"""Events without a contract, by name: from log files, or from a SQLite file that `logharbor run` has landed in."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from forwarders import jsontext
from forwarders.contracts.compiled import Contracts
from forwarders.errors import Malformed
from forwarders.formats.auto import auto_line
from forwarders.governance import landed
from forwarders.governance.propose.observe import Seen
from forwarders.sources import files

MAX_EVENTS = 100_000
MAX_NAMES = 200
MAX_SAMPLES = 50


class Gathered(msgspec.Struct):
    """What was seen of one event name, and its first events, the fullest first."""

    seen: Seen
    samples: list[dict[str, Any]]


class Corpus(msgspec.Struct):
    """Events by name; `unnamed` had no property `event`, `unreadable` were no JSON objects, `registered` have a
    contract, `dropped` are beyond the first 200 names."""

    events: dict[str, Gathered]
    unnamed: int = 0
    unreadable: int = 0
    registered: int = 0
    dropped: int = 0


def collect(
    sources: Sequence[str], contracts: Contracts, wanted: Sequence[str] = (), limit: int = MAX_EVENTS
) -> Corpus:
    """At most `limit` events of files, folders, `-` or a SQLite file; `wanted` are the names to look at, else all that
    have no contract. Raises ConfigError for what cannot be read."""
    corpus = Corpus({})
    known = set(contracts.names())
    for number, event in enumerate(_all(sources, corpus)):
        if number >= limit:
            break
        name = event.get("event")
        if not isinstance(name, str) or not name:
            corpus.unnamed += 1
        elif name not in wanted if wanted else name in known:
            corpus.registered += 1
        elif name not in corpus.events and len(corpus.events) >= MAX_NAMES:
            corpus.dropped += 1
        else:
            gathered = corpus.events.setdefault(name, Gathered(Seen(), []))
            gathered.seen.add(event)
            if len(gathered.samples) < MAX_SAMPLES:
                gathered.samples.append(event)
    for gathered in corpus.events.values():
        gathered.samples.sort(key=lambda event: -len(event))
    return corpus


def _all(sources: Sequence[str], corpus: Corpus) -> Iterator[dict[str, Any]]:
    for source in sources:
        yield from _stored(source, corpus) if landed.is_sqlite(source) else _logged(source, corpus)


def _logged(source: str, corpus: Corpus) -> Iterator[dict[str, Any]]:
    for batch in files.batches([source]):
        for record in batch.records:
            try:
                name, _, data, _ = auto_line(record.text)
            except Malformed:
                corpus.unreadable += 1
                continue
            if name is None:
                yield data
            else:
                corpus.registered += 1  # a format of ours brings its own contract


def _stored(source: str, corpus: Corpus) -> Iterator[dict[str, Any]]:
    for name, fields in landed.rows(source, "SELECT event, fields FROM events WHERE verdict = 'unregistered'"):
        try:
            data = jsontext.load(fields or "").data
        except Malformed:
            corpus.unreadable += 1
            continue
        yield {"event": name, **data} if name else data
