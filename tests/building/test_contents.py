"""What is in each zip, seen from our own source: nothing that a handler reaches is left out."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from forwarders.building import contents
from forwarders.building.contents import FUNCTIONS

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "forwarders"

ONLY_FROM_FILES = {
    ("forwarders.bundle", "forwarders.deriving"),
    ("forwarders.contracts.load", "forwarders.contracts.check"),
    ("forwarders.contracts.load", "forwarders.contracts.shared"),
    ("forwarders.contracts.compiled", "forwarders.contracts.explain"),
}
"""Imports inside functions that no handler calls: reading a folder of schemas is what people's commands do."""


def modules(name: str) -> dict[str, Path]:
    """The modules of ours in the zip `name`, by their names."""
    inside = contents.ours(PACKAGE, FUNCTIONS[name].without)
    return {_module(file): ROOT / file for file in inside if file.endswith(".py")}


def _module(file: str) -> str:
    return file.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def imports(path: Path) -> Iterator[str]:
    """What a module imports, wherever in it, but for type checkers."""
    tree = ast.parse(path.read_text())
    hidden = [node for node in ast.walk(tree) if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)]
    skipped = {id(inner) for node in hidden for inner in ast.walk(node)}
    for node in ast.walk(tree):
        if id(node) in skipped:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def reached(known: dict[str, Path], start: str) -> set[tuple[str, str]]:
    """Every import of ours, importer and imported, on the way from `start`, as far as it leads within the zip."""
    everywhere = {_module(path.relative_to(ROOT).as_posix()) for path in PACKAGE.rglob("*.py")}
    found: set[tuple[str, str]] = set()
    waiting, seen = [start], set()
    while waiting:
        module = waiting.pop()
        if module in seen or module not in known:
            continue
        seen.add(module)
        wanted = {name for name in imports(known[module]) if name in everywhere}
        if module in ("forwarders.sinks", "forwarders.sinks.elasticsearch"):  # it imports them by name
            wanted |= {name for name in everywhere if name.startswith("forwarders.sinks.")}
        found |= {(module, name) for name in wanted}
        waiting += wanted
    return found


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_handler_has_every_module_that_it_can_reach(name: str) -> None:
    """An import that the zip cannot satisfy would show in Lambda only, perhaps in the one bad night it is for."""
    known = modules(name)
    for handler in FUNCTIONS[name].handlers.values():
        module = handler.rpartition(".")[0]
        assert module in known
        missing = {(by, wanted) for by, wanted in reached(known, module) if wanted not in known}
        assert missing <= ONLY_FROM_FILES


@pytest.mark.parametrize("name", FUNCTIONS)
def test_what_people_use_is_not_in_lambda(name: str) -> None:
    """The commands, the explorer, governance, building and the tests' tools stay at home; so do the schemas."""
    inside = contents.ours(PACKAGE, FUNCTIONS[name].without)
    tops = {file.split("/")[1] for file in inside}
    assert not tops & {"cli", "explorer", "governance", "building", "doctor", "testing", "audit.py"}
    assert not [file for file in inside if file.endswith(".schema.json")]


def test_of_a_package_what_runs_and_its_licence(tmp_path: Path) -> None:
    """Tests, stubs, caches, scripts and the records of the installation are left out; licences are not."""
    kept = ["p/__init__.py", "p/core.so", "p/data.json", "p/testing.py", "p-1.dist-info/METADATA"]
    kept += ["p-1.dist-info/licenses/LICENSE", "p-1.dist-info/entry_points.txt", "module.py"]
    left = ["p/py.typed", "p/core.pyi", "p/tests/test_a.py", "p/__pycache__/a.pyc", "bin/p", "p/core.c", ".lock"]
    left += [f"p-1.dist-info/{name}" for name in ("RECORD", "INSTALLER", "REQUESTED", "WHEEL")]
    for name in (*kept, *left):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    assert contents.packages(tmp_path) == {name: name.encode() for name in kept}


def test_the_layer_is_package_data() -> None:
    """What Lambda unpacks to /opt has the bundle where `forwarders.bundle` looks for it."""
    assert contents.layer(b"{}") == {
        "python/logharbor_bundle/__init__.py": b"",
        "python/logharbor_bundle/bundle.json": b"{}",
    }
