"""Wrong input fails at plan with a sentence that says what to change."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from .conftest import DATA, Run

CASES: list[dict[str, Any]] = [json.loads(line) for line in (DATA / "bad.jsonl").read_text().splitlines()]


def _plans() -> list[list[int]]:
    """Which cases are planned together: one plan tells every wrong variable, as long as each is wrong in one way."""
    shared: list[list[int]] = []
    single: list[list[int]] = []
    for number, case in enumerate(CASES):
        if set(case) != {"case", "variables", "says"}:
            single.append([number])
            continue
        for plan in shared:
            if not any(set(case["variables"]) & set(CASES[other]["variables"]) for other in plan):
                plan.append(number)
                break
        else:
            shared.append([number])
    return shared + single


@pytest.fixture(scope="module")
def told(root_module: Path, terraform: Run) -> dict[int, str]:
    """What Terraform says of each case: all in one run, because starting the provider costs the most."""
    folder = root_module / "bad"
    folder.mkdir()
    plans = _plans()
    for plan in plans:
        together = {**CASES[plan[0]], "variables": {}}
        for number in plan:
            together["variables"] |= CASES[number].get("variables", {})
        (folder / f"{plan[0]}.tftest.hcl").write_text(_test(root_module, plan[0], together))
    done = terraform(root_module, "test", "-json", "-test-directory=bad")
    said: dict[int, str] = {}
    for line in map(json.loads, done.stdout.splitlines()):
        if line["type"] == "diagnostic" and "@testfile" in line:
            number = int(Path(line["@testfile"]).name.partition(".")[0])
            found = line["diagnostic"]
            said[number] = said.get(number, "") + " ".join(f"{found['summary']} {found['detail']}".split()) + "\n"
    return {number: said.get(plan[0], "(it was planned)") for plan in plans for number in plan}


def _test(root: Path, number: int, case: dict[str, Any]) -> str:
    """A Terraform test that plans the case; files that it changes are copies."""
    own = root / "bad" / str(number)
    shutil.copytree(DATA / "filters", own / "filters")
    shutil.copytree(DATA / "build", own / "build")
    plain = yaml.safe_load((DATA / "pipelines" / "good.yaml").read_text()) | case.get("pipeline", {})
    if "pipeline" in case and "routes" in case["pipeline"]:
        (own / "filters" / "forwarder.json").write_text('{"rules": []}')
        shutil.rmtree(own / "filters" / "derived")
    (own / "pipeline.yaml").write_text(yaml.safe_dump(plain))
    for name, change in case.get("filters", {}).items():
        _change(own / "filters" / name, change)
    _change(own / "build" / "manifest.json", case.get("manifest", {}))
    layer = {"contracts": case["manifest_contracts"]} if "manifest_contracts" in case else case.get("manifest_layer")
    if layer:
        manifest = json.loads((own / "build" / "manifest.json").read_text())
        manifest["layers"]["contracts"] |= layer
        _change(own / "build" / "manifest.json", manifest)
    variables = {
        "name": "example",
        "pipeline": f"bad/{number}/pipeline.yaml",
        "artefacts": f"bad/{number}/build",
        "filters": f"bad/{number}/filters",
    } | case.get("variables", {})
    lines = "\n".join(f"    {name} = {json.dumps(value)}" for name, value in variables.items())
    return (
        'mock_provider "aws" {\n  source = "./tests/aws"\n}\n'
        f'run "case" {{\n  command = plan\n  variables {{\n{lines}\n  }}\n}}\n'
    )


def _change(path: Path, change: dict[str, Any]) -> None:
    plain = json.loads(path.read_text()) | change
    if "pattern_characters" in plain:
        plain["pattern"] = "x" * plain.pop("pattern_characters")
    path.write_text(json.dumps(plain))


@pytest.mark.parametrize("number", range(len(CASES)), ids=[case["case"] for case in CASES])
def test_wrong_input_fails_at_plan_with_a_sentence(number: int, told: dict[int, str]) -> None:
    """Nothing is made of wrong input; the sentence says what is wrong and what to change."""
    assert CASES[number]["says"] in told[number]
