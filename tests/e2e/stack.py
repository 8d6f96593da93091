"""The local AWS, Elasticsearch, Kibana and Honeycomb: started, and clients that can reach nothing else."""

from __future__ import annotations

import ipaddress
import json
import os
import socket
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.terraform.mirror import cli_config

from .children import Children, tail
from .failed import Failed
from .machine import ROOT

ACCOUNT, REGION = "111122223333", "us-east-1"
"""Those of the secrets in the examples' pipeline.yaml."""

START_S = 120.0
_NOBODY = {
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "AWS_EC2_METADATA_DISABLED": "true",
}


@dataclass(frozen=True)
class Stack:
    """Addresses of what runs, and the folder that its logs are in."""

    aws: str
    elasticsearch: str
    kibana: str
    honeycomb: str
    folder: Path
    clients: dict[str, Any] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def logs(self) -> Path:
        """The folder of all logs."""
        return self.folder / "logs"

    def client(self, service: str) -> Any:
        """A client of the local AWS. Raises Failed for an address that is not this machine's."""
        import boto3
        from botocore.config import Config

        told = Config(retries={"total_max_attempts": 3}, s3={"addressing_style": "path"}, read_timeout=120)
        with self.lock:
            if service not in self.clients:
                self.clients[service] = boto3.client(  # type: ignore[call-overload]
                    service, endpoint_url=loopback(self.aws), region_name=REGION, config=told,
                    aws_access_key_id="test", aws_secret_access_key="test",
                )  # fmt: skip
            return self.clients[service]

    def search(self, method: str, path: str, body: Any = None) -> Any:
        """What Elasticsearch answers."""
        return ask(method, f"{self.elasticsearch}/{path}", body)


def isolate() -> None:
    """This process, and what it starts, knows nobody's credentials, configuration or proxy."""
    for name in [name for name in os.environ if name.startswith(("AWS_", "TF_VAR_", "TF_CLI_", "TF_DATA_"))]:
        del os.environ[name]
    os.environ.update(no_proxy() | _NOBODY)


def environ(aws: str, folder: Path, given: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The environment of Terraform: nobody's credentials, configuration or variables."""
    kept = {name: value for name, value in given.items() if not name.startswith(("AWS_", "TF_"))}
    return kept | no_proxy() | _NOBODY | {
        "AWS_ENDPOINT_URL": loopback(aws),
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": REGION,
        "TF_CLI_CONFIG_FILE": str(folder / "terraform.rc"),
        "TF_IN_AUTOMATION": "1",
        "CHECKPOINT_DISABLE": "1",
    }  # fmt: skip


def ask(method: str, url: str, body: Any = None) -> Any:
    """The JSON that a server of this machine answers."""
    content = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(loopback(url), content, {"content-type": "application/json"}, method=method)
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=30) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        raise Failed(f"{method} {url} was refused", f"{error.code} {error.read()[:500]!r}") from None


def loopback(url: str) -> str:
    """The address, if it is this machine's. Raises Failed: a real account must never be reached."""
    host = urlsplit(url).hostname or ""
    try:
        own = ipaddress.ip_address(host).is_loopback
    except ValueError:
        own = host == "localhost"
    if not own:
        raise Failed(f"{url} is not an address of this machine, and nothing else is touched")
    return url


def begin(folder: Path, functions: Path, children: Children) -> str:
    """All of it is starting; gives the address of the local AWS, in whose environment `functions` functions run."""
    (folder / "logs").mkdir()
    cli_config(folder)
    port = free_port()
    local = {name: folder / "aws" / name for name in ("tmp", "state", "s3", "home")}
    for path in local.values():
        path.mkdir(parents=True)
    environ = no_proxy() | {
        "PATH": f"{functions / 'bin'}:{os.environ['PATH']}",
        "HOME": str(local["home"]),
        "TMPDIR": str(local["tmp"]),
        "STATE_DIR": str(local["state"]),
        "S3_DATA_DIR": str(local["s3"]),
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "MINISTACK_ACCOUNT_ID": ACCOUNT,
        "MINISTACK_REGION": REGION,
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    log = folder / "logs" / "local-aws.log"
    children.serve("local AWS", [str(functions / "bin" / "ministack")], log, environ, folder)
    _start_sinks(folder, children)
    return f"http://127.0.0.1:{port}"


def wait(folder: Path, aws: str) -> Stack:
    """All of it is up. Raises Failed when it does not come."""
    log = folder / "logs" / "local-aws.log"
    elasticsearch = _told(folder / "elasticsearch.url", folder / "logs" / "elasticsearch-start.log")
    scripted = json.loads(_told(folder / "scripted.json", folder / "logs" / "scripted.log"))
    stack = Stack(aws, elasticsearch, scripted["kibana"], scripted["honeycomb"], folder)
    _wait_for_aws(aws, log)
    found = stack.client("sts").get_caller_identity()["Account"]
    if found != ACCOUNT:
        raise Failed("the local AWS has another account than the examples", found, ACCOUNT, (log,))
    return stack


def no_proxy() -> dict[str, str]:
    """For processes that talk to this machine: no proxy in between."""
    return {"NO_PROXY": "127.0.0.1,localhost", "no_proxy": "127.0.0.1,localhost"}


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _start_sinks(folder: Path, children: Children) -> None:
    import sys

    own = folder / "elasticsearch"
    own.mkdir()
    # The cache stays where the live tests have it; everything else goes with the folder of this run.
    cache = os.environ.get("LOGHARBOR_LIVE_CACHE", str(Path(tempfile.gettempdir()) / "logharbor-live"))
    environ = {**os.environ, "TMPDIR": str(own), "LOGHARBOR_LIVE_CACHE": cache, "PYTHONPATH": str(ROOT)}
    logs = folder / "logs"
    children.serve(
        "Elasticsearch",
        [sys.executable, "-m", "tests.e2e.cluster", str(folder / "elasticsearch.url"), str(logs / "elasticsearch.log")],
        logs / "elasticsearch-start.log", environ, ROOT,
    )  # fmt: skip
    children.serve(
        "Kibana and Honeycomb",
        [sys.executable, "-m", "tests.e2e.scripted", str(folder / "scripted.json")],
        logs / "scripted.log", environ, ROOT,
    )  # fmt: skip


def _told(file: Path, log: Path) -> str:
    ends = time.monotonic() + START_S
    while not file.exists():
        if time.monotonic() > ends or (log.exists() and "Traceback" in log.read_text("utf-8", "replace")):
            raise Failed(f"{file.stem} did not start", tail(log), f"its address in {START_S:.0f} s", (log,))
        time.sleep(0.1)
    return file.read_text()


def _wait_for_aws(url: str, log: Path) -> None:
    ends = time.monotonic() + START_S
    while True:
        try:
            with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(
                f"{url}/_ministack/health", timeout=2
            ):
                return
        except OSError:
            if time.monotonic() > ends:
                raise Failed("the local AWS did not start", tail(log), url, (log,)) from None
            time.sleep(0.1)
