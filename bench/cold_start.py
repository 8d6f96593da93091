"""Cold start: the handler and its first event in a fresh process, against importing the native libraries alone."""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

from bench.scripted import answer_to
from bench.workloads import login, payload
from forwarders import bundle
from forwarders.config import from_plain
from forwarders.contracts.load import read_folder

RUNS = 15
IMPORTS = "import aws_lambda_powertools.logging, urllib3, orjson, msgspec, isal.isal_zlib, jsonschema_rs"
HANDLER = """
import json, sys
from forwarders.handlers import forward
class Context:
    invoked_function_arn = "arn:aws:lambda:eu-west-1:123456789012:function:f"
    function_name = memory_limit_in_mb = function_arn = aws_request_id = "x"
    def get_remaining_time_in_millis(self): return 60000
forward.handle(json.load(open(sys.argv[1])), Context())
heavy = {"boto3", "elasticsearch", "jsonschema", "opentelemetry"} & set(sys.modules)
print(json.dumps(sorted(heavy)), file=open(sys.argv[2], "w"))
"""


def cold_start() -> dict[str, Any]:
    """CPU ms of both, as medians of runs in turn, and which heavy modules the handler has loaded."""
    server = HTTPServer(("127.0.0.1", 0), _Elasticsearch)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with tempfile.TemporaryDirectory() as folder:
        arguments, heavy_file = _prepare(Path(folder), server.server_port)
        pairs = [(_cpu_ms(IMPORTS, [], {}), _cpu_ms(HANDLER, *arguments)) for _ in range(RUNS + 1)][1:]
        heavy = json.loads(heavy_file.read_text())
    return {
        "cpu_ms": round(statistics.median(ours for _, ours in pairs), 1),
        "imports_ms": round(statistics.median(least for least, _ in pairs), 1),
        "ratio": round(statistics.median(ours / least for least, ours in pairs), 3),
        "heavy_modules": heavy,
    }


def _prepare(folder: Path, port: int) -> tuple[tuple[list[str], dict[str, str]], Path]:
    config = {
        "environment": "prod",
        "dead_letters": str(folder / "letters"),
        "sinks": {"out": {"type": "elasticsearch", "endpoint": f"http://127.0.0.1:{port}", "auth": "none"}},
    }
    contracts = read_folder(Path(__file__).parent.parent / "schemas")
    (folder / "bundle.json").write_bytes(bundle.build(from_plain(config, "bench"), contracts))
    (folder / "event.json").write_text(json.dumps(payload(login, 1)))
    heavy = folder / "heavy.json"
    return ([str(folder / "event.json"), str(heavy)], {"LOGHARBOR_BUNDLE": str(folder / "bundle.json")}), heavy


class _Elasticsearch(BaseHTTPRequestHandler):
    """Answers every `_bulk` as a healthy cluster does; it runs in the parent, whose time is not counted."""

    def do_POST(self) -> None:
        body = answer_to(self.rfile.read(int(self.headers["content-length"])))
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


def _cpu_ms(program: str, arguments: list[str], environ: dict[str, str]) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(
        [sys.executable, "-c", program, *arguments],
        check=True,
        stdout=subprocess.DEVNULL,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "", **environ},
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime) * 1000
