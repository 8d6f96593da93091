"""`logharbor schemas diff`: exit codes, formats, git revisions, replay, and input that cannot be read."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

PULLS = Path(__file__).resolve().parents[1] / "data/pull_requests"
FILE = "shop/shop.order.placed/v1.schema.json"
NARROWED = PULLS / "07-enum-narrowed"


def git(*arguments: str) -> None:
    environment = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    names = {"GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@b", "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@b"}
    subprocess.run(["git", *arguments], check=True, capture_output=True, env={**environment, **names})


@pytest.fixture
def repository(folder: Path) -> Path:
    """A clone with main, and a branch `change` that is checked out and narrows an enum."""
    (folder / "schemas").unlink()
    shutil.copytree(NARROWED / "before", folder / "schemas")
    git("init", "-q", "-b", "main")
    git("add", ".")
    git("commit", "-q", "-m", "main")
    git("checkout", "-q", "-b", "change")
    shutil.copytree(NARROWED / "after", folder / "schemas", dirs_exist_ok=True)
    git("commit", "-q", "-a", "-m", "change")
    return folder


WANTED = {
    "verdict": "breaking",
    "bump": "major",
    "changes": [
        {
            "event": "shop.order.placed",
            "major": 1,
            "pointer": "/properties/channel/enum",
            "change": "enum_narrowed",
            "V": "break",
            "Q": "ok",
            "M": "ok",
            "bump": "major",
            "why": "accepts 1 fewer values; V: a value that was allowed is refused",
        }
    ],
}


@pytest.mark.parametrize(
    "arguments",
    [[], ["main"], ["main", "HEAD"], ["HEAD~1", "schemas"], ["main:schemas", "change"], ["--against", "main"]],
    ids=" ".join,
)
def test_folders_and_revisions_are_compared_alike(
    arguments: list[str], repository: Path, logharbor: Callable[..., Any]
) -> None:
    """Without OLD it is the merge base with main, without NEW the contracts here."""
    done = logharbor("schemas", "diff", *arguments, "--format", "json")
    assert (done.code, json.loads(done.out)) == (1, WANTED)


def test_the_history_of_main_is_asked_for_earlier_minors(repository: Path, logharbor: Callable[..., Any]) -> None:
    """A producer of 1.2 may still run when main is at 1.3."""
    git("checkout", "-q", "main")
    file = repository / "schemas" / FILE
    text = file.read_text()
    former = json.loads(text)
    former["properties"]["weight"] = {"type": "string", "maxLength": 9}
    former["x-event"]["version"] = "1.4.0"
    file.write_text(json.dumps(former))
    git("commit", "-q", "-a", "-m", "with a weight")
    file.write_text(text.replace('"1.3.0"', '"1.5.0"'))
    git("commit", "-q", "-a", "-m", "without it")
    git("checkout", "-q", "-b", "another")
    changed = json.loads(file.read_text())
    changed["properties"]["weight"] = {"type": "number"}
    file.write_text(json.dumps(changed))
    told = json.loads(logharbor("schemas", "diff", "--format", "json").out)
    assert [(one["pointer"], one["change"], one["Q"]) for one in told["changes"]] == [
        ("/properties/weight", "field_added_optional", "ok"),
        ("/properties/weight/type", "type_changed", "break"),
    ]


@pytest.mark.parametrize(
    ("name", "code"), [("01-optional-field-added", 0), ("08-enum-of-a-dimension-widened", 1), (NARROWED.name, 1)]
)
def test_the_exit_code_follows_the_verdict(name: str, code: int, logharbor: Callable[..., Any]) -> None:
    """0 compatible, 1 breaking or to be reviewed."""
    assert logharbor("schemas", "diff", str(PULLS / name / "before"), str(PULLS / name / "after")).code == code


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b'{"a": ', "v1.schema.json: line 1 column 7: found Expecting value, expected JSON"),
        (b'{"a":\n "\xff"}', "v1.schema.json: line 2 column 3: found byte 0xff, expected UTF-8"),
        (b"[]", "v1.schema.json: : found list, expected an object"),
        (b'{"a":' * 5000 + b"1" + b"}" * 5000, "found hundreds of levels"),
        (b'{"a": NaN}', "expected JSON"),
    ],
)
def test_what_cannot_be_read_is_exit_2(raw: bytes, message: str, tmp_path: Path, logharbor: Callable[..., Any]) -> None:
    """A message with file and place on standard error, and nothing on standard output."""
    (tmp_path / "v1.schema.json").write_bytes(raw)
    done = logharbor("schemas", "diff", str(NARROWED / "before"), str(tmp_path), "--format", "json")
    assert (done.code, done.out) == (2, "")
    assert message in done.err


@pytest.mark.parametrize("revision", ["HEAD~7", "nope", "-x", "--output=x", "main:nowhere", ""])
def test_a_revision_that_is_not_there_is_exit_2(revision: str, repository: Path, logharbor: Callable[..., Any]) -> None:
    """Neither a folder nor a revision; nothing that looks like an option reaches git."""
    done = logharbor("schemas", "diff", "--format", "json", "--", revision, "schemas")
    assert (done.code, done.out) == (2, "")
    assert "found no" in done.err
    assert not (repository / "x").exists()


def test_odd_layouts_and_unknown_annotations_are_compared_all_the_same(
    tmp_path: Path, logharbor: Callable[..., Any]
) -> None:
    """What lint would refuse has a difference too: other folders, no `.schema`, no `x-event`, keys nobody knows."""
    for side, most in (("old", 9), ("new", 8)):
        place = tmp_path / side / "deep" / "er"
        place.mkdir(parents=True)
        field = {"type": "string", "maxLength": most, "x-mine": 1}
        (place / "thing.json").write_text(json.dumps({"$id": "urn:logharbor:a.b:3", "properties": {"c": field}}))
        (place / "other.json").write_text("no JSON, and no contract")
    done = logharbor("schemas", "diff", str(tmp_path / "old"), str(tmp_path / "new"), "--format", "json")
    assert [(one["event"], one["major"], one["V"]) for one in json.loads(done.out)["changes"]] == [("a.b", 3, "break")]


def test_a_comment_is_one_table_with_a_marker(logharbor: Callable[..., Any]) -> None:
    """A workflow finds its comment of the last run by the first line."""
    out = logharbor("schemas", "diff", str(NARROWED / "before"), str(NARROWED / "after"), "--format", "markdown").out
    lines = out.splitlines()
    assert lines[:2] == ["<!-- logharbor:schemas-diff -->", "## ❌ Contracts: breaking"]
    assert (
        "| ❌ | `shop.order.placed v1`<br>`/properties/channel/enum` | `enum_narrowed` | break | ok | ok | major "
        "| accepts 1 fewer values; V: a value that was allowed is refused |"
    ) in lines


def test_annotations_stand_at_the_line(repository: Path, logharbor: Callable[..., Any]) -> None:
    """File from the root of the repository, the line of the keyword, commas and colons escaped."""
    out = logharbor("schemas", "diff", "main", "--format", "github").out
    line = next(
        number
        for number, text in enumerate((repository / "schemas" / FILE).read_text().splitlines(), 1)
        if '"enum"' in text
    )
    assert out.splitlines()[0] == (
        f"::error file=schemas/{FILE},line={line},title=enum_narrowed shop.order.placed v1 (V break%2C Q ok%2C M ok)"
        "::/properties/channel/enum: accepts 1 fewer values; V: a value that was allowed is refused"
    )


def test_replay_counts_what_would_be_refused(tmp_path: Path, logharbor: Callable[..., Any]) -> None:
    """Where and why, never what: the value of an event is not shown."""
    old, new = NARROWED / "before", NARROWED / "after"
    order = json.loads((old / FILE).read_text())["examples"][0]
    log = tmp_path / "app.log"
    events = [order, {**order, "channel": "phone"}, {**order, "channel": "fax"}, {"event": "else"}]
    log.write_text("\n".join(json.dumps(event) for event in events))
    err = logharbor("schemas", "diff", str(old), str(new), "--replay", str(log), "--format", "json").err
    assert "replay: would newly reject 1 of 4 events, first 1:" in err
    assert "shop.order.placed v1 /channel: enum, found string of 5 characters" in err
    assert "phone" not in err


def test_replay_reads_what_run_has_stored(tmp_path: Path, logharbor: Callable[..., Any]) -> None:
    """An SQLite file that `logharbor run` made is a corpus as well."""
    old, new = NARROWED / "before", NARROWED / "after"
    order = json.loads((old / FILE).read_text())["examples"][0]
    log, db = tmp_path / "app.log", tmp_path / "logs.db"
    log.write_text(json.dumps({**order, "channel": "phone"}) + "\n")
    logharbor("run", str(log), "--schemas", str(old), "--sink", f"sqlite:{db}")
    err = logharbor("schemas", "diff", str(old), str(new), "--replay", str(db), "--format", "json").err
    assert "replay: would newly reject 1 of 1 events, first 1:" in err


def test_write_bumps_the_version(tmp_path: Path, logharbor: Callable[..., Any]) -> None:
    """Only the version changes; of a revision nothing can be written."""
    case = PULLS / "14-required-to-optional"
    shutil.copytree(case / "after", tmp_path / "new")
    file = tmp_path / "new" / FILE
    file.write_text(file.read_text().replace("1.4.0", "1.3.0"))
    done = logharbor("schemas", "diff", str(case / "before"), str(tmp_path / "new"), "--write")
    assert f"{file}: x-event.version is 1.4.0 now" in done.err
    assert file.read_text() == (case / "after" / FILE).read_text()
