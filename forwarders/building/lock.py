"""uv.lock: which versions there are, and which packages one needs with all that it needs in turn."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any

from forwarders.errors import ConfigError

PROJECT = "logharbor"


def checkout(package: Path) -> Path:
    """The folder of the checkout that `package` (the folder `forwarders`) is in.

    Raises ConfigError where there is no uv.lock beside it, as with a wheel that was installed.
    """
    root = package.parent
    if not (root / "uv.lock").is_file() or not (root / "pyproject.toml").is_file():
        hint = "An installed package does not say which versions it was tested with: build from a checkout of it."
        raise ConfigError(str(root), "uv.lock", "no such file", "uv.lock and pyproject.toml of logharbor", hint)
    return root


def versions(lock: Path) -> dict[str, set[str]]:
    """Every package that the lock names, with its versions (more than one where they depend on the platform)."""
    found: dict[str, set[str]] = {}
    for package in _packages(lock):
        found.setdefault(package["name"], set()).add(package.get("version", ""))
    return found


def closure(lock: Path, roots: Iterable[str]) -> set[str]:
    """`roots` with everything that they need, and what that needs; for any platform."""
    needs: dict[str, set[str]] = {}
    for package in _packages(lock):
        needs.setdefault(package["name"], set()).update(need["name"] for need in package.get("dependencies", ()))
    found: set[str] = set()
    waiting = list(roots)
    while waiting:
        name = waiting.pop()
        if name not in needs:
            raise ConfigError(str(lock), name, "no such package", "a package that the function needs", "Run `uv lock`.")
        if name not in found:
            found.add(name)
            waiting += needs[name]
    return found


def only(requirements: str, names: Collection[str]) -> str:
    """Of the requirements that uv exports, with their hashes, those of `names`."""
    blocks = re.split(r"\n(?=[^\s#])", requirements)
    return "".join(f"{block.rstrip()}\n" for block in blocks if (name := _name(block)) and canonical(name) in names)


def canonical(name: str) -> str:
    """A package's name as the lock writes it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _name(block: str) -> str:
    found = re.match(r"([A-Za-z0-9][A-Za-z0-9._-]*)==", block)
    return found[1] if found else ""


def _packages(lock: Path) -> list[dict[str, Any]]:
    try:
        packages: list[dict[str, Any]] = tomllib.loads(lock.read_text("utf-8"))["package"]
    except (OSError, tomllib.TOMLDecodeError, KeyError, UnicodeDecodeError) as error:
        raise ConfigError(str(lock), "(whole file)", type(error).__name__, "a lock that uv has written") from error
    return packages
