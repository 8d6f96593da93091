"""The Lambda that makes sinks ready: what Terraform hands it, and what Terraform is told."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from forwarders import bundle
from forwarders.config import from_plain
from forwarders.contracts.load import read_folder
from forwarders.errors import ConfigError
from forwarders.handlers.prepare import prepare
from forwarders.preparing import Refused
from forwarders.testing import FakeClock, Received, Reply, ScriptedServer, lambda_context
from forwarders.testing.apis import HoneycombApi, KibanaApi

ROOT = Path(__file__).parents[2]
CONTRACTS = read_folder(ROOT / "schemas")
HEADERS = {"content-type": "application/json", "x-elastic-product": "Elasticsearch"}
PRIVILEGES = {"has_all_requested": True, "cluster": {"manage_index_templates": True}, "index": {}}
SECRETS = {"env:ES": "id:key", "env:ES_ADMIN": "admin:key", "env:HC_ADMIN": "hcalk_1"}


class Cluster:
    """An Elasticsearch without streams that keeps templates; `busy` answers come first, `denies` is refused."""

    def __init__(self) -> None:
        self.templates: dict[str, dict[str, Any]] = {"_component_template": {}, "_index_template": {}}
        self.privileges: dict[str, Any] = PRIVILEGES
        self.busy: list[Reply] = []
        self.denies = ""
        self.keys: set[str] = set()

    def __call__(self, request: Received) -> Reply:
        if self.busy:
            return self.busy.pop(0)
        self.keys.add(request.headers.get("authorization", ""))
        _, kind, *name = request.path.split("/")
        if self.denies and self.denies in f"{request.method} {request.path}":
            return self._yes({"error": {"type": "x_exception", "reason": "not so"}}, 400)
        if kind == "_security":
            return self._yes(self.privileges)
        if kind == "_resolve":
            return self._yes({"indices": [], "aliases": [], "data_streams": []})
        if request.method == "PUT":
            self.templates[kind][name[0]] = json.loads(request.body)
            return self._yes({"acknowledged": True})
        member = kind.removeprefix("_")
        return self._yes({f"{member}s": [{"name": n, member: body} for n, body in self.templates[kind].items()]})

    def _yes(self, body: object, code: int = 200) -> Reply:
        return Reply(code, json.dumps(body).encode(), HEADERS)


class Account:
    """A bundle whose sinks are scripted servers, and the invocation of Terraform."""

    def __init__(self, folder: Path, urls: dict[str, str], scripted: tuple[Cluster, KibanaApi, HoneycombApi]) -> None:
        self.cluster, self.kibana, self.honeycomb = scripted
        search = {"type": "elasticsearch", "endpoint": urls["cluster"], "secret": "env:ES"}
        search |= {"prepare_secret": "env:ES_ADMIN", "kibana": {"endpoint": urls["kibana"]}}
        traces = {"type": "honeycomb", "endpoint": urls["honeycomb"], "dataset": "web", "secret": "env:NONE"}
        traces |= {"prepare_secret": "env:HC_ADMIN"}
        plain = {"environment": "prod", "sinks": {"search": search, "traces": traces, "out": {"type": "stdout"}}}
        self.path = folder / "bundle.json"
        self.path.write_bytes(bundle.build(from_plain(plain, "pipeline.yaml"), CONTRACTS))
        self.clock = FakeClock()
        self.log: list[str] = []

    @property
    def digest(self) -> str:
        return hashlib.sha256(self.path.read_bytes()).hexdigest()

    def apply(self, action: str = "create", remaining_ms: int = 300_000, **event: Any) -> dict[str, Any]:
        told = {"bundle": self.digest, **event, "tf": {"action": action, "prev_input": None}}
        context = lambda_context(remaining_ms, clock=lambda: self.clock.now)
        return prepare(told, context, self.path, SECRETS.__getitem__, self.clock.sleep, self.log.append)

    @property
    def untouched(self) -> bool:
        templates = self.cluster.templates
        return not any([*templates.values(), self.kibana.views, self.honeycomb.datasets])


@pytest.fixture
def account(tmp_path: Path) -> Iterator[Account]:
    scripted = Cluster(), KibanaApi(), HoneycombApi()
    servers = [ScriptedServer(otherwise=one) for one in scripted]
    with servers[0], servers[1], servers[2]:
        urls = dict(zip(("cluster", "kibana", "honeycomb"), (server.url for server in servers), strict=True))
        yield Account(tmp_path, urls, scripted)


def test_every_sink_is_ready_after_an_apply(account: Account) -> None:
    """Templates, data views, datasets and columns; and the second apply has nothing to do."""
    datasets = len({contract.dataset for contract in CONTRACTS}) + 2
    assert account.apply() == {
        "sinks": {
            "search": {"type": "elasticsearch", "changes": 3 * datasets + 1},
            "traces": {"type": "honeycomb", "changes": 6},
            "out": {"type": "stdout", "changes": 0},
        }
    }
    assert len(account.kibana.views) == len(account.cluster.templates["_index_template"]) == datasets
    assert set(account.honeycomb.datasets) == {"web", "web-quarantine", "web-unregistered"}
    assert "search: index_template logharbor-user-prod is new" in account.log
    again = account.apply("update")
    assert [sink["changes"] for sink in again["sinks"].values()] == [0, 0, 0]


def test_the_forwarders_secret_is_not_used(account: Account) -> None:
    """Forwarders may only write events; what makes a sink ready has a secret of its own."""
    account.apply()
    assert account.cluster.keys == {"ApiKey YWRtaW46a2V5"}


def test_a_destroy_deletes_nothing(account: Account) -> None:
    """Events outlive the pipeline that brought them."""
    account.apply()
    before = json.dumps([account.cluster.templates, account.kibana.views, account.honeycomb.datasets])
    assert account.apply("delete")["kept"].endswith("nothing is deleted")
    assert json.dumps([account.cluster.templates, account.kibana.views, account.honeycomb.datasets]) == before


def test_a_refusal_of_one_sink_leaves_all_as_they_were(account: Account) -> None:
    """Honeycomb comes last and would refuse: Elasticsearch and Kibana are not changed either."""
    account.honeycomb.access["columns"] = False
    with pytest.raises(Refused) as caught:
        account.apply()
    assert str(caught.value) == (
        "sink traces would refuse what the contracts need, and nothing was changed:"
        " the key of prepare_secret lacks the permission Manage Queries and Columns"
    )
    assert account.untouched


def test_missing_privileges_are_told_before_anything_is_done(account: Account) -> None:
    """Elasticsearch is asked what the credentials may do."""
    account.cluster.privileges = {"has_all_requested": False, "cluster": {"manage_index_templates": False}, "index": {}}
    with pytest.raises(Refused, match=r"sink search would refuse .* its credentials lack manage_index_templates$"):
        account.apply()
    assert account.untouched


def test_a_refusal_in_the_middle_says_what_and_how_far(account: Account) -> None:
    """One sentence for `terraform apply`; what was made stays, and the next apply makes the rest."""
    account.cluster.denies = "PUT /_index_template/logharbor-user-prod"
    with pytest.raises(Refused) as caught:
        account.apply()
    assert str(caught.value).startswith(
        "sink search was asked for index_template logharbor-user-prod and refused: 400 x_exception: not so ("
    )
    assert str(caught.value).endswith(" changes are made)")
    account.cluster.denies = ""
    account.apply()
    assert account.apply()["sinks"]["search"]["changes"] == 0


def test_busy_servers_are_waited_for(account: Account) -> None:
    """A 429 for as long as it asks, a 503 for a little; both within the invocation's time."""
    account.honeycomb.busy = [Reply(429, b'{"error":"rate limited"}', {"retry-after": "30"})]
    account.kibana.busy = [Reply(503, b'{"message":"Kibana server is not ready yet"}', {})] * 2
    account.apply()
    assert account.clock.slept == [0.5, 1.0, 30.0]
    assert account.apply()["sinks"]["traces"]["changes"] == 0


def test_a_server_that_stays_busy_is_told_in_time(account: Account) -> None:
    """Not by Lambda's time-out, which would say nothing."""
    account.kibana.busy = [Reply(503, b'{"message":"Kibana server is not ready yet"}', {})] * 1000
    with pytest.raises(Refused) as caught:
        account.apply(remaining_ms=60_000)
    assert str(caught.value) == (
        "sink search was asked to say what it has and refused: 503 Kibana server is not ready yet (Kibana)"
    )
    assert 40 < sum(account.clock.slept) < 55


def test_another_bundle_than_was_built_is_refused(account: Account) -> None:
    """The function still has the layer of an earlier apply."""
    with pytest.raises(ConfigError, match=r"bundle\.json: sha256: found .*, expected 000000000000\. The function has"):
        account.apply(bundle="0" * 64)
    assert account.untouched


def test_a_bundle_of_another_form_is_refused(account: Account) -> None:
    """Code and contracts are released apart."""
    account.path.write_text('{"format": 99}')
    with pytest.raises(ConfigError, match="found 99, expected 1"):
        account.apply()


@pytest.mark.parametrize("event", [{}, {"tf": None}, {"tf": "x"}, {"tf": {"action": 7}}, {"sweep": True}])
def test_anything_else_than_a_destroy_prepares(account: Account, event: dict[str, Any]) -> None:
    """A person who presses Test gets what an apply gets."""
    result = prepare(event, lambda_context(60_000), account.path, SECRETS.__getitem__)
    assert result["sinks"]["traces"] == {"type": "honeycomb", "changes": 6}


def test_the_function_finds_its_bundle_in_its_layer(tmp_path: Path) -> None:
    """As Lambda starts it: the package with data on sys.path, and nothing in the environment."""
    (tmp_path / "logharbor_bundle").mkdir()
    body = bundle.build(from_plain({"sinks": {"out": {"type": "stdout"}}}, "pipeline.yaml"), CONTRACTS)
    (tmp_path / "logharbor_bundle" / "bundle.json").write_bytes(body)
    told = (
        "from forwarders.handlers.prepare import handle; from forwarders.testing import lambda_context;"
        "print(handle({}, lambda_context())); print(handle({'tf': {'action': 'delete'}}, lambda_context())['sinks'])"
    )
    environ = {"PATH": os.environ["PATH"], "PYTHONPATH": f"{ROOT}:{tmp_path}"}
    done = subprocess.run([sys.executable, "-c", told], env=environ, capture_output=True, text=True, check=False)
    assert "{'sinks': {'out': {'type': 'stdout', 'changes': 0}}}\n" in done.stdout, done.stderr
