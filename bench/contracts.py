"""A thousand contracts: linted, compared, bundled, parsed at cold start, and each compiled when its first event comes.

`python -m bench.contracts` measures these alone; with FOLDER and N it only writes N contracts, for a look at them.
"""

from __future__ import annotations

import json
import random
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

CONTRACTS = 1_000
CHANGED = 20
"""One contract in so many differs between the two revisions that are compared."""
LIMITS = {"lint_s": 5.0, "diff_s": 5.0, "bundle_s": 2.0, "parse_ms": 50.0}
RUNS = 3

_TEAMS = [f"team-{name}" for name in ("identity", "checkout", "payments", "platform", "search", "mobile", "growth")]
_WORDS = ("created", "updated", "removed", "failed", "started", "finished", "sent", "opened", "closed", "retried")


def contracts() -> dict[str, Any]:
    """CPU seconds (of one core, Python's start included) of lint, diff and bundle; ms of parsing and of compiling."""
    with tempfile.TemporaryDirectory() as work:
        old, new = Path(work, "old"), Path(work, "new")
        write(old, CONTRACTS)
        _command("schemas", "lint", str(old), "--write")
        shutil.copytree(old, new)
        _change(new)
        pipeline = Path(work, "pipeline.yaml")
        pipeline.write_text("environment: prod\nsinks:\n  out: {type: stdout}\n")
        body = Path(work, "bundle.json")
        result: dict[str, Any] = {"contracts": CONTRACTS}
        result["lint_s"] = _median(lambda: _command("schemas", "lint", str(old)))
        result["diff_s"] = _median(lambda: _diff(old, new))
        bundle = ("bundle", "--config", str(pipeline), "--schemas", str(old), "-o", str(body))
        result["bundle_s"] = _median(lambda: _command(*bundle))
        return result | _cold(body)


def print_contracts(result: dict[str, Any]) -> None:
    """One line for each measurement, and whether it is within its limit."""
    print(f"\n{result['contracts']:,} contracts, CPU time")
    for name, limit in LIMITS.items():
        unit = name.rpartition("_")[2]
        late = "" if result[name] <= limit else "  over"
        print(f"{name.rpartition('_')[0]:<10}{result[name]:>11.2f} {unit} (limit {limit:g}){late}")
    print(f"{'compile':<10}{result['compile_ms_each']:>11.2f} ms each, when its first event comes")


def write(folder: Path, count: int, seed: int = 1) -> None:
    """`count` contracts of some twenty fields, each with two examples, spread over domains and datasets."""
    chance = random.Random(seed)
    for number in range(count):
        domain = f"domain{number % 50}"
        name = f"{domain}.thing{number // 50}.{_WORDS[number % len(_WORDS)]}"
        home = folder / domain / name
        schema, event = _contract(name, number, chance)
        _json(home / "v1.schema.json", schema)
        _json(home / "valid" / "v1.usual.json", event)
        broken = {**event, "thing": 7}
        _json(home / "invalid" / "v1.thing.json", {"expect": {"pointer": "/thing", "keyword": "type"}, "event": broken})


def _contract(name: str, number: int, chance: random.Random) -> tuple[dict[str, Any], dict[str, Any]]:
    properties: dict[str, Any] = {
        "timestamp": {
            "type": "integer", "minimum": 946684800000, "maximum": 4102444799999,
            "x-time": {"role": "event", "unit": "ms"},
        },
        "event": {"const": name},
        "event_version": {"const": 1},
        "request_id": {"type": "string", "pattern": "^[0-9a-f]{32}$", "x-cardinality": "unbounded"},
        "result": {"enum": ["ok", "refused", "failed"]},
        "duration_ms": {"type": "number", "minimum": 0, "maximum": 1e9},
    }  # fmt: skip
    event: dict[str, Any] = {
        "timestamp": 1753862400123, "event": name, "request_id": "4bf92f3577b34da6a3ce929d0e0e4736",
        "result": "ok", "duration_ms": 12.5,
    }  # fmt: skip
    inner: dict[str, Any] = {}
    values: dict[str, Any] = {}
    for i in range(chance.randrange(8, 16)):
        key = f"field_{number % 97}_{i}"
        inner[key], values[key] = (
            ({"type": "string", "maxLength": 64, "x-cardinality": 50}, "some text"),
            ({"type": "integer", "minimum": 0, "maximum": 100000}, 42),
            ({"type": "boolean"}, True),
            ({"type": "array", "maxItems": 20, "items": {"type": "string", "maxLength": 32}}, ["a", "b"]),
        )[i % 4]
    properties["thing"] = {"type": "object", "additionalProperties": False, "properties": inner}
    event["thing"] = values
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema", "$id": f"urn:logharbor:{name}:1",
        "title": f"Thing {number}", "description": "One for each thing.", "type": "object",
        "additionalProperties": False, "required": ["timestamp", "event", "thing"], "properties": properties,
        "examples": [event],
        "x-event": {
            "version": "1.0.0", "owner": _TEAMS[number % len(_TEAMS)], "stability": "stable", "severity": "info",
            "dataset": f"things_{number}",
            "metrics": [{"name": f"Things{number}", "kind": "count", "dimensions": ["result"]}],
            "views": {"columns": ["result", "duration_ms"], "facets": ["result"], "groupBy": ["result"]},
        },
    }  # fmt: skip
    return schema, event


def _change(folder: Path) -> None:
    for file in sorted(folder.glob("*/*/v1.schema.json"))[::CHANGED]:
        schema = json.loads(file.read_text())
        schema["properties"]["note"] = {"type": "string", "maxLength": 200}
        schema["x-event"]["version"] = "1.1.0"
        _json(file, schema)


_COLD = """
import json, sys, time
from forwarders import bundle
from forwarders.contracts.compiled import Contracts
body = open(sys.argv[1], "rb").read()
begun = time.process_time()
_, entries = bundle.read(body, "bundle")
known = Contracts(entries)
parsed = time.process_time() - begun
names = known.names()
begun = time.process_time()
for name in names:
    assert known.find(name) is not None
print(json.dumps({"parse_ms": parsed * 1000, "compile_ms_each": (time.process_time() - begun) * 1000 / len(names)}))
"""


def _cold(body: Path) -> dict[str, float]:
    runs = [
        json.loads(subprocess.run([sys.executable, "-c", _COLD, str(body)], check=True, capture_output=True).stdout)
        for _ in range(RUNS)
    ]
    return {key: round(statistics.median(run[key] for run in runs), 2) for key in runs[0]}


def _diff(old: Path, new: Path) -> None:
    """Compares them. Raises RuntimeError when it does not tell of the one field that each changed contract has got."""
    told = json.loads(_command("schemas", "diff", str(old), str(new), "--format", "json"))
    found = [(one["pointer"], one["change"]) for one in told["changes"]]
    if found != [("/properties/note", "field_added_optional")] * (CONTRACTS // CHANGED):
        raise RuntimeError(f"schemas diff: {told['verdict']}, {len(found)} changes: {found[:3]}")


def _command(*arguments: str) -> str:
    program = "import sys; from forwarders.cli import main; main(sys.argv[1:])"
    done = subprocess.run([sys.executable, "-c", program, *arguments], capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{' '.join(arguments)}: exit {done.returncode}: {done.stdout[-500:]}{done.stderr[-500:]}")
    return done.stdout


def _median(work: Any) -> float:
    """CPU seconds of child processes."""
    times = []
    for _ in range(RUNS):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        work()
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        times.append(after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime)
    return round(statistics.median(times), 2)


def _json(file: Path, value: Any) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(value, indent=2) + "\n")


if __name__ == "__main__":
    if len(sys.argv) == 1:
        print_contracts(contracts())
        sys.exit()
    write(Path(sys.argv[1]), int(sys.argv[2]))
