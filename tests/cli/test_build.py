"""`logharbor build`: what can be told without a registry."""

from __future__ import annotations

import json
from pathlib import Path

from click.testing import CliRunner

from forwarders.cli import cli, exit_code

ROOT = Path(__file__).parents[2]
PIPELINE = "dead_letters: s3://letters\nsinks: {out: {type: stdout}}\n"


def test_the_layer_alone(tmp_path: Path) -> None:
    """It needs no package: a table with size and hash, and the manifest."""
    (tmp_path / "p.yaml").write_text(PIPELINE)
    options = ["--config", str(tmp_path / "p.yaml"), "--schemas", str(ROOT / "schemas"), "--only", "layer"]
    done = CliRunner().invoke(cli, ["build", *options, "--out", str(tmp_path / "out")])
    assert done.exit_code == 0, done.output
    manifest = json.loads((tmp_path / "out/manifest.json").read_text())
    layer = manifest["layers"]["contracts"]
    heading, row = done.stdout.splitlines()
    assert heading.split()[:3] == ["file", "zipped", "unzipped"]
    assert row.split() == [
        "contracts-layer.zip",
        f"{layer['zipped_bytes']:,}",
        f"{layer['unzipped_bytes']:,}",
        layer["sha256"],
    ]
    assert "contracts layer: checking pipeline and contracts …" in done.stderr


def test_a_wrong_pipeline_builds_nothing(tmp_path: Path, capsys) -> None:
    """One sentence that names the key, exit 2, and no folder."""
    (tmp_path / "p.yaml").write_text("sinks: {out: {type: stdouts}}\n")
    code = exit_code(cli, ["build", "--config", str(tmp_path / "p.yaml"), "--out", str(tmp_path / "out")])
    assert code == 2
    assert "sinks.out.type" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
