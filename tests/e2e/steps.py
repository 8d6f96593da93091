"""What is done with each example, and what must hold then."""

from __future__ import annotations

import json
import time
from typing import Any

import msgspec

from . import asserted, landing
from .asserted import DATA
from .example import Example
from .failed import Failed, expect
from .report import Report
from .stack import ACCOUNT, Stack, ask

SECRETS = {
    "elasticsearch-ingest": "e2e-ingest:key",
    "elasticsearch-manage": "e2e-manage:key",
    "honeycomb-ingest": "hcaik_e2e",
    "honeycomb-configuration": "hcxik_e2e",
    "hash-key": "e2e:MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=",
}
"""The secrets that the examples' pipeline.yaml names; Elasticsearch runs without security and ignores its two."""

OWN_LOG = "/logharbor/smallest-forward-user"
GROUPS = ("/aws/lambda/login-web", "/legacy/nginx/web-1", "/jobs/nightly")
"""Log groups that are there before the production example is applied, as other teams' are."""

NEW_GROUP = "/aws/lambda/checkout-new"
OF_PRODUCTION = {*GROUPS, NEW_GROUP, "/aws/lambda/payments", "/logharbor-canary/production"}
CHANGED = "payment/payment.captured"
NEW_FIELD = "settled_by"


def prepare_account(stack: Stack) -> None:
    """What an account has before Logharbor: the secrets and other teams' log groups."""
    secrets, logs = stack.client("secretsmanager"), stack.client("logs")
    for name, value in SECRETS.items():
        secrets.create_secret(Name=f"logharbor/{name}", SecretString=value)
    for group in GROUPS:
        logs.create_log_group(logGroupName=group)


def smallest(stack: Stack, example: Example, report: Report, keep: bool) -> None:
    """One log group, straight to the function: applied, written to, planned again, destroyed."""
    who = example.name
    with report.step(who, "terraform apply") as said:
        said.append(_added(example.apply()))
    with report.step(who, "metric filters and alarms are those of filters/") as said:
        said.append(_counted(stack, example, report))
    with report.step(who, "lines have landed in Elasticsearch") as said:
        lines = [line for line in landing.read(DATA / "lines.jsonl") if line.example == who]
        log = stack.logs / "local-aws.log"
        found = landing.check(stack, landing.write(stack, lines, {}), log)
        told = [one["taken"] for one in landing.receipts(stack, OWN_LOG) if one["balanced"]]
        total = f"{sum(int(id, 16) for id in found.ids) % (1 << 128):032x}"
        expect("the ids do not add up to the receipt", told, [{"n": len(lines), "sum": total}], log)
        report.holds(found.fields + 1)
        said.append(
            f"{len(lines)} lines, each once, with data stream and {found.fields} fields; ids add up to the receipt"
        )
    with report.step(who, "a payload as CloudWatch makes it, handed over twice, has landed once") as said:
        again = [msgspec.structs.replace(line, log_stream="by-hand") for line in lines]
        for _ in range(2):
            written = landing.hand_over(stack, f"{who}-forward-user", again, 10**55)
        found = landing.check(stack, written, log)
        report.holds(found.fields)
        said.append(f"{len(written)} lines with _id by the documented rule and {found.fields} fields")
    _second_plan(example, report)
    if not keep:
        _destroy(example, report)


def production(stack: Stack, example: Example, report: Report, keep: bool) -> None:
    """Through Kinesis, two lanes, globs, two sinks: applied, written to, swept, refused, changed, destroyed."""
    who = example.name
    with report.step(who, "terraform apply") as said:
        said.append(_added(example.apply()))
    told = example.outputs()
    with report.step(who, "metric filters and alarms are those of filters/") as said:
        said.append(_counted(stack, example, report))
    with report.step(who, "log groups are subscribed to their lanes") as said:
        said.append(_lanes(stack, example, told, report))
    streams = {arn: told["streams"][lane] for lane, arn in told["stream_arns"].items()}
    with report.step(who, "lines have landed in Elasticsearch and Honeycomb") as said:
        lines = [line for line in landing.read(DATA / "lines.jsonl") if line.example == who]
        said.append(_land(stack, lines, streams, report))
    with report.step(who, "a new log group is subscribed by the sweep") as said:
        said.append(_sweep(stack, example, told, streams, report))
    _second_plan(example, report)
    before = asserted.functions(stack, example)
    with report.step(who, "a refusing sink fails the apply, and nothing is changed") as said:
        said.append(_refused(stack, example, report))
    with report.step(who, "a contract change reaches the write index, and no function's code") as said:
        said.append(_changed(stack, example, streams, before, report))
    if not keep:
        _destroy(example, report)


def nothing_is_left(stack: Stack, examples: list[Example], report: Report) -> None:
    """After both were destroyed."""
    with report.step("both", "destroy has left nothing") as said:
        groups = {*GROUPS, NEW_GROUP}
        kinds = asserted.nothing_left(stack, [example.name for example in examples], groups)
        report.holds(kinds)
        said.append(f"{kinds} kinds of resources, {len(groups)} log groups of others without a subscription")


def _counted(stack: Stack, example: Example, report: Report) -> str:
    filters, alarms = asserted.metric_filters(stack, example), asserted.alarms(stack, example)
    report.holds(filters + alarms)
    return f"{filters} filters, {alarms} alarms"


def _second_plan(example: Example, report: Report) -> None:
    with report.step(example.name, "a second plan changes nothing") as said:
        resources, drifted = asserted.plan_is_empty(example)
        report.holds(resources)
        said.append(f"{resources} resources; {drifted} differ as drift.json says of the stand-in")


def _destroy(example: Example, report: Report) -> None:
    with report.step(example.name, "terraform destroy"):
        code, log = example.terraform("destroy", "-auto-approve", "-input=false", "-parallelism=20")
        if code:
            found = log.read_text("utf-8", "replace")[-3000:]
            raise Failed("terraform destroy failed", found, "exit code 0", example.where(log))
        report.holds()


def _lanes(stack: Stack, example: Example, told: dict[str, Any], report: Report) -> str:
    """Exact groups by Terraform, globs by the sweep that the apply has invoked."""
    expected = {
        "/aws/lambda/payments": "user", "/aws/lambda/login-web": "user",
        "/legacy/nginx/web-1": "background", "/jobs/nightly": "background",
    }  # fmt: skip
    for group, lane in expected.items():
        found = asserted.subscription(stack, group, told["filter_name"])
        expect(f"{group} is not subscribed as it should be", found, _wanted(example, told, lane))
    own_prefix = f"/logharbor/{example.name}-"
    own = {group: found for group, found in asserted.subscriptions(stack).items() if group.startswith(own_prefix)}
    expect("our own log groups are subscribed", {group: found for group, found in own.items() if found}, {})
    report.holds(len(expected) + len(own))
    return f"{len(expected)} groups; none of {len(own)} of our own"


def _wanted(example: Example, told: dict[str, Any], lane: str) -> dict[str, str]:
    role = f"arn:aws:iam::{ACCOUNT}:role/{example.name}-logs-to-stream"
    return {"filterPattern": "", "destinationArn": told["stream_arns"][lane], "roleArn": role}


def _land(stack: Stack, lines: list[landing.Line], streams: dict[str, str], report: Report) -> str:
    log = stack.logs / "local-aws.log"
    written = landing.write(stack, lines, streams)
    fields = landing.check(stack, written, log).fields
    events = landing.check_honeycomb(stack, written, log)
    report.holds(fields + events)
    return f"{len(written)} lines, each once, with data stream, _id and {fields} fields; {events} of them in Honeycomb"


def _sweep(stack: Stack, example: Example, told: dict[str, Any], streams: dict[str, str], report: Report) -> str:
    stack.client("logs").create_log_group(logGroupName=NEW_GROUP)
    expect(f"{NEW_GROUP} is subscribed already", asserted.subscription(stack, NEW_GROUP, told["filter_name"]), {})
    answer = stack.client("lambda").invoke(FunctionName=told["functions"]["subscribe"], Payload=b"{}")
    swept = json.loads(answer["Payload"].read())
    where = stack.logs / "local-aws.log"
    done = {name: swept.get(name) for name in ("subscribed", "refused", "left", "canary")}
    expect(
        "the sweep did something else", done, {"subscribed": 1, "refused": [], "left": 0, "canary": "written"}, where
    )
    found = asserted.subscription(stack, NEW_GROUP, told["filter_name"])
    expect(f"{NEW_GROUP} is not subscribed as it should be", found, _wanted(example, told, "user"), where)
    text = '{"timestamp":1794499205,"event":"user.login.success","user":"lin","method":"sso"}'
    fields = {"@timestamp": 1794499205000, "data.user": "lin", "logharbor.contract": "user.login.success:1"}
    line = landing.Line(example.name, NEW_GROUP, "first", text, "logs-user-prod", fields)
    landed = landing.check(stack, landing.write(stack, [line], streams), where)
    report.holds(landed.fields + 3)
    return f"{NEW_GROUP}, and its first line has landed; {swept['unchanged']} groups as before, a canary written"


def _refused(stack: Stack, example: Example, report: Report) -> str:
    """The contract has a new field, and Honeycomb's key may not make columns: the apply says so, all stays."""
    _add_field(example)
    example.build("layer")
    ask("POST", f"{stack.honeycomb}/e2e/refuse", True)
    before = _state(stack, example)
    code, log = example.terraform("apply", "-auto-approve", "-input=false", "-parallelism=20")
    said = " ".join(log.read_text("utf-8", "replace").replace("│", " ").split())
    sentence = (
        "sink traces would refuse what the contracts need, and nothing was changed: the key of prepare_secret lacks"
    )
    if code != 1 or sentence not in said:
        raise Failed(
            "terraform did not say which sink refused what", f"exit code {code}: {said[-1500:]}", sentence, (log,)
        )
    expect("something behind the refusing sink was changed", _state(stack, example), before, log)
    ask("POST", f"{stack.honeycomb}/e2e/refuse", False)
    report.holds(2 + len(before))
    return f"“{sentence} …”"


def _state(stack: Stack, example: Example) -> dict[str, Any]:
    """What must stay as it is when a sink refuses: forwarders, subscribe, subscriptions, both sinks."""
    functions = asserted.functions(stack, example)
    functions.pop(f"{example.name}-prepare")
    told = ask("GET", f"{stack.honeycomb}/e2e/stored")
    return {
        "functions": functions,
        # Not those of the other example's log groups, which may be on their way out.
        "subscriptions": {
            group: found for group, found in asserted.subscriptions(stack).items() if group in OF_PRODUCTION
        },
        "templates": stack.search("GET", "_component_template/logharbor-*"),
        "mapping": stack.search("GET", "logs-payment-prod/_mapping"),
        "columns": {slug: sorted(columns) for slug, columns in told["columns"].items()},
    }


def _changed(stack: Stack, example: Example, streams: dict[str, str], before: dict[str, Any], report: Report) -> str:
    """The same change, now that Honeycomb takes it: only the layer is new, and the field is searchable at once."""
    index_before = _write_index(stack)
    example.apply()
    after = asserted.functions(stack, example)
    code = {name: found["code"] for name, found in after.items()}
    expect("a function's code has changed", code, {name: found["code"] for name, found in before.items()})
    stale = [name for name, found in after.items() if found["layers"] == before[name]["layers"]]
    expect("functions still have the old contracts", stale, [])
    old = [name for name, found in after.items() if found["live"] and found["live"] == before[name]["live"]]
    expect("an alias still names the version with the old contracts", old, [])
    expect("the write index is another", _write_index(stack), index_before)
    properties = stack.search("GET", f"{index_before}/_mapping")[index_before]["mappings"]["properties"]
    field = properties["data"]["properties"].get(NEW_FIELD, {}).get("type")
    expect(f"the mapping of {index_before} has another data.{NEW_FIELD}", field, "keyword")
    kept = stack.search("GET", "_index_template/logharbor-user-prod")["index_templates"][0]["index_template"]
    expect("the retention of users' events is another", kept["template"]["lifecycle"]["data_retention"], "90d")
    columns = ask("GET", f"{stack.honeycomb}/e2e/stored")["columns"]["serverless"]
    expect("Honeycomb lacks the column", NEW_FIELD in columns, True)
    text = json.dumps({
        "timestamp": 1794499206, "event": "payment.captured", "payment_id": "pay_9", "order_id": "ord_9",
        "amount": {"value_minor": 1, "currency": "EUR"}, NEW_FIELD: "sepa",
    })  # fmt: skip
    fields = {f"data.{NEW_FIELD}": "sepa", "logharbor.version": "1.1.0"}
    line = landing.Line(
        example.name, "/aws/lambda/payments", "after", text, "logs-payment-prod", fields, {NEW_FIELD: "sepa"}
    )
    landed = _land(stack, [line], streams, report)
    query = {"query": {"term": {f"data.{NEW_FIELD}": "sepa"}}}
    expect("the new field is not searchable", stack.search("POST", "logs-payment-prod/_count", query)["count"], 1)
    report.holds(7 + len(code))
    return f"{len(code)} code hashes as before, data.{NEW_FIELD} in {index_before}; {landed}"


def _write_index(stack: Stack) -> str:
    (stream,) = stack.search("GET", "_resolve/index/logs-payment-prod")["data_streams"]
    return str(stream["backing_indices"][-1])


def _add_field(example: Example) -> None:
    """A new optional field, and the next minor version, as `logharbor schemas propose` would write it."""
    path = example.root / "schemas" / CHANGED / "v1.schema.json"
    schema = json.loads(path.read_text("utf-8"))
    schema["properties"][NEW_FIELD] = {"type": "string", "maxLength": 32, "x-cardinality": 8}
    schema["x-event"]["version"] = "1.1.0"
    path.write_text(json.dumps(schema, indent=2) + "\n", "utf-8")


def _added(said: str) -> str:
    line = next((line for line in said.splitlines() if line.startswith("Apply complete!")), "")
    return line.removeprefix("Apply complete! Resources: ").rstrip(".") or time.strftime("%X")
