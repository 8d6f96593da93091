"""The server: where it listens, what it says, and how it ends."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from forwarders.errors import ConfigError
from forwarders.explorer.server import _listen, serve

SCRIPT = """
import sys
from forwarders.explorer import serve
serve(sys.argv[1], port=0, ready=lambda url: print(url, flush=True))
"""


def test_it_answers_on_this_machine_until_ctrl_c(landed: Path) -> None:
    """It says its address once it answers; Ctrl-C ends it with nothing on standard error."""
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(landed)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    url = process.stdout.readline().strip()
    try:
        assert url.startswith("http://127.0.0.1:")
        page = urllib.request.urlopen(url, timeout=30).read().decode()
        assert "What landed" in page
    finally:
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=30)
    assert errors == ""
    assert process.returncode == 0


def test_a_port_that_is_taken_makes_it_try_the_next() -> None:
    """Two explorers side by side do not need a flag."""
    with _listen("127.0.0.1", 0) as first:
        taken = first.getsockname()[1]
        with _listen("127.0.0.1", taken) as second:
            assert taken < second.getsockname()[1] < taken + 20


def test_no_port_at_all_is_an_error() -> None:
    """It says which ports it tried."""
    holders = []
    try:
        holder = socket.create_server(("127.0.0.1", 65_535))
        holders.append(holder)
        with pytest.raises(ConfigError, match="65535 to 65535 all taken"):
            _listen("127.0.0.1", 65_535)
    finally:
        for holder in holders:
            holder.close()


def test_an_address_that_is_not_here_is_an_error() -> None:
    """A host that this machine does not have is named."""
    with pytest.raises(ConfigError, match=r"192\.0\.2\.1"):
        _listen("192.0.2.1", 0)


def test_without_the_extra_it_says_what_to_install(landed: Path) -> None:
    """A plain `pip install logharbor` has no Datasette; the error names the extra."""
    code = f"""
import sys
sys.modules["datasette"] = None
from forwarders.errors import ConfigError
from forwarders.explorer import serve
try:
    serve({str(landed)!r})
except ConfigError as error:
    print(error)
"""
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "pip install 'logharbor[explore]'" in found.stdout


def test_a_file_that_is_none_is_an_error(tmp_path: Path) -> None:
    """Nothing is served for a path with a typing error."""
    with pytest.raises(ConfigError, match=r"lgos\.db"):
        serve(tmp_path / "lgos.db")
