"""What `make demo` runs: a day of logs is generated, landed in one SQLite file, summed up, and opened in the explorer.

    .venv/bin/python examples/demo.py [--no-serve] [--port 8001]

Everything it writes is under demo-out/. Landing is done by the command `logharbor`, as anybody would call it.
"""

from __future__ import annotations

import argparse
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
OUT = Path("demo-out")
DATABASE = OUT / "logharbor.db"
COMMAND = Path(sys.executable).with_name("logharbor")


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit 0 when every generated line became what the story says and the account balances; else 1."""
    parser = argparse.ArgumentParser(description="Shows Logharbor on a generated day of logs.")
    parser.add_argument("--no-serve", action="store_true", help="end after the summary, without the explorer")
    parser.add_argument("--port", default="8001", help="the explorer's port on localhost")
    options = parser.parse_args(arguments)
    os.chdir(ROOT)
    started = time.monotonic()
    console = Console(highlight=False)

    manifest = _fresh_input()
    lines = manifest["logs"]["lines"]
    console.print(f"[bold]A day of logs[/bold] is in {OUT}/logs: {lines:,} generated lines in many shapes.")
    before = _rows()
    account = _land(console)
    with sqlite3.connect(f"file:{DATABASE}?mode=ro", uri=True) as db:
        as_told = print_report(console, db, manifest["logs"])
    new = _rows() - before
    again = "" if new else " This input was there already: landing it again changes nothing."
    console.print(f"\n[bold]{new:,} new events[/bold] in {DATABASE}.{again}")
    audited = _run(console, "audit", str(DATABASE)).returncode == 0
    console.print(f"\nAll of this took {time.monotonic() - started:.1f} s.")
    if not (as_told and audited and account["balanced"]):
        return 1
    if not options.no_serve:
        _explore(console, options.port)
    return 0


def _fresh_input() -> dict[str, Any]:
    """The generated logs; what an older version of the story has landed is removed first."""
    path = OUT / "manifest.json"
    old = path.read_text("utf-8") if path.exists() else ""
    manifest: dict[str, Any] = generate(OUT)
    if old and json.loads(old).get("digest") != manifest["digest"]:
        shutil.rmtree(OUT)
        manifest = generate(OUT)
    return manifest


def _rows() -> int:
    if not DATABASE.exists():
        return 0
    with sqlite3.connect(DATABASE) as db:
        return int(db.execute("SELECT count(*) FROM events").fetchone()[0])


def _land(console: Console) -> dict[str, Any]:
    """The account that `logharbor run` prints as its last line; its summary goes to the terminal."""
    done = _run(console, "run", f"{OUT}/logs", "--config", "examples/pipeline.yaml", "--json", keep_output=True)
    if done.returncode == 2:
        raise SystemExit(2)
    account: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return account


def _run(console: Console, *arguments: str, keep_output: bool = False) -> subprocess.CompletedProcess[str]:
    console.print(f"\n[dim]$ logharbor {' '.join(arguments)}[/dim]")
    return subprocess.run(
        [COMMAND, *arguments], text=True, stdout=subprocess.PIPE if keep_output else None, check=False
    )


def _explore(console: Console, port: str) -> None:
    console.print(f"\n[dim]$ logharbor explore {DATABASE} --port {port}[/dim]   (Ctrl-C ends it)")
    try:
        subprocess.run([COMMAND, "explore", str(DATABASE), "--port", port], check=False)
    except KeyboardInterrupt:
        console.print()


if __name__ == "__main__":
    sys.exit(main())
