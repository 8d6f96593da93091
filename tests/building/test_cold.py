"""The real build, run as Lambda would: Python 3.13, the unpacked zips, and nothing else on sys.path."""

from __future__ import annotations

import contextlib
import json
import os
import platform
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from forwarders import bundle
from forwarders.building import wheels
from forwarders.building.build import Manifest, Plan, build
from forwarders.config import from_plain
from forwarders.contracts.load import read_folder
from forwarders.testing import ScriptedServer, cloudwatch_event, elasticsearch, kinesis_event

pytestmark = pytest.mark.live

ROOT = Path(__file__).parents[2]
LOGIN = {"timestamp": 1493214552, "event": "user.login.success", "user": "ryansb", "method": "totp-2fa"}
HERE = "arm64" if platform.machine() in ("aarch64", "arm64") else "x86_64"
HEAVY = ["boto3", "elasticsearch", "jsonschema", "opentelemetry", "yaml", "rich", "click", "jinja2", "re2", "zstandard"]

PROGRAM = """
import importlib, json, sys, time
sys.path[:0] = [sys.argv[1] + "/task", sys.argv[1] + "/opt/python"]
class Context:
    invoked_function_arn = "arn:aws:lambda:eu-central-1:123456789012:function:logharbor:live"
    def get_remaining_time_in_millis(self):
        return 30_000
handle = importlib.import_module("forwarders.handlers.forward").handle
answers = [handle(event, Context()) for event in json.load(sys.stdin)]
tops = {name.partition(".")[0] for name in sys.modules}
print(json.dumps({"answers": answers, "heavy": sorted(set(sys.argv[2:]) & tops)}))
"""


def _skip(reason: str) -> None:
    if os.environ.get("LOGHARBOR_REQUIRE_LIVE") == "1":
        pytest.fail(f"LOGHARBOR_REQUIRE_LIVE=1 and {reason}")
    pytest.skip(reason)


@pytest.fixture(scope="module")
def python() -> str:
    """A Python 3.13 of this machine: on the PATH, or one of pyenv's."""
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    candidates = [sys.executable, "python3.13", *map(str, sorted(pyenv.glob("versions/3.13*/bin/python3.13")))]
    for candidate in candidates:
        with contextlib.suppress(OSError):
            done = subprocess.run([candidate, "-V"], capture_output=True, text=True, check=False)
            if done.stdout.startswith(f"Python {wheels.PYTHON}."):
                return candidate
    _skip(f"no Python {wheels.PYTHON} here")
    raise AssertionError


@pytest.fixture(scope="module")
def make(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, str], tuple[Path, Manifest]]:
    """A real build of forward and layer, whose sink is the Elasticsearch at a URL."""

    root = tmp_path_factory.mktemp("checkout")
    shutil.copytree(ROOT / "forwarders", root / "forwarders", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("uv.lock", "pyproject.toml", "README.md"):
        shutil.copy(ROOT / name, root)

    def made(url: str, architecture: str) -> tuple[Path, Manifest]:
        sink = {"type": "elasticsearch", "endpoint": url, "auth": "none"}
        plain = {"environment": "test", "dead_letters": "/nowhere", "sinks": {"search": sink}}
        body = bundle.build(from_plain(plain, "pipeline.yaml"), read_folder(ROOT / "schemas"))
        out = tmp_path_factory.mktemp("build")
        try:
            plan = Plan(out, ROOT / "pipeline.yaml", architecture, ("forward", "layer"))  # type: ignore[arg-type]
            return out, build(plan, lambda: body, package=root / "forwarders")
        except wheels.BuildError as error:
            _skip(f"the packages cannot be had: {error}")
            raise

    return made


def test_the_zip_runs_in_a_python_that_has_nothing_else(make, python, tmp_path) -> None:
    """A subscription's payload and a stream's land; the answer is what AWS reads; nothing heavy was imported."""
    documents: dict[str, dict[str, object]] = {}
    with ScriptedServer(otherwise=elasticsearch(documents)) as server:
        out, manifest = make(server.url, HERE)
        for name, place in (("forward.zip", "task"), ("contracts-layer.zip", "opt")):
            with zipfile.ZipFile(out / name) as packed:
                packed.extractall(tmp_path / place)
        line = json.dumps(LOGIN)
        events = [cloudwatch_event([line]), kinesis_event([line.encode()])]
        command = [python, "-I", "-S", "-B", "-c", PROGRAM, str(tmp_path), *HEAVY]
        done = subprocess.run(command, input=json.dumps(events), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout.splitlines()[-1])
    assert said == {"answers": [None, {"batchItemFailures": []}], "heavy": []}
    assert [document["data"] for document in documents.values()] == [LOGIN, LOGIN]
    unpacked = sum(path.stat().st_size for path in (tmp_path / "task").rglob("*") if path.is_file())
    assert unpacked == manifest.functions["forward"].unzipped_bytes


def test_both_architectures_have_the_same_versions_and_other_libraries(make) -> None:
    """What uv fetches for the one is not what it fetches for the other; our own modules are the same."""
    out, arm = make("https://search.example", "arm64")
    _, intel = make("https://search.example", "x86_64")
    assert arm.functions["forward"].packages == intel.functions["forward"].packages
    assert arm.functions["forward"].sha256 != intel.functions["forward"].sha256
    assert arm.layers == intel.layers
    with zipfile.ZipFile(out / "forward.zip") as packed:
        libraries = [name for name in packed.namelist() if ".so" in name]
        assert {packed.read(name)[18:20] for name in libraries} == {b"\xb7\x00"}
    again, _ = make("https://search.example", "arm64")
    assert (again / "forward.zip").read_bytes() == (out / "forward.zip").read_bytes()
