"""The registry of sources: who recognises what, and what the invoker is told."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from forwarders import sources
from forwarders.model import Batch, Origin

TESTS = Path(__file__).parents[1]
EVENTS = sorted((TESTS / "events").glob("*.json"))


@pytest.mark.parametrize("path", EVENTS, ids=[path.name for path in EVENTS])
def test_each_event_is_recognised_by_its_source(path: Path) -> None:
    """The event files are named after the one source that knows them."""
    event = json.loads(path.read_text())
    knowing = [name for name, source in sources.SOURCES.items() if source.recognises(event)]
    assert knowing == [path.name.partition("-")[0]]
    assert sources.recognise(event) is sources.SOURCES[knowing[0]]


@pytest.mark.parametrize("name", sources.SOURCES)
def test_every_source_has_events_and_a_page(name: str) -> None:
    """A source without an event to show, or without a heading in the documentation, is not finished."""
    assert [path for path in EVENTS if path.name.startswith(f"{name}-")]
    assert f"## {name}\n" in (TESTS.parent / "docs/sources.md").read_text().lower()


@pytest.mark.parametrize("event", [None, 5, "x", [], {}, {"Records": [{"eventSource": "aws:sqs"}]}, {"awslog": {}}])
def test_unknown_payload(event: Any) -> None:
    """A payload that no source knows is one fault with the payload kept, and nobody is told anything."""
    (batch,) = sources.batches(event, "eu-west-1")
    (record,) = batch.records
    assert (batch.origin, record.fault) == (Origin("unknown", "", region="eu-west-1"), "source_unknown")
    assert json.loads(batch.raw) == event
    assert sources.source_of(event).reply([]) is None


def test_cloudwatch_is_told_nothing() -> None:
    """A subscription invokes asynchronously: nobody reads a reply."""
    assert sources.source_of({"awslogs": {"data": ""}}).reply([]) is None


def test_real_events_of_other_services(real: Path) -> None:
    """No payload of another service is taken for a subscription's."""
    for path in sorted((real / "aws-events").glob("*.json")):
        event = json.loads(path.read_text())
        batches: list[Batch] = list(sources.batches(event))
        assert (sources.recognise(event) is not None) == path.name.startswith(("cloudWatchLog", "kinesisStream"))
        assert batches
