"""What Logharbor takes for granted of Elasticsearch, asked of a real one."""

from __future__ import annotations

import json
import secrets
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

from forwarders.contracts.fields import fields
from forwarders.contracts.load import read_folder
from forwarders.errors import ConfigError
from forwarders.model import DELIVERED, Contract, Event, Flaw, Kind, Origin, Outcome, Verdict, event_id
from forwarders.sinks import Copies
from forwarders.sinks.elasticsearch import Elasticsearch
from forwarders.sinks.elasticsearch.prepare import Change, apply, client, plan
from forwarders.sinks.elasticsearch.ship import TARGET
from forwarders.sinks.elasticsearch.templates import COMMON, Dataset
from forwarders.sinks.http import Connection, Request, Response, endpoint

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("live")]

SCHEMAS = Path(__file__).parents[2] / "schemas"
PLAIN = Copies(lambda contract: None, lambda text: text, lambda text: text)
ORIGIN = Origin("cloudwatch", "here", "123456789012", "eu-central-1", "/aws/lambda/shop", "2025/11/24/[$LATEST]ab")


class Field(msgspec.Struct, frozen=True):
    """A field of a contract, as prepare reads it."""

    path: tuple[str, ...]
    types: tuple[str, ...]
    format: str = ""
    time_unit: str = ""


class Recorded:
    """A transport that keeps what the server answered."""

    def __init__(self, url: str) -> None:
        self.connection = Connection(endpoint(url))
        self.answers: list[tuple[Request, Response]] = []

    def __call__(self, request: Request, timeout_s: float) -> Response:
        response = self.connection(request, timeout_s)
        self.answers.append((request, response))
        return response


class Cluster:
    """One dataset of its own in the cluster."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.dataset = f"live{secrets.token_hex(4)}"
        self.stream = f"logs-{self.dataset}-test"
        self.http = Recorded(url)
        self.sink = Elasticsearch("es", endpoint(url), copies=PLAIN, transport=self.http)
        self.client = client(endpoint(url), {})

    def contract(self, **changes: Any) -> Contract:
        return Contract("user.login.success", 1, "1.0.0", "team-identity", self.dataset, **changes)

    def kind(self, verdict: Verdict = Verdict.VALID, contract: Contract | None = None) -> Kind:
        return Kind(ORIGIN, contract, verdict, self.dataset, "test")

    def ship(self, events: Sequence[Event], kind: Kind) -> Sequence[Outcome]:
        encode = self.sink.encoder(kind)
        return self.sink.ship([encode(event) for event in events], [event.id for event in events], lambda: 60.0)

    def prepare(self, *fields: Field, retention: str = "", contract: Contract | None = None) -> list[Change]:
        """Plans, applies, and gives what there was to do."""
        changes = self.plan(*fields, retention=retention, contract=contract)
        apply(self.client, changes)
        return changes

    def plan(self, *fields: Field, retention: str = "", contract: Contract | None = None) -> list[Change]:
        return plan(self.client, [Dataset(self.dataset, retention, [(contract or self.contract(), fields)])])

    def ask(self, path: str) -> Any:
        with urllib.request.urlopen(f"{self.url}/{path}", timeout=30) as answer:
            return json.load(answer)

    def documents(self) -> dict[str, dict[str, Any]]:
        self.client.indices.refresh(index=self.stream)
        hits = self.ask(f"{self.stream}/_search?size=1000")["hits"]["hits"]
        return {hit["_id"]: hit["_source"] for hit in hits}

    def count(self, query: str = "*") -> int:
        self.client.indices.refresh(index=self.stream)
        return int(self.client.count(index=self.stream, q=query)["count"])


@pytest.fixture
def cluster(elasticsearch_url: str) -> Iterator[Cluster]:
    """A cluster with a dataset that no other test uses."""
    cluster = Cluster(elasticsearch_url)
    yield cluster
    cluster.sink.close()
    cluster.client.close()


def _event(number: int, text: str, contract: Contract | None, **changes: Any) -> Event:
    verdict = changes.pop("verdict", Verdict.VALID)
    id = event_id(b"live", str(number))
    return Event(id, 1493214552000 + number, "user.login.success", text, {}, contract, verdict, **changes)


def _fates(outcomes: Sequence[Outcome]) -> list[tuple[str, str]]:
    return [(str(outcome.fate), outcome.reason) for outcome in outcomes]


USER = Field(("user",), ("string",))


def test_an_event_lands_once_however_often_it_is_sent(cluster: Cluster) -> None:
    """The first time it is created, the second time it is there already, and the stream holds it once."""
    contract = cluster.contract()
    cluster.prepare(USER)
    events = [_event(number, '{"user":"ryansb"}', contract) for number in range(3)]
    kind = cluster.kind(contract=contract)
    assert _fates(cluster.ship(events, kind)) == [("delivered", "")] * 3
    before = cluster.documents()
    assert _fates(cluster.ship(events, kind)) == [("delivered", "already_present")] * 3
    assert cluster.documents() == before
    assert cluster.count("data.user:ryansb") == 3


def test_the_same_id_twice_in_one_request_is_one_document(cluster: Cluster) -> None:
    """The second of two equal events is present already."""
    contract = cluster.contract()
    cluster.prepare(USER)
    events = [_event(0, '{"user":"ryansb"}', contract)] * 2
    assert _fates(cluster.ship(events, cluster.kind(contract=contract))) == [
        ("delivered", ""),
        ("delivered", "already_present"),
    ]


def test_the_answer_to_a_healthy_request_is_the_one_we_compare_with(cluster: Cluster) -> None:
    """Field order, spaces and the absence of `took`: to the byte, or the fast way of reading is never taken."""
    contract = cluster.contract()
    cluster.prepare(USER)
    ids = [event_id(b"live", str(number)) for number in range(2)]
    cluster.ship([_event(number, '{"user":"a"}', contract) for number in range(2)], cluster.kind(contract=contract))
    assert (
        cluster.http.answers[-1][1].body
        == (
            '{"errors":false,"items":['
            f'{{"create":{{"_id":"{ids[0]}","status":201}}}},{{"create":{{"_id":"{ids[1]}","status":201}}}}]}}'
        ).encode()
    )


def test_a_document_that_does_not_fit_is_refused_alone_and_not_quoted(cluster: Cluster) -> None:
    """An object where the mapping has a keyword: 400 for that item, its type in our reason, its value nowhere."""
    contract = cluster.contract()
    cluster.prepare(USER)
    texts = ['{"user":"ryansb"}', '{"user":{"name":"canary-5f3a"}}', '{"user":"ann"}']
    events = [_event(number, text, contract) for number, text in enumerate(texts)]
    assert _fates(cluster.ship(events, cluster.kind(contract=contract))) == [
        ("delivered", ""),
        ("dead", "sink_rejected:document_parsing_exception"),
        ("delivered", ""),
    ]
    request, response = cluster.http.answers[-1]
    assert request.target == f"{TARGET}&include_source_on_error=false"
    assert b"canary" not in response.body


def test_an_unknown_parameter_is_answered_as_we_expect(cluster: Cluster) -> None:
    """How a server says that it does not know a parameter, which is how an old one will refuse ours."""
    headers = {"content-type": "application/x-ndjson"}
    answer = cluster.http(Request("/_bulk?include_sauce_on_error=false", headers, b"{}\n"), 10)
    assert answer.status == 400
    assert b"unrecognized parameter" in answer.body
    assert b"include_sauce_on_error" in answer.body


def test_ten_thousand_events_in_one_call(cluster: Cluster) -> None:
    """All of them land, in as many requests as their size needs."""
    contract = cluster.contract()
    cluster.prepare(USER)
    text = '{"user":"ryansb","pad":"' + "x" * 700 + '"}'
    events = [_event(number, text, contract) for number in range(10_000)]
    outcomes = cluster.ship(events, cluster.kind(contract=contract))
    assert _fates(outcomes) == [("delivered", "")] * 10_000
    assert cluster.count() == 10_000
    assert len(cluster.http.answers) > 1


def test_every_verdict_has_a_document_that_can_be_found(cluster: Cluster) -> None:
    """Valid with drift, quarantined, and unregistered: what a person would search for is indexed."""
    contract = cluster.contract()
    cluster.prepare(USER)
    context = {"request_id": "8a1c2f6e-0000-4000-8000-000000000001", "level": "INFO"}
    text = '{"user":"ryansb","_extra":{"colour":"red"}}'
    drifted = _event(0, text, contract, drift=("colour",), context=context, flags=("invalid_utf8",))
    assert _fates(cluster.ship([drifted], cluster.kind(contract=contract))) == [("delivered", "")]
    flaws = (Flaw("/user", "type", "string", "integer"),)
    broken = _event(1, '{"user":5} \ud800 ☃', contract, verdict=Verdict.INVALID, flaws=flaws, reason="contract")
    assert _fates(cluster.ship([broken], cluster.kind(Verdict.INVALID, contract))) == [("delivered", "")]
    for query in (
        "event.action:user.login.success AND log.level:INFO AND data._extra.colour:red AND logharbor.drift:colour",
        'logharbor.owner:"team-identity" AND logharbor.errors.pointer:"\\/user" AND error.type:contract',
        'aws.cloudwatch.log_group:"/aws/lambda/shop" AND logharbor.verdict:invalid',
    ):
        assert cluster.count(query) == 1, query


def test_an_unregistered_event_adds_no_columns(cluster: Cluster) -> None:
    """Ten thousand keys of somebody's own are one field, and each can be searched."""
    apply(cluster.client, plan(cluster.client, [Dataset(cluster.dataset, open=True)]))
    wide = json.dumps({f"key{number}": number for number in range(10_000)})
    odd = '{"":1,"a.b":{"c..d":"x"},"_id":"y","@timestamp":"z","deep":' + '{"a":' * 60 + "1" + "}" * 60 + "}"
    events = [_event(number, text, None, verdict=Verdict.UNREGISTERED) for number, text in enumerate((wide, odd))]
    assert _fates(cluster.ship(events, cluster.kind(Verdict.UNREGISTERED))) == [("delivered", "")] * 2
    assert cluster.count("data.key77:77") == 1
    index = next(iter(cluster.ask(f"{cluster.stream}/_mapping").values()))
    assert index["mappings"]["properties"]["data"]["type"] == "flattened"


def test_another_environment_is_left_alone(cluster: Cluster) -> None:
    """Staging's contracts and retention change nothing of production's streams in the same cluster."""
    production = [Dataset(cluster.dataset, "90d", [(cluster.contract(), (USER,))], environment="test")]
    apply(cluster.client, plan(cluster.client, production))
    event = _event(0, '{"user":"ryansb"}', cluster.contract())
    assert _fates(cluster.ship([event], cluster.kind(contract=cluster.contract()))) == [("delivered", "")]
    more = Field(("method",), ("string",))
    staging = [Dataset(cluster.dataset, "7d", [(cluster.contract(), (USER, more))], environment="staging")]
    changes = plan(cluster.client, staging)
    assert [(change.kind, change.name) for change in changes if cluster.dataset in change.name] == [
        ("component_template", f"logharbor-{cluster.dataset}-staging"),
        ("index_template", f"logharbor-{cluster.dataset}-staging"),
    ]
    apply(cluster.client, changes)
    assert plan(cluster.client, production) == []
    assert plan(cluster.client, staging) == []


def test_an_ecs_contract_lands_at_the_root(cluster: Cluster) -> None:
    """Typed ECS fields beside ours: ranges of addresses and of numbers can be asked for."""
    contract = cluster.contract(shape="ecs")
    fields = (
        Field(("source", "ip"), ("string",), "ipv4"),
        Field(("http", "response", "status_code"), ("integer",)),
        Field(("message",), ("string",)),
    )
    cluster.prepare(*fields, contract=contract)
    text = '{"source":{"ip":"83.149.9.216"},"http":{"response":{"status_code":200}},"message":"GET / done"}'
    assert _fates(cluster.ship([_event(0, text, contract)], cluster.kind(contract=contract))) == [("delivered", "")]
    assert cluster.count('source.ip:"83.149.0.0/16" AND http.response.status_code:[200 TO 299] AND message:done') == 1


def test_a_second_plan_is_empty(cluster: Cluster) -> None:
    """Preparing twice changes nothing the second time, with a stream and without one."""
    names = {change.kind: change.name for change in cluster.plan(USER, retention="30d")}
    assert names["index_template"] == f"logharbor-{cluster.dataset}"
    cluster.prepare(USER, retention="30d")
    assert cluster.plan(USER, retention="30d") == []
    contract = cluster.contract()
    cluster.ship([_event(0, '{"user":"a"}', contract)], cluster.kind(contract=contract))
    assert cluster.plan(USER, retention="30d") == []


def test_planning_changes_nothing(cluster: Cluster) -> None:
    """A plan may be made on production at any time."""
    first = cluster.plan(USER)
    assert first != []
    assert cluster.plan(USER) == first


def test_a_new_field_is_added_to_the_index_that_is_written_to(cluster: Cluster) -> None:
    """Events sent after that are indexed by it; no new backing index is needed."""
    contract = cluster.contract()
    cluster.prepare(USER)
    cluster.ship([_event(0, '{"user":"a"}', contract)], cluster.kind(contract=contract))
    method = Field(("source", "method"), ("string",))
    changes = cluster.prepare(USER, method)
    assert [(change.kind, change.name) for change in changes] == [
        ("component_template", f"logharbor-{cluster.dataset}"),
        ("mapping", cluster.stream),
    ]
    assert "data.source.method" in changes[0].summary
    assert "data.source.method" in changes[1].summary
    cluster.ship([_event(1, '{"user":"a","source":{"method":"sso"}}', contract)], cluster.kind(contract=contract))
    assert cluster.count("data.source.method:sso") == 1
    assert cluster.plan(USER, method) == []
    assert len(cluster.ask(f"{cluster.stream}/_mapping")) == 1


def test_a_type_that_changes_rolls_the_stream_over(cluster: Cluster) -> None:
    """The old backing index keeps its type, new events get the new one, and then there is nothing left to do."""
    contract = cluster.contract()
    size = Field(("size",), ("string",))
    cluster.prepare(size)
    cluster.ship([_event(0, '{"size":"12 kB"}', contract)], cluster.kind(contract=contract))
    size = Field(("size",), ("integer",))
    changes = cluster.prepare(size)
    assert [change.kind for change in changes] == ["component_template", "rollover"]
    assert "data.size" in changes[1].summary
    cluster.ship([_event(1, '{"size":12000}', contract)], cluster.kind(contract=contract))
    assert cluster.count("data.size:[900 TO 13000]") == 1
    assert cluster.plan(size) == []
    assert len(cluster.ask(f"{cluster.stream}/_mapping")) == 2


def test_a_stream_that_was_there_before_us_is_rolled_over(cluster: Cluster) -> None:
    """Its old index keeps what is in it; from then on our mappings count."""
    name = f"foreign-{cluster.dataset}"
    cluster.client.indices.put_index_template(
        name=name, index_patterns=[f"logs-{cluster.dataset}-*"], priority=550, data_stream={}
    )
    contract = cluster.contract()
    cluster.ship([_event(0, '{"user":"a"}', contract)], cluster.kind(contract=contract))
    assert "rollover" in [change.kind for change in cluster.prepare(USER)]
    assert cluster.plan(USER) == []


def test_a_template_that_is_not_ours_is_not_touched(cluster: Cluster) -> None:
    """The same name without our mark stops the plan with a sentence."""
    name = f"logharbor-{cluster.dataset}"
    cluster.client.cluster.put_component_template(name=name, template={"mappings": {}})
    try:
        with pytest.raises(ConfigError, match=f"{name}: found one that Logharbor did not make"):
            cluster.plan(USER)
    finally:
        cluster.client.cluster.delete_component_template(name=name)


def test_what_somebody_changed_by_hand_is_put_back(cluster: Cluster) -> None:
    """Our mark with other content is a change; the rest of the plan stays empty."""
    cluster.prepare(USER)
    name = f"logharbor-{COMMON}"
    (found,) = cluster.client.cluster.get_component_template(name=name)["component_templates"]
    made = found["component_template"]
    made["template"]["mappings"]["properties"].pop("message")
    cluster.client.cluster.put_component_template(name=name, template=made["template"], meta=made["_meta"])
    changes = cluster.plan(USER)
    assert [(change.kind, change.name, change.summary) for change in changes] == [
        ("component_template", name, "adds message")
    ]
    apply(cluster.client, changes)
    assert cluster.plan(USER) == []


def test_the_valid_examples_of_every_contract_land(cluster: Cluster) -> None:
    """All of schemas/ in one dataset each, with the templates made from them: nothing that is valid is refused."""
    made: dict[str, list[Any]] = {}
    for contract in read_folder(SCHEMAS):
        made.setdefault(f"{cluster.dataset}_{contract.dataset}", []).append((contract, fields(contract)))
    datasets = [Dataset(name, "30d", listed) for name, listed in made.items()]
    apply(cluster.client, plan(cluster.client, datasets))
    outcomes: dict[str, Outcome] = {}
    for dataset in datasets:
        for contract, _ in dataset.contracts:
            folder = next(SCHEMAS.glob(f"*/{contract.name}/valid"))
            for path in sorted(folder.glob("*.json")):
                text = json.dumps(json.loads(path.read_text("utf-8")), ensure_ascii=False)
                kind = Kind(ORIGIN, contract, Verdict.VALID, dataset.name, "test")
                [outcomes[str(path)]] = cluster.ship([_event(len(outcomes), text, contract)], kind)
    assert len(outcomes) >= 12
    assert {path: outcome for path, outcome in outcomes.items() if outcome != DELIVERED} == {}
    assert plan(cluster.client, datasets) == []
