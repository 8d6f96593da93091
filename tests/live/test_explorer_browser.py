"""The explorer in a real browser: pages render, and the chart of a question is drawn without a click."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from forwarders.model import Contract, Event, Kind, Origin, Verdict
from forwarders.sinks import Copies
from forwarders.sinks.sqlite import SqliteSink

pytestmark = pytest.mark.live

LOGIN = Contract(
    "user.login.success", 1, "1.0.0", "team-identity", "user", schema={"x-event": {"views": {"groupBy": ["method"]}}}
)
SCRIPT = """
import sys
from forwarders.explorer import serve
from forwarders.model import Contract
views = {"x-event": {"views": {"groupBy": ["method"]}}}
login = Contract("user.login.success", 1, "1.0.0", "team-identity", "user", schema=views)
serve(sys.argv[1], [login], port=0, ready=lambda url: print(url, flush=True))
"""
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--virtual-time-budget=15000",
)


@pytest.fixture(scope="module")
def chromium() -> str:
    found = next(
        (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), ""
    )
    missing = "no Chromium on PATH (Debian: apt-get install chromium)" if not found else ""
    if importlib.util.find_spec("datasette") is None:
        missing = "the extra `explore` is not installed"
    if missing and os.environ.get("LOGHARBOR_REQUIRE_LIVE") == "1":
        pytest.fail(missing)
    if missing:
        pytest.skip(missing)
    return found


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    path = tmp_path_factory.mktemp("browser") / "logs.db"
    sink = SqliteSink("sqlite", str(path), Copies(lambda contract: None, str, str))
    sink.prepare([LOGIN], lambda contract: [(("user",), "string"), (("method",), "string")])
    encode = sink.encoder(Kind(Origin("file", "f", path="/app.log"), LOGIN, Verdict.VALID, "user", "demo"))
    ids = [f"{n:032x}" for n in range(300)]
    texts = [f'{{"user":"u{n}","method":"{("password", "sso", "webauthn")[n % 3]}"}}' for n in range(300)]
    events = [
        Event(id, 1_793_520_000_000 + n * 60_000, LOGIN.name, text, {}, LOGIN, Verdict.VALID)
        for n, (id, text) in enumerate(zip(ids, texts, strict=True))
    ]
    sink.ship([encode(event) for event in events], ids, lambda: 60.0)
    sink.close()
    process = subprocess.Popen([sys.executable, "-c", SCRIPT, str(path)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    yield process.stdout.readline().strip()
    process.terminate()
    process.wait(timeout=30)


def page(chromium: str, url: str, profile: Path) -> str:
    """The document as it is after its scripts have run."""
    command = [chromium, *FLAGS, f"--user-data-dir={profile}", "--dump-dom", url]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout


def test_the_first_page_renders(chromium: str, url: str, tmp_path: Path) -> None:
    """Numbers and the chart over time are there."""
    dom = page(chromium, url, tmp_path)
    assert '<span class="figure">300</span> events' in dom
    assert dom.count('<rect class="valid"') > 50


def test_a_questions_chart_is_drawn_without_a_click(chromium: str, url: str, tmp_path: Path) -> None:
    """A typed address, without any fragment, opens with its chart: one colour for each method."""
    dom = page(chromium, f"{url}logs/user_login_success_by_method", tmp_path)
    assert "Charting options" in dom
    assert re.search(r'<canvas[^>]+class="marks"|<svg[^>]+class="marks"', dom)
    assert re.search(r'<option value="method" selected|name="color_column"', dom)
