"""Kibana's data views API and Honeycomb's configuration API, as documented, for a ScriptedServer.

Each keeps what it is given. `busy` answers are given first; what is asked without the header that it needs is refused.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from forwarders.testing.script import Received, Reply

JSON = {"content-type": "application/json"}


class KibanaApi:
    """`/api/data_views` of every space; `views` holds the data views by id."""

    def __init__(self, busy: Sequence[Reply] = ()) -> None:
        self.views: dict[str, dict[str, Any]] = {}
        self.busy = list(busy)
        self.denies = ""

    def __call__(self, request: Received) -> Reply:
        """The answer to one request."""
        if self.busy:
            return self.busy.pop(0)
        if request.method != "GET" and "kbn-xsrf" not in request.headers:
            return self._no(400, "Request must contain a kbn-xsrf header.")
        if self.denies and self.denies in f"{request.method} {request.path}":
            return self._no(403, "API [POST /api/data_views/data_view] is unauthorized for user")
        found = re.fullmatch(r"(?:/s/([a-z0-9_-]+))?/api/data_views(?:/data_view(?:/([^/]+))?)?", request.path)
        if found is None:
            return self._no(404, "Not Found")
        space, view = found[1] or "default", found[2]
        if request.method == "GET":
            return self._get(space, view)
        told = json.loads(request.body)["data_view"]
        return self._update(view, told) if view else self._create(space, told)

    def _get(self, space: str, view: str | None) -> Reply:
        if view is None:
            listed = [
                {name: one[name] for name in ("id", "namespaces", "title", "name")}
                for one in self.views.values()
                if space in one["namespaces"]
            ]
            return self._yes({"data_view": listed})
        if view not in self.views:
            return self._no(404, f"Saved object [index-pattern/{view}] not found")
        return self._yes({"data_view": self.views[view]})

    def _create(self, space: str, told: dict[str, Any]) -> Reply:
        if any(one["name"] == told["name"] and space in one["namespaces"] for one in self.views.values()):
            return self._no(400, f"Duplicate data view: {told['name']}")
        if told["id"] in self.views:
            return self._no(409, "version conflict, document already exists")
        added = {"version": "WzEsMV0=", "fieldAttrs": {}, "sourceFilters": [], "namespaces": [space]}
        self.views[told["id"]] = {**told, **added}
        return self._yes({"data_view": self.views[told["id"]]})

    def _update(self, view: str, told: dict[str, Any]) -> Reply:
        if view not in self.views:
            return self._no(404, f"Saved object [index-pattern/{view}] not found")
        self.views[view] |= told
        return self._yes({"data_view": self.views[view]})

    def _yes(self, body: object) -> Reply:
        return Reply(200, json.dumps(body).encode(), JSON)

    def _no(self, code: int, message: str) -> Reply:
        body = {"statusCode": code, "error": "Bad Request", "message": message}
        return Reply(code, json.dumps(body).encode(), JSON)


class HoneycombApi:
    """`/1/auth`, `/1/datasets` and `/1/columns`; `datasets` by slug, `columns` by slug and name."""

    def __init__(self, busy: Sequence[Reply] = (), key_type: str = "configuration", **access: bool) -> None:
        self.datasets: dict[str, dict[str, Any]] = {}
        self.columns: dict[str, dict[str, dict[str, Any]]] = {}
        self.busy = list(busy)
        self.key_type = key_type
        self.access = {"events": True, "createDatasets": True, "columns": True, **access}

    def __call__(self, request: Received) -> Reply:
        """The answer to one request."""
        if self.busy:
            return self.busy.pop(0)
        if not request.headers.get("x-honeycomb-team"):
            return self._reply(401, {"error": "unknown API key - check your credentials"})
        _, version, room, *rest = request.path.split("/")
        if version != "1":
            return self._reply(404, {"error": "not found"})
        told = json.loads(request.body) if request.body else {}
        if room == "auth":
            access = {"id": "FL_x", "type": self.key_type, "api_key_access": self.access}
            return self._reply(200, {**access, "environment": {"slug": "prod"}, "team": {"slug": "shop"}})
        if room == "datasets":
            return self._dataset(request.method, rest, told)
        return self._column(request.method, rest, told)

    def _dataset(self, method: str, rest: list[str], told: dict[str, Any]) -> Reply:
        if method == "GET" and not rest:
            return self._reply(200, list(self.datasets.values()))
        if method == "PUT":
            if rest[0] not in self.datasets:
                return self._reply(404, {"error": "Dataset not found"})
            self.datasets[rest[0]] |= told
            return self._reply(200, self.datasets[rest[0]])
        slug = re.sub(r"[^a-z0-9_]", "-", told["name"].lower())
        if len(told.get("description", "")) > 1024:
            return self._reply(422, {"error": "The provided input is invalid."})
        there = slug in self.datasets
        self.datasets.setdefault(slug, {"description": "", "expand_json_depth": 0, **told, "slug": slug})
        self.columns.setdefault(slug, {})
        return self._reply(200 if there else 201, self.datasets[slug])

    def _column(self, method: str, rest: list[str], told: dict[str, Any]) -> Reply:
        slug, *column = rest
        if slug not in self.columns:
            return self._reply(404, {"error": "Dataset not found"})
        columns = self.columns[slug]
        if method == "GET":
            return self._reply(200, list(columns.values()))
        if not 1 <= len(told["key_name"]) <= 255 or len(told.get("description", "")) > 255:
            return self._reply(422, {"error": "The provided input is invalid."})
        if told.get("type", "string") not in ("string", "integer", "float", "boolean"):
            return self._reply(422, {"error": "The provided input is invalid."})
        if method == "PUT":
            (name,) = (name for name, one in columns.items() if one["id"] == column[0])
            columns[name] |= told
            return self._reply(200, columns[name])
        if told["key_name"] in columns:
            return self._reply(409, {"error": "A column with that name already exists"})
        defaults = {"type": "string", "hidden": False, "description": ""}
        columns[told["key_name"]] = {**defaults, **told, "id": f"c{len(columns)}"}
        return self._reply(201, columns[told["key_name"]])

    def _reply(self, code: int, body: object) -> Reply:
        return Reply(code, json.dumps(body).encode(), JSON)
