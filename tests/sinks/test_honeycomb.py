"""What Honeycomb gets: flat fields within its limits, in requests by dataset."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from forwarders.config import SinkConfig
from forwarders.errors import ConfigError, Withheld
from forwarders.model import DELIVERED, Contract, Event, Fate, Flaw, Kind, Origin, Outcome, Verdict
from forwarders.sinks import Copies
from forwarders.sinks.honeycomb import Honeycomb, open_sink, team
from forwarders.sinks.honeycomb.documents import rfc3339
from forwarders.sinks.honeycomb.ship import read
from forwarders.sinks.http import Response, endpoint
from forwarders.testing import FakeClock, FakeHttp, ScriptedServer, honeycomb, honeycomb_items

CLOUD = Origin("cloudwatch", "here", "123456789012", "eu-central-1", "/aws/lambda/shop", "s")
ID = "0123456789abcdef0123456789abcdef"
OURS = {
    "cloud.account.id": "123456789012",
    "cloud.region": "eu-central-1",
    "aws.cloudwatch.log_group": "/aws/lambda/shop",
    "aws.cloudwatch.log_stream": "s",
    "logharbor.id": ID,
}


def _mask(text: str) -> str:
    return text.replace("SECRET", "***")


def _withhold(event: Event) -> str:
    raise Withheld("no")


def _redactor(contract: Contract) -> Callable[[Event], str] | None:
    return {"team-masked": lambda event: _mask(event.text), "team-withheld": _withhold}.get(contract.owner)


COPIES = Copies(_redactor, _mask, _mask)


def _contract(**changes: Any) -> Contract:
    known: dict[str, Any] = {"name": "user.login.success", "major": 1, "version": "1.0.0", "owner": "t"}
    return Contract(**(known | {"dataset": "user"} | changes))


def _sink(http: FakeHttp | None = None, dataset: str = "") -> Honeycomb:
    clock = FakeClock()
    target = endpoint("http://honey.test/proxy/")
    http = http or FakeHttp([], honeycomb(), clock)
    return Honeycomb("hc", target, copies=COPIES, dataset=dataset, transport=http, around=clock.surroundings())


def _piece(
    text: str, contract: Contract | None, verdict: Verdict = Verdict.VALID, dataset: str = "user", **said: Any
) -> tuple[str, dict[str, Any]]:
    """The dataset and the element of the batch that an event becomes."""
    event = Event(
        ID,
        1493214552123,
        said.pop("name", "user.login.success"),
        text,
        json.loads(text) if text[:1] == "{" else {},
        contract,
        verdict,
        **said,
    )
    piece = _sink().encoder(Kind(CLOUD, contract, verdict, dataset, "prod"))(event)
    name, _, element = piece.partition("\n")
    return name, json.loads(element)


def test_an_event_is_flat() -> None:
    """The author's fields at the root with dots, ours beside them, the time to the millisecond, the sampling rate."""
    text = (
        '{"user":"ryansb","source":{"type":"web","ports":[80,443]},"big":12345678901234567890123,"ok":true,"no":null}'
    )
    contract = _contract(sampling={"honeycomb": 7})
    context = {"request_id": "8a1c", "level": "INFO"}
    assert _piece(text, contract, context=context, drift=("a", "b"), flags=("dup_keys",)) == (
        "user",
        {
            "time": "2017-04-26T13:49:12.123Z",
            "samplerate": 7,
            "data": OURS
            | {
                "event.action": "user.login.success",
                "logharbor.verdict": "valid",
                "logharbor.dataset": "user",
                "logharbor.contract": "user.login.success:1",
                "logharbor.version": "1.0.0",
                "logharbor.owner": "t",
                "logharbor.drift": "a,b",
                "logharbor.flags": "dup_keys",
                "faas.execution": "8a1c",
                "log.level": "INFO",
                "user": "ryansb",
                "source.type": "web",
                "source.ports": "[80,443]",
                "big": "12345678901234567890123",
                "ok": True,
                "no": None,
            },
        },
    )


def test_a_field_with_one_of_our_names_stays_beside_ours() -> None:
    """Nobody's field is lost, and nobody can write into ours."""
    data = _piece('{"cloud":{"region":"theirs"},"logharbor":{"verdict":"theirs"}}', _contract())[1]["data"]
    assert (data["cloud.region"], data["data.cloud.region"]) == ("eu-central-1", "theirs")
    assert (data["logharbor.verdict"], data["data.logharbor.verdict"]) == ("valid", "theirs")


def test_redaction_is_in_the_copy() -> None:
    """By contract for a valid event, by patterns without one."""
    assert _piece('{"user":"SECRET"}', _contract(owner="team-masked"))[1]["data"]["user"] == "***"
    name, element = _piece('{"a":{"b":"SECRET"}}', None, Verdict.UNREGISTERED, "unregistered", name="x.SECRET")
    assert (name, element["data"]["a.b"], element["data"]["event.action"]) == ("unregistered", "***", "x.***")


def test_a_quarantined_event_says_what_is_wrong() -> None:
    """Reason, errors and the redacted text; or no text where it must not be shown."""
    flaws = (Flaw("/user", "type", "string", "integer"),)
    name, element = _piece(
        "not json SECRET", None, Verdict.INVALID, "quarantine", name="", reason="json_invalid", flaws=flaws
    )
    assert name == "quarantine"
    assert element["data"] == OURS | {
        "logharbor.verdict": "invalid",
        "logharbor.dataset": "quarantine",
        "error.type": "json_invalid",
        "logharbor.errors": '[{"pointer":"/user","keyword":"type","expected":"string","found":"integer"}]',
        "message": "not json ***",
    }
    withheld = _piece(
        '{"a":"SECRET"}', _contract(owner="team-withheld"), Verdict.INVALID, "quarantine", reason="contract"
    )
    assert withheld[1]["data"]["logharbor.flags"] == "withheld"
    assert "SECRET" not in str(withheld)


def test_a_named_dataset_holds_what_is_valid_and_prefixes_the_rest() -> None:
    """`honeycomb:shop` on the command line: one dataset for events, others for what is broken or unknown."""
    sink = _sink(dataset="shop")
    kinds = [
        Kind(CLOUD, _contract(), Verdict.VALID, "user", "prod"),
        Kind(CLOUD, None, Verdict.INVALID, "quarantine", "prod"),
        Kind(CLOUD, None, Verdict.UNREGISTERED, "un_registered", "prod"),
    ]
    event = Event(ID, 0, "x", "{}", {}, None, Verdict.VALID)
    names = [sink.encoder(kind)(event).partition("\n")[0] for kind in kinds]
    assert names == ["shop", "shop-quarantine", "shop-un-registered"]


def test_a_long_string_is_cut_and_marked() -> None:
    """64 KiB of UTF-8, never half a character; what fits stays as it is."""
    data = _piece(json.dumps({"long": "☃" * 30_000, "fits": "x" * 65_536}, ensure_ascii=False), _contract())[1]["data"]
    assert data["long"] == "☃" * (65_536 // 3)
    assert data["fits"] == "x" * 65_536
    assert data["logharbor.cut"] == "long"


def test_too_many_fields_are_folded_into_one() -> None:
    """Never more than 2,000, and nothing is lost."""
    data = _piece(json.dumps({f"f{number}": number for number in range(5_000)}), _contract())[1]["data"]
    assert len(data) <= 2_000
    kept = {name: value for name, value in data.items() if name.startswith("f")} | json.loads(data["_extra"])
    assert kept == {f"f{number}": number for number in range(5_000)}


@pytest.mark.parametrize(
    ("time_ms", "text"),
    [(0, "1970-01-01T00:00:00.000Z"), (-1, ""), (253_402_300_799_999, "9999-12-31T23:59:59.999Z"), (10**20, "")],
)
def test_a_time_that_cannot_be_written_is_left_out(time_ms: int, text: str) -> None:
    """Then the time of arrival counts."""
    assert rfc3339(time_ms) == text


def test_a_lone_surrogate_does_not_cost_the_event() -> None:
    """UTF-8 has no such character."""
    contract = _contract()
    event = Event(ID, 0, "x", "broken \ud800", {}, contract, Verdict.INVALID, reason="json_encoding")
    piece = _sink().encoder(Kind(CLOUD, contract, Verdict.INVALID, "quarantine", "prod"))(event)
    assert json.loads(piece.encode().partition(b"\n")[2])["data"]["message"] == "broken ?"


def test_each_dataset_has_a_request_of_its_own() -> None:
    """Outcomes come back by position, whatever the order."""
    stored: list[dict[str, Any]] = []
    http = FakeHttp([], honeycomb(stored))
    pieces = [
        'user\n{"data":{"n":0}}',
        'my set/x\n{"data":{"n":1}}',
        'user\n{"data":{"n":2}}',
        "user\n" + "x" * 1_000_001,
    ]
    outcomes = _sink(http).ship(pieces, [ID] * 4, lambda: 60.0)
    assert list(outcomes) == [DELIVERED, DELIVERED, DELIVERED, Outcome(Fate.DEAD, "oversize_sink")]
    assert [request.target for request in http.requests] == ["/proxy/1/batch/user", "/proxy/1/batch/my%20set%2Fx"]
    assert [event["data"]["n"] for event in stored] == [0, 2, 1]


def test_statuses_and_a_short_answer() -> None:
    """202 is delivered, 400 is dead with a known phrase, 429 and what is missing go again, alone."""
    http = FakeHttp([honeycomb_items([202, 400, 429]), honeycomb_items([202, 202])])
    outcomes = _sink(http).ship([f'user\n{{"data":{{"n":{number}}}}}' for number in range(4)], [ID] * 4, lambda: 60.0)
    assert list(outcomes) == [
        DELIVERED,
        Outcome(Fate.DEAD, "sink_rejected:malformed"),
        DELIVERED,
        Outcome(Fate.DELIVERED, ambiguous=True),
    ]
    assert [event["data"]["n"] for event in json.loads(http.requests[1].body)] == [2, 3]


def test_an_error_that_quotes_the_event_is_not_repeated() -> None:
    """Only phrases that are known go into a reason."""
    body = b'[{"status":400,"error":"no column for ryansb"},{"status":400,"error":"Event has too many columns"}]'
    assert list(read(Response(200, {}, body), ["", ""])) == [
        Outcome(Fate.DEAD, "sink_rejected:http_400"),
        Outcome(Fate.DEAD, "sink_rejected:too_many_columns"),
    ]


def test_the_key_is_read_with_the_first_request_and_sent_as_a_header() -> None:
    """Opening the sink asks nobody for a secret."""
    asked: list[str] = []

    def secret(reference: str) -> str:
        asked.append(reference)
        return "hcaik_01abc\n"

    with ScriptedServer(otherwise=honeycomb()) as server:
        settings = SinkConfig(type="honeycomb", endpoint=server.url, dataset="shop", secret="env:KEY")
        sink = open_sink("hc", settings, COPIES, secret)
        assert asked == []
        assert list(sink.ship(['shop\n{"data":{}}'], [ID], lambda: 10.0)) == [DELIVERED]
        sink.close()
    assert server.requests[0].headers["x-honeycomb-team"] == "hcaik_01abc"
    assert server.requests[0].headers["content-encoding"] == "gzip"
    assert sink.max_body_bytes == 5_000_000


def test_a_key_that_cannot_be_a_header_is_refused_and_not_quoted() -> None:
    """A line feed in a key would be a header of its own."""
    with pytest.raises(ConfigError) as caught:
        team("canary\nx: y")
    assert "canary" not in str(caught.value)
