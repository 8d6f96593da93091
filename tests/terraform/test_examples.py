"""The examples are what they say: valid, planned, and covered by the routes of their own pipeline.yaml."""

from __future__ import annotations

import contextlib
import importlib.util
import io
import json
import re
from pathlib import Path
from typing import Any

import jinja2
import pytest
import yaml
from click.testing import CliRunner

from forwarders.cli import cli
from forwarders.config import read_yaml

from .conftest import DATA, ROOT, Run
from .planned import Planned, read

EXAMPLES = ROOT / "examples"
ROOTS = sorted(path.parent.name for path in EXAMPLES.glob("*/main.tf"))
PLANNED: dict[str, dict[str, Any]] = json.loads((DATA / "examples.json").read_text())
NEEDED = {
    "cross-account": 'destination_arn = "arn:aws:logs:us-east-1:111122223333:destination:x"\n  log_groups = ["/x"]\n'
}


def test_every_example_is_valid(copied: Path, root_module: Path, terraform: Run) -> None:
    """`terraform validate` accepts every example; they are validated as modules of one root, which is one start."""
    together = copied / "together"
    together.mkdir()
    modules = (f'module "{name}" {{\n  source = "../examples/{name}"\n  {NEEDED.get(name, "")}}}\n' for name in ROOTS)
    (together / "main.tf").write_text("\n".join(modules))
    done = terraform(together, "init", "-backend=false", "-no-color")
    assert done.returncode == 0, done.stderr
    found = json.loads(terraform(together, "validate", "-json").stdout)
    assert [diagnostic["summary"] for diagnostic in found["diagnostics"] if diagnostic["severity"] == "error"] == []


@pytest.fixture(scope="module")
def planned(root_module: Path, terraform: Run) -> dict[str, Planned]:
    """Mocked plans of the root module with each example's pipeline.yaml."""
    folder = root_module / "examples_planned"
    (folder / "filters").mkdir(parents=True)
    (folder / "filters" / "alarms.json").write_text('{"alarms": []}')
    for name, variables in PLANNED.items():
        values = {
            "name": "example",
            "pipeline": f"../examples/{name}/pipeline.yaml",
            "artefacts": "../tests/data/terraform/build",
            "filters": "examples_planned/filters",
        } | variables
        lines = "\n".join(f"    {key} = {json.dumps(value)}" for key, value in values.items())
        (folder / f"{name}.tftest.hcl").write_text(
            'mock_provider "aws" {\n  source = "./tests/aws"\n}\n'
            f'run "{name}" {{\n  command = plan\n  variables {{\n{lines}\n  }}\n}}\n'
        )
    return read(terraform(root_module, "test", "-json", "-test-directory=examples_planned").stdout)


def test_every_pipeline_of_an_example_makes_a_plan(planned: dict[str, Planned]) -> None:
    """No check of the root module finds anything wrong with an example's pipeline.yaml."""
    assert {name: (run.status, run.said) for name, run in planned.items()} == {name: ("pass", []) for name in PLANNED}


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*/pipeline.yaml")), ids=lambda path: path.parent.name)
def test_the_forwarder_takes_an_examples_pipeline(path: Path) -> None:
    """An example's pipeline.yaml is one that the forwarder takes, and it is planned in these tests."""
    assert read_yaml(path).routes
    assert path.parent.name in PLANNED


def test_a_serverless_framework_service_is_covered_without_a_change() -> None:
    """The log groups that `serverless deploy` makes are the lane's; the functions know nothing of Logharbor."""
    service = yaml.safe_load((EXAMPLES / "serverless-framework" / "serverless.yml").read_text())
    config = read_yaml(EXAMPLES / "serverless-framework" / "pipeline.yaml")
    prefix = f"{service['service']}-{service['provider']['stage']}"
    routes = {name: config.route(f"/aws/lambda/{prefix}-{name}") for name in service["functions"]}
    assert {name: route.name if route else None for name, route in routes.items()} == {"login": "shop", "order": "shop"}
    http = config.route(f"/aws/http-api/{prefix}")
    assert http is not None
    assert (http.name, http.format) == ("shop-http", "access_log")
    assert "logharbor" not in json.dumps(service).lower()


def test_the_services_functions_print_events() -> None:
    """Each function prints one JSON object a line; the login's has a contract."""
    spec = importlib.util.spec_from_file_location("handler", EXAMPLES / "serverless-framework" / "handler.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        module.login({}, None)
        module.order({}, None)
    names = [json.loads(line)["event"] for line in printed.getvalue().splitlines()]
    assert names == ["user.login.success", "shop.basket.opened"]
    assert [(ROOT / "schemas").glob(f"*/{name}") != [] for name in names[:1]] == [True]


REQUEST = {
    "identity.sourceIp": "192.0.2.7",
    "requestTime": "23/Nov/2026:18:31:28 +0000",
    "httpMethod": "POST",
    "path": "/orders",
    "protocol": "HTTP/1.1",
    "status": "202",
    "responseLength": "17",
    "requestId": "TjYq3hRjIAMEV4A=",
}
"""What API Gateway puts in the place of $context.NAME."""


def _formats() -> dict[str, str]:
    """The formats of API Gateway's access logs in the examples."""
    text = (EXAMPLES / "api-gateway" / "main.tf").read_text()
    found = re.search(r'    format +=\s+"(.*)"\n', text)
    assert found is not None
    service = yaml.safe_load((EXAMPLES / "serverless-framework" / "serverless.yml").read_text())
    return {
        "api-gateway": found[1].replace('\\"', '"'),
        "serverless-framework": service["provider"]["logs"]["httpApi"]["format"],
    }


@pytest.mark.parametrize(
    ("name", "group"), [("api-gateway", "/api/shop/access"), ("serverless-framework", "/aws/http-api/shop-prod")]
)
def test_an_api_gateways_access_log_lands_typed(name: str, group: str) -> None:
    """`logharbor explain` says: a line in the stage's format is a valid http.access event."""
    line = re.sub(r"\$context\.([A-Za-z]+(?:\.[A-Za-z]+)*)", lambda match: REQUEST[match[1]], _formats()[name])
    assert line == '192.0.2.7 - - [23/Nov/2026:18:31:28 +0000] "POST /orders HTTP/1.1" 202 17 TjYq3hRjIAMEV4A='
    config = str(EXAMPLES / name / "pipeline.yaml")
    schemas = str(ROOT / "schemas")
    arguments = ["explain", "--json", "--log-group", group, "--config", config, "--schemas", schemas, line]
    done = CliRunner().invoke(cli, arguments)
    assert done.exit_code == 0, done.output
    told = json.loads(done.output)
    document = told["sinks"]["search"]["copy"]["document"]
    assert (told["event"], told["verdict"], told["time"]) == ("http.access", "valid", "2026-11-23T18:31:28.000Z")
    assert document["source"] == {"address": "192.0.2.7", "ip": "192.0.2.7"}
    assert document["http"] == {
        "version": "1.1",
        "request": {"method": "POST", "id": "TjYq3hRjIAMEV4A="},
        "response": {"status_code": 202, "body": {"bytes": 17}},
    }


def test_ansible_gives_a_host_what_terraform_gives_it() -> None:
    """The role's template makes the agent's configuration that the module makes for the same files."""
    role = EXAMPLES / "ansible" / "roles" / "logharbor_host"
    play = yaml.safe_load((EXAMPLES / "ansible" / "site.yml").read_text())
    environment = jinja2.Environment(trim_blocks=True, autoescape=False)
    environment.filters["to_json"] = json.dumps
    defaults = yaml.safe_load((role / "defaults" / "main.yml").read_text())
    files = play[0]["roles"][0]["vars"]["logharbor_files"]
    template = environment.from_string((role / "templates" / "agent.json.j2").read_text())
    agent = json.loads(template.render(**defaults | {"logharbor_files": files}))
    assert agent["agent"] == {"run_as_user": "cwagent"}
    assert agent["logs"]["logs_collected"]["files"]["collect_list"] == [
        {
            "file_path": "/var/log/nginx/access.log",
            "log_group_name": "/legacy/nginx/access",
            "log_stream_name": "{instance_id}",
            "timezone": "UTC",
            "timestamp_format": "%d/%b/%Y:%H:%M:%S %z",
        },
        {
            "file_path": "/var/log/syslog",
            "log_group_name": "/legacy/syslog",
            "log_stream_name": "{instance_id}",
            "timezone": "UTC",
            "timestamp_format": "%b %-d %H:%M:%S",
        },
        {
            "file_path": "/opt/billing/logs/billing-*.log",
            "log_group_name": "/legacy/billing",
            "log_stream_name": "{instance_id}",
            "timezone": "Local",
            "multi_line_start_pattern": "{timestamp_format}",
            "timestamp_format": "%d.%m.%Y %H:%M:%S,%f",
        },
    ]
    kinds = (ROOT / "terraform" / "modules" / "legacy-hosts" / "main.tf").read_text()
    for kind, known in defaults["logharbor_kinds"].items():
        assert re.search(rf"{kind} += {{ timestamp_format = {re.escape(json.dumps(known['timestamp_format']))}", kinds)
    config = read_yaml(EXAMPLES / "legacy-hosts" / "pipeline.yaml")
    assert [file["log_group"] for file in files if config.route(file["log_group"]) is None] == []
    for path in (role / "tasks" / "main.yml", role / "handlers" / "main.yml"):
        assert all("name" in task for task in yaml.safe_load(path.read_text()))


@pytest.mark.parametrize("name", ["fluent-bit.yaml", "fluent-bit-syslog.yaml"])
def test_on_premises_hosts_write_where_a_route_reads(name: str) -> None:
    """Fluent Bit's stream is the background lane's, and a route takes what comes through it."""
    folder = EXAMPLES / "on-premises"
    found = yaml.safe_load((folder / name).read_text())["pipeline"]
    output = found["outputs"][0]
    assert (output["name"], output["log_key"], output["retry_limit"]) == ("kinesis_streams", "log", "no_limits")
    assert all(source["storage.type"] == "filesystem" for source in found["inputs"])
    route = read_yaml(folder / "pipeline.yaml").route(f"kinesis/{output['stream']}")
    assert route is not None
    assert (route.name, route.lane) == ("on-premises", "background")


def test_rsyslog_hands_over_to_fluent_bit() -> None:
    """rsyslog keeps lines on disk for the port that Fluent Bit listens on."""
    folder = EXAMPLES / "on-premises"
    source = yaml.safe_load((folder / "fluent-bit-syslog.yaml").read_text())["pipeline"]["inputs"][0]
    settings = dict(re.findall(r'([\w.]+)="([^"]*)"', (folder / "rsyslog.conf").read_text().split("action(")[1]))
    assert (settings["target"], settings["port"]) == (source["listen"], str(source["port"]))
    assert (settings["queue.filename"], settings["action.resumeRetryCount"]) == ("logharbor", "-1")
