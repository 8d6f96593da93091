"""Starts a real Elasticsearch from Maven Central for the live tests; run as a script it stays up until Ctrl-C.

The integ-test build is the core server without modules: enough for bulk, data streams, templates, lifecycle, search.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import zipfile
from collections.abc import Iterator
from pathlib import Path

VERSION = "8.19.21"
ARTIFACT = f"org.elasticsearch.distribution.integ-test-zip:elasticsearch:{VERSION}:zip"
COPY = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy"
OLDEST_JAVA = 17
NOBODY = 65534
START_SECONDS = 120


class Missing(Exception):
    """What has to be installed before a server can be started."""


def java() -> str:
    """The path of a Java that is new enough, from JAVA_HOME, else from PATH."""
    home = os.environ.get("JAVA_HOME")
    found = str(Path(home, "bin", "java")) if home else shutil.which("java")
    if not found or not Path(found).exists():
        raise Missing(f"no java on PATH: a JDK {OLDEST_JAVA} or newer starts the live Elasticsearch")
    answer = subprocess.run([found, "-version"], capture_output=True, text=True, check=False)
    version = re.search(r'version "(\d+)', answer.stderr)
    if not version or int(version[1]) < OLDEST_JAVA:
        raise Missing(f"java is {version[1] if version else 'of unknown version'}, {OLDEST_JAVA} or newer is needed")
    return found


def unpacked() -> Path:
    """The server's folder; the first call fetches 107 MB with Maven and unpacks it, later ones find it there.

    A folder under the system's temporary one, because the server runs as a user that may not look into root's home.
    """
    cache = Path(os.environ.get("LOGHARBOR_LIVE_CACHE", Path(tempfile.gettempdir()) / "logharbor-live"))
    home = cache / f"elasticsearch-{VERSION}"
    if home.is_dir():
        return home
    maven = shutil.which("mvn")
    if not maven:
        raise Missing("no mvn on PATH: Maven fetches the live Elasticsearch")
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache) as folder:
        command = [maven, "-q", "-B", COPY, f"-Dartifact={ARTIFACT}", f"-DoutputDirectory={folder}"]
        answer = subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder)
        archive = Path(folder, f"elasticsearch-{VERSION}.zip")
        if not archive.exists():
            raise Missing(f"Maven could not fetch {ARTIFACT}: {(answer.stdout + answer.stderr).strip()[-500:]}")
        with zipfile.ZipFile(archive) as zipped:
            zipped.extractall(folder)
        Path(folder).chmod(0o755)
        # Another run may have been faster; then its copy is as good.
        with contextlib.suppress(OSError):
            Path(folder, home.name).rename(home)
    return home


@contextlib.contextmanager
def running() -> Iterator[str]:
    """A single node without security that lives as long as the block; gives its URL."""
    home, java_path = unpacked(), java()
    port = _free_port()
    with tempfile.TemporaryDirectory(prefix="logharbor-es-") as folder:
        state = Path(folder)
        _configure(home, state, port)
        process = _start(home, state, java_path)
        try:
            yield _wait(f"http://127.0.0.1:{port}", process, state)
        finally:
            process.terminate()
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _configure(home: Path, state: Path, port: int) -> None:
    config = state / "config"
    shutil.copytree(home / "config", config)
    for name in ("data", "logs", "tmp"):
        (state / name).mkdir()
    settings = {
        "cluster.name": "logharbor-live",
        "discovery.type": "single-node",
        "http.port": port,
        "network.host": "127.0.0.1",
        "transport.port": _free_port(),
        "path.data": state / "data",
        "path.logs": state / "logs",
        "xpack.security.enabled": "false",
        "cluster.routing.allocation.disk.threshold_enabled": "false",
    }
    (config / "elasticsearch.yml").write_text("".join(f"{key}: {value}\n" for key, value in settings.items()))
    # The archive's own file writes garbage collection logs beside the server, where its user may not write.
    options = ("-Xms512m", "-Xmx512m", "-XX:+UseSerialGC", f"-Djava.io.tmpdir={state / 'tmp'}")
    (config / "jvm.options").write_text("".join(f"{option}\n" for option in options))
    (config / "log4j2.properties").write_text(
        "status = error\nappender.console.type = Console\nappender.console.name = console\n"
        "appender.console.layout.type = PatternLayout\nappender.console.layout.pattern = [%d][%p][%c] %m%n\n"
        "rootLogger.level = info\nrootLogger.appenderRef.console.ref = console\n"
    )
    if os.geteuid() == 0:
        for path in [state, *state.rglob("*")]:
            os.chown(path, NOBODY, NOBODY)


def _start(home: Path, state: Path, java_path: str) -> subprocess.Popen[bytes]:
    environment = {
        "PATH": os.environ["PATH"],
        "ES_JAVA_HOME": str(Path(java_path).resolve().parent.parent),
        "ES_PATH_CONF": str(state / "config"),
        "ES_TMPDIR": str(state / "tmp"),
        "HOME": str(state),
    }
    output = (state / "output.log").open("wb")
    command = ["/bin/bash", str(home / "bin" / "elasticsearch")]
    if os.geteuid() == 0:  # Elasticsearch refuses to run as root.
        return subprocess.Popen(
            command, env=environment, cwd=state, stdout=output, stderr=subprocess.STDOUT,
            user=NOBODY, group=NOBODY, extra_groups=[],
        )  # fmt: skip
    return subprocess.Popen(command, env=environment, cwd=state, stdout=output, stderr=subprocess.STDOUT)


def _wait(url: str, process: subprocess.Popen[bytes], state: Path) -> str:
    ends = time.monotonic() + START_SECONDS
    while time.monotonic() < ends:
        if process.poll() is not None:
            break
        try:
            with urllib.request.urlopen(f"{url}/_cluster/health?wait_for_status=yellow&timeout=1s", timeout=5):
                return url
        except (urllib.error.URLError, OSError):
            time.sleep(0.25)
    log = (state / "output.log").read_text("utf-8", "replace")[-3000:]
    raise RuntimeError(f"Elasticsearch did not start within {START_SECONDS} s; its last words:\n{log}")


if __name__ == "__main__":
    with running() as address:
        print(f"{address} is up; Ctrl-C ends it", flush=True)
        with contextlib.suppress(KeyboardInterrupt):
            while True:
                time.sleep(3600)
    sys.exit(0)
