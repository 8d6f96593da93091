"""The locked packages as files, for the platform that Lambda has: uv fetches wheels and checks their hashes.

The registry is the one that uv is configured for; nothing here names one.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from email.parser import BytesParser
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Literal

from forwarders.building import lock
from forwarders.errors import LogharborError

PYTHON = "3.13"
Architecture = Literal["arm64", "x86_64"]

PLATFORMS: Mapping[Architecture, str] = {
    "arm64": "aarch64-manylinux_2_28",
    "x86_64": "x86_64-manylinux_2_28",
}
"""Lambda's python3.13 runs on Amazon Linux 2023, glibc 2.34. jsonschema-rs has no older wheel for arm64."""

_ELF_MACHINES: Mapping[Architecture, bytes] = {"arm64": b"\xb7\x00", "x86_64": b"\x3e\x00"}

Install = Callable[[Path, Architecture, set[str], Path], None]
"""`install(root, architecture, names, target)`: the packages `names`, as the lock of the checkout at `root` has them,
lie in `target`. Raises BuildError."""


class BuildError(LogharborError):
    """What the build needs could not be had; says what, and what to do."""


def install(root: Path, architecture: Architecture, names: set[str], target: Path) -> None:
    """uv has put the wheels of `names` into `target`; each has a hash that is in the lock."""
    uv = find_uv(root)
    export = [*uv, "export", "--frozen", "--no-dev", "--no-emit-project", "--no-header", "--no-annotate", "-q"]
    wanted = lock.only(_run([*export, "--format", "requirements-txt"], root), names)
    with NamedTemporaryFile("w", prefix="logharbor-", suffix=".txt", encoding="utf-8") as file:
        file.write(wanted)
        file.flush()
        place = ["--python", sys.executable, "--python-version", PYTHON, "--python-platform", PLATFORMS[architecture]]
        rules = ["--no-deps", "--require-hashes", "--only-binary", ":all:", "--link-mode", "copy", "-q"]
        _run([*uv, "pip", "install", *place, *rules, "--target", str(target), "-r", file.name], root)


def find_uv(root: Path, path: str | None = None) -> list[str]:
    """How uv is called: from the PATH, as a module of this Python, or from the checkout's own .cache/uv."""
    candidates = [[found]] if (found := shutil.which("uv", path=path)) else []
    candidates += [[sys.executable, "-m", "uv"], [str(root / ".cache/uv/bin/uv")]]
    for candidate in candidates:
        try:
            done = subprocess.run([*candidate, "--version"], capture_output=True, check=False)  # noqa: S603
        except OSError:
            continue
        if done.returncode == 0:
            return candidate
    raise BuildError("uv was not found: on the PATH, as a module of this Python, or in .cache/uv. `make setup` gets it")


def check(target: Path, locked: Mapping[str, set[str]], names: set[str], architecture: Architecture) -> dict[str, str]:
    """What was installed, name -> version, after a look at every package and every native library.

    Raises BuildError for a version that is not the lock's, a package that nobody asked for, and a library for another
    architecture.
    """
    found: dict[str, str] = {}
    for file in sorted(target.glob("*.dist-info/METADATA")):
        metadata = BytesParser().parsebytes(file.read_bytes(), headersonly=True)
        found[lock.canonical(str(metadata["Name"]))] = str(metadata["Version"])
    for name, version in found.items():
        if name not in names or version not in locked.get(name, ()):
            expected = " or ".join(sorted(locked.get(name, ()))) if name in names else "not to be there"
            raise BuildError(f"{name} {version} was installed, and uv.lock says {expected}. Nothing was built")
    for library in sorted(target.rglob("*.so*")):
        with library.open("rb") as binary:
            head = binary.read(20)
        if head[:4] == b"\x7fELF" and head[18:20] != _ELF_MACHINES[architecture]:
            place = library.relative_to(target)
            raise BuildError(f"{place} is not for {architecture}. Nothing was built")
    return found


def _run(command: Sequence[str], root: Path) -> str:
    environ = {**os.environ, "UV_PYTHON_DOWNLOADS": "never"}
    done = subprocess.run(command, cwd=root, env=environ, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        said = "\n".join(done.stderr.strip().splitlines()[-15:])
        raise BuildError(f"uv could not get the packages of uv.lock, and says:\n{said}")
    return done.stdout
