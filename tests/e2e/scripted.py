"""Kibana and Honeycomb as a process of their own, made from their documentation; up until SIGTERM.

Behind their APIs, at `/e2e/…`, they say what they were given, and Honeycomb is told what to refuse.
"""

from __future__ import annotations

import json
import signal
import sys
from pathlib import Path
from typing import Any

from forwarders.testing import Received, Reply, ScriptedServer, honeycomb
from forwarders.testing.apis import JSON, HoneycombApi, KibanaApi


class Honeycomb:
    """The configuration API, and the events API in front of it."""

    def __init__(self) -> None:
        self._api = HoneycombApi()
        self._events: list[dict[str, Any]] = []
        self._take = honeycomb(self._events)

    def __call__(self, request: Received) -> Reply:
        """The answer to one request."""
        if request.path == "/e2e/refuse":
            self._api.access["columns"] = not json.loads(request.body)
            return Reply(200, b"{}", JSON)
        if request.path == "/e2e/stored":
            told = {"events": self._events, "datasets": self._api.datasets, "columns": self._api.columns}
            return Reply(200, json.dumps(told).encode(), JSON)
        if request.path.startswith("/1/batch/"):
            return self._take(request)
        return self._api(request)


class Kibana(KibanaApi):
    """The data views API."""

    def __call__(self, request: Received) -> Reply:
        """The answer to one request."""
        if request.path == "/e2e/stored":
            return Reply(200, json.dumps(self.views).encode(), JSON)
        return super().__call__(request)


def main(addresses: Path) -> None:
    """Runs both; the file gets their addresses."""
    ends = {signal.SIGTERM}
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_BLOCK, ends)
    with ScriptedServer(otherwise=Kibana()) as kibana, ScriptedServer(otherwise=Honeycomb()) as honeycomb_server:
        told = json.dumps({"kibana": kibana.url, "honeycomb": honeycomb_server.url})
        addresses.with_suffix(".part").write_text(told)
        addresses.with_suffix(".part").rename(addresses)
        signal.sigwait(ends)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
