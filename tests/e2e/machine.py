"""What a run needs of the machine: programs, and a Python environment for the local AWS in which functions run."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from forwarders.building import lock, wheels
from tests.live import start_elasticsearch

from .failed import Missing

ROOT = Path(__file__).resolve().parents[2]
LOCAL_AWS = ("ministack", "boto3")
"""Lambda's own runtime brings boto3, so the environment in which functions run has it; nothing else of ours."""

OLDEST_TERRAFORM = "1.9"


def look() -> None:
    """Raises Missing, naming everything that has to be installed first."""
    lacking = []
    if shutil.which("terraform") is None:
        lacking.append(f"no terraform on PATH: {OLDEST_TERRAFORM} or newer applies the examples")
    try:
        start_elasticsearch.java()
    except start_elasticsearch.Missing as missing:
        lacking.append(str(missing))
    cache = Path(os.environ.get("LOGHARBOR_LIVE_CACHE", Path("/tmp/logharbor-live")))
    if shutil.which("mvn") is None and not any(cache.glob("elasticsearch-*")):
        lacking.append("no mvn on PATH: Maven fetches the live Elasticsearch")
    try:
        wheels.find_uv(ROOT)
    except wheels.BuildError as error:
        lacking.append(str(error))
    if lacking:
        raise Missing("; ".join(lacking))


def python() -> tuple[Path, str]:
    """The interpreter that functions run in, and its version: Lambda's, else the one that runs this."""
    for path in _candidates(wheels.PYTHON):
        if _version(path) == wheels.PYTHON:
            return path, wheels.PYTHON
    return Path(sys.executable), f"{sys.version_info[0]}.{sys.version_info[1]}"


def architecture() -> wheels.Architecture:
    """What functions have to be built for to run here."""
    return "arm64" if platform.machine() in ("aarch64", "arm64") else "x86_64"


def environment(interpreter: Path, version: str) -> Path:
    """A folder with the local AWS installed for `interpreter`, as uv.lock has it; made once and kept in .cache/."""
    locked = ROOT / "uv.lock"
    names = lock.closure(locked, LOCAL_AWS)
    uv = wheels.find_uv(ROOT)
    export = [*uv, "export", "--frozen", "--group", "e2e", "--no-emit-project", "--no-header", "--no-annotate", "-q"]
    wanted = lock.only(_run([*export, "--format", "requirements-txt"]), names)
    folder = ROOT / ".cache" / f"e2e-{version}"
    marker = folder / "installed.txt"
    if marker.exists() and marker.read_text() == wanted:
        return folder
    shutil.rmtree(folder, ignore_errors=True)
    _run([*uv, "venv", "-q", "--python", str(interpreter), str(folder)])
    unfinished = folder / "wanted.txt"
    unfinished.write_text(wanted)
    place = ["--python", str(folder / "bin" / "python")]
    _run([*uv, "pip", "install", "-q", "--no-deps", "--require-hashes", *place, "-r", str(unfinished)])
    unfinished.rename(marker)
    return folder


def _candidates(version: str) -> Iterator[Path]:
    found = shutil.which(f"python{version}")
    if found:
        yield Path(found)
    roots = [
        Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions",
        Path.home() / ".local/share/uv/python",
    ]
    for root in roots:
        yield from sorted(root.glob(f"*{version}.*/bin/python{version}"), reverse=True)
    yield from (Path(folder, f"python{version}") for folder in ("/usr/local/bin", "/usr/bin", "/opt/homebrew/bin"))


def _version(interpreter: Path) -> str:
    asked = "import sys; print('%d.%d' % sys.version_info[:2])"
    try:
        done = subprocess.run([interpreter, "-c", asked], capture_output=True, text=True, check=False, timeout=30)
    except OSError:
        return ""
    return done.stdout.strip()


def _run(command: list[str]) -> str:
    environ = {**os.environ, "UV_PYTHON_DOWNLOADS": "never"}
    done = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Missing(f"the local AWS could not be installed; uv says:\n{done.stderr.strip()[-1500:]}")
    return done.stdout
