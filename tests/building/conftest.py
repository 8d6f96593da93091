"""A small checkout, and an installer that needs no registry."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from forwarders.building.contents import FUNCTIONS, OTLP
from forwarders.building.wheels import Architecture

ROOTS = sorted({*FUNCTIONS["forward"].packages, *FUNCTIONS["prepare"].packages, *OTLP})
MACHINES = {"arm64": b"\xb7\x00", "x86_64": b"\x3e\x00"}

Installer = Callable[..., Callable[[Path, Architecture, set[str], Path], None]]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout whose lock has every package at 1.0; urllib3 needs `inner`, which nothing else does."""
    root = tmp_path / "checkout"
    package = root / "forwarders"
    (package / "handlers").mkdir(parents=True)
    (package / "cli").mkdir()
    for name in ("__init__.py", "plan.py", "handlers/__init__.py", "handlers/forward.py", "cli/run.py"):
        (package / name).write_text(f"# {name}\n")
    entries = [
        f'[[package]]\nname = "{name}"\nversion = "1.0"\n'
        + ('dependencies = [{ name = "inner", marker = "x" }]\n' if name == "urllib3" else "")
        for name in [*ROOTS, "inner", "unasked"]
    ]
    (root / "uv.lock").write_text("version = 1\n" + "\n".join(entries))
    (root / "pyproject.toml").write_text("")
    (root / "pipeline.yaml").write_text("version: 1\n")
    return root


@pytest.fixture
def installer() -> Installer:
    """Makes an installer of packages with one module, a library and metadata each; `changed` are other versions."""

    def make(changed: dict[str, str] | None = None, machine: str = "", leave: str = ""):
        def install(root: Path, architecture: Architecture, names: set[str], target: Path) -> None:
            for name in sorted(names | set(changed or {})):
                if name == leave:
                    continue
                module = name.replace("-", "_")
                version = (changed or {}).get(name, "1.0")
                info = target / f"{module}-{version}.dist-info"
                info.mkdir()
                (info / "METADATA").write_text(f"Metadata-Version: 2.4\nName: {module}\nVersion: {version}\n\nText")
                (info / "RECORD").write_text("")
                (target / f"{module}.py").write_text(name)
                elf = b"\x7fELF" + bytes(14) + MACHINES[machine or architecture]
                (target / f"{module}.abi3.so").write_bytes(elf)

        return install

    return make
