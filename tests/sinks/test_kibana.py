"""Data views by Kibana's API, against a scripted Kibana made from its documentation."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from forwarders.sinks.api import Api
from forwarders.sinks.changes import Answered, Unanswered, Unfit
from forwarders.sinks.elasticsearch import kibana
from forwarders.sinks.http import endpoint
from forwarders.testing import ScriptedServer, drop, html, status
from forwarders.testing.apis import KibanaApi

VIEW = {
    "id": "logharbor-user-prod",
    "title": "logs-user-prod",
    "name": "Logharbor: user (prod)",
    "timeFieldName": "@timestamp",
    "allowNoIndex": True,
}


class Asked:
    """A scripted Kibana, and an Api that asks it."""

    def __init__(self, server: ScriptedServer, kibana: KibanaApi, prefix: str = "") -> None:
        self.server, self.kibana = server, kibana
        self.api = Api(endpoint(server.url + prefix), {"authorization": "ApiKey k", **kibana_headers()})


def kibana_headers() -> dict[str, str]:
    return dict(kibana.XSRF)


@pytest.fixture
def asked() -> Iterator[Asked]:
    scripted = KibanaApi()
    with ScriptedServer(otherwise=scripted) as server:
        yield Asked(server, scripted)


def test_each_dataset_gets_a_data_view_once(asked: Asked) -> None:
    """The first plan makes them, the next has nothing to do."""
    changes = kibana.plan(asked.api, ["order", "user"], "prod")
    assert [(change.kind, change.name, change.summary) for change in changes] == [
        ("data_view", "logharbor-order-prod", "is new, for logs-order-prod"),
        ("data_view", "logharbor-user-prod", "is new, for logs-user-prod"),
    ]
    assert asked.kibana.views == {}
    for change in changes:
        kibana.apply(asked.api, change)
    assert {name: asked.kibana.views["logharbor-user-prod"][name] for name in VIEW} == VIEW
    assert kibana.plan(asked.api, ["order", "user"], "prod") == []
    assert all(request.headers["authorization"] == "ApiKey k" for request in asked.server.requests)


def test_only_what_is_ours_is_put_right(asked: Asked) -> None:
    """A renamed view gets its name back and keeps the labels that somebody gave its fields; others stay."""
    theirs = {"id": "x", "title": "logs-*", "name": "All logs", "namespaces": ["default"]}
    ours = {**VIEW, "name": "mine", "fieldAttrs": {"data.user": {"customLabel": "who"}}, "namespaces": ["default"]}
    asked.kibana.views = {"x": dict(theirs), VIEW["id"]: ours}
    (change,) = kibana.plan(asked.api, ["user"], "prod")
    assert (change.summary, dict(change.body)) == ("gets its name", {"name": "Logharbor: user (prod)"})
    kibana.apply(asked.api, change)
    assert asked.kibana.views == {"x": theirs, VIEW["id"]: {**ours, "name": "Logharbor: user (prod)"}}
    assert kibana.plan(asked.api, ["user"], "prod") == []


def test_somebody_elses_view_of_our_name_is_told_before_anything_is_done(asked: Asked) -> None:
    """Kibana would refuse a second view of that name."""
    asked.kibana.views["x"] = {**VIEW, "id": "x", "namespaces": ["default"]}
    with pytest.raises(Unfit, match=r"a data view called 'Logharbor: user \(prod\)' that Logharbor did not make"):
        kibana.plan(asked.api, ["user"], "prod")


def test_a_space_has_views_of_its_own(asked: Asked) -> None:
    """The id of a data view is unique in all spaces, so it holds the space."""
    for space in ("", "ops"):
        for change in kibana.plan(asked.api, ["user"], "prod", space):
            kibana.apply(asked.api, change, space)
    assert {name: view["namespaces"] for name, view in asked.kibana.views.items()} == {
        "logharbor-user-prod": ["default"],
        "logharbor-user-prod-ops": ["ops"],
    }
    assert kibana.plan(asked.api, ["user"], "prod", "ops") == []


def test_a_creation_that_was_heard_and_not_answered_is_made_good(asked: Asked) -> None:
    """Made again it is a conflict, and the view is there."""
    (change,) = kibana.plan(asked.api, ["user"], "prod")
    kibana.apply(asked.api, change)
    kibana.apply(asked.api, change)
    assert list(asked.kibana.views) == ["logharbor-user-prod"]


def test_a_refusal_is_told_in_kibanas_words(asked: Asked) -> None:
    """And the status."""
    (change,) = kibana.plan(asked.api, ["user"], "prod")
    asked.kibana.denies = "POST"
    with pytest.raises(Answered) as caught:
        kibana.apply(asked.api, change)
    assert (caught.value.status, caught.value.said) == (
        403,
        "403 API [POST /api/data_views/data_view] is unauthorized for user",
    )


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (html(), "200 with text/html where JSON was expected"),
        (status(200, "{}", {"content-type": "application/json"}), "JSON without 'data_view', which is not Kibana's"),
        (status(200, "[]", {"content-type": "application/json"}), "JSON without 'data_view', which is not Kibana's"),
        (
            status(200, "[" * 100_000, {"content-type": "application/json"}),
            "200 with application/json where JSON was expected",
        ),
        (status(200, ""), "JSON without 'data_view', which is not Kibana's"),
        (drop(), "ProtocolError"),
    ],
)
def test_what_is_no_kibana_is_not_taken_for_an_empty_one(answer: object, error: str) -> None:
    """A portal's page, another service, a broken connection."""
    with ScriptedServer(otherwise=answer) as server:  # type: ignore[arg-type]
        api = Api(endpoint(server.url), {})
        with pytest.raises(Unanswered) as caught:
            kibana.plan(api, ["user"], "prod")
        assert str(caught.value) == error


def test_odd_views_are_passed_over() -> None:
    """Only what has an identifier can be ours."""
    body = '{"data_view": [{"id": {}, "name": []}, {"id": null}, 7, "x"]}'
    with ScriptedServer(otherwise=status(200, body)) as server:
        (change,) = kibana.plan(Api(endpoint(server.url), {}), ["user"], "prod")
    assert change.summary == "is new, for logs-user-prod"


def test_what_a_server_says_is_one_line() -> None:
    """It is shown on terminals and by Terraform."""
    body = '{"message": "\\u001b[31mred\\nline\\u202e"}'
    with ScriptedServer(otherwise=status(403, body)) as server, pytest.raises(Answered) as caught:
        kibana.plan(Api(endpoint(server.url), {}), ["user"], "prod")
    assert caught.value.said == "403 [31mred line"


def test_a_redirect_is_not_followed() -> None:
    """Credentials go to nobody but the one that is named."""
    with ScriptedServer(otherwise=status(302, "", {"location": "http://127.0.0.1:9/"})) as server:
        with pytest.raises(Answered, match="302"):
            kibana.plan(Api(endpoint(server.url), {}), ["user"], "prod")
        assert len(server.requests) == 1
