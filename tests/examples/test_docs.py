"""The documentation is true: its commands run, its pipelines load, its links lead somewhere."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from forwarders.config import (
    Config,
    DatasetConfig,
    Events,
    MetricsConfig,
    OtlpConfig,
    Redaction,
    Route,
    SinkConfig,
    read_yaml,
)
from forwarders.sinks import OPEN

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted(
    str(page.relative_to(ROOT))
    for pattern in ("*.md", "docs/**/*.md", "examples/**/*.md", "bench/*.md")
    for page in ROOT.glob(pattern)
)
BLOCK = re.compile(r"^```(\w+ \w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
RUNNABLE = ("console run", "sh run")
LINK = re.compile(r"\]\((?!https?:|#)([^)#]+)(#[^)]*)?\)")


def blocks(page: str, *kinds: str) -> list[tuple[str, str]]:
    """Kind and body of the page's fenced blocks of these kinds (`console run`), in their order."""
    found = BLOCK.findall((ROOT / page).read_text("utf-8"))
    return [(kind, body) for kind, body in found if kind in kinds]


def steps(kind: str, body: str) -> list[tuple[str, list[str]]]:
    """Each command and the lines that its output must hold; a block of `sh` is one command without any."""
    if kind == "sh run":
        return [(body, [])]
    parts: list[tuple[str, list[str]]] = []
    for line in body.splitlines():
        if line.startswith("$ "):
            parts.append((line[2:], []))
        else:
            parts[-1][1].append(line)
    return parts


def expression(lines: list[str]) -> re.Pattern[str]:
    """Matches an output with these lines in this order; white space is all alike, `…` is anything on the way."""
    wanted = (re.escape(" ".join(line.split())).replace("…", ".*?") for line in lines)
    return re.compile(".*?".join(wanted), re.DOTALL)


def surroundings(folder: Path) -> dict[str, str]:
    """An environment with the checkout's commands on the path, and no Logharbor setting of the machine's."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("LOGHARBOR", "HONEYCOMB"))}
    return kept | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "HOME": str(folder), "COLUMNS": "100"}


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page, *RUNNABLE)])
def test_commands_do_what_the_page_says(page: str, tmp_path: Path) -> None:
    """Every command that a page marks as runnable succeeds and prints what the page shows."""
    for name in ("schemas", "examples", "filters"):
        shutil.copytree(ROOT / name, tmp_path / name)
    shutil.copy(ROOT / "pipeline.yaml", tmp_path)
    for kind, body in blocks(page, *RUNNABLE):
        for command, lines in steps(kind, body):
            done = subprocess.run(
                ["bash", "-c", command],
                cwd=tmp_path,
                env=surroundings(tmp_path),
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                check=False,
            )
            assert done.returncode == 0, f"{command}\n{done.stdout}"
            assert expression(lines).search(" ".join(done.stdout.split())), f"{command}\n{lines}\n{done.stdout}"


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page, "yaml check")])
def test_pipelines_load(page: str, tmp_path: Path) -> None:
    """Every pipeline that a page shows is one that Logharbor takes."""
    for _, body in blocks(page, "yaml check"):
        (tmp_path / "pipeline.yaml").write_text(body, "utf-8")
        read_yaml(tmp_path / "pipeline.yaml")


def test_the_example_pipeline_loads() -> None:
    """examples/pipeline.yaml is one that Logharbor takes."""
    assert read_yaml(ROOT / "examples/pipeline.yaml").environment == "demo"


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page: str) -> None:
    """Every relative link and picture of a page is there."""
    text = re.sub(r"^```.*?^```$", "", (ROOT / page).read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)
    targets = [match.group(1) for match in LINK.finditer(text)]
    assert [target for target in targets if not (ROOT / page).parent.joinpath(target).exists()] == []


def test_every_block_is_marked_or_plain() -> None:
    """No block carries a mark that no test knows, which would never be run."""
    found = {kind for page in PAGES for kind, _ in BLOCK.findall((ROOT / page).read_text("utf-8"))}
    assert found <= {*RUNNABLE, "yaml check"}


@pytest.mark.parametrize(
    "section", [Config, Route, SinkConfig, DatasetConfig, Events, Redaction, MetricsConfig, OtlpConfig]
)
def test_every_key_of_a_pipeline_is_explained(section: type[msgspec.Struct]) -> None:
    """docs/configuration.md names every key that pipeline.yaml may have."""
    page = (ROOT / "docs/configuration.md").read_text("utf-8")
    assert [key for key in section.__struct_fields__ if f"`{key}`" not in page] == []


def test_every_sink_has_a_section() -> None:
    """docs/sinks.md has a heading for every type of sink, and for no other."""
    page = (ROOT / "docs/sinks.md").read_text("utf-8")
    assert set(re.findall(r"^## (\w+)$", page, re.MULTILINE)) == set(OPEN)


def test_every_module_is_on_the_map() -> None:
    """docs/architecture.md names every module and folder of the package."""
    page = (ROOT / "docs/architecture.md").read_text("utf-8")
    parts = {path.name if path.is_file() else f"{path.name}/" for path in (ROOT / "forwarders").iterdir()}
    assert {part for part in parts - {"__init__.py", "__pycache__/"} if f"`{part}`" not in page} == set()
