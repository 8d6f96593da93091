"""Hostile and broken files through `logharbor run`, and what a person who configured something wrongly is told."""

import gzip
import json
import sqlite3
from collections import Counter
from pathlib import Path

import click.testing
import pytest
import xxhash
import zstandard
from oracle import event_id
from recipes import LINES, LOGIN

from forwarders.cli import cli, main

ROOT = Path(__file__).parents[2]
DATA = ROOT / "tests/data/faults"


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """Every command runs in a folder of its own."""
    monkeypatch.chdir(tmp_path)


def run(folder, *arguments):
    """`logharbor run` into a SQLite file: exit code, the object of --json, the rows."""
    database = folder / "events.db"
    done = click.testing.CliRunner().invoke(
        cli,
        ["run", *map(str, arguments), "--schemas", str(ROOT / "schemas"), "--json", "--sink", f"sqlite:{database}"],
    )
    with sqlite3.connect(database) as db:
        db.row_factory = sqlite3.Row
        rows = [dict(row) for row in db.execute("SELECT * FROM events ORDER BY rowid")]
    return done.exit_code, json.loads(done.stdout.splitlines()[-1]), rows


def ids_of(data):
    """The documented ids of a file's lines: its fingerprint, the offset, the hash of all up to the line's end."""
    fingerprint = xxhash.xxh3_128_hexdigest(data[:256])
    ids, offset = [], 0
    for line in data.split(b"\n")[: None if data[-1:] != b"\n" else -1]:
        position = f"{offset}:{xxhash.xxh3_128_hexdigest(data[: offset + len(line)])}"
        ids.append(event_id("file", fingerprint, position))
        offset += len(line) + 1
    return ids


TEXT = "".join(line + "\n" for line in LINES).encode()
MEMBERS = b"".join(gzip.compress(TEXT[start : start + 300], mtime=0) for start in range(0, len(TEXT), 300))
LARGE = "".join(json.dumps({**LOGIN, "user": f"user-{number * 7919}"}) + "\n" for number in range(20_000)).encode()
PACKED = gzip.compress(LARGE, 6, mtime=0)

WHOLE = {
    "plain": TEXT,
    "gzip": gzip.compress(TEXT),
    "gzip in members": MEMBERS,
    "gzip with zeros behind": gzip.compress(TEXT) + bytes(1024),
    "zstandard": zstandard.compress(TEXT),
    "zstandard in frames": zstandard.compress(TEXT[:500]) + zstandard.compress(TEXT[500:]),
    "no line end": TEXT[:-1],
}


@pytest.mark.parametrize("name", WHOLE)
def test_every_line_lands_with_the_documented_id(name, tmp_path):
    """Row 28: however a file is packed, all twelve lines land, with the same ids."""
    file = tmp_path / "a.log"
    file.write_bytes(WHOLE[name])
    code, account, rows = run(tmp_path, file)
    assert (code, account["in"], account["sinks"]["sqlite"]["delivered"]) == (0, 12, 12)
    assert [row["id"] for row in rows] == ids_of(TEXT)
    assert [row["fields"] for row in rows] == [json.dumps({**json.loads(line), "user": "***"}) for line in LINES]


DAMAGED = {
    "truncated": (lambda: PACKED[:-9], "decode_truncated"),
    "truncated in the middle": (lambda: PACKED[: len(PACKED) // 2], "decode_truncated"),
    "wrong checksum": (lambda: PACKED[:-8] + bytes([PACKED[-8] ^ 1]) + PACKED[-7:], "decode_corrupt"),
    "rubbish behind": (lambda: PACKED + b"rubbish", "decode_corrupt"),
    "zstandard, truncated": (lambda: zstandard.compress(LARGE)[:-20_000], "decode_truncated"),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_what_precedes_damage_lands(name, tmp_path):
    """Row 29: the whole lines before the damage are delivered with their ids, the rest is one quarantined record."""
    make, reason = DAMAGED[name]
    file = tmp_path / "a.log.gz"
    file.write_bytes(make())
    code, account, rows = run(tmp_path, file)
    assert (code, account["balanced"]) == (0, True)
    assert [row["reason"] for row in rows].count(reason) == account["sinks"]["sqlite"]["quarantined"] == 1
    landed = [row for row in rows if row["reason"] is None]
    assert 5_000 < len(landed) <= 20_000
    assert [row["fields"].replace(": ", ":").replace(", ", ",") for row in landed[::997]] == [
        json.dumps({**json.loads(line), "user": "***"}, separators=(",", ":"))
        for line in LARGE.split(b"\n")[: len(landed) : 997]
    ]
    assert len({row["id"] for row in rows}) == len(rows)


def test_bytes_that_are_no_text(tmp_path):
    """Row 32 and 33: invalid UTF-8 is flagged, other separators end no line, a character may lie on any edge."""
    lines = [
        b"caf\xe9",
        "a\u2028b\u0085c\x1cd\re".encode(),
        b"\xe2\x82",
        "😀".encode(),
        b"",
        b"\xed\xa0\x80",
        b"crlf\r",
    ]
    data = b"\n".join(lines) + b"\n"
    file = tmp_path / "a.log"
    file.write_bytes(data)
    code, account, rows = run(tmp_path, file)
    assert (code, account["in"]) == (0, 7)
    assert [row["id"] for row in rows] == ids_of(data)
    assert [json.loads(row["fields"])["message"] for row in rows] == [
        *("caf\ufffd", "a\u2028b\u0085c\x1cd\re", "\ufffd", "😀", "", "\ufffd\ufffd\ufffd", "crlf"),
    ]
    assert [bool(row["flags"] and "invalid_utf8" in row["flags"]) for row in rows] == [
        True,
        False,
        True,
        False,
        False,
        True,
        False,
    ]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_byte_order_mark(encoding, tmp_path):
    """Row 32: a file of Windows lands like any other."""
    file = tmp_path / "a.log"
    file.write_bytes(TEXT.decode().encode(encoding))
    code, account, rows = run(tmp_path, file)
    assert (code, account["verdicts"]["valid"], len(rows)) == (0, 12, 12)


def test_a_line_that_is_too_long(tmp_path):
    """Row 37: one line of 17 MB is one fault; the lines before and after it land."""
    file = tmp_path / "a.log"
    file.write_bytes(TEXT + b"x" * (17 << 20) + b"\n" + b"last line\n")
    code, account, rows = run(tmp_path, file)
    assert (code, account["in"]) == (0, 14)
    assert Counter(row["reason"] for row in rows) == {None: 13, "line_limit": 1}


def test_a_bomb_of_a_file(tmp_path):
    """Row 30: zeros for half a gigabyte are one line that is too long."""
    file = tmp_path / "a.log.gz"
    file.write_bytes(gzip.compress(bytes(50 << 20), 9) * 10)
    code, account, rows = run(tmp_path, file)
    assert (code, account["in"], [row["reason"] for row in rows]) == (0, 1, ["line_limit"])


def test_the_same_file_under_another_name(tmp_path):
    """Renamed, compressed and grown: only what is new lands."""
    first, second = tmp_path / "a.log", tmp_path / "a.log.1.gz"
    first.write_bytes(TEXT)
    second.write_bytes(gzip.compress(TEXT + b"one more line\n"))
    run(tmp_path, first)
    code, account, rows = run(tmp_path, second)
    assert (code, account["in"], len(rows)) == (0, 13, 13)


WRONG = [json.loads(line) for line in (DATA / "wrong.jsonl").read_text().splitlines()]


@pytest.mark.parametrize("case", WRONG, ids=lambda case: case["why"])
def test_what_is_wrong_is_named(case, tmp_path, capsys):
    """A wrong pipeline.yaml or contract stops the command before anything lands: file, key, found, expected; exit 2."""
    for name, text in case["files"].items():
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text if isinstance(text, str) else json.dumps(text))
    (tmp_path / "a.log").write_bytes(TEXT)
    with pytest.raises(SystemExit) as stopped:
        main(case["command"])
    assert stopped.value.code == 2
    assert capsys.readouterr().err == f"error: {case['error']}\n"
    assert not (tmp_path / "events.db").exists()
