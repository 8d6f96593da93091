"""What `make e2e` refuses, and what it reads; the run itself is `make e2e`."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from .asserted import DATA, known_drift
from .failed import Failed
from .landing import at, read
from .machine import ROOT
from .stack import Stack, environ, loopback

ELSEWHERE = [
    "https://sts.amazonaws.com",
    "http://10.0.0.5:4566",
    "http://localhost.example:4566",
    "http://[2001:db8::1]/",
    "",
]


@pytest.mark.parametrize("url", ELSEWHERE)
def test_an_address_that_is_not_this_machines_is_refused(url: str) -> None:
    """A person's real account is never reached, by a client or by Terraform."""
    with pytest.raises(Failed, match="not an address of this machine"):
        Stack(url, "", "", "", Path()).client("sts")
    with pytest.raises(Failed, match="not an address of this machine"):
        environ(url, Path())


def test_addresses_of_this_machine_are_taken() -> None:
    """The local AWS may listen on any of them."""
    urls = ["http://127.0.0.1:4566", "http://localhost:4566", "http://[::1]:4566", "http://127.1.2.3"]
    assert [loopback(url) for url in urls] == urls


def test_terraform_gets_nobodys_credentials(tmp_path: Path) -> None:
    """Whatever the person who runs it is signed in as."""
    names = ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL_LAMBDA", "TF_VAR_force_destroy", "AWS_REGION")
    given = environ("http://127.0.0.1:4566", tmp_path, dict.fromkeys(names, "theirs"))
    assert {name: value for name, value in given.items() if name.startswith(("AWS_", "TF_"))} == {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_ENDPOINT_URL": "http://127.0.0.1:4566",
        "AWS_REGION": "us-east-1",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "TF_CLI_CONFIG_FILE": str(tmp_path / "terraform.rc"),
        "TF_IN_AUTOMATION": "1",
    }


def test_what_has_to_be_installed_is_said_at_once() -> None:
    """Exit code 2, and a sentence for each program."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.e2e"], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False,
        env={"PATH": "", "HOME": os.environ.get("HOME", "/"), "LOGHARBOR_LIVE_CACHE": "/nowhere"},
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (2, "")
    assert "no terraform on PATH" in done.stderr
    assert "no java on PATH" in done.stderr


def test_the_lines_and_the_stand_ins_drift_can_be_read() -> None:
    """Lines for both examples; every drift with its reason."""
    lines = read(DATA / "lines.jsonl")
    assert {line.example for line in lines} == {"smallest", "production"}
    assert all(drift.why and drift.attributes for drift in known_drift())


def test_a_path_finds_names_with_dots_too() -> None:
    """Documents have both forms."""
    document = {"a": {"b.c": {"d": 1}}, "e.f": 2}
    assert [at(document, path) for path in ("a.b.c.d", "e.f", "a.x", "a.b.c")] == [1, 2, None, {"d": 1}]
