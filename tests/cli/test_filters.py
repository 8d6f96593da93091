"""`logharbor filters test` and `logharbor filters explain`."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., Any]

LINES = 'ERROR "two words" 5\nWARN x\n\nERROR y\xff\r\n'


@pytest.fixture
def lines(tmp_path: Path) -> str:
    """A file of four lines, one of them empty and one with a byte that is no UTF-8."""
    path = tmp_path / "lines.log"
    path.write_bytes(LINES.encode("latin-1"))
    return str(path)


def test_every_line_is_an_object(lines: str, logharbor: Run) -> None:
    """Number, whether it matched, extracted values; exit 0 because something matched."""
    done = logharbor("filters", "test", "[level=ERROR, rest]", lines, "--format", "json")
    assert [json.loads(line) for line in done.out.splitlines()] == [
        {"line": 1, "matched": True, "values": {"$level": "ERROR", "$rest": '"two words" 5'}},
        {"line": 2, "matched": False, "values": {}},
        {"line": 3, "matched": False, "values": {}},
        {"line": 4, "matched": True, "values": {"$level": "ERROR", "$rest": "y\ufffd"}},
    ]
    assert (done.code, done.err) == (0, "")


def test_the_matching_lines_are_printed(lines: str, logharbor: Run) -> None:
    """With their numbers, extracted values and the metric value; how many they are goes to standard error."""
    done = logharbor("filters", "test", "[level=WARN, rest]", lines, "--value", "$rest")
    assert done.out == "2: WARN x\n    $level = WARN\n    $rest = x\n    value = x\n"
    assert (done.code, done.err) == (0, "1 of 4 lines match\n")


def test_a_metric_value_is_shown(tmp_path: Path, logharbor: Run) -> None:
    """Read off every event that matches, null where there is none; files are named when there are several."""
    (tmp_path / "a").write_text('{"a":1,"ms":2.5}\n')
    (tmp_path / "b").write_text('{"a":1}\n')
    paths = [str(tmp_path / name) for name in "ab"]
    done = logharbor("filters", "test", "{ $.a = 1 }", *paths, "--value", "$.ms", "--format", "json")
    told = [json.loads(line) for line in done.out.splitlines()]
    assert [(row["file"], row["line"], row["value"]) for row in told] == [(paths[0], 1, 2.5), (paths[1], 1, None)]


def test_a_compressed_file_is_unpacked(tmp_path: Path, logharbor: Run) -> None:
    """Told by its first bytes; one that ends too early is told of, with exit 2, behind what could be read."""
    whole = gzip.compress(b"ERROR a\nINFO b\nERROR c")
    path = tmp_path / "app.log"
    path.write_bytes(whole)
    assert logharbor("filters", "test", "ERROR", str(path)).out == "1: ERROR a\n3: ERROR c\n"
    path.write_bytes(whole[:-9])
    done = logharbor("filters", "test", "ERROR", str(path))
    assert (done.code, "ends too early" in done.err) == (2, True)


def test_half_a_surrogate_pair_is_escaped(tmp_path: Path, logharbor: Run) -> None:
    """JSON can name a character that no text can hold: as a value it is printed as it was escaped."""
    path = tmp_path / "lines"
    path.write_text('{"a":"x\\ud800"}\n')
    done = logharbor("filters", "test", "{ $.a = * }", str(path), "--value", "$.a", "--format", "json")
    assert done.out == '{"line":1,"matched":true,"values":{},"value":"x\\ud800"}\n'


def test_nothing_matches(lines: str, logharbor: Run) -> None:
    """Exit 1, as grep does; a pattern that begins with a minus goes behind two."""
    assert logharbor("filters", "test", "nothing", lines).code == 1
    assert logharbor("filters", "test", "--", "-nothing", lines).code == 0


@pytest.mark.parametrize("command", ["test", "explain"])
def test_a_pattern_that_aws_refuses_is_shown_with_a_caret(command: str, logharbor: Run) -> None:
    """Place, what was found, what was expected, what AWS says; exit 2."""
    done = logharbor("filters", command, "{ $.a > x }")
    assert done.out == ""
    assert done.err.splitlines() == [
        "error: AWS would refuse this filter pattern",
        "{ $.a > x }",
        "        ^",
        "found x, expected a number without quotes after >",
        "AWS says: Invalid character(s) in term 'x'",
    ]
    assert done.code == 2


def test_a_file_that_is_not_there(logharbor: Run) -> None:
    """Exit 2, and the file is named."""
    done = logharbor("filters", "test", "x", "absent.log")
    assert done.code == 2
    assert "absent.log" in done.err


def test_a_selector_that_is_none(lines: str, logharbor: Run) -> None:
    """A wildcard selects no single value."""
    done = logharbor("filters", "test", "{ $.a = 1 }", lines, "--value", "$.a[*]")
    assert done.code == 2
    assert "a selector of one value" in done.err


def test_a_pattern_is_explained(logharbor: Run) -> None:
    """In words with its traps, or as one object."""
    done = logharbor("filters", "explain", "{ $.ok = true }")
    assert '$.ok is "true"' in done.out
    assert "a boolean is $.ok IS TRUE" in done.out
    told = json.loads(logharbor("filters", "explain", "{ $.ok = true }", "--format", "json").out)
    assert (told["kind"], told["selectors"], told["conditions"], told["regexes"]) == ("json", ["$.ok"], 1, 0)
