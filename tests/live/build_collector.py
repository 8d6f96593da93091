"""A real OpenTelemetry Collector, built from its sources: OTLP in, a file and the debug log out.

`go install` fetches its builder and the builder its parts, about 90 s; kept beside the Elasticsearch cache. It is built
only where LOGHARBOR_COLLECTOR=1 asks for it and Go is there.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

VERSION, PROVIDERS = "0.145.0", "1.51.0"
START_SECONDS = 30

MANIFEST = f"""
dist:
  name: collector
  output_path: {{output}}
  otelcol_version: {VERSION}
receivers:
  - gomod: go.opentelemetry.io/collector/receiver/otlpreceiver v{VERSION}
exporters:
  - gomod: go.opentelemetry.io/collector/exporter/debugexporter v{VERSION}
  - gomod: github.com/open-telemetry/opentelemetry-collector-contrib/exporter/fileexporter v{VERSION}
providers:
  - gomod: go.opentelemetry.io/collector/confmap/provider/fileprovider v{PROVIDERS}
  - gomod: go.opentelemetry.io/collector/confmap/provider/envprovider v{PROVIDERS}
"""

CONFIG = """
receivers:
  otlp:
    protocols:
      http:
        endpoint: 127.0.0.1:${env:PORT}
exporters:
  debug: {}
  file:
    path: ${env:OUT}
    flush_interval: 100ms
service:
  telemetry:
    metrics:
      level: none
  pipelines:
    metrics:
      receivers: [otlp]
      exporters: [file, debug]
"""


class Missing(Exception):
    """The collector cannot be had here; says why."""


def binary() -> Path:
    """The collector, built now if it is not in the cache. Raises Missing where that is not asked for or fails."""
    cache = Path(os.environ.get("LOGHARBOR_LIVE_CACHE", Path(tempfile.gettempdir()) / "logharbor-live"))
    built = cache / f"collector-{VERSION}" / "collector"
    if os.environ.get("LOGHARBOR_COLLECTOR") != "1":
        raise Missing("LOGHARBOR_COLLECTOR=1 does not ask for a real OpenTelemetry Collector")
    if built.is_file():
        return built
    go = shutil.which("go")
    if go is None:
        raise Missing("there is no Go here to build an OpenTelemetry Collector with")
    built.parent.mkdir(parents=True, exist_ok=True)
    tools = built.parent / "tools"
    manifest = built.parent / "manifest.yaml"
    manifest.write_text(MANIFEST.format(output=built.parent))
    _run([go, "install", f"go.opentelemetry.io/collector/cmd/builder@v{VERSION}"], {"GOBIN": str(tools)})
    _run([str(tools / "builder"), f"--config={manifest}"], {})
    return built


@contextlib.contextmanager
def running(folder: Path) -> Iterator[tuple[str, Path]]:
    """The endpoint for metrics of a running collector, and the file that it writes what it took into."""
    program = binary()
    config, out = folder / "collector.yaml", folder / "metrics.json"
    config.write_text(CONFIG)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = (folder / "collector.log").open("w")
    with (
        log,
        subprocess.Popen(
            [str(program), f"--config={config}"],
            env={**os.environ, "PORT": str(port), "OUT": str(out)},
            stdout=log,
            stderr=subprocess.STDOUT,
        ) as process,
    ):
        try:
            _wait(f"http://127.0.0.1:{port}/v1/metrics", process, folder / "collector.log")
            yield f"http://127.0.0.1:{port}/v1/metrics", out
        finally:
            process.terminate()
            process.wait(START_SECONDS)


def _wait(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    ends = time.monotonic() + START_SECONDS
    while time.monotonic() < ends and process.poll() is None:
        try:
            urllib.request.urlopen(url, timeout=1).close()
        except urllib.error.HTTPError:  # it answers: a GET is not what it takes
            return
        except OSError:
            time.sleep(0.1)
    raise Missing(f"the collector did not start: {log.read_text()[-500:]}")


def _run(command: list[str], environ: dict[str, str]) -> None:
    done = subprocess.run(command, env={**os.environ, **environ}, capture_output=True, text=True)
    if done.returncode:
        raise Missing(f"{command[0]} failed: {done.stderr[-500:]}")
