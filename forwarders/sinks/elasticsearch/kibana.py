"""Kibana: a data view for each dataset, by its data views API. Nothing is deleted, and only our own are changed.

A view is ours by its id, which is made of dataset, environment and space: the id of a data view is unique in all
spaces of a Kibana. Its filters, labels and formats are people's and stay as they are.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote

from forwarders.sinks.api import Api
from forwarders.sinks.changes import Answered, Change, Unanswered, Unfit
from forwarders.sinks.elasticsearch.documents import data_stream

XSRF = {"kbn-xsrf": "logharbor"}
"""Kibana refuses a request that changes something without this header."""

_WHERE = "/api/data_views"


def plan(api: Api, datasets: Iterable[str], environment: str, space: str = "") -> list[Change]:
    """The data views that are not there, or not as they should be. Changes nothing.

    Raises Unfit when somebody else's view has the name of one of ours, because Kibana would refuse a second one.
    """
    known = _views(api, space)
    by_name = {str(view.get("name")): id for id, view in known.items()}
    changes = []
    for dataset in datasets:
        wanted = data_view(dataset, environment, space)
        there = by_name.get(wanted["name"], wanted["id"])
        if there != wanted["id"]:
            raise Unfit(f"Kibana has a data view called {wanted['name']!r} that Logharbor did not make: rename it")
        if wanted["id"] not in known:
            changes.append(Change("data_view", wanted["id"], f"is new, for {wanted['title']}", wanted))
            continue
        answer = api.ask("GET", f"{_base(space)}/data_view/{quote(wanted['id'], safe='')}")
        actual = _member(answer, "data_view")
        different = {name: value for name, value in wanted.items() if actual.get(name) != value}
        if different:
            changes.append(Change("data_view", wanted["id"], f"gets its {', '.join(sorted(different))}", different))
    return changes


def apply(api: Api, change: Change, space: str = "") -> None:
    """The data view is as the change says. Raises api's errors."""
    base = _base(space)
    if "id" not in change.body:
        api.ask("POST", f"{base}/data_view/{quote(change.name, safe='')}", {"data_view": dict(change.body)})
        return
    try:
        api.ask("POST", f"{base}/data_view", {"data_view": dict(change.body), "override": False})
    except Answered:
        if change.name not in _views(api, space):  # a request that was heard and not answered has made it before
            raise


def data_view(dataset: str, environment: str, space: str = "") -> dict[str, Any]:
    """The data view of a dataset; it may be there before the first event (`allowNoIndex`)."""
    return {
        "id": "-".join(filter(None, ("logharbor", dataset, environment, space))),
        "title": data_stream(dataset, environment),
        "name": f"Logharbor: {dataset} ({environment})",
        "timeFieldName": "@timestamp",
        "allowNoIndex": True,
    }


def _views(api: Api, space: str) -> dict[str, Mapping[str, Any]]:
    views = _member(api.ask("GET", _base(space)), "data_view", list)
    return {view["id"]: view for view in views if isinstance(view, dict) and isinstance(view.get("id"), str)}


def _member(answer: Any, name: str, kind: type = dict) -> Any:
    found = answer.get(name) if isinstance(answer, dict) else None
    if not isinstance(found, kind):
        raise Unanswered(f"JSON without {name!r}, which is not Kibana's")
    return found


def _base(space: str) -> str:
    return f"/s/{quote(space, safe='')}{_WHERE}" if space else _WHERE
