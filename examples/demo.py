"""What `make demo` runs: a day of logs is generated, landed in one SQLite file, summed up, and opened in the explorer.

    .venv/bin/python examples/demo.py [--no-serve] [--port 8001] [--out demo-out]

Everything it writes is in the folder `--out`. Landing is done by the command `logharbor`, as anybody would call it.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from demo.generate import generate
from demo.report import print_report
from rich.console import Console

ROOT = Path(__file__).resolve().parents[1]
COMMAND = Path(sys.executable).with_name("logharbor")


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit 0 when every generated line became what the story says and the account balances; else 1."""
    parser = argparse.ArgumentParser(description="Shows Logharbor on a generated day of logs.")
    parser.add_argument("--no-serve", action="store_true", help="end after the summary, without the explorer")
    parser.add_argument("--port", default="8001", help="the explorer's port on localhost")
    parser.add_argument("--out", default=ROOT / "demo-out", type=Path, help="the folder that everything is written to")
    options = parser.parse_args(arguments)
    out = Path(os.path.relpath(options.out, ROOT))
    os.chdir(ROOT)
    database = out / "logharbor.db"
    started = time.monotonic()
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 110)

    manifest = _fresh_input(out)
    lines = manifest["logs"]["lines"]
    console.print(f"[bold]A day of logs[/bold] is in {out}/logs: {lines:,} generated lines in many shapes.")
    before = _rows(database)
    account = _land(console, out, database)
    with contextlib.closing(sqlite3.connect(database)) as db:
        as_told = print_report(console, db, manifest["logs"])
    new = _rows(database) - before
    again = "" if new else " This input was there already: landing it again changes nothing."
    console.print(f"\n[bold]{new:,} new events[/bold] in {database}.{again}")
    audited = _run(console, "audit", str(database)).returncode == 0
    console.print(f"\nAll of this took {time.monotonic() - started:.1f} s.")
    if not (as_told and audited and account["balanced"]):
        return 1
    if not options.no_serve:
        _explore(console, database, options.port)
    return 0


def _fresh_input(out: Path) -> dict[str, Any]:
    """The generated logs. What an older story has left in the folder is removed first: it would land as well."""
    path = out / "manifest.json"
    old = json.loads(path.read_text("utf-8")) if path.exists() else {}
    manifest: dict[str, Any] = generate(out)
    if old and old.get("digest") != manifest["digest"]:
        for folder in ("logs", "payloads", "dead-letters"):
            shutil.rmtree(out / folder, ignore_errors=True)
        for file in out.glob("logharbor.db*"):
            file.unlink()
        manifest = generate(out)
    return manifest


def _rows(database: Path) -> int:
    if not database.exists():
        return 0
    with contextlib.closing(sqlite3.connect(database)) as db:
        return int(db.execute("SELECT count(*) FROM events").fetchone()[0])


def _land(console: Console, out: Path, database: Path) -> dict[str, Any]:
    """The account that `logharbor run` prints as its last line; its summary goes to the terminal."""
    sink, dead = f"sqlite:{database}", f"{out}/dead-letters"
    options = ("--config", "examples/pipeline.yaml", "--sink", sink, "--dead-letters", dead, "--json")
    done = _run(console, "run", f"{out}/logs", *options, keep_output=True)
    if done.returncode == 2:
        raise SystemExit(2)
    account: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return account


def _run(console: Console, *arguments: str, keep_output: bool = False) -> subprocess.CompletedProcess[str]:
    console.print(f"\n[dim]$ logharbor {' '.join(arguments)}[/dim]")
    return subprocess.run(
        [COMMAND, *arguments], text=True, stdout=subprocess.PIPE if keep_output else None, check=False
    )


def _explore(console: Console, database: Path, port: str) -> None:
    try:
        _run(console, "explore", str(database), "--port", port)
    except KeyboardInterrupt:
        console.print()


if __name__ == "__main__":
    sys.exit(main())
