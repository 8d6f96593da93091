"""The Lambda's metrics: EMF in its own log, OTLP where it is configured, after the receipt and never instead of it."""

import io
import itertools
import json
import subprocess
import sys
import time
from pathlib import Path

import pytest
from aws_lambda_powertools import Logger
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

from forwarders import bundle
from forwarders.config import from_plain
from forwarders.contracts.load import read_folder
from forwarders.handlers.forward import handler, plans_from_bundle
from forwarders.testing import (
    ScriptedServer,
    cloudwatch_event,
    elasticsearch,
    kinesis_event,
    lambda_context,
    silence,
    status,
)

ROOT = Path(__file__).parent.parent.parent
_NUMBERS = itertools.count()
ACCOUNT = "123456789012"


def login(**more):
    return json.dumps(
        {"timestamp": int(time.time()), "event": "user.login.success", "user": "ada", "method": "sso", **more}
    )


class Deployed:
    """A handler with a bundle of its own, and its log."""

    def __init__(self, folder, url, name="", **config):
        plain = {
            "environment": "test",
            "dead_letters": str(folder / "letters"),
            "routes": [{"name": "all", "sinks": ["search"]}],
            "sinks": {"search": {"type": "elasticsearch", "endpoint": url, "auth": "none"}},
        }
        self.file = folder / "bundle.json"
        self.file.write_bytes(bundle.build(from_plain(plain | config, "p"), read_folder(ROOT / "schemas")))
        self.log = io.StringIO()
        logger = Logger(service=f"metrics-{next(_NUMBERS)}", stream=self.log)
        environ = {"LOGHARBOR_BUNDLE": str(self.file), "LOGHARBOR_NAME": name}
        self.handle = handler(lambda: plans_from_bundle(logger, environ), logger)

    def warnings(self):
        lines = [json.loads(line) for line in self.log.getvalue().splitlines()]
        return [line["reasons"] for line in lines if line["message"] == "metrics dropped"]


def emf(capsys):
    """{(metric, dimension values): value} of the EMF documents that were printed."""
    found = {}
    for document in map(json.loads, capsys.readouterr().out.splitlines()):
        (directive,) = document["_aws"]["CloudWatchMetrics"]
        values = [document[name] for name in directive["Dimensions"][0]]
        for metric in directive["Metrics"]:
            found[(directive["Namespace"], metric["Name"], *values)] = document[metric["Name"]]
    return found


def test_metrics_are_lines_of_the_functions_own_log(tmp_path, capsys):
    """Those of the contracts, and the pipeline's own."""
    with ScriptedServer(otherwise=elasticsearch({})) as server:
        deployed = Deployed(tmp_path, server.url)
        deployed.handle(cloudwatch_event([login(), login(method="webauthn"), login(user=5)]), lambda_context())
    assert emf(capsys) == {
        ("Logharbor/Events", "LoginSuccess"): 3,
        ("Logharbor/Events", "LoginSuccessByMethod", "sso"): 2,
        ("Logharbor/Events", "LoginSuccessByMethod", "webauthn"): 1,
        ("Logharbor", "Events", "search", "delivered"): 2,
        ("Logharbor", "Events", "search", "quarantined"): 1,
        ("Logharbor", "Quarantined", "team-identity"): 1,
    }
    assert deployed.warnings() == []


def test_two_pipelines_of_an_account_do_not_hide_each_other(tmp_path, capsys):
    """Each of the pipeline's own metrics has its name as a dimension; the contracts' do not."""
    with ScriptedServer(otherwise=elasticsearch({})) as server:
        deployed = Deployed(tmp_path, server.url, name="staging")
        deployed.handle(cloudwatch_event([login(timestamp=1493214552), login(user=5)]), lambda_context())
    assert emf(capsys) == {
        ("Logharbor/Events", "LoginSuccess"): 1,
        ("Logharbor/Events", "LoginSuccessByMethod", "sso"): 1,
        ("Logharbor", "Events", "staging", "search", "delivered"): 1,
        ("Logharbor", "Events", "staging", "search", "quarantined"): 1,
        ("Logharbor", "Quarantined", "staging", "team-identity"): 1,
        ("Logharbor", "MetricsDropped", "staging", "outside_window"): 2,
    }


def test_events_outside_cloudwatchs_window_are_counted_and_told(tmp_path, capsys):
    """An old log is landed; its metrics are not, and somebody can see that."""
    with ScriptedServer(otherwise=elasticsearch({})) as server:
        deployed = Deployed(tmp_path, server.url)
        deployed.handle(cloudwatch_event([login(timestamp=1493214552)]), lambda_context())
    assert emf(capsys) == {
        ("Logharbor", "Events", "search", "delivered"): 1,
        ("Logharbor", "MetricsDropped", "outside_window"): 2,
    }
    assert deployed.warnings() == [{"outside_window": 2}]


def test_without_emf_the_pipelines_own_metrics_are_there(tmp_path, capsys):
    """Its alarms stand on them."""
    with ScriptedServer(otherwise=elasticsearch({})) as server:
        Deployed(tmp_path, server.url, metrics={"emf": False}).handle(cloudwatch_event([login()]), lambda_context())
    assert emf(capsys) == {("Logharbor", "Events", "search", "delivered"): 1}


def test_metrics_go_by_otlp_where_it_is_configured(tmp_path, capsys):
    """With the function as the resource; also those that a line holds, which CloudWatch has taken itself."""
    directive = {"Namespace": "Shop", "Dimensions": [[]], "Metrics": [{"Name": "Paid"}]}
    line = json.dumps({"_aws": {"Timestamp": int(time.time() * 1000), "CloudWatchMetrics": [directive]}, "Paid": 3})
    with ScriptedServer(otherwise=elasticsearch({})) as search, ScriptedServer(otherwise=status(200)) as collector:
        otlp = {"endpoint": f"{collector.url}/v1/metrics"}
        deployed = Deployed(tmp_path, search.url, metrics={"otlp": otlp})
        deployed.handle(cloudwatch_event([login(), line]), lambda_context())
        (request,) = [ExportMetricsServiceRequest.FromString(one.body) for one in collector.requests]
    (resource,) = request.resource_metrics
    said = {one.key: one.value.string_value for one in resource.resource.attributes}
    assert said["service.name"] == "logharbor"
    assert said["cloud.account.id"] == ACCOUNT
    names = {(scope.scope.name, metric.name) for scope in resource.scope_metrics for metric in scope.metrics}
    assert names == {
        ("Logharbor", "Events"),
        ("Logharbor/Events", "LoginSuccess"),
        ("Logharbor/Events", "LoginSuccessByMethod"),
        ("Shop", "Paid"),
    }
    assert ("Shop", "Paid") not in emf(capsys)


@pytest.mark.parametrize("answer", [400, 503])
def test_a_collector_that_refuses_costs_no_event(answer, tmp_path, capsys):
    """The batch is delivered, the invocation succeeds, CloudWatch has the metrics, and our log has the reason."""
    documents = {}
    with ScriptedServer(otherwise=elasticsearch(documents)) as search, ScriptedServer(otherwise=status(answer)) as bad:
        otlp = {"endpoint": f"{bad.url}/v1/metrics", "timeout_s": 0.5}
        deployed = Deployed(tmp_path, search.url, metrics={"otlp": otlp})
        assert deployed.handle(cloudwatch_event([login()]), lambda_context()) is None
    assert len(documents) == 1
    (dropped,) = deployed.warnings()
    assert sum(dropped.values()) == 3
    assert emf(capsys)[("Logharbor/Events", "LoginSuccess")] == 1


def test_a_collector_that_hangs_is_waited_for_once(tmp_path, capsys):
    """Not a second time for the count of what it did not take, and not at once again by the next invocation."""
    with ScriptedServer(otherwise=elasticsearch({})) as search, ScriptedServer(otherwise=silence()) as bad:
        otlp = {"endpoint": f"{bad.url}/v1/metrics", "timeout_s": 0.3}
        deployed = Deployed(tmp_path, search.url, metrics={"otlp": otlp})
        for _ in range(2):
            deployed.handle(cloudwatch_event([login()]), lambda_context())
        assert len(bad.requests) == 1
    first, second = deployed.warnings()
    assert first in ({"otlp_deadline": 3}, {"otlp_failed": 3})
    assert second == {"otlp_resting": 3}
    assert emf(capsys)[("Logharbor", "MetricsDropped", "otlp_resting")] == 3


def test_a_secret_out_of_reach_costs_no_event(tmp_path, capsys):
    """The header's value is an environment variable that nobody has set."""
    with ScriptedServer(otherwise=elasticsearch({})) as server:
        otlp = {"endpoint": "http://127.0.0.1:1/v1/metrics", "secret": "env:LOGHARBOR_NOBODY_HAS_SET_THIS"}
        deployed = Deployed(tmp_path, server.url, metrics={"otlp": otlp})
        deployed.handle(cloudwatch_event([login()]), lambda_context())
    assert deployed.warnings() == [{"otlp_failed:ConfigError": 3}]


def test_a_record_that_comes_again_is_measured_once(tmp_path, capsys):
    """Of a stream: refused now, delivered later, counted then."""
    with ScriptedServer(otherwise=status(503)) as server:
        deployed = Deployed(tmp_path, server.url)
        event = kinesis_event([login().encode()])
        again = deployed.handle(event, lambda_context(remaining_ms=2_500))
    assert again["batchItemFailures"]
    assert ("Logharbor/Events", "LoginSuccess") not in emf(capsys)
    with ScriptedServer(otherwise=elasticsearch({})) as server:
        Deployed(tmp_path, server.url).handle(event, lambda_context())
    assert emf(capsys)[("Logharbor/Events", "LoginSuccess")] == 1


def test_a_payload_of_a_log_group_is_measured_although_its_sink_is_down(tmp_path, capsys):
    """What comes again from the store is not measured then."""
    with ScriptedServer(otherwise=status(503)) as server:
        Deployed(tmp_path, server.url).handle(cloudwatch_event([login()]), lambda_context(remaining_ms=2_500))
    found = emf(capsys)
    assert found[("Logharbor/Events", "LoginSuccess")] == found[("Logharbor", "Events", "search", "returned")] == 1


def test_what_is_not_configured_is_not_imported(tmp_path):
    """A healthy invocation with metrics knows neither OpenTelemetry nor requests."""
    with ScriptedServer(otherwise=elasticsearch({})) as server:
        deployed = Deployed(tmp_path, server.url)
        (tmp_path / "event.json").write_text(json.dumps(cloudwatch_event([login()])))
        program = (
            "import json, sys\n"
            "from forwarders.handlers import forward\n"
            "from forwarders.testing import lambda_context\n"
            "forward.handle(json.load(open(sys.argv[1])), lambda_context())\n"
            "print(sorted({'opentelemetry', 'requests', 'boto3'} & set(sys.modules)))\n"
        )
        done = subprocess.run(
            [sys.executable, "-c", program, str(tmp_path / "event.json")],
            env={"LOGHARBOR_BUNDLE": str(deployed.file), "PATH": ""},
            capture_output=True, text=True, check=True,
        )  # fmt: skip
    lines = done.stdout.splitlines()
    assert lines[-1] == "[]"
    assert sum('"LoginSuccess"' in line for line in lines) == 1
