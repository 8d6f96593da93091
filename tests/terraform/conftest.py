"""Terraform, where it is on the PATH, in a copy of the project's folders and without credentials."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from .mirror import cli_config
from .planned import Planned, read

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT / "tests" / "data" / "terraform"
REQUIRE = "LOGHARBOR_REQUIRE_TERRAFORM"
"""Set where Terraform must be there, as `.ci/run` does on a machine that has it: then nothing is skipped."""

Run = Callable[..., subprocess.CompletedProcess[str]]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What starts Terraform is `live`: one process does it once, where two workers would do it twice."""
    for item in items:
        if "terraform" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.live)


@pytest.fixture(scope="session")
def copied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What Terraform reads, in a temporary folder, because it writes beside it."""
    root = tmp_path_factory.mktemp("terraform")
    unwanted = shutil.ignore_patterns(".terraform", "*.tfstate*", ".terraform.lock.hcl", "build")
    for name in ("terraform", "examples", "filters"):
        shutil.copytree(ROOT / name, root / name, ignore=unwanted)
    shutil.copy(ROOT / "pipeline.yaml", root)
    shutil.copytree(DATA, root / "tests" / "data" / "terraform")
    return root


@pytest.fixture(scope="session")
def terraform(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Runs Terraform in a folder: `terraform(folder, "validate")`."""
    if shutil.which("terraform") is None:
        if os.environ.get(REQUIRE):
            pytest.fail("terraform is not on the PATH, and nothing may be skipped")
        pytest.skip("terraform is not on the PATH")
    settings = cli_config(tmp_path_factory.mktemp("terraform-home"))
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "TF_"))}
    environ |= {"TF_CLI_CONFIG_FILE": str(settings), "TF_IN_AUTOMATION": "1", "CHECKPOINT_DISABLE": "1"}

    def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["terraform", *arguments], cwd=folder, env=environ, capture_output=True, text=True, timeout=300, check=False
        )

    return run


@pytest.fixture(scope="session")
def root_module(copied: Path, terraform: Run) -> Path:
    """The root module, initialised; where no provider can be had, what needs it is skipped."""
    folder = copied / "terraform"
    done = terraform(folder, "init", "-backend=false", "-no-color")
    if done.returncode:
        if os.environ.get(REQUIRE) or "Failed to query available provider packages" not in done.stderr:
            pytest.fail(done.stdout + done.stderr)
        pytest.skip("no folder of the machine holds the AWS provider, and the registry cannot be reached")
    return folder


@pytest.fixture(scope="session")
def runs(root_module: Path, terraform: Run) -> dict[str, Planned]:
    """The runs of terraform/tests/, by name; one start of Terraform for all of them."""
    return read(terraform(root_module, "test", "-json", "-verbose").stdout)
