"""The Lambda handler: a payload as AWS hands it over, a scripted Elasticsearch behind it."""

import io
import itertools
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from aws_lambda_powertools import Logger

from forwarders import bundle
from forwarders.config import from_plain
from forwarders.contracts.load import read_folder
from forwarders.handlers.forward import handler, plans_from_bundle
from forwarders.testing import ScriptedServer, cloudwatch_event, elasticsearch, lambda_context, status

ROOT = Path(__file__).parent.parent.parent
LOGIN = {"timestamp": 1493214552, "event": "user.login.success", "user": "ryansb", "method": "totp-2fa"}
_NUMBERS = itertools.count()
CANARY = "AKIAIOSFODNN7EXAMPLE"


class Deployed:
    """A handler with a bundle of its own, its log, and its dead letters."""

    def __init__(self, folder, url, **config):
        plain = {
            "environment": "test",
            "dead_letters": str(folder / "letters"),
            "sinks": {"search": {"type": "elasticsearch", "endpoint": url, "auth": "none"}},
        }
        file = folder / "bundle.json"
        file.write_bytes(bundle.build(from_plain(plain | config, "pipeline.yaml"), read_folder(ROOT / "schemas")))
        self.log = io.StringIO()
        self.letters = folder / "letters"
        logger = Logger(service=f"logharbor-{next(_NUMBERS)}", stream=self.log)  # Powertools keeps loggers by name
        self.handle = handler(lambda: plans_from_bundle(logger, {"LOGHARBOR_BUNDLE": str(file)}), logger)

    def lines(self):
        return [json.loads(line) for line in self.log.getvalue().splitlines()]

    def receipts(self):
        return [line["receipt"] for line in self.lines() if "receipt" in line]

    def stored(self):
        return sorted(f"{path.parent.name}/{path.suffix}" for path in self.letters.rglob("*") if path.is_file())


def messages(*events):
    return cloudwatch_event([event if isinstance(event, str) else json.dumps(event) for event in events])


def test_a_payload_lands_and_its_receipt_is_one_line_of_our_log(tmp_path):
    """From base64 to the document: data stream, id, time and the author's event; then the receipt."""
    documents = {}
    with ScriptedServer(otherwise=elasticsearch(documents)) as server:
        deployed = Deployed(tmp_path, server.url)
        assert deployed.handle(messages(LOGIN, "plain text"), lambda_context()) is None
    (login, text) = documents.values()
    assert (login["_index"], login["@timestamp"], login["data"]) == ("logs-user-test", 1493214552000, LOGIN)
    assert (text["_index"], text["event"]["action"]) == ("logs-legacy-test", "legacy.text")
    (receipt,) = deployed.receipts()
    assert receipt["taken"]["n"] == 2
    assert receipt["balanced"] is True
    assert deployed.stored() == []


def test_the_same_payload_twice_changes_nothing(tmp_path):
    """A redelivery has the same ids: 409, there already, delivered."""
    documents = {}
    with ScriptedServer(otherwise=elasticsearch(documents)) as server:
        deployed = Deployed(tmp_path, server.url)
        for _ in range(2):
            deployed.handle(messages(LOGIN), lambda_context())
    assert len(documents) == 1
    assert deployed.receipts()[1]["accounts"]["search"]["reasons"] == {"delivered:already_present": 1}


def test_a_sink_that_is_down_leaves_the_batch_in_the_store(tmp_path):
    """CloudWatch cannot be told about a part, so what is returned waits in the store, and the invocation succeeds."""
    with ScriptedServer(otherwise=status(503)) as server:
        deployed = Deployed(tmp_path, server.url)
        deployed.handle(messages(LOGIN), lambda_context(remaining_ms=2_500))
    assert deployed.stored() == ["returned/.json"]
    again = json.loads(next(deployed.letters.rglob("*.json")).read_text())
    assert again["origin"]["log_group"] == "/aws/lambda/shop"
    assert list(again["wanted"]) == ["search"]


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        ({"awslogs": {"data": "!!!"}}, "envelope_invalid"),
        ({"awslogs": {"data": ""}}, "envelope_invalid"),
        ({"Records": [{"eventSource": "unheard-of"}]}, "source_unknown"),
        ([], "source_unknown"),
        (None, "source_unknown"),
    ],
)
def test_a_payload_that_is_not_understood_is_quarantined(event, reason, tmp_path):
    """It never fails the invocation, which would only bring it again: a note in quarantine, the raw bytes in store."""
    documents = {}
    with ScriptedServer(otherwise=elasticsearch(documents)) as server:
        deployed = Deployed(tmp_path, server.url)
        deployed.handle(event, lambda_context())
    (document,) = documents.values()
    assert document["_index"] == "logs-quarantine-test"
    assert document["error"]["type"] == reason
    (line,) = deployed.lines()
    assert line["receipt"]["accounts"]["search"]["reasons"] == {f"quarantined:{reason}": 1}


def test_our_own_log_groups_are_not_forwarded(tmp_path):
    """A loop is impossible: what comes from /logharbor/ is filtered, with a count."""
    documents = {}
    with ScriptedServer(otherwise=elasticsearch(documents)) as server:
        deployed = Deployed(tmp_path, server.url)
        deployed.handle(cloudwatch_event(["a line"], log_group="/logharbor/forward"), lambda_context())
    assert documents == {}
    assert deployed.lines()[0]["receipt"]["accounts"]["search"]["fates"]["filtered"]["n"] == 1


def test_control_messages_are_acknowledged(tmp_path):
    """CloudWatch's reachability probe ends as filtered."""
    with ScriptedServer(otherwise=elasticsearch()) as server:
        deployed = Deployed(tmp_path, server.url)
        deployed.handle(cloudwatch_event(["CWL CONTROL MESSAGE"], message_type="CONTROL_MESSAGE"), lambda_context())
        assert server.requests == []
    assert deployed.lines()[0]["receipt"]["accounts"]["search"]["reasons"] == {"filtered:control": 1}


def test_nothing_that_a_payload_holds_is_printed(tmp_path, capfd):
    """Whatever goes wrong with an event, our own log and the streams say only what kind of thing it was."""
    broken = [
        f'{{"event":"user.login.success","user":"{CANARY}"}}',
        f'{{"event":"x","n":1e999,"k":"{CANARY}"}}',
        CANARY,
    ]
    refuse = status(400, json.dumps({"error": {"type": "x", "reason": CANARY}}))
    for answer in (elasticsearch(), refuse, status(200, CANARY)):
        with ScriptedServer(otherwise=answer) as server:
            deployed = Deployed(tmp_path, server.url)
            deployed.handle(messages(*broken), lambda_context(remaining_ms=2_500))
        assert CANARY not in deployed.log.getvalue()
    assert CANARY not in "".join(capfd.readouterr())
    for letter in deployed.letters.rglob("dead/*"):
        assert CANARY not in letter.read_text()


def test_without_a_store_the_function_does_not_start(tmp_path):
    """A pipeline in Lambda must say where dead letters go; the error says which key."""
    deployed = Deployed(tmp_path, "http://127.0.0.1:1", dead_letters="")
    with pytest.raises(Exception, match="dead_letters: found nothing, expected s3://bucket/prefix"):
        deployed.handle(messages(LOGIN), lambda_context())


def test_a_healthy_invocation_imports_no_heavy_client(tmp_path):
    """After a cold start and an event, boto3, elasticsearch, jsonschema and opentelemetry have not been imported."""
    program = (
        "import json, sys\n"
        "from forwarders.handlers import forward\n"
        "from forwarders.testing import cloudwatch_event, lambda_context\n"
        f"forward.handle(cloudwatch_event([{json.dumps(json.dumps(LOGIN))}]), lambda_context())\n"
        "heavy = {'boto3', 'elasticsearch', 'elastic_transport', 'jsonschema', 'opentelemetry', 'yaml', 'rich',"
        " 'click'}\n"
        "print(sorted(heavy & set(sys.modules)), file=sys.stderr)\n"
    )
    with ScriptedServer(otherwise=elasticsearch()) as server:
        Deployed(tmp_path, server.url)
        environ = {**os.environ, "LOGHARBOR_BUNDLE": str(tmp_path / "bundle.json")}
        done = subprocess.run([sys.executable, "-c", program], env=environ, capture_output=True, text=True, check=False)
        assert len(server.requests) == 1
    assert (done.stderr, done.returncode) == ("[]\n", 0)
