"""The hand-written lines of the demo become what the table beside them says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from forwarders.contracts.compiled import Contracts
from forwarders.contracts.load import read_folder
from forwarders.formats.auto import auto_line
from forwarders.model import Event
from forwarders.reading import reader
from forwarders.sources import files

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "examples/demo/handwritten"
ROW = re.compile(r"\| (\d+) \| (\S*) ?\| (\w+) \| ([^|]*?) ?\| [^|]+ \|")


def tables() -> dict[str, list[tuple[str, ...]]]:
    """`README.md` as rows (line, event, verdict, why) for each file."""
    found: dict[str, list[tuple[str, ...]]] = {}
    for line in (FOLDER / "README.md").read_text("utf-8").splitlines():
        if line.startswith("## "):
            rows = found.setdefault(line.removeprefix("## ").partition(":")[0], [])
        elif row := ROW.fullmatch(line):
            rows.append(row.groups())
    return found


def why(event: Event) -> str:
    """What the table says under `why`."""
    if event.flaws:
        return f"{event.flaws[0].pointer} {event.flaws[0].keyword}".strip()
    if event.drift:
        return f"drift {', '.join(event.drift)}"
    notable = [flag for flag in event.flags if flag != "no_time"]
    return event.reason or (f"flag {', '.join(notable)}" if notable else "")


def test_every_file_has_a_table() -> None:
    """No hand-written file is without its explanation, and no explanation without its file."""
    assert tables().keys() == {path.name for path in FOLDER.glob("*.log")}


@pytest.mark.parametrize("name", sorted(tables()))
def test_lines_become_what_the_table_says(name: str) -> None:
    """Each line's event, verdict and reason are those that its row promises."""
    read = reader(auto_line, True, Contracts(read_folder(ROOT / "schemas")))
    events = []
    for batch in files.batches([str(FOLDER / name)]):
        events += read(batch.records, ["0" * 32] * len(batch.records))
    got = [(str(n), event.name, str(event.verdict), why(event)) for n, event in enumerate(events, 1)]
    assert got == tables()[name]
