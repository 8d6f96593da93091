"""The documents that Elasticsearch gets, whole, byte for byte: tests/data/sinks/elasticsearch_documents.json."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forwarders.errors import ConfigError, Withheld
from forwarders.model import Contract, Event, Flaw, Kind, Origin, Verdict
from forwarders.sinks import Copies
from forwarders.sinks.elasticsearch.documents import MAX_MESSAGE_CHARS, data_stream, encoder

CASES = json.loads(Path(__file__).parents[1].joinpath("data/sinks/elasticsearch_documents.json").read_text("utf-8"))
CLOUD = Origin("cloudwatch", "here", "123456789012", "eu-central-1", "/aws/lambda/shop", "2025/11/24/[$LATEST]ab")
CLOUD_TEXT = (
    '"cloud":{"provider":"aws","account":{"id":"123456789012"},"region":"eu-central-1"},'
    '"aws":{"cloudwatch":{"log_group":"/aws/lambda/shop","log_stream":"2025/11/24/[$LATEST]ab"}}'
)
ID = "0123456789abcdef0123456789abcdef"


def _withhold(event: Event) -> str:
    raise Withheld("no")


def _redactor(contract: Contract) -> Callable[[Event], str] | None:
    if contract.owner == "team-masked":
        return lambda event: event.text.replace("SECRET", "###")
    return _withhold if contract.owner == "team-withheld" else None


COPIES = Copies(
    _redactor, lambda text: text.replace("SECRET", "***"), lambda text: text.replace('"SECRET"', '"***"')
)  # fmt: skip
CONTRACTS = {
    "": None,
    "data": Contract("user.login.success", 1, "1.0.0", "team-identity", "user"),
    "masked": Contract("user.login.success", 1, "1.0.0", "team-masked", "user"),
    "withheld": Contract("user.login.success", 1, "1.0.0", "team-withheld", "user"),
    "ecs": Contract("http.access", 1, "1.0.0", "team-platform", "http", shape="ecs"),
}


def _kind(said: dict[str, Any]) -> Kind:
    origin = Origin("file", "f", path=said["path"]) if "path" in said else CLOUD
    return Kind(origin, CONTRACTS[said["contract"]], Verdict(said["verdict"]), said["dataset"], "prod")


def _event(said: dict[str, Any], kind: Kind) -> Event:
    name = said.get("name", kind.contract.name if kind.contract else "")
    flaws = tuple(Flaw(*flaw) for flaw in said.get("flaws", ()))
    rest = (tuple(said.get("drift", ())), said.get("context"), tuple(said.get("flags", ())), said.get("reason", ""))
    return Event(ID, 1493214552000, name, said["text"], {}, kind.contract, kind.verdict, flaws, *rest)


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case["name"]))
def test_a_document_is_exactly_this(case: dict[str, Any]) -> None:
    """Two lines, and every byte of them."""
    kind = _kind(case["kind"])
    action, document, end = encoder(kind, COPIES)(_event(case["event"], kind)).split("\n")
    assert document == case["document"].replace("$cloud", CLOUD_TEXT)
    assert end == ""
    assert json.loads(action)["create"]["_id"] == ID
    if "action" in case:
        assert json.loads(action) == json.loads(json.dumps(case["action"]).replace("$id", ID))
    json.loads(document)


def test_a_long_quarantined_text_is_cut_after_it_was_redacted() -> None:
    """A secret that lies across the cut is gone before the cut is made."""
    kind = Kind(CLOUD, None, Verdict.INVALID, "quarantine", "prod")
    text = "x" * (MAX_MESSAGE_CHARS - 3) + "SECRET" + "y" * 100
    event = Event(ID, 0, "", text, {}, None, Verdict.INVALID, reason="json_invalid")
    document = json.loads(encoder(kind, COPIES)(event).split("\n")[1])
    assert document["message"] == "x" * (MAX_MESSAGE_CHARS - 3) + "***"
    assert document["logharbor"]["flags"] == ["truncated"]


def test_a_copy_that_must_not_be_made_is_not_made() -> None:
    """For a valid event the encoder raises, and the pipeline quarantines the record without its text."""
    kind = Kind(CLOUD, CONTRACTS["withheld"], Verdict.VALID, "user", "prod")
    event = Event(ID, 0, "user.login.success", "{}", {}, kind.contract, Verdict.VALID)
    with pytest.raises(Withheld):
        encoder(kind, COPIES)(event)


@pytest.mark.parametrize("part", ["", "User", "a-b", "../x", "a b", "_" * 101, "ä", "a/b", "a\n"])
def test_a_data_stream_has_no_name_that_an_event_could_choose(part: str) -> None:
    """Whatever is in a dataset's or environment's name, it is checked before the first event."""
    for dataset, environment in ((part, "prod"), ("user", part)):
        with pytest.raises(ConfigError):
            data_stream(dataset, environment)


_names = st.text(max_size=20)


@given(_names, _names, _names, st.dictionaries(st.sampled_from(["request_id", "level"]), _names), st.text(max_size=50))
def test_nothing_that_came_with_an_event_breaks_the_request(
    group: str, stream: str, name: str, context: dict[str, str], text: str
) -> None:
    """Two lines of JSON whatever the names, the wrapper and the text are; and what went in comes out."""
    kind = Kind(Origin("cloudwatch", "c", log_group=group, log_stream=stream), None, Verdict.INVALID, "q", "prod")
    plain = Copies(lambda contract: None, lambda text: text, lambda text: text)
    event = Event(ID, 5, name, text, {}, None, Verdict.INVALID, context=context, reason=name)
    piece = encoder(kind, plain)(event)
    assert piece.count("\n") == 2
    document = json.loads(piece.encode().split(b"\n")[1])
    assert document.get("message", "") == text
    assert document["event"].get("action", "") == name
    assert document.get("faas", {}).get("execution", "") == context.get("request_id", "")
