"""When the machine, the store or the keeper of a secret gives out: what is returned, and that the next time is well.

What sets limits on a process, or measures one, runs in a process of its own.
"""

import io
import json
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from aws_lambda_powertools import Logger
from deployment import ROOT, Deployment
from recipes import LOGIN, lines, many
from scenario import fates, kept

from forwarders.config import from_plain
from forwarders.contracts.compiled import Contracts
from forwarders.contracts.load import read_folder
from forwarders.deadletters import open_store
from forwarders.errors import Transient
from forwarders.handlers.forward import handler
from forwarders.model import DELIVERED
from forwarders.receipts import memory_receipts
from forwarders.runtime import open_plans
from forwarders.testing import lambda_context, status

LIMIT_MB = 64
linux = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="peak memory is read from Linux's /proc")


def in_a_process(program, *arguments, **how):
    """What a program prints as its last line, as JSON."""
    paths = json.dumps(sys.path)
    prologue = f"import json, sys\nsys.path[:0] = json.loads({paths!r})\n"
    command = [sys.executable, "-c", prologue + program, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, **how)
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout.splitlines()[-1])


PEAK = """
def peak():
    return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM")) / 1024
"""

STREAM = (
    PEAK
    + """
import os
from forwarders.cli import main
from forwarders.sources import files
devnull = os.open(os.devnull, os.O_WRONLY)
real = os.dup(1)
os.dup2(devnull, 1)
import forwarders.cli.run, forwarders.sinks.stdout, isal, jsonschema_rs
before = peak()
try:
    main(["run", "-", "--sink", "stdout", "--schemas", sys.argv[1]])
except SystemExit as end:
    code = end.code
sys.stdout.flush()
os.dup2(real, 1)
print(json.dumps([code, peak() - before]))
"""
)


@linux
def test_a_stream_of_any_length_takes_no_more_memory(tmp_path):
    """Row 46: 300 MB through `logharbor run` to a sink that keeps nothing; memory stays where it is after a few MB."""
    block = "".join(
        f"{number} " + "some words of a log that nobody has described; " * 80 + "\n" for number in range(256)
    ).encode()

    def feed(pipe):
        with pipe:
            for _ in range((300 << 20) // len(block)):
                pipe.write(block)

    program = f"import json, sys\nsys.path[:0] = json.loads({json.dumps(sys.path)!r})\n" + STREAM
    command = [sys.executable, "-c", program, str(ROOT / "schemas")]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=tmp_path
    ) as process:
        feeder = threading.Thread(target=feed, args=(process.stdin,))
        feeder.start()
        out, err = process.stdout.read(), process.stderr.read()
        feeder.join()
    assert process.returncode == 0, err.decode()[-2000:]
    code, grown = json.loads(out.decode().splitlines()[-1])
    assert code == 0
    assert f"{(300 << 20) // len(block) * 256:,}" in err.decode()
    assert grown < LIMIT_MB


def test_ten_thousand_tiny_records(tmp_path):
    """Row 46: each of them is a record of its own, with an id of its own."""
    with Deployment(tmp_path) as deployed:
        deployed.invoke(lines(*(str(number) for number in range(10_000))))
        assert len(deployed.stored["elasticsearch"]) == 10_000
    assert fates(deployed, "elasticsearch") == {"delivered": 10_000}


@linux
def test_a_payload_of_fifty_thousand_events(tmp_path):
    """Row 46: more than CloudWatch would ever send at once is delivered, in bounded memory."""
    program = PEAK + (
        "from deployment import Deployment\n"
        "from forwarders.testing import Reply\n"
        "from recipes import many\n"
        "def taken(request):\n"
        "    ids = [json.loads(line)['create']['_id'] for line in request.body.split(b'\\n')[:-1:2]]\n"
        "    items = [{'create': {'_id': id, 'status': 201}} for id in ids]\n"
        "    deployed.servers['elasticsearch'].requests.clear()\n"
        "    return Reply(200, json.dumps({'errors': False, 'items': items}).encode())\n"
        "with Deployment(sys.argv[1], otherwise={'elasticsearch': taken}) as deployed:\n"
        "    deployed.invoke(many(10))\n"
        "    event = many(50_000)\n"
        "    before = peak()\n"
        "    deployed.invoke(event)\n"
        "    print(json.dumps([peak() - before, deployed.fates('elasticsearch')]))\n"
    )
    grown, ended = in_a_process(program, tmp_path)
    assert ended == {"delivered": 50_010}
    assert grown < 2 * LIMIT_MB


FULL_STORE = """
import resource, signal
from deployment import Deployment
from forwarders.testing import status
from recipes import many
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
down = [status(503, b"", {"retry-after": "3600"})]
with Deployment(sys.argv[1], answers={"elasticsearch": down}) as deployed:
    hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
    resource.setrlimit(resource.RLIMIT_FSIZE, (16, hard))
    try:
        raised = deployed.invoke(many(3))
    except Exception as error:
        raised = str(error)
    left = list(deployed.kept("returned"))
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    deployed.invoke(many(3))
    print(json.dumps([raised, left, deployed.fates("elasticsearch")]))
"""


def test_a_full_disk_under_the_store(tmp_path):
    """Row 47, ENOSPC: what cannot be stored is not acknowledged: the invocation fails, and the next one is well."""
    raised, left, ended = in_a_process(FULL_STORE, tmp_path)
    assert (raised, ended) == ("store_unavailable: File too large", {"delivered": 3})
    assert [name for name in left if not name.startswith(".")] == []


def test_a_full_disk_leaves_no_half_entry(tmp_path):
    """Row 47, ENOSPC: nothing of an entry that could not be stored is left behind; it would be raw."""
    _, left, _ = in_a_process(FULL_STORE, tmp_path)
    assert left == []


def test_a_full_disk_under_sqlite_and_standard_output(tmp_path):
    """Row 47, ENOSPC: a local sink that cannot write returns its events, and has them the next time."""
    program = (
        "import resource, signal\n"
        "from deployment import Deployment\n"
        "from recipes import many\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "with Deployment(sys.argv[1], ('elasticsearch', 'sqlite')) as deployed:\n"
        "    deployed.invoke(many(3))\n"
        "    hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]\n"
        "    size = sum(file.stat().st_size for file in deployed.folder.glob('events.db*'))\n"
        "    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))\n"
        "    deployed.invoke(many(400))\n"
        "    resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))\n"
        "    deployed.invoke(many(400))\n"
        "    accounts = [r['accounts']['sqlite'] for r in deployed.receipts()]\n"
        "    fates = [{f: t['n'] for f, t in a['fates'].items()} for a in accounts]\n"
        "    print(json.dumps([fates, all(r['balanced'] for r in deployed.receipts()), len(deployed.rows())]))\n"
    )
    fates_of, balanced, rows = in_a_process(program, tmp_path)
    assert fates_of[0] == {"delivered": 3}
    assert fates_of[1].keys() <= {"returned", "delivered"}
    assert fates_of[1]["returned"] > 0
    assert fates_of[2] == {"delivered": 400}
    assert (balanced, rows) == (True, 400)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device that is always full is Linux's")
def test_standard_output_on_a_full_device(tmp_path):
    """Row 47, ENOSPC: `logharbor run --sink stdout` into a full disk says that it is not done: exit code 1."""
    (tmp_path / "a.log").write_text("one\ntwo\n")
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [sys.executable, "-c", "from forwarders.cli import main; main()", "run", "a.log", "--sink", "stdout"],
            cwd=tmp_path, stdout=full, stderr=subprocess.PIPE, text=True, check=False,
        )  # fmt: skip
    assert done.returncode == 1
    assert "Traceback" not in done.stderr


NO_FILES = """
import resource
from deployment import Deployment
from recipes import many
with Deployment(sys.argv[1]) as deployed:
    deployed.invoke(many(1))  # whatever is imported late is there
    deployed.restart()
    deployed.invoke(many(0))
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))  # 0, 1 and 2 are taken, whatever a thread closes
    try:
        raised = deployed.invoke(many(3), 2_600)
    except Exception as error:
        raised = str(error)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    deployed.invoke(many(3))
    print(json.dumps([raised, deployed.fates("elasticsearch"), len(deployed.stored["elasticsearch"])]))
"""


def test_no_more_files(tmp_path):
    """Row 47, EMFILE: no connection, no store: the invocation fails and comes again; the next one is well."""
    assert in_a_process(NO_FILES, tmp_path, stdin=subprocess.DEVNULL) == [
        "store_unavailable: Too many open files",
        {"delivered": 4},
        3,
    ]


class Weak:
    """A sink that runs out of memory, as often as it is told to, while it encodes or ships."""

    name, type, max_body_bytes = "weak", "sqlite", 100_000

    def __init__(self, encodes=(), ships=()):
        self._encodes, self._ships = list(encodes), list(ships)
        self.taken = []

    def encoder(self, kind):
        def encode(event):
            if self._encodes and self._encodes.pop():
                raise self.error
            return event.text

        return encode

    error = MemoryError("AKIAIOSFODNN7EXAMPLE")

    def ship(self, pieces, ids, deadline):
        if self._ships and self._ships.pop():
            raise self.error
        self.taken += ids
        return [DELIVERED] * len(pieces)

    def close(self):
        pass


def _with_sink(tmp_path, sink):
    """The handler's own way with this sink in place of one from the configuration."""
    config = from_plain({"sinks": {"weak": {"type": "stdout"}}}, "here")
    receipts = memory_receipts()
    contracts = Contracts(read_folder(ROOT / "schemas"))
    plans = open_plans(config, contracts, {"weak": sink}, open_store(str(tmp_path)), receipts.write, reports_part=False)
    log = io.StringIO()
    return handler(lambda: plans, Logger(service=f"weak-{id(sink)}", stream=log)), receipts.receipts, log


def _counts(receipt):
    return {str(fate): tally.n for fate, tally in receipt.accounts["weak"].fates.items() if tally.n}


def test_no_more_memory_while_shipping(tmp_path, capfd):
    """Row 47: a sink that raises returns what it was given, quotes nothing, and has everything the next time."""
    sink = Weak(ships=[True])
    handle, receipts, log = _with_sink(tmp_path, sink)
    handle(many(3), lambda_context())
    assert (_counts(receipts[0]), receipts[0].accounts["weak"].reasons) == (
        {"returned": 3},
        {"returned:memory": 3},
    )
    assert len(list((tmp_path / "returned").iterdir())) == 1
    handle(many(3), lambda_context())
    assert (_counts(receipts[1]), len(sink.taken)) == ({"delivered": 3}, 3)
    assert "AKIA" not in log.getvalue() + "".join(capfd.readouterr())


def test_no_more_memory_while_encoding(tmp_path):
    """Row 47: an event for whose copy there was no memory comes again."""
    sink = Weak(encodes=[True])
    handle, receipts, _ = _with_sink(tmp_path, sink)
    handle(many(1), lambda_context())
    assert (_counts(receipts[0]), receipts[0].accounts["weak"].reasons) == ({"returned": 1}, {"returned:memory": 1})


SECRET_DOWN = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:nobody-there"


def test_the_keeper_of_the_hash_key_is_out_of_reach(tmp_path, monkeypatch):
    """Nothing can be redacted without the key; the same input may succeed later, so it is returned, not buried."""
    _away_from_aws(monkeypatch)
    with Deployment(tmp_path, ("honeycomb",), redaction={"key": SECRET_DOWN}) as deployed:
        deployed.invoke(many(3))
        assert deployed.stored["honeycomb"] == []
    assert fates(deployed, "honeycomb") == {"returned:secret_unreachable": 3}
    assert "nobody-there" not in deployed.log.getvalue()
    assert kept(deployed) == {"returned": 1}


def _away_from_aws(monkeypatch):
    """No credentials, no metadata service: what a function sees while Secrets Manager is down, at once."""
    for name, value in {
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_ACCESS_KEY_ID": "x",
        "AWS_SECRET_ACCESS_KEY": "x",
        "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
        "AWS_MAX_ATTEMPTS": "1",
        "AWS_CONFIG_FILE": "/dev/null",
        "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
    }.items():
        monkeypatch.setenv(name, value)


def test_the_keeper_of_a_sinks_key_is_out_of_reach(tmp_path, monkeypatch):
    """Row 14: without its key a sink gets nothing; everything is returned, and the key's name is in no log."""
    _away_from_aws(monkeypatch)
    settings = {"secret": SECRET_DOWN, "auth": "api_key"}
    with Deployment(tmp_path, settings=settings) as deployed:
        deployed.invoke(many(3), 4_000)
        assert deployed.servers["elasticsearch"].requests == []
    assert fates(deployed, "elasticsearch") == {"returned:secret_unavailable": 3}
    assert "nobody-there" not in deployed.log.getvalue()


def test_a_sinks_key_that_is_not_set(tmp_path):
    """A secret that nobody has set: everything is returned, and our log names the variable."""
    with Deployment(tmp_path, settings={"secret": "env:FAULTS_NOT_SET", "auth": "api_key"}) as deployed:
        deployed.invoke(many(3), 4_000)
        assert deployed.servers["elasticsearch"].requests == []
    assert fates(deployed, "elasticsearch") == {"returned:configuration:FAULTS_NOT_SET": 3}
    assert kept(deployed) == {"returned": 1}


@pytest.mark.parametrize("answer", [401, 403, 500, 400])
def test_a_sinks_key_is_never_shown(answer, tmp_path, monkeypatch, capfd):
    """Row 41: the key goes to its sink in a header, and into nothing that we write."""
    monkeypatch.setenv("FAULTS_API_KEY", "id-of-key:c4n4ryc4n4ryc4n4ry")
    encoded = "aWQtb2Yta2V5OmM0bjRyeWM0bjRyeWM0bjRyeQ=="
    settings = {"secret": "env:FAULTS_API_KEY", "auth": "api_key"}
    with Deployment(tmp_path, settings=settings, otherwise={"elasticsearch": status(answer)}) as deployed:
        deployed.invoke(many(3), 4_000)
        (header, *_) = {request.headers["authorization"] for request in deployed.servers["elasticsearch"].requests}
    assert header == f"ApiKey {encoded}"
    written = [file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()]
    everything = deployed.log.getvalue() + "".join(capfd.readouterr()) + b"".join(written).decode("latin-1")
    assert "c4n4ry" not in everything
    assert encoded not in everything


def test_the_store_is_out_of_reach_for_a_dead_letter(tmp_path):
    """Row 21: what cannot be buried is returned; and as that cannot be stored either, the invocation fails."""
    refuse = {"elasticsearch": status(400)}
    with Deployment(tmp_path, otherwise=refuse) as deployed:
        deployed.letters.write_text("not a folder")
        with pytest.raises(Transient, match=r"^store_unavailable"):
            deployed.invoke(lines(LOGIN))
    assert deployed.receipts() == []
