"""The Lambda that makes sinks ready, against a real Elasticsearch; Kibana and Honeycomb are scripted."""

from __future__ import annotations

import json
import secrets
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from forwarders import bundle
from forwarders.config import from_plain
from forwarders.contracts.load import from_schema
from forwarders.handlers.prepare import prepare
from forwarders.model import Contract
from forwarders.preparing import Refused
from forwarders.testing import ScriptedServer, lambda_context
from forwarders.testing.apis import HoneycombApi, KibanaApi

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("live")]


def contract(dataset: str, **properties: Any) -> Contract:
    """The contract of the one event of this pipeline."""
    event = {"version": "1.0.0", "owner": "team", "dataset": dataset}
    schema = {"$id": f"urn:logharbor:{dataset}.made:1", "type": "object", "properties": properties, "x-event": event}
    return from_schema(schema, "test")


class Pipeline:
    """A pipeline with a dataset of its own, and what `terraform apply` does for it."""

    def __init__(self, folder: Path, cluster: str, kibana: str, honeycomb: str) -> None:
        self.url = cluster
        self.dataset = f"prep{secrets.token_hex(4)}"
        self.stream = f"logs-{self.dataset}-prod"
        self.path = folder / "bundle.json"
        self._sinks = {
            "search": {
                "type": "elasticsearch",
                "endpoint": cluster,
                "secret": "env:ES",
                "kibana": {"endpoint": kibana},
            },
            "traces": {
                "type": "honeycomb",
                "endpoint": honeycomb,
                "prepare_secret": "env:HC",
                "dataset": self.dataset,
            },
        }

    def apply(self, retention: str = "", **properties: Any) -> dict[str, int]:
        """Number of changes for each sink."""
        datasets = {self.dataset: {"retention": retention}} if retention else {}
        plain = {"environment": "prod", "sinks": self._sinks, "datasets": datasets}
        config = from_plain(plain, "pipeline.yaml")
        self.path.write_bytes(bundle.build(config, [contract(self.dataset, **properties)]))
        event = {"pipeline": "shop", "tf": {"action": "update"}}
        done = prepare(event, lambda_context(60_000), self.path, {"env:ES": "id:key", "env:HC": "key"}.__getitem__)
        return {name: sink["changes"] for name, sink in done["sinks"].items()}

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        content = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            f"{self.url}/{path}", content, {"content-type": "application/json"}, method=method
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)

    def land(self, data: dict[str, Any]) -> None:
        self.ask("POST", f"{self.stream}/_doc?refresh=true", {"@timestamp": 1764000000000, "data": data})

    def types(self) -> list[dict[str, str]]:
        """Of each backing index the types of the author's fields, the oldest first."""
        indices = self.ask("GET", f"{self.stream}/_mapping")
        found = [indices[name]["mappings"]["properties"].get("data", {}) for name in sorted(indices)]
        return [{field: node["type"] for field, node in one.get("properties", {}).items()} for one in found]


@pytest.fixture
def pipeline(elasticsearch_url: str, tmp_path: Path) -> Iterator[Pipeline]:
    with ScriptedServer(otherwise=KibanaApi()) as kibana, ScriptedServer(otherwise=HoneycombApi()) as honeycomb:
        yield Pipeline(tmp_path, elasticsearch_url, kibana.url, honeycomb.url)


def test_a_new_field_reaches_the_index_that_is_written_to(pipeline: Pipeline) -> None:
    """An apply after the first event: the field is searchable at once, in the index that there is."""
    pipeline.apply(user={"type": "string"})
    pipeline.land({"user": "ada"})
    changes = pipeline.apply(user={"type": "string"}, size={"type": "integer"})
    assert changes == {"search": 2, "traces": 1}
    pipeline.land({"user": "ada", "size": 42})
    assert pipeline.types() == [{"user": "keyword", "_extra": "flattened", "size": "long"}]
    assert pipeline.ask("GET", f"{pipeline.stream}/_count?q=data.size:42")["count"] == 1
    assert pipeline.apply(user={"type": "string"}, size={"type": "integer"}) == {"search": 0, "traces": 0}


def test_a_type_that_changes_is_refused_by_honeycomb_before_elasticsearch_rolls_over(pipeline: Pipeline) -> None:
    """One sink that would refuse leaves the other as it was."""
    pipeline.apply(size={"type": "integer"})
    pipeline.land({"size": 42})
    with pytest.raises(Refused, match=r"sink traces would refuse .* size is integer, string in the contract"):
        pipeline.apply(size={"type": "string"})
    assert pipeline.types() == [{"size": "long", "_extra": "flattened"}]


def test_a_type_that_changes_rolls_over(pipeline: Pipeline) -> None:
    """Old events keep their type, new ones have the new one."""
    del pipeline._sinks["traces"]
    pipeline.apply(size={"type": "integer"})
    pipeline.land({"size": 42})
    assert pipeline.apply(size={"type": "string"})["search"] == 2
    pipeline.land({"size": "large"})
    assert pipeline.types() == [
        {"size": "long", "_extra": "flattened"},
        {"size": "keyword", "_extra": "flattened"},
    ]
    assert pipeline.apply(size={"type": "string"}) == {"search": 0}


def test_retention_reaches_streams_that_exist(pipeline: Pipeline) -> None:
    """Where the cluster can be asked for it; the template has it in any case, for streams to come."""
    pipeline.apply(user={"type": "string"})
    pipeline.land({"user": "ada"})
    assert pipeline.apply("30d", user={"type": "string"})["search"] >= 1
    (found,) = pipeline.ask("GET", f"_index_template/logharbor-{pipeline.dataset}-prod")["index_templates"]
    assert found["index_template"]["template"]["lifecycle"]["data_retention"] == "30d"
    assert pipeline.apply("30d", user={"type": "string"}) == {"search": 0, "traces": 0}
