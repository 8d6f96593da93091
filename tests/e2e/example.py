"""One of the examples in a working folder: its endpoints replaced, built, and Terraform run in it."""

from __future__ import annotations

import json
import re
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from .children import Children, tail
from .failed import Failed
from .machine import ROOT, architecture
from .stack import Stack

TERRAFORM_S = 420.0
BUILD_S = 300.0
_UNWANTED = shutil.ignore_patterns(".terraform", "*.tfstate*", ".terraform.lock.hcl", "build", "filters")
_COPIED = ("terraform", "examples", "schemas")


class Example:
    """`examples/<name>` of the working folder."""

    def __init__(self, name: str, folder: Path, environ: Mapping[str, str], children: Children, python: str) -> None:
        self.name, self._environ, self._children, self._python = name, environ, children, python
        self.root, self._logs = folder / "checkout", folder / "logs"
        self.folder = self.root / "examples" / name
        self._runs = 0

    @property
    def manifest(self) -> dict[str, Any]:
        """What `logharbor build` wrote."""
        return dict(json.loads((self.folder / "build" / "manifest.json").read_text()))

    def point_at(self, stack: Stack) -> None:
        """pipeline.yaml names the local sinks; all else in it stays."""
        path = self.folder / "pipeline.yaml"
        text = path.read_text("utf-8")
        replaced = {
            "https://elasticsearch.example:9200": stack.elasticsearch,
            "https://kibana.example:5601": stack.kibana,
            "    type: honeycomb\n": f"    type: honeycomb\n    endpoint: {stack.honeycomb}\n",
        }
        for old, new in replaced.items():
            text = text.replace(old, new)
        if ".example:" in text or stack.elasticsearch not in text:
            raise Failed(f"examples/{self.name}/pipeline.yaml has an endpoint that the run does not replace", text)
        path.write_text(text, "utf-8")

    def derive(self) -> None:
        """Its filters/ are written by `logharbor filters build`."""
        place = ["--config", self._in("pipeline.yaml"), "--filters", self._in("filters"), "--schemas", self._schemas]
        self._logharbor("filters", "filters", "build", *place)

    def build(self, *only: str) -> None:
        """build/ is written; of the parts `only`, where some are named."""
        parts = [word for part in only for word in ("--only", part)]
        place = ["--config", self._in("pipeline.yaml"), "--filters", self._in("filters"), "--schemas", self._schemas]
        out = ["--out", self._in("build"), "--arch", architecture()]
        self._logharbor("build", "build", *place, *out, *parts)

    def take_functions_of(self, other: Example) -> None:
        """The function zips of another example, which are the same for every pipeline without OTLP metrics."""
        shutil.copytree(other.folder / "build", self.folder / "build")

    def terraform(self, verb: str, *arguments: str) -> tuple[int, Path]:
        """The exit code of a command, and its log."""
        self._runs += 1
        log = self._logs / f"{self.name}-{self._runs:02d}-{verb}.log"
        command = ["terraform", verb, "-no-color", *arguments]
        code = self._children.run(
            f"terraform {verb} ({self.name})", command, log, self._environ, self.folder, TERRAFORM_S
        )
        return code, log

    def initialise(self) -> None:
        """Terraform has the provider and the modules."""
        code, log = self.terraform("init", "-input=false")
        if code:
            raise Failed("terraform init failed", tail(log, 30), "exit code 0", (log,))

    def apply(self, *arguments: str) -> str:
        """Everything that `terraform apply` said. Raises Failed when it failed."""
        code, log = self.terraform("apply", "-auto-approve", "-input=false", "-parallelism=20", *arguments)
        if code:
            raise Failed(
                f"terraform apply of examples/{self.name} failed", tail(log, 40), "exit code 0", self.where(log)
            )
        return log.read_text("utf-8", "replace")

    def show(self, *arguments: str) -> Any:
        """`terraform show -json`, of a plan or of the state."""
        code, log = self.terraform("show", "-json", *arguments)
        if code:
            raise Failed("terraform show failed", tail(log), "exit code 0", (log,))
        return json.loads(log.read_bytes())

    def outputs(self) -> dict[str, Any]:
        """The root module's outputs."""
        code, log = self.terraform("output", "-json", "logharbor")
        if code:
            raise Failed("terraform output failed", tail(log), "exit code 0", (log,))
        return dict(json.loads(log.read_bytes()))

    def has(self, what: str | None) -> bool:
        """Whether it has what an alarm is made for: `stream`, `direct`, `sweep`, `canary`; None: always."""
        text = (self.folder / "main.tf").read_text("utf-8")
        stream = re.search(r'\bmode\s*=\s*"stream"', text) is not None
        without = set(re.findall(r"\b(sweep|canary)\s*=\s*false", text)) | {"direct" if stream else "stream"}
        return what not in without

    def where(self, log: Path) -> tuple[Path, ...]:
        """Where to look when something went wrong: this log, and the local AWS's, which holds what functions said."""
        return (log, self._logs / "local-aws.log")

    @property
    def _schemas(self) -> str:
        return str(self.root / "schemas")

    def _in(self, name: str) -> str:
        return str(self.folder / name)

    def _logharbor(self, name: str, *arguments: str) -> None:
        log = self._logs / f"{self.name}-logharbor-{name}.log"
        code = self._children.run(
            f"logharbor {name} ({self.name})", [*_command(self._python), *arguments], log, self._environ, ROOT, BUILD_S
        )
        if code:
            raise Failed(f"logharbor {name} failed", tail(log), "exit code 0", (log,))


def copy_checkout(folder: Path) -> None:
    """What a run reads and changes lies in `folder`; the checkout itself is never written to."""
    for name in _COPIED:
        shutil.copytree(ROOT / name, folder / name, ignore=_UNWANTED)


def _command(python: str) -> Sequence[str]:
    """`logharbor`, building for `python`: Lambda's own where the machine has it, else the one that functions run in."""
    program = (
        "import sys; from forwarders.building import wheels; wheels.PYTHON = sys.argv.pop(1);"
        " from forwarders.cli import main; main()"
    )
    return [sys.executable, "-c", program, python]
