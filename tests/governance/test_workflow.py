"""The workflow for pull requests on contracts: its shell steps, run here on a repository and with a recorded `gh`."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from forwarders.cli.diff_shown import MARKER

ROOT = Path(__file__).resolve().parents[2]
WORKFLOW = yaml.safe_load((ROOT / ".github/workflows/schemas.yml").read_text("utf-8"))
JOB = WORKFLOW["jobs"]["contracts"]
GH = f"""#!{sys.executable}
import json, os, pathlib, sys
state = pathlib.Path(os.environ["GH_STATE"])
known = json.loads(state.read_text()) if state.exists() else {{"calls": [], "comments": []}}
arguments = sys.argv[1:]
body = next((pathlib.Path(one[6:]).read_text() for one in arguments if one.startswith("body=@")), None)
method = arguments[arguments.index("--method") + 1] if "--method" in arguments else "GET"
path = next(one for one in arguments if one.startswith("repos/"))
known["calls"].append([method, path, body.splitlines()[0] if body else ""])
if method == "POST":
    known["comments"].append(body)
elif method == "PATCH":
    known["comments"][int(path.rsplit("/", 1)[1]) - 1] = body
else:
    for number, comment in enumerate(known["comments"], 1):
        if comment.startswith("{MARKER}"):
            print(number)
state.write_text(json.dumps(known))
"""


def git(folder: Path, *arguments: str) -> None:
    said = ["-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false", *arguments]
    subprocess.run(["git", *said], cwd=folder, check=True, capture_output=True)


class Run:
    """A run of the workflow's job in a clone: steps with `uses`, and the one that installs, are left out."""

    def __init__(self, clone: Path, folder: Path, fork: bool = False) -> None:
        folder.mkdir(exist_ok=True)
        self.fork = fork
        self.clone, self.folder, self.outputs, self.codes, self.said = clone, folder, {}, {}, {}
        (folder / "gh").write_text(GH)
        (folder / "gh").chmod(0o755)
        for name in ("output", "summary"):
            (folder / name).write_text("")
        for step in JOB["steps"]:
            if "run" in step and "uv sync" not in step["run"] and self._wanted(step):
                self._run(step)

    def _wanted(self, step: dict[str, Any]) -> bool:
        return not (self.fork and "head.repo.full_name == github.repository" in step.get("if", ""))

    def _value(self, text: Any) -> str:
        known = {
            "github.base_ref": "main",
            "github.token": "a-token",
            "github.repository": "shop/contracts",
            "github.event.pull_request.number": "7",
            "steps.diff.outputs.code": self.outputs.get("code", ""),
        }
        return re.sub(r"\$\{\{ (.*?) \}\}", lambda match: known[match[1]], str(text))

    def _run(self, step: dict[str, Any]) -> None:
        environment = {
            "PATH": f"{self.folder}:{Path(sys.executable).parent}:{os.environ['PATH']}",
            "HOME": str(self.folder),
            "RUNNER_TEMP": str(self.folder),
            "GITHUB_OUTPUT": str(self.folder / "output"),
            "GITHUB_STEP_SUMMARY": str(self.folder / "summary"),
            "GH_STATE": str(self.folder / "gh.json"),
        }
        for name, value in {**JOB["env"], **step.get("env", {})}.items():
            environment[name] = self._value(value)
        assert "${{" not in step["run"], "an expression inside a script is a way in for whoever names a branch"
        command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]]
        done = subprocess.run(command, cwd=self.clone, env=environment, capture_output=True, text=True, check=False)
        self.codes[step["name"].partition(" ")[0]] = done.returncode
        self.said[step["name"].partition(" ")[0]] = done.stdout + done.stderr
        lines = (self.folder / "output").read_text().split()
        self.outputs = dict(line.split("=", 1) for line in lines)

    @property
    def gh(self) -> dict[str, Any]:
        state = self.folder / "gh.json"
        return json.loads(state.read_text()) if state.exists() else {"calls": [], "comments": []}

    @property
    def summary(self) -> str:
        return (self.folder / "summary").read_text()


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A clone on a branch off origin/main, with our contracts, filters and CODEOWNERS."""
    upstream = tmp_path / "upstream"
    for name in ("schemas", "filters", ".github"):
        shutil.copytree(ROOT / name, upstream / name)
    shutil.copyfile(ROOT / "pipeline.yaml", upstream / "pipeline.yaml")
    git(upstream, "init", "-q", "-b", "main")
    for command in ("codeowners --write", "lint --write"):
        arguments = [Path(sys.executable).with_name("logharbor"), "schemas", *command.split()]
        subprocess.run(arguments, cwd=upstream, check=False, capture_output=True)
    arguments = [Path(sys.executable).with_name("logharbor"), "filters", "build"]
    subprocess.run(arguments, cwd=upstream, check=True, capture_output=True)
    git(upstream, "add", "-A")
    git(upstream, "commit", "-qm", "main")
    git(tmp_path, "clone", "-q", str(upstream), "clone")
    git(tmp_path / "clone", "checkout", "-qb", "change")
    return tmp_path / "clone"


def change(clone: Path, before: str, after: str) -> None:
    """Commits a change of the login's contract."""
    file = clone / "schemas/user/user.login.success/v1.schema.json"
    text = file.read_text()
    assert before in text
    file.write_text(text.replace(before, after))
    git(clone, "commit", "-qam", "change")


def test_one_comment_is_made_and_kept_up_to_date(clone: Path, tmp_path: Path) -> None:
    """A breaking change fails the check and is commented; when it is mended, the same comment says so."""
    change(clone, '"maxLength": 256', '"maxLength": 255')
    first = Run(clone, tmp_path / "runner")
    assert first.codes == {"Lint": 0, "Difference": 0, "Comment": 0, "Metric": 0, "CODEOWNERS": 0, "The": 1}, first.said
    assert [call[:2] for call in first.gh["calls"]] == [
        ["GET", "repos/shop/contracts/issues/7/comments?per_page=100"],
        ["POST", "repos/shop/contracts/issues/7/comments"],
    ]
    assert first.gh["comments"][0].startswith(f"{MARKER}\n")
    assert "breaking" in first.gh["comments"][0]
    assert "::error file=schemas/user/user.login.success/v1.schema.json" in first.said["Difference"]
    assert first.summary == first.gh["comments"][0]
    change(clone, '"maxLength": 255', '"maxLength": 256')
    second = Run(clone, tmp_path / "runner")
    assert second.codes == {"Lint": 0, "Difference": 0, "Comment": 0, "Metric": 0, "CODEOWNERS": 0, "The": 0}
    assert [call[:2] for call in second.gh["calls"][2:]] == [
        ["GET", "repos/shop/contracts/issues/7/comments?per_page=100"],
        ["PATCH", "repos/shop/contracts/issues/comments/1"],
    ]
    assert "Contracts: compatible" in second.gh["comments"][0]
    assert len(second.gh["comments"]) == 1


def test_a_fork_has_its_summary(clone: Path, tmp_path: Path) -> None:
    """Without the right to comment nothing is asked of GitHub, and the check fails all the same."""
    change(clone, '"maxLength": 256', '"maxLength": 255')
    run = Run(clone, tmp_path / "runner", fork=True)
    assert (run.codes["The"], run.gh["calls"]) == (1, [])
    assert "breaking" in run.summary


def test_what_cannot_be_read_is_commented_too(clone: Path, tmp_path: Path) -> None:
    """A contract that is no JSON: lint points at it, and the comment says why nothing can be compared."""
    change(clone, '"$id"', '"$id')
    run = Run(clone, tmp_path / "runner")
    assert (run.codes["Lint"], run.codes["Difference"], run.codes["The"]) == (1, 0, 2)
    assert run.gh["comments"][0].startswith(f"{MARKER}\n## ❌ Contracts: cannot be compared\n\n    ")


def test_generated_files_are_checked(clone: Path, tmp_path: Path) -> None:
    """A new owner without a new CODEOWNERS, and a new metric without its filter, fail the check."""
    change(clone, '"name": "LoginSuccess"', '"name": "LoginsDone"')
    change(clone, '"owner": "team-identity"', '"owner": "team-login"')
    run = Run(clone, tmp_path / "runner")
    assert (run.codes["Metric"], run.codes["CODEOWNERS"]) == (1, 1)


def test_the_workflow_is_careful() -> None:
    """Least rights, pinned actions, the whole history, no credentials left behind, and no untrusted checkout."""
    assert WORKFLOW[True]["pull_request"]["paths"][:3] == ["schemas/**", "pipeline.yaml", "filters/**"]
    assert list(WORKFLOW[True]) == ["pull_request"]
    assert WORKFLOW["permissions"] == {}
    assert JOB["permissions"] == {"contents": "read", "pull-requests": "write"}
    assert WORKFLOW["concurrency"]["cancel-in-progress"] is True
    used = [step for step in JOB["steps"] if "uses" in step]
    assert all(re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", step["uses"]) for step in used)
    assert used[0]["with"] == {"fetch-depth": 0, "persist-credentials": False}
    assert [step["name"] for step in JOB["steps"] if "token" in str(step.get("env", ""))] == ["Comment"]
    (comment,) = (step["run"] for step in JOB["steps"] if step["name"] == "Comment")
    assert f'startswith("{MARKER}")' in comment
