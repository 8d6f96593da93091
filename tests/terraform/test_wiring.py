"""What an apply would make, and in which order; AWS is mocked, so this needs no account."""

from __future__ import annotations

import json
import re
from itertools import pairwise
from pathlib import Path
from typing import Any

from .conftest import ROOT, Run
from .planned import Planned

RUNS = re.findall(
    r'^run "(\w+)"', "".join(path.read_text() for path in (ROOT / "terraform" / "tests").glob("*.tftest.hcl")), re.M
)


def test_terraforms_own_tests_pass(runs: dict[str, Planned]) -> None:
    """`terraform test` passes in terraform/, with AWS mocked."""
    assert {name: (run.status, run.said) for name, run in runs.items() if run.status != "pass"} == {}
    assert sorted(runs) == sorted(RUNS)


def test_everything_is_formatted(terraform: Run) -> None:
    """`terraform fmt` would change nothing."""
    folders = [ROOT / "terraform", ROOT / "examples"]
    assert [terraform(folder, "fmt", "-check", "-recursive").stdout for folder in folders] == ["", ""]


def test_nothing_is_shipped_to_a_sink_that_is_not_ready(root_module: Path, terraform: Run) -> None:
    """Contracts, then prepare, then its invocation, then forwarders, then streams, then subscriptions."""
    edges = _edges(root_module, terraform)
    order = [
        "aws_lambda_layer_version.contracts",
        "module.prepare.module.function.aws_lambda_function.own",
        "module.prepare.aws_lambda_invocation.sinks",
        "module.forwarder.module.function.aws_lambda_function.own",
        "module.forwarder.aws_lambda_alias.live",
        "module.stream.aws_lambda_event_source_mapping.lane",
        "module.subscriptions.aws_cloudwatch_log_subscription_filter.exact",
        "module.subscriptions.aws_lambda_invocation.sweep",
    ]
    assert [(early, late) for early, late in pairwise(order) if early not in _behind(late, edges)] == []
    permission = "module.subscriptions.aws_lambda_permission.logs"
    assert permission in _behind("module.subscriptions.aws_cloudwatch_log_subscription_filter.exact", edges)
    assert permission in _behind("module.subscriptions.aws_lambda_invocation.sweep", edges)


def test_nothing_subscribes_again_while_the_pipeline_is_destroyed(root_module: Path, terraform: Run) -> None:
    """Schedules go before the function unsubscribes, and that before permissions, aliases and streams go."""
    edges = _edges(root_module, terraform)
    sweep = "module.subscriptions.aws_lambda_invocation.sweep"
    assert sweep in _behind("module.subscriptions.aws_cloudwatch_event_target.subscribe", edges)
    needed = {
        "module.subscriptions.module.function.aws_iam_role_policy.own",
        "module.subscriptions.aws_lambda_permission.logs",
        "module.stream.aws_kinesis_stream.lane",
        "module.stream.aws_iam_role_policy.logs",
        "module.forwarder.aws_lambda_alias.live",
    }
    assert needed - _behind(sweep, edges) == set()
    filters = "module.subscriptions.aws_cloudwatch_log_subscription_filter.exact"
    assert needed - _behind(filters, edges) <= {"module.subscriptions.module.function.aws_iam_role_policy.own"}


def test_a_function_finds_its_log_group_and_its_role_ready(root_module: Path, terraform: Run) -> None:
    """Else Lambda makes a log group of its own, without a key and for ever, and the first lines are lost."""
    edges = _edges(root_module, terraform)
    for function in ("module.forwarder", "module.prepare", "module.subscriptions"):
        behind = _behind(f"{function}.module.function.aws_lambda_function.own", edges)
        for needed in ("aws_cloudwatch_log_group.own", "aws_iam_role_policy.own"):
            assert f"{function}.module.function.{needed}" in behind


def _edges(root_module: Path, terraform: Run) -> dict[str, set[str]]:
    """What depends directly on what, by address without keys."""
    edges: dict[str, set[str]] = {}
    for one, other in re.findall(r'"(.+?)" -> "(.+?)"', terraform(root_module, "graph").stdout):
        edges.setdefault(_plain(one), set()).add(_plain(other))
    return edges


def _plain(address: str) -> str:
    return re.sub(r"\[.*?\]| \(.*?\)", "", address)


def _behind(address: str, edges: dict[str, set[str]]) -> set[str]:
    seen: set[str] = set()
    left = [address]
    while left:
        for found in edges.get(left.pop(), set()) - seen:
            seen.add(found)
            left.append(found)
    return seen


def test_log_groups_are_subscribed_to_the_lane_of_their_route(runs: dict[str, Planned]) -> None:
    """Each exact log group has one filter, keyed by its name; the canary's has one for each lane."""
    direct = runs["direct"].of("aws_cloudwatch_log_subscription_filter")
    assert sorted((found["log_group_name"], found["name"]) for found in direct.values()) == [
        ("/aws/lambda/late", "example"),
        ("/aws/lambda/login", "example"),
        ("/aws/lambda/signup", "example"),
        ("/legacy/app", "example"),
        ("/legacy/nginx", "example"),
        ("/logharbor-canary/example", "example-canary-background"),
        ("/logharbor-canary/example", "example-canary-user"),
    ]
    assert {found["filter_pattern"] for found in direct.values()} == {""}
    forward = "arn:aws:lambda:eu-west-1:111122223333:function:example-forward"
    lanes = {"user": f"{forward}-user:live", "background": f"{forward}-background:live"}
    assert _delivered(direct) == {
        "/aws/lambda/late": {lanes["user"]},
        "/aws/lambda/login": {lanes["user"]},
        "/aws/lambda/signup": {lanes["user"]},
        "/legacy/app": {lanes["background"]},
        "/legacy/nginx": {lanes["background"]},
        "/logharbor-canary/example": set(lanes.values()),
    }
    assert {found["role_arn"] for found in direct.values()} == {"none"}  # AWS refuses a role for a function
    assert 'module.subscriptions.aws_cloudwatch_log_subscription_filter.exact["/legacy/app"]' in direct


def test_streams_are_read_and_written_lane_by_lane(runs: dict[str, Planned]) -> None:
    """A log group goes to its lane's stream in the role's name, and the stream to the alias of that lane's function."""
    run = runs["stream"]
    streams = {lane: f"arn:aws:kinesis:eu-west-1:111122223333:stream/example-{lane}" for lane in ("user", "background")}
    filters = run.of("aws_cloudwatch_log_subscription_filter")
    assert _delivered(filters) == {
        "/aws/lambda/late": {streams["user"]},
        "/aws/lambda/login": {streams["user"]},
        "/aws/lambda/signup": {streams["user"]},
        "/legacy/app": {streams["background"]},
        "/legacy/nginx": {streams["background"]},
        "/logharbor-canary/example": set(streams.values()),
    }
    written = {(found["role_arn"], found["distribution"]) for found in filters.values()}
    assert written == {("arn:aws:iam::111122223333:role/example-logs-to-stream", "ByLogStream")}
    mappings = run.of("aws_lambda_event_source_mapping").values()
    forward = "arn:aws:lambda:eu-west-1:111122223333:function:example-forward"
    assert {(found["event_source_arn"], found["function_name"]) for found in mappings} == {
        (streams["user"], f"{forward}-user:live"),
        (streams["background"], f"{forward}-background:live"),
    }
    assert [
        found for found in run.of("aws_lambda_permission").values() if found["principal"] == "logs.amazonaws.com"
    ] == []
    made = {found["name"]: found for found in run.of("aws_kinesis_stream").values()}
    assert sorted(made) == ["example-background", "example-user"]
    assert all(found["stream_mode_details"] == [{"stream_mode": "ON_DEMAND"}] for found in made.values())
    targets = {found["name"]: found["target_arn"] for found in run.of("aws_cloudwatch_log_destination").values()}
    assert targets == {f"example-{lane}": arn for lane, arn in streams.items()}


def _delivered(filters: dict[str, dict[str, Any]]) -> dict[str, set[str]]:
    """Where each log group delivers to."""
    groups: dict[str, set[str]] = {}
    for found in filters.values():
        groups.setdefault(found["log_group_name"], set()).add(found["destination_arn"])
    return groups


def test_one_permission_covers_every_log_group(runs: dict[str, Planned]) -> None:
    """A lane's function has one statement for CloudWatch Logs, of this account only, and on the alias."""
    found = [value for address, value in runs["direct"].of("aws_lambda_permission").items() if ".logs[" in address]
    expected = {
        "action": "lambda:InvokeFunction",
        "principal": "logs.amazonaws.com",
        "qualifier": "live",
        "source_account": "111122223333",
        "source_arn": "arn:aws:logs:eu-west-1:111122223333:log-group:*:*",
    }
    assert [{key: value[key] for key in expected} for value in found] == [expected, expected]


def test_what_lambda_gives_up_is_kept(runs: dict[str, Planned]) -> None:
    """Mode direct keeps failed events in S3; mode stream bisects, reports parts, and gives a record up in time."""
    invoke = runs["direct"].of("aws_lambda_function_event_invoke_config").values()
    assert [
        (found["maximum_retry_attempts"], found["maximum_event_age_in_seconds"], len(found["destination_config"]))
        for found in invoke
    ] == [(2, 21600, 1), (2, 21600, 1)]
    mapping = next(iter(runs["stream"].of("aws_lambda_event_source_mapping").values()))
    expected = {
        "batch_size": 100,
        "bisect_batch_on_function_error": True,
        "filter_criteria": [],
        "function_response_types": ["ReportBatchItemFailures"],
        "maximum_batching_window_in_seconds": 2,
        "maximum_record_age_in_seconds": 21600,
        "maximum_retry_attempts": 100,
        "parallelization_factor": 4,
        "starting_position": "TRIM_HORIZON",
    }
    assert {key: mapping[key] for key in expected} == expected
    assert mapping["destination_config"][0]["on_failure"][0]["destination_arn"] == "arn:aws:s3:::mocked"
    assert runs["stream"].of("aws_lambda_function_event_invoke_config") == {}


def test_functions_are_bounded_and_called_by_their_alias(runs: dict[str, Planned]) -> None:
    """Each lane has its own bound, code and layer; what fails is kept for the alias, by which everybody calls it."""
    functions = {found["function_name"]: found for found in runs["direct"].of("aws_lambda_function").values()}
    bounds = {name: (found["reserved_concurrent_executions"], found["publish"]) for name, found in functions.items()}
    assert bounds == {
        "example-forward-background": (5, True),
        "example-forward-user": (20, True),
        "example-prepare": (-1, False),
        "example-subscribe": (1, False),
    }
    handlers = {name.removeprefix("example-"): found["handler"] for name, found in functions.items()}
    assert handlers == {
        "forward-background": "forwarders.handlers.forward.handle",
        "forward-user": "forwarders.handlers.forward.handle",
        "prepare": "forwarders.handlers.prepare.handle",
        "subscribe": "forwarders.handlers.subscribe.handle",
    }
    assert all(found["logging_config"][0]["log_group"] == f"/logharbor/{name}" for name, found in functions.items())
    invoke = runs["direct"].of("aws_lambda_function_event_invoke_config").values()
    assert {(found["function_name"], found["qualifier"]) for found in invoke} == {
        ("example-forward-background", "live"),
        ("example-forward-user", "live"),
    }
    assert {json.dumps(found["destination_config"]) for found in invoke} == {
        '[{"on_failure": [{"destination": "arn:aws:s3:::mocked"}], "on_success": []}]'
    }


def test_the_sinks_are_made_ready_and_groups_swept_when_what_decides_it_changes(runs: dict[str, Planned]) -> None:
    """Prepare is called for another bundle or code, the sweep for other routes or destinations, and on destroy."""
    calls = {found["function_name"]: found for found in runs["direct"].of("aws_lambda_invocation").values()}
    assert {name: (found["lifecycle_scope"], sorted(json.loads(found["input"]))) for name, found in calls.items()} == {
        "example-prepare": (None, ["bundle", "code"]),  # another input is another invocation
        "example-subscribe": ("CRUD", ["destinations", "routes", "sweep"]),
    }
    rules = runs["direct"].of("aws_cloudwatch_event_rule").values()
    assert sorted(found["schedule_expression"] or found["event_pattern"] for found in rules) == [
        "rate(15 minutes)",
        '{"detail":{"eventName":["CreateLogGroup"],"eventSource":["logs.amazonaws.com"]},'
        '"detail-type":["AWS API Call via CloudTrail"],"source":["aws.logs"]}',
    ]


def test_the_contracts_that_forwarders_have_outlive_a_refused_apply() -> None:
    """A layer version goes only when nobody needs it: where a sink refuses the next one, the apply stops before."""
    text = (ROOT / "terraform" / "main.tf").read_text()
    layer = text[text.index('resource "aws_lambda_layer_version"') :].partition("\n}\n")[0]
    assert "create_before_destroy = true" in layer


def test_keys_let_in_the_services_that_come_themselves(runs: dict[str, Planned]) -> None:
    """CloudWatch Logs may use a key for our log groups only, CloudWatch for this account's alarms."""
    keys = runs["stream"].of("aws_kms_key")
    allowed = {
        (
            address.split('"')[1],
            json.dumps(statement["Principal"]),
            json.dumps(statement.get("Condition"), sort_keys=True),
        )
        for address, found in keys.items()
        for statement in json.loads(found["policy"])["Statement"]
    }
    root = '{"AWS": "arn:aws:iam::111122223333:root"}'
    logs = '{"Service": "logs.eu-west-1.amazonaws.com"}'
    group = "arn:aws:logs:eu-west-1:111122223333:log-group:"
    context = "kms:EncryptionContext:aws:logs:arn"
    assert allowed == {
        ("payloads", root, "null"),
        ("payloads", logs, json.dumps({"ArnEquals": {context: [f"{group}/legacy/nginx", f"{group}/legacy/app"]}})),
        ("operations", root, "null"),
        (
            "operations",
            logs,
            json.dumps({"ArnLike": {context: [f"{group}/logharbor/example-*", f"{group}/logharbor-canary/example"]}}),
        ),
        (
            "operations",
            '{"Service": "cloudwatch.amazonaws.com"}',
            '{"StringEquals": {"aws:SourceAccount": ["111122223333"]}}',
        ),
    }
    assert all(found["enable_key_rotation"] for found in keys.values())


def test_everything_at_rest_is_encrypted_and_kept_for_a_time(runs: dict[str, Planned]) -> None:
    """Logs, topic, streams and buckets have a key; logs and buckets end; a bucket with letters is not destroyed."""
    for run in ("direct", "stream"):
        found = runs[run]
        groups = found.of("aws_cloudwatch_log_group")
        assert [
            address for address, value in groups.items() if not (value["kms_key_id"] and value["retention_in_days"])
        ] == []
        assert all(value["kms_master_key_id"] for value in found.of("aws_sns_topic").values())
        assert all(value["encryption_type"] == "KMS" for value in found.of("aws_kinesis_stream").values())
        assert [value["force_destroy"] for value in found.of("aws_s3_bucket").values()] == [False, False]
        assert len(found.of("aws_s3_bucket_server_side_encryption_configuration")) == 2
        rules = [
            (rule["filter"][0]["prefix"], rule["expiration"][0]["days"], rule["status"])
            for value in found.of("aws_s3_bucket_lifecycle_configuration").values()
            for rule in value["rule"]
        ]
        assert sorted(rules) == [
            ("", 90, "Enabled"),
            ("", 90, "Enabled"),
            ("aws/lambda/", 14, "Enabled"),
            ("prod/a/returned/", 14, "Enabled"),
            ("prod/a/unbalanced/", 14, "Enabled"),
            ("prod/a/undecoded/", 14, "Enabled"),
        ]
        assert all(value["retention_period"] == 48 for value in found.of("aws_kinesis_stream").values())
        blocked = found.of("aws_s3_bucket_public_access_block").values()
        names = ("block_public_acls", "block_public_policy", "ignore_public_acls", "restrict_public_buckets")
        assert [all(value[name] for name in names) for value in blocked] == [True, True]


def test_everything_that_can_have_tags_has_them(runs: dict[str, Planned]) -> None:
    """Every resource with tags names the pipeline that it belongs to."""
    for run in ("direct", "stream"):
        tagless = [
            address
            for address, value in runs[run].resources.items()
            if "tags" in value and (value["tags"] or {}).get("logharbor:pipeline") != "example"
        ]
        assert tagless == []


def test_alarms_are_those_of_the_contracts_and_of_the_pipeline(runs: dict[str, Planned]) -> None:
    """An alarm is repeated for functions and streams; subscriptions have one query over all of them."""
    direct, stream = (_alarms(runs[run]) for run in ("direct", "stream"))
    assert sorted(direct) == [
        "example-async-dropped-example-forward-background",
        "example-async-dropped-example-forward-user",
        "example-delivery-errors-example",
        "example-lag",
        "example-login-slow",
        "example-throttles-example-forward-background",
        "example-throttles-example-forward-user",
        "example-throttles-example-subscribe",
        "example-unbalanced",
    ]
    ages = ["example-iterator-age-example-background", "example-iterator-age-example-user"]
    assert sorted(set(stream) - set(direct)) == ages
    asynchronous = ["example-async-dropped-example-forward-background", "example-async-dropped-example-forward-user"]
    assert sorted(set(direct) - set(stream)) == asynchronous
    slow = direct["example-login-slow"]
    assert (slow["statistic"], slow["extended_statistic"], slow["dimensions"]) == (None, "p99", {"method": "totp-2fa"})
    assert direct["example-unbalanced"]["dimensions"] == {"Pipeline": "example"}
    assert direct["example-lag"]["dimensions"] == {"Pipeline": "example", "sink": "search"}
    identity = "arn:aws:sns:eu-west-1:111122223333:identity"
    assert (slow["alarm_actions"], slow["ok_actions"]) == ([identity, TOPIC], [identity, TOPIC])
    assert direct["example-unbalanced"]["alarm_actions"] == [TOPIC]
    delivery = direct["example-delivery-errors-example"]
    query = "SELECT SUM(DeliveryErrors) FROM \"AWS/Logs\" WHERE FilterName = 'example'"
    assert [found["expression"] for found in delivery["metric_query"]] == [query]
    assert delivery["metric_name"] is None


TOPIC = "arn:aws:sns:eu-west-1:111122223333:mocked"


def _alarms(run: Planned) -> dict[str, dict[str, Any]]:
    return {
        found["alarm_name"]: found
        | {key: sorted(found[key] or []) for key in ("alarm_actions", "ok_actions")}
        | {"statistic": found["statistic"] or None, "metric_name": found["metric_name"] or None}
        for found in run.of("aws_cloudwatch_metric_alarm").values()
    }


def test_an_alarm_that_could_never_have_data_is_not_made(runs: dict[str, Planned]) -> None:
    """No alarm on the canary where none is written, none on a stream where there is none; nothing else is left out."""
    made = {name.removeprefix("logharbor-") for name in _alarms(runs["the_projects_own"])}
    wanted = json.loads((ROOT / "filters" / "alarms.json").read_text())["alarms"]
    without = {
        one["name"]
        for one in wanted
        if not any(name == one["name"] or name.startswith(f"{one['name']}-logharbor") for name in made)
    }
    never = {one["name"] for one in wanted if one["when"] in ("canary", "stream") or one["for_each"] == "stream"}
    assert {"pipeline-canary-search", "pipeline-iterator-age", "pipeline-stream-age"} <= never
    assert without == never


def test_dashboards_are_those_of_the_contracts(runs: dict[str, Planned]) -> None:
    """A dashboard shows its region and its pipeline; the pipeline's own shows functions, streams, subscriptions too."""
    dashboards = runs["stream"].of("aws_cloudwatch_dashboard").values()
    found = {value["dashboard_name"]: json.loads(value["dashboard_body"])["widgets"] for value in dashboards}
    assert sorted(found) == ["example-pipeline", "example-user"]
    assert found["example-user"][0]["properties"]["region"] == "eu-west-1"
    assert [(widget["x"], widget["y"], widget["properties"]["title"]) for widget in found["example-pipeline"]] == [
        (0, 0, "Events"),
        (0, 6, "Invocations, errors, throttles"),
        (12, 6, "Longest invocation, ms"),
        (0, 12, "Age of the oldest record, ms"),
        (12, 12, "Log events that a subscription could not deliver"),
    ]
    assert found["example-pipeline"][0]["properties"]["metrics"] == [
        ["Logharbor", "Unbalanced", "Pipeline", "example"],
        [{"expression": 'SEARCH(\'{"Logharbor","Pipeline"} "Pipeline"="example"\', \'Sum\', 300)'}],
    ]
    invocations = found["example-pipeline"][1]["properties"]["metrics"]
    assert invocations[0] == ["AWS/Lambda", "Invocations", "FunctionName", "example-forward-background"]


def test_legacy_hosts_get_the_agents_configuration(runs: dict[str, Planned]) -> None:
    """The agent collects each file with its time format, in the log group that a route covers."""
    parameter = next(iter(runs["stream"].of("aws_ssm_parameter").values()))
    assert parameter["name"] == "AmazonCloudWatch-example-web"
    assert json.loads(parameter["value"]) == {
        "agent": {"run_as_user": "cwagent"},
        "logs": {
            "force_flush_interval": 5,
            "logs_collected": {
                "files": {
                    "collect_list": [
                        {
                            "file_path": "/var/log/nginx/access.log",
                            "log_group_name": "/legacy/nginx",
                            "log_stream_name": "{instance_id}",
                            "timestamp_format": "%d/%b/%Y:%H:%M:%S %z",
                            "timezone": "UTC",
                        },
                        {
                            "file_path": "/opt/app/log/app.log",
                            "log_group_name": "/legacy/app",
                            "log_stream_name": "{instance_id}",
                            "multi_line_start_pattern": "{timestamp_format}",
                            "timestamp_format": "%Y-%m-%d %H:%M:%S",
                            "timezone": "Local",
                        },
                    ]
                }
            },
        },
    }
    associations = {value["association_name"]: value for value in runs["stream"].of("aws_ssm_association").values()}
    assert associations["example-web-configure"]["parameters"] == {
        "action": "configure",
        "mode": "ec2",
        "optionalConfigurationLocation": "AmazonCloudWatch-example-web",
        "optionalConfigurationSource": "ssm",
        "optionalRestart": "yes",
    }
    assert associations["example-web-install"]["parameters"] == {"action": "Install", "name": "AmazonCloudWatchAgent"}
    target = {"key": "tag:aws:autoscaling:groupName", "values": ["web"]}
    assert associations["example-web-configure"]["targets"] == [target]


def test_invocations_carry_hashes_only(runs: dict[str, Planned]) -> None:
    """What lies in the state of an invocation is names and hashes, no secret and no address."""
    for value in runs["stream"].of("aws_lambda_invocation").values():
        told = json.loads(value["input"])
        assert [key for key, text in told.items() if not re.fullmatch(r"[A-Za-z0-9+/=-]{1,64}", text)] == []


def test_every_suppression_of_checkov_says_why() -> None:
    """A check that is switched off has a sentence beside it."""
    files = [*(ROOT / "terraform").rglob("*.tf"), *(ROOT / "examples").rglob("*.tf")]
    found = [line.strip() for path in files for line in path.read_text().splitlines() if "checkov:skip" in line]
    assert found
    assert [line for line in found if not re.fullmatch(r"#checkov:skip=CKV2?_AWS_\d+:[A-Z].{20,}\.", line)] == []
