"""docs/contracts.md is complete: what lint may say is explained there."""

from __future__ import annotations

import json
import re
from pathlib import Path

from forwarders.governance.lint import together
from forwarders.governance.lint.rules import RULES, examples

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/contracts.md").read_text("utf-8")


def explained() -> set[str]:
    """The rules of the table: `rule` in the first cell of a row."""
    table = PAGE.partition("\n## What lint asks\n")[2].partition("\n## ")[0]
    rows = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    return {name for row in rows for name in re.findall(r"`([a-z-]+)`", row)}


def found_in_tests() -> set[str]:
    """The rules that the examples of lint's own tests break."""
    texts = [file.read_text("utf-8") for file in (ROOT / "tests/data/lint").rglob("*.json")]
    found = {rule for text in texts for rule in re.findall(r'"rule":\s*"([a-z-]+)"', text)}
    assert found
    return found


def test_every_rule_of_lint_is_explained() -> None:
    """The table names each rule that there is."""
    known = {name for rule in RULES for name in rule.ids} | set(together.IDS) | set(examples.IDS)
    engine = {"key-unknown", "keyword-refused", "identity", "reference", "annotation", "path", "pattern", "meta"}
    files = {"file-place", "file-name", "file-kind", "file-count", "no-contracts", "policy", "example"}
    assert (known | engine | files | found_in_tests()) - explained() == set()


def test_what_the_page_shows_is_json() -> None:
    """Each block of JSON can be put into a file, where it is a member of an object with braces around it."""
    for block in re.findall(r"^```json\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL):
        json.loads(block if block[0] in "{[" else f"{{{block}}}")
