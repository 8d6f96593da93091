"""Honeycomb made ready, against a scripted configuration API made from its documentation."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from forwarders.contracts.fields import fields
from forwarders.contracts.load import from_schema, read_folder
from forwarders.model import Contract
from forwarders.sinks.api import Api
from forwarders.sinks.changes import Answered, Unanswered, Unfit
from forwarders.sinks.honeycomb.columns import Column, datasets
from forwarders.sinks.honeycomb.prepare import apply, plan
from forwarders.sinks.http import endpoint
from forwarders.testing import Received, Reply, ScriptedServer, html, status
from forwarders.testing.apis import HoneycombApi


class Landing(msgspec.Struct, frozen=True):
    """A dataset as the plan has it."""

    name: str
    contracts: list[tuple[Contract, list[Any]]] = []
    open: bool = False


def contract(name: str, **properties: Any) -> tuple[Contract, list[Any]]:
    """A contract with these properties, and its fields."""
    schema = {
        "$id": f"urn:logharbor:{name}:1",
        "type": "object",
        "additionalProperties": False,
        "properties": properties,
        "x-event": {"version": "1.0.0", "owner": "team", "dataset": "user"},
    }
    made = from_schema(schema, "test")
    return made, fields(made)


LOGIN = contract(
    "user.login",
    user={"type": "string", "description": "Who", "x-pii": {"class": "identifier", "sinks": {"honeycomb": "hmac"}}},
    age={"type": "integer", "x-pii": {"class": "identifier", "sinks": {"honeycomb": "mask"}}},
    phone={"type": "string", "x-pii": {"class": "contact", "sinks": {"honeycomb": "drop"}}},
    took={"type": "number", "description": "How long it took", "x-unit": "ms"},
    tries={"type": ["integer", "null"]},
    ok={"type": "boolean"},
    either={"type": ["integer", "string"]},
    source={"type": "object", "properties": {"type": {"type": "string", "description": "x" * 300}}},
    items={"type": "array", "items": {"type": "object", "properties": {"sku": {"type": "string"}}}},
    labels={"type": "object", "additionalProperties": {"type": "string"}},
)
LANDINGS = [Landing("user", [LOGIN]), Landing("quarantine"), Landing("rest", open=True)]
OURS = 16
"""Columns that every dataset has: where an event comes from, its contract, its verdict."""


class Asked:
    """A scripted Honeycomb, and an Api that asks it."""

    def __init__(self, server: ScriptedServer, there: HoneycombApi) -> None:
        self.server, self.there = server, there
        self.api = Api(endpoint(server.url), {"x-honeycomb-team": "hcalk_x"})
        self.wanted = datasets(LANDINGS, "traces", "web")

    def prepare(self) -> list[str]:
        """Plans, applies, and gives what there was to do."""
        changes = plan(self.api, self.wanted)
        for change in changes:
            apply(self.api, change)
        return [f"{change.kind} {change.name}" for change in changes]


@pytest.fixture
def asked() -> Iterator[Asked]:
    there = HoneycombApi()
    with ScriptedServer(otherwise=there) as server:
        yield Asked(server, there)


def test_a_contract_becomes_columns() -> None:
    """With the type that this sink's copy has: a hash is a string, a list is text, what is dropped is not there."""
    found = datasets([Landing("user", [LOGIN])], "traces", "")
    assert list(found) == ["user"]
    columns = {name: column for name, column in found["user"].columns.items() if "user.login" in column.description}
    end = "user.login · Logharbor"
    assert columns == {
        "user": Column("string", f"Who · {end}"),
        "age": Column("string", end),
        "took": Column("float", f"How long it took (ms) · {end}"),
        "tries": Column("integer", end),
        "ok": Column("boolean", end),
        "either": Column("string", end, certain=False),
        "source.type": Column("string", "x" * 229 + f"… · {end}"),
        "items": Column("string", end),
    }
    assert all(len(column.description) <= 255 for column in found["user"].columns.values())
    assert len(found["user"].columns) == len(columns) + OURS


def test_datasets_are_called_as_the_forwarder_calls_them() -> None:
    """With a dataset of its own a sink puts all valid events there, and the others beside it."""
    assert list(datasets(LANDINGS, "traces", "")) == ["user", "quarantine", "rest"]
    assert list(datasets(LANDINGS, "traces", "web")) == ["web", "web-quarantine", "web-rest"]
    assert "error.type" in datasets(LANDINGS, "traces", "web")["web-quarantine"].columns


def test_events_that_a_sink_does_not_get_need_no_columns() -> None:
    """Else a dataset would be full of columns that stay empty."""
    assert list(datasets(LANDINGS, "traces", "", lambda name: not name.startswith("user."))) == ["quarantine", "rest"]


def test_contracts_that_differ_share_a_column_of_the_wider_type() -> None:
    """Whole numbers and others are numbers; anything else is a string, of which Honeycomb's own type may differ."""
    one = contract("a", n={"type": "integer"}, s={"type": "integer"})
    other = contract("b", n={"type": "number", "description": "N"}, s={"type": "string"})
    columns = datasets([Landing("user", [one, other])], "t", "")["user"].columns
    assert columns["n"] == Column("float", "N · a, b · Logharbor")
    assert columns["s"] == Column("string", "a, b · Logharbor", certain=False)


def test_datasets_and_columns_are_made_once(asked: Asked) -> None:
    """The first plan changes nothing, the first apply makes everything, the second finds nothing to do."""
    changes = plan(asked.api, asked.wanted)
    assert (asked.there.datasets, [request.method for request in asked.server.requests]) == ({}, ["GET", "GET"])
    assert [(change.kind, change.name) for change in changes] == [
        (kind, name) for name in ("web", "web-quarantine", "web-rest") for kind in ("dataset", "columns")
    ]
    assert changes[1].summary.startswith("adds event.action, logharbor.id, logharbor.verdict")
    assert changes[1].summary.endswith("and 16 more")
    asked.prepare()
    assert {name: (one["type"], one["description"]) for name, one in asked.there.columns["web"].items()} == {
        name: (column.type, column.description) for name, column in asked.wanted["web"].columns.items()
    }
    assert asked.prepare() == []


def test_all_contracts_of_the_repository_fit() -> None:
    """No name and no description is longer than Honeycomb takes."""
    landings = [Landing("all", [(one, fields(one)) for one in read_folder("schemas")])]
    with ScriptedServer(otherwise=HoneycombApi()) as server:
        asked = Asked(server, HoneycombApi())
        asked.wanted = datasets(landings, "traces", "serverless")
        asked.prepare()
        assert plan(asked.api, asked.wanted) == []


def test_what_somebody_wrote_stays(asked: Asked) -> None:
    """A description without our mark is a person's; an older one of ours follows the contract; hidden stays hidden."""
    asked.prepare()
    columns = asked.there.columns["web"]
    columns["user"]["description"] = "Ask Ada before you use it"
    columns["took"] |= {"description": "older · user.login · Logharbor", "hidden": True}
    asked.there.datasets["web"]["description"] = "The shop"
    (change,) = plan(asked.api, asked.wanted)
    assert (change.kind, change.name, change.summary) == ("columns", "web", "gives a description to took")
    apply(asked.api, change)
    assert columns["user"]["description"] == "Ask Ada before you use it"
    assert asked.there.datasets["web"]["description"] == "The shop"
    assert {name: columns["took"][name] for name in ("description", "hidden", "type")} == {
        "description": "How long it took (ms) · user.login · Logharbor",
        "hidden": True,
        "type": "float",
    }


def test_columns_that_events_made_get_descriptions(asked: Asked) -> None:
    """And a number is a number: Honeycomb's integer and float are not told apart."""
    asked.there.datasets["web"] = {"name": "Web", "slug": "web", "description": "", "expand_json_depth": 2}
    asked.there.columns["web"] = {
        "took": {"id": "made-by-an-event", "key_name": "took", "type": "integer", "description": ""}
    }
    assert asked.prepare()[:2] == ["dataset web", "columns web"]
    assert asked.there.columns["web"]["took"]["type"] == "integer"
    assert asked.there.columns["web"]["took"]["description"].endswith("· Logharbor")


def test_a_type_is_never_changed(asked: Asked) -> None:
    """It would lose what the column holds: the plan is refused, and nothing is made."""
    asked.there.datasets["web"] = {"name": "web", "slug": "web", "description": "", "expand_json_depth": 0}
    asked.there.columns["web"] = {
        "ok": {"id": "made-by-an-event", "key_name": "ok", "type": "string", "description": ""}
    }
    with pytest.raises(Unfit) as caught:
        plan(asked.api, asked.wanted)
    assert str(caught.value).startswith(
        "columns of dataset web have another type: ok is string, boolean in the contract. A column's type is"
    )
    assert list(asked.there.datasets) == ["web"]
    assert all(request.method == "GET" for request in asked.server.requests)


@pytest.mark.parametrize(
    ("there", "said"),
    [
        (HoneycombApi(key_type="ingest"), "the key of prepare_secret is an ingest key; a configuration key is needed"),
        (
            HoneycombApi(columns=False),
            "the key of prepare_secret lacks the permission Manage Queries and Columns",
        ),
        (
            HoneycombApi(columns=False, createDatasets=False),
            "the key of prepare_secret lacks the permission Create Datasets and Manage Queries and Columns",
        ),
    ],
)
def test_a_key_that_may_not_is_told_before_anything_is_done(there: HoneycombApi, said: str) -> None:
    """One question to Honeycomb says what a key may do."""
    with ScriptedServer(otherwise=there) as server:
        with pytest.raises(Unfit) as caught:
            Asked(server, there).prepare()
        assert (str(caught.value), len(server.requests)) == (said, 1)


def test_a_column_that_an_event_makes_meanwhile(asked: Asked) -> None:
    """Made by an event between plan and apply: nothing is lacking, and nothing is refused."""
    asked.prepare()
    del asked.there.columns["web"]["took"]
    (change,) = plan(asked.api, asked.wanted)
    asked.there.columns["web"]["took"] = {
        "id": "made-by-an-event",
        "key_name": "took",
        "type": "float",
        "description": "",
    }
    apply(asked.api, change)
    assert asked.there.columns["web"]["took"]["id"] == "made-by-an-event"


def test_a_pause_between_columns_goes_on_where_it_was(asked: Asked) -> None:
    """Honeycomb limits requests: a change that was cut short and is made again makes only what is missing."""
    changes = plan(asked.api, asked.wanted)
    apply(asked.api, changes[0])
    columns = asked.there.columns["web"]
    for column in changes[1].body["create"][:5]:
        columns[column["key_name"]] = {**column, "id": column["key_name"]}
    before = len(asked.server.requests)
    apply(asked.api, changes[1])
    posts = [request for request in asked.server.requests[before:] if request.method == "POST"]
    assert len(posts) == len(changes[1].body["create"]) - 5
    assert plan(asked.api, {"web": asked.wanted["web"]}) == []


@pytest.mark.parametrize(
    ("reply", "wait_s", "said"),
    [
        (Reply(429, b'{"error":"rate limited"}', {"retry-after": "7"}), 7.0, "429 rate limited"),
        (Reply(429, b"{}", {"ratelimit": "limit=100, remaining=0, reset=60"}), 60.0, "429"),
        (Reply(503, b"<html>", {}), None, "503"),
        (
            Reply(422, b'{"title":"invalid","detail":"The provided input is invalid."}', {}),
            None,
            "422 invalid; The",
        ),
        (Reply(429, b"[1]", {"retry-after": "soon"}), None, "429"),
    ],
)
def test_a_refusal_says_how_long_to_wait(reply: Reply, wait_s: float | None, said: str) -> None:
    """By Retry-After or RateLimit, and what Honeycomb says."""
    with ScriptedServer(otherwise=HoneycombApi(busy=[reply])) as server:
        with pytest.raises(Answered) as caught:
            Api(endpoint(server.url), {"x-honeycomb-team": "k"}).ask("GET", "/1/auth")
        assert (caught.value.wait_s, caught.value.said[: len(said)]) == (wait_s, said)


@pytest.mark.parametrize("answer", [html(), status(200, "{}"), status(200, "[]"), status(200, json.dumps("x"))])
def test_what_is_no_honeycomb_is_not_taken_for_an_empty_one(answer: Any) -> None:
    """A portal's page, another service."""
    with ScriptedServer(otherwise=answer) as server, pytest.raises(Unanswered):
        plan(Api(endpoint(server.url), {}), {})


@pytest.mark.parametrize("datasets", [[{"slug": {}}], [{"slug": None}], [7], {"slug": "web"}])
def test_odd_lists_are_not_understood(datasets: Any) -> None:
    """Rather than half understood."""
    there = HoneycombApi()

    def odd(request: Received) -> Reply:
        return Reply(200, json.dumps(datasets).encode(), {}) if request.path == "/1/datasets" else there(request)

    with ScriptedServer(otherwise=odd) as server, pytest.raises(Unanswered, match="no list of what was asked for"):
        Asked(server, there).prepare()
