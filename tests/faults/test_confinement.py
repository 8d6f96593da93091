"""What an event, a sink's answer or a contract may not do: forge a line, open a connection, choose where it lands."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from deployment import Deployment
from recipes import LOGIN, lines
from scenario import EMF, documents, fates

from forwarders.testing import ScriptedServer, cloudwatch_event, elasticsearch, elasticsearch_items, redirect

RAW_CONTROL = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
HOSTILE = {
    "line end": 'a\n{"level":"ERROR","message":"forged"}',
    "carriage return": 'a\r\n{"level":"ERROR","message":"forged"}',
    "escape sequence": "\x1b[2J\x1b[31mred\x1b]0;title\x07",
    "C1": "\x9b31m",
    "NUL": "a\x00b",
    "backspace": "forged\x08\x08\x08",
    "bidi": "\u202egnp.exe\u2066",
    "line separator": "a\u2028b\u2029c\x85d",
    "quote": '","level":"ERROR","x":"',
    "braces": '"}}\n{"create":{"_index":"other","_id":"1"}}\n{"a":"',
    "percent": "%s %n {0} {receipt} $(id) ${jndi:ldap://127.0.0.2/a}",
}


def _everywhere(text):
    """Events that hold the text wherever an event may hold one."""
    broken = json.dumps({**LOGIN, "user": text}, ensure_ascii=False)[:-2]
    return [
        {**LOGIN, "user": text[:256]},
        {**LOGIN, text: 1, "source": {text: {text: text}}},
        {**LOGIN, "method": {text: text}},
        {"event": text, text: text},
        {"event": "cart.opened", "a": [text, {text: text}]},
        text,
        f"seen {text}",
        broken,
        f"[INFO]\t2017-04-26T13:49:12.000Z\t{text}\t{json.dumps(LOGIN)}",
        {"level": text, "location": text, "message": {**LOGIN}, "timestamp": text, "logger": text},
    ]


@pytest.mark.parametrize("name", HOSTILE)
def test_nobody_forges_a_line(name, tmp_path, capsys):
    """Row 42: our log, standard output and dead letters have one record a line, and none of its characters is raw."""
    text = HOSTILE[name]
    events = _everywhere(text)
    refuse = {"elasticsearch": lambda request: _item_400(request, text)}
    with Deployment(tmp_path, ("elasticsearch", "stdout"), otherwise=refuse) as deployed:
        deployed.invoke(lines(*(e if isinstance(e, str) else json.dumps(e, ensure_ascii=False) for e in events)))
        action_lines = [
            json.loads(line) for line in deployed.servers["elasticsearch"].requests[0].body.splitlines()[::2]
        ]
    out = capsys.readouterr().out
    assert [line["message"] for line in deployed.lines()] == ["receipt", "metrics dropped"]
    assert sum(deployed.fates("stdout").values()) == len(events)
    printed = [json.loads(line) for line in out.split("\n")[:-1] if not line.startswith(EMF)]
    assert len(printed) == len(action_lines) == len(events)
    assert {action["create"]["_index"].split("-")[0] for action in action_lines} == {"logs"}
    assert len(deployed.dead()) == len(events)
    assert RAW_CONTROL.search(out) is None
    assert RAW_CONTROL.search(deployed.log.getvalue()) is None


@pytest.mark.parametrize("name", list(HOSTILE))
def test_the_name_of_a_log_stream_forges_no_line(name, tmp_path):
    """Row 42: the same for the names of log group and stream, which a receipt repeats."""
    text = HOSTILE[name]
    with Deployment(tmp_path) as deployed:
        deployed.invoke(cloudwatch_event(["text"], log_stream=text, log_group=f"/a/{text}"))
        (document,) = deployed.stored["elasticsearch"].values()
    assert document["aws"]["cloudwatch"] == {"log_group": f"/a/{text}", "log_stream": text}
    assert [line["message"] for line in deployed.lines()] == ["receipt"]
    assert RAW_CONTROL.search(deployed.log.getvalue()) is None


def _item_400(request, text):
    """Every item refused, for a reason that somebody else wrote."""
    count = request.body.count(b"\n") // 2
    return elasticsearch_items([400] * count, error={"type": text, "reason": text})(request)


def test_no_event_chooses_where_it_lands(tmp_path):
    """Row 44: ten thousand names of events end in the streams and datasets of the configuration."""
    names = ["../_cluster", "_all", "UPPER", ".", "..", "*", "a/b", "logs-x-y", "a b", "é" * 90, "", "x" * 300]
    events = [
        {"event": f"{names[n % len(names)]}{n}", "dataset": "evil", "_index": "evil", "n": n} for n in range(10_000)
    ]
    with Deployment(tmp_path, ("elasticsearch", "honeycomb")) as deployed:
        deployed.invoke(lines(*events))
        assert {document["_index"] for document in deployed.stored["elasticsearch"].values()} == {
            "logs-unregistered-test"
        }
        assert {event["dataset"] for event in deployed.stored["honeycomb"]} == {"logs-unregistered"}
        paths = {request.path for server in deployed.servers.values() for request in server.requests}
    assert paths == {"/_bulk", "/1/batch/logs-unregistered"}
    assert fates(deployed, "elasticsearch") == fates(deployed, "honeycomb") == {"delivered": 10_000}
    (receipt,) = deployed.receipts()
    assert len(json.dumps(receipt)) < 4_000


def test_ten_thousand_unknown_fields_do_not_swell_a_receipt(tmp_path):
    """Row 44: names that events make up are bounded in our own log."""
    events = [{**LOGIN, f"field_{n}": n} for n in range(5_000)]
    with Deployment(tmp_path) as deployed:
        deployed.invoke(lines(*events))
    assert len(deployed.log.getvalue()) < 16_000
    assert documents(deployed) == {"user user.login.success drift": 5_000}


PROGRAM = """
import json, socket, sys
sys.path[:0] = json.loads(sys.argv[1])
urls, folder = json.loads(sys.argv[2]), sys.argv[3]
allowed = {int(url.rpartition(":")[2]) for url in urls.values()}
foreign = []

def watch(event, arguments):
    if event == "socket.connect" and isinstance(arguments[1], tuple):
        if arguments[1][0] != "127.0.0.1" or arguments[1][1] not in allowed:
            foreign.append(repr(arguments[1]))
    if event == "socket.getaddrinfo" and (arguments[0], arguments[1]) not in {("127.0.0.1", port) for port in allowed}:
        foreign.append(repr(arguments[:2]))

from deployment import Deployment
from recipes import LOGIN, lines
sys.addaudithook(watch)
where = "http://169.254.169.254/latest/meta-data"
events = [
    {"event": where, "endpoint": where, "sink": where, "url": where},
    {**LOGIN, "source": {"type": where, "$ref": where}},
    {"$schema": where, "$id": where, "$ref": where, "event": "user.login.success"},
    {"event": "cart.opened", "$ref": "file:///etc/passwd", "schema": "urn:" + where},
    f"GET {where} HTTP/1.1 ${{jndi:ldap://169.254.169.254/a}}",
]
with Deployment(folder, ("elasticsearch", "honeycomb"), endpoints=urls) as deployed:
    deployed.invoke(lines(*events), 9_000)
    deployed.restart()
    deployed.invoke({"awslogs": {"data": where}}, 9_000)
    deployed.invoke({"Records": [{"s3": {"object": {"key": where}}, "url": where}]}, 9_000)
    print(json.dumps([foreign, len(deployed.receipts())]))
"""


def test_nothing_but_the_sinks_is_connected_to(tmp_path):
    """Row 43: addresses in events, and redirects to other hosts, lead to no connection and no look-up of a name."""
    (tmp_path / "run").mkdir()
    away = [
        redirect("http://169.254.169.254/_bulk"),
        redirect("http://localhost:1/", 307),
        redirect("//127.0.0.2/", 308),
    ]
    with ScriptedServer(away, otherwise=elasticsearch()) as search, ScriptedServer(away) as traces:
        urls = {"elasticsearch": search.url, "honeycomb": traces.url}
        program = [sys.executable, "-c", PROGRAM, json.dumps(sys.path), json.dumps(urls), str(tmp_path / "run")]
        done = subprocess.run(program, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert len(search.requests) > 3
    assert json.loads(done.stdout.splitlines()[-1]) == [[], 3]


HTTP = "http://169.254.169.254/x.json"
REFERENCES = [
    HTTP,
    "file:///etc/passwd",
    "../../../etc/passwd",
    "urn:logharbor:other:1",
    "#/properties/user",
    "#",
    "a#/$defs/b",
]
SCHEMA = json.loads((Path(__file__).parents[2] / "schemas/user/user.login.success/v1.schema.json").read_text())


def _written(folder, **changes):
    """A folder with the login contract, changed."""
    file = folder / "schemas/user/user.login.success/v1.schema.json"
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps(SCHEMA | changes))
    return file


EVIL = {
    **{f"reference to {to}": {"properties": SCHEMA["properties"] | {"source": {"$ref": to}}} for to in REFERENCES},
    "dynamic reference": {"properties": SCHEMA["properties"] | {"source": {"$dynamicRef": HTTP}}},
    "other dialect": {"$schema": HTTP},
    "vocabulary": {"$vocabulary": {HTTP: True}},
    "reference to itself": {
        "$defs": {"a": {"$ref": "#/$defs/a"}},
        "properties": SCHEMA["properties"] | {"source": {"$ref": "#/$defs/a"}},
    },
    "doubling": {
        "$defs": {"d0": {"type": "string"}}
        | {
            f"d{n + 1}": {"type": "object", "properties": {k: {"$ref": f"#/$defs/d{n}"} for k in "ab"}}
            for n in range(40)
        },
        "properties": SCHEMA["properties"] | {"source": {"$ref": "#/$defs/d40"}},
    },
    "a hundred thousand branches": {
        "properties": SCHEMA["properties"] | {"source": {"anyOf": [{"const": n} for n in range(100_000)]}}
    },
    "ten thousand levels": None,
    "look-ahead": {"properties": SCHEMA["properties"] | {"user": {"type": "string", "pattern": "(?=a)b"}}},
    "back reference": {"properties": SCHEMA["properties"] | {"user": {"type": "string", "pattern": "(a)\\1"}}},
    "huge repeat": {
        "properties": SCHEMA["properties"] | {"user": {"type": "string", "pattern": "(a{1000}){1000}{1000}"}}
    },
}


@pytest.mark.parametrize("name", EVIL)
def test_an_evil_contract_is_refused_before_the_first_event(name, tmp_path):
    """Rows 43 and 45: nothing is fetched, nothing takes for ever; the error names the file, and no function starts."""
    file = _written(tmp_path, **(EVIL[name] or {}))
    if EVIL[name] is None:
        deep = '{"items":' * 10_000 + "{}" + "}" * 10_000
        file.write_text(json.dumps(SCHEMA)[:-1] + f',"not":{deep}}}')
    with pytest.raises(Exception, match=r"v1.schema.json: .* found .*expected") as caught:
        Deployment(tmp_path, schemas=tmp_path / "schemas").__enter__()
    assert type(caught.value).__name__ == "ConfigError"
    assert len(str(caught.value)) < 1_000


def test_an_expression_that_explodes_elsewhere_takes_linear_time(tmp_path):
    """Rows 40 and 45: `(a+)+$` and a megabyte of `a` with a `b` behind: one invalid event, inside the time."""
    pattern = {"type": "string", "pattern": "^(a+)+$", "x-cardinality": "unbounded"}
    _written(tmp_path, properties=SCHEMA["properties"] | {"user": pattern}, examples=[])
    with Deployment(tmp_path, schemas=tmp_path / "schemas") as deployed:
        deployed.invoke(lines({**LOGIN, "user": "a" * 1_000_000 + "b"}, {**LOGIN, "user": "aaa"}), 5_000)
    assert fates(deployed, "elasticsearch") == {"delivered": 1, "quarantined:contract_violation": 1}


def test_an_evil_contract_smuggled_into_a_bundle_costs_its_own_events_only(tmp_path):
    """Row 45: a bundle that nobody checked; events of the broken contract are quarantined, others are delivered."""
    with Deployment(tmp_path) as deployed:
        file = tmp_path / "bundle.json"
        bundle = json.loads(file.read_bytes())
        (entry,) = [entry for entry in bundle["contracts"] if entry["name"] == "user.login.success"]
        entry["schema"]["properties"]["source"] = {"$ref": HTTP}
        file.write_text(json.dumps(bundle))
        deployed.restart()
        deployed.invoke(lines(LOGIN, {"event": "cart.opened"}, "text"))
    assert fates(deployed, "elasticsearch") == {"delivered": 2, "quarantined:internal:ConfigError": 1}
