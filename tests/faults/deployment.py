"""Logharbor as it runs in an account, with scripted servers where the sinks are: what goes in, and all that comes out.

Nothing here reads an object of the product: what came out is read from the requests, the SQLite file, the store and the
lines of the log, as an outsider would.
"""

import base64
import gzip
import io
import json
import shutil
import sqlite3
from collections import Counter
from contextlib import ExitStack
from itertools import count
from pathlib import Path

from aws_lambda_powertools import Logger

from forwarders import bundle
from forwarders.config import from_plain
from forwarders.contracts.load import read_folder
from forwarders.handlers.forward import handler, plans_from_bundle
from forwarders.handlers.forward import logger as PRODUCTION
from forwarders.testing import ScriptedServer, elasticsearch, honeycomb, lambda_context

ROOT = Path(__file__).parents[2]
HASH_KEY = "k1:" + base64.b64encode(b"0123456789abcdef0123456789abcdef").decode()
ROUTES = [
    {"name": "json", "log_groups": ["/json/*"], "envelope": "line"},
    {"name": "keyed", "log_groups": ["/keyed/*"], "envelope": "key:log"},
    {"name": "web", "log_groups": ["/web/*"], "format": "access_log"},
]


_NUMBERS = count()
"""Loggers are known by name for as long as the process lives."""


class Deployment:
    """A function with a bundle of its own in `folder`; a `with` block serves its sinks.

    `sinks` maps a name to `elasticsearch`, `honeycomb`, `sqlite` or `stdout`. `answers` are steps for the server of a
    sink by its name; when they are used up, a healthy server answers.
    """

    def __init__(
        self,
        folder,
        sinks=("elasticsearch",),
        answers=None,
        schemas=None,
        otherwise=None,
        settings=None,
        endpoints=None,
        **config,
    ):
        self.folder = Path(folder)
        self.letters = self.folder / "letters"
        self.log = io.StringIO()
        self._read = 0
        self.stored = {}
        self.servers = {}
        self._answers = answers or {}
        self._otherwise = otherwise or {}
        self._sinks = sinks
        self._settings = settings or {}
        self._endpoints = endpoints or {}
        self._schemas = schemas or ROOT / "schemas"
        self._config = config
        self._stack = ExitStack()

    def __enter__(self):
        self._environ = self._bundle()
        self.restart()
        return self

    def __exit__(self, *caught):
        self._stack.close()

    def _bundle(self):
        config = {
            "environment": "test",
            "dead_letters": str(self.letters),
            "routes": ROUTES,
            "sinks": {name: self._sink(name) for name in self._sinks},
            **self._config,
        }
        file = self.folder / "bundle.json"
        file.write_bytes(bundle.build(from_plain(config, "pipeline.yaml"), read_folder(self._schemas)))
        return {"LOGHARBOR_BUNDLE": str(file)}

    def restart(self):
        """A cold start: nothing is remembered."""
        serializer = PRODUCTION.registered_formatter.json_serializer
        logger = Logger(service=f"logharbor-faults-{next(_NUMBERS)}", stream=self.log, json_serializer=serializer)
        self.handle = handler(lambda: plans_from_bundle(logger, self._environ), logger)

    def _sink(self, name):
        if name == "sqlite":
            return {"type": "sqlite", "path": str(self.folder / "events.db")}
        if name == "stdout":
            return {"type": "stdout"}
        if name == "elasticsearch":
            self.stored[name] = {}
            healthy = elasticsearch(self.stored[name])
        else:
            self.stored[name] = []
            healthy = honeycomb(self.stored[name])
        server = ScriptedServer(self._answers.get(name, ()), otherwise=self._otherwise.get(name, healthy))
        self.servers[name] = self._stack.enter_context(server)
        endpoint = self._endpoints.get(name, server.url)
        if name == "elasticsearch":
            return {"type": "elasticsearch", "endpoint": endpoint, "auth": "none", **self._settings}
        return {"type": "honeycomb", "endpoint": endpoint, "dataset": "logs", **self._settings}

    def invoke(self, event, remaining_ms=30_000):
        """One invocation."""
        return self.handle(event, lambda_context(remaining_ms))

    def invoke_with_context(self, event, remaining_ms=30_000):
        """One invocation; its context, which says how much time was left when it ended."""
        context = lambda_context(remaining_ms)
        self.handle(event, context)
        return context.get_remaining_time_in_millis()

    def lines(self):
        """Our own log, each line parsed."""
        return [json.loads(line) for line in self.log.getvalue().split("\n")[:-1]]

    def receipts(self):
        """The receipts in our own log, in order."""
        return [line["receipt"] for line in self.lines() if "receipt" in line]

    def new_receipts(self):
        """The receipts that were logged since this was last asked."""
        text = self.log.getvalue()
        new, self._read = text[self._read :], len(text)
        return [line["receipt"] for line in map(json.loads, new.split("\n")[:-1]) if "receipt" in line]

    def kept(self, kind):
        """The entries of the store under `kind`, by name."""
        folder = self.letters / kind
        return {path.name: path.read_bytes() for path in sorted(folder.glob("*"))} if folder.is_dir() else {}

    def dead(self):
        """The dead letters: id, sink, reason, copy."""
        return [json.loads(line) for body in self.kept("dead").values() for line in body.splitlines()]

    def take(self, kind):
        """The entries under `kind`, which leave the store, as a replay would take them."""
        entries = self.kept(kind)
        shutil.rmtree(self.letters / kind, ignore_errors=True)
        return entries

    def rows(self):
        """The rows of the SQLite file, where there is one."""
        if not (self.folder / "events.db").exists():
            return []
        with sqlite3.connect(self.folder / "events.db") as db:
            db.row_factory = sqlite3.Row
            return [dict(row) for row in db.execute("SELECT * FROM events")]

    def fates(self, sink):
        """How many records ended in each fate at a sink, over all receipts."""
        total = Counter()
        for receipt in self.receipts():
            account = receipt["accounts"].get(sink)
            if account:
                total.update({fate: tally["n"] for fate, tally in account["fates"].items()})
        return dict(total)

    def reasons(self, sink):
        """How often each reason was given at a sink, over all receipts."""
        total = Counter()
        for receipt in self.receipts():
            total.update(receipt["accounts"].get(sink, {}).get("reasons", {}))
        return dict(total)


def payload_of(data):
    """An invocation with these bytes as its data, base64 as AWS has it."""
    return {"awslogs": {"data": base64.b64encode(data).decode()}}


def data_of(event):
    """What is inside an invocation's payload."""
    return gzip.decompress(base64.b64decode(event["awslogs"]["data"]))
