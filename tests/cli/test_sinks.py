"""`logharbor sinks plan|apply` against a scripted cluster; tests/live asks a real one."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from forwarders.testing import Received, Reply, ScriptedServer, status

Run = Callable[..., Any]

HEADERS = {"content-type": "application/json", "x-elastic-product": "Elasticsearch"}
DENIED = {"error": {"type": "security_exception", "reason": "action [x] is unauthorized for API key id [abc]"}}


class Cluster:
    """What a cluster without streams answers to `prepare`: it keeps the templates that it is given."""

    def __init__(self) -> None:
        self.templates: dict[str, dict[str, Any]] = {"_component_template": {}, "_index_template": {}}
        self.denies = ""

    def __call__(self, request: Received) -> Reply:
        _, kind, *name = request.path.split("/")
        if self.denies and self.denies in f"{request.method} {request.path}":
            return self._answer(403, DENIED)
        if kind == "_resolve":
            return self._answer(200, {"indices": [], "aliases": [], "data_streams": []})
        if request.method == "PUT":
            self.templates[kind][name[0]] = json.loads(request.body)
            return self._answer(200, {"acknowledged": True})
        member = kind.removeprefix("_")
        found = [{"name": name, member: body} for name, body in self.templates[kind].items()]
        return self._answer(200, {f"{member}s": found})

    def _answer(self, code: int, body: object) -> Reply:
        return Reply(code, json.dumps(body).encode(), HEADERS)


@pytest.fixture
def cluster(folder: Path) -> Iterator[Cluster]:
    """A scripted cluster, which pipeline.yaml in the working folder names, beside sinks without anything to prepare."""
    cluster = Cluster()
    with ScriptedServer(otherwise=cluster) as server:
        (folder / "pipeline.yaml").write_text(
            f"""
sinks:
  search: {{type: elasticsearch, endpoint: "{server.url}", auth: none}}
  traces: {{type: honeycomb, dataset: web, secret: "env:NOWHERE"}}
  file: {{type: sqlite, path: a.db}}
  out: {{type: stdout}}
datasets:
  user: {{retention: 90d}}
"""
        )
        yield cluster


def kinds(done: Any) -> dict[str, set[str]]:
    """The names of the changes of sink `search`, by kind."""
    found: dict[str, set[str]] = {}
    for change in json.loads(done.last)["sinks"]["search"]["changes"]:
        found.setdefault(change["kind"], set()).add(change["name"])
    return found


def test_a_plan_says_what_is_missing_and_changes_nothing(logharbor: Run, cluster: Cluster) -> None:
    """Each dataset of the contracts, quarantine, and the one without contracts; nothing for the other sinks."""
    done = logharbor("sinks", "plan")
    lines = done.out.splitlines()
    assert (done.code, done.err) == (0, "")
    assert lines[0] == "search (elasticsearch): 19 changes"
    assert "  index_template      logharbor-user-local           is new" in lines
    assert lines[-3:] == [
        "traces (honeycomb): nothing to prepare, Honeycomb makes datasets and columns as events come, "
        "for want of a prepare_secret",
        "file (sqlite): nothing to prepare, the run that lands in the file makes its tables",
        "out (stdout): nothing to prepare, there is nothing behind it",
    ]
    assert cluster.templates == {"_component_template": {}, "_index_template": {}}


def test_a_plan_for_a_script(logharbor: Run, cluster: Cluster) -> None:
    """One object, with what would be sent."""
    done = logharbor("sinks", "plan", "--json")
    datasets = {"http_access", "job", "lambda", "legacy", "order", "payment", "quarantine", "unregistered", "user"}
    names = {f"logharbor-{dataset}-local" for dataset in datasets}
    assert kinds(done) == {"component_template": names | {"logharbor-every-dataset-local"}, "index_template": names}
    told = json.loads(done.last)["sinks"]
    assert {name: sink["type"] for name, sink in told.items()} == {
        "search": "elasticsearch",
        "traces": "honeycomb",
        "file": "sqlite",
        "out": "stdout",
    }
    wanted = ("index_template", "logharbor-user-local")
    (user,) = (change for change in told["search"]["changes"] if (change["kind"], change["name"]) == wanted)
    assert user["body"]["template"] == {"lifecycle": {"data_retention": "90d"}}


def test_apply_does_what_the_plan_says(logharbor: Run, cluster: Cluster) -> None:
    """Afterwards there is nothing to change, and doing it again does nothing."""
    planned = kinds(logharbor("sinks", "plan", "--json"))
    done = logharbor("sinks", "apply")
    assert done.code == 0
    assert done.out.splitlines()[0] == "search (elasticsearch): 19 changes"
    assert done.out.splitlines()[-1] == "search: 19 changes made"
    assert {kind.removeprefix("_"): set(found) for kind, found in cluster.templates.items()} == planned
    unregistered = cluster.templates["_component_template"]["logharbor-unregistered-local"]["template"]
    assert unregistered["mappings"]["properties"] == {
        "data": {"type": "flattened", "depth_limit": 128, "ignore_above": 8191}
    }
    assert logharbor("sinks", "plan").out.splitlines()[0] == "search (elasticsearch): nothing to change"
    assert "made" not in logharbor("sinks", "apply").out


def test_a_sink_in_place_of_a_pipeline(logharbor: Run, cluster: Cluster, folder: Path) -> None:
    """`--sink` needs no pipeline.yaml."""
    url = (folder / "pipeline.yaml").read_text().split('"')[1]
    (folder / "pipeline.yaml").unlink()
    done = logharbor("sinks", "plan", "--sink", f"elasticsearch:{url}")
    assert done.out.splitlines()[0] == "elasticsearch (elasticsearch): 19 changes"


@pytest.mark.parametrize("command", ["plan", "apply"])
def test_a_cluster_that_refuses_to_be_read(command: str, logharbor: Run, cluster: Cluster) -> None:
    """Exit 2; the sentence names the sink, the status and what the cluster said."""
    cluster.denies = "GET"
    done = logharbor("sinks", command)
    assert (done.code, done.out) == (2, "")
    assert done.err == (
        "error: sink search was asked to say what it has and refused:"
        " 403 security_exception: action [x] is unauthorized for API key id [abc]\n"
    )


def test_a_change_that_is_refused(logharbor: Run, cluster: Cluster) -> None:
    """Exit 2; the sentence names the change and how many were made before it; the next apply makes the rest."""
    cluster.denies = "PUT /_index_template"
    done = logharbor("sinks", "apply")
    assert done.code == 2
    assert "error: sink search was asked for index_template logharbor-http_access-local and refused: 403 " in done.err
    assert done.err.endswith("(10 of 19 changes are made)\n")
    cluster.denies = ""
    assert logharbor("sinks", "apply").out.splitlines()[-1] == "search: 9 changes made"


def test_a_server_that_is_down(logharbor: Run, folder: Path) -> None:
    """Nobody listens there: exit 2, with the sink's name and no traceback."""
    done = logharbor("sinks", "plan", "--sink", "elasticsearch:http://127.0.0.1:9")
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("error: sink elasticsearch was asked to say what it has and did not answer: Connection")
    assert len(done.err.splitlines()) == 1


def test_a_server_that_is_something_else(logharbor: Run, folder: Path) -> None:
    """A page of a login portal is not taken for an empty cluster."""
    page = status(200, "<html></html>", {"content-type": "text/html"})
    with ScriptedServer(otherwise=page) as server:
        done = logharbor("sinks", "apply", "--sink", f"elasticsearch:{server.url}")
    assert done.code == 2
    assert "sink elasticsearch was asked to say what it has and refused: The client noticed" in done.err


@pytest.mark.parametrize(
    ("pipeline", "message"),
    [
        ("", "error: pipeline.yaml: sinks: found none, expected at least one. Or name one with --sink.\n"),
        (None, "error: pipeline.yaml: (file): found No such file or directory, expected a readable file\n"),
        (
            "sinks: {s: {type: elasticsearch, endpoint: 'http://h', secret: 'env:NOWHERE'}}",
            "error: environment: NOWHERE: found nothing, expected the secret's value. Set the variable.\n",
        ),
        (
            "sinks: {s: {type: stdout}}\nroutes: [{name: r, unregistered_dataset: user}]",
            "error: pipeline.yaml: routes[0].unregistered_dataset: found 'user', the dataset of user.login.failure,"
            " expected a dataset of its own for what has no contract\n",
        ),
    ],
)
def test_a_wrong_pipeline_is_told(pipeline: str | None, message: str, logharbor: Run, folder: Path) -> None:
    """Exit 2, and the sentence says which key."""
    if pipeline is not None:
        (folder / "pipeline.yaml").write_text(pipeline)
    assert logharbor("sinks", "plan") == (2, "", message)


def test_a_retention_that_nothing_applies_is_warned_of(logharbor: Run, folder: Path) -> None:
    """A misspelt dataset would keep its events for ever."""
    (folder / "pipeline.yaml").write_text("sinks: {s: {type: stdout}}\ndatasets: {usr: {retention: 1d}}")
    done = logharbor("sinks", "plan")
    assert done.code == 0
    assert done.err == "warning: datasets.usr: nothing lands there (no contract and no route names it)\n"
