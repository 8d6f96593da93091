"""Lines of files: what ends one, what is repaired, and where each one stands."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import xxhash
from hypothesis import given
from hypothesis import strategies as st

from forwarders.model import Record
from forwarders.sources.inflate import Damage
from forwarders.sources.lines import lines

DATA = Path(__file__).parents[1] / "data/sources/lines.jsonl"
CASES = [json.loads(line) for line in DATA.read_text().splitlines()]


def read(body: bytes, chunk: int = 1 << 20, *, damage: Damage | None = None, limit: int = 1 << 24) -> list[Record]:
    """The records of a file that is read in chunks of that size."""
    pieces: list[bytes | Damage] = [body[at : at + chunk] for at in range(0, len(body), chunk)]
    if damage:
        pieces.append(damage)
    return [record for records, _ in lines(pieces, 7, limit) for record in records]


@pytest.mark.parametrize("chunk", [1, 2, 3, 1000])
@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_lines(case: dict[str, Any], chunk: int) -> None:
    """Each file has exactly the lines, offsets, flags and faults that the data file says, however it is read."""
    body = bytes.fromhex(case["hex"]) if "hex" in case else case["text"].encode()
    found = [
        [int(record.position.split(":")[0]), record.text, list(record.flags), record.fault]
        for record in read(body, chunk, limit=case.get("limit", 1 << 24))
    ]
    assert found == case["lines"]


def test_position_is_offset_and_hash_of_all_before() -> None:
    """A position is the offset and the XXH3-128 of the file up to the end of the line, without its line end."""
    body = b"first\nsecond\r\n\nlast"
    assert [record.position for record in read(body)] == [
        f"{at}:{xxhash.xxh3_128_hexdigest(body[:end])}" for at, end in ((0, 5), (6, 13), (14, 14), (15, 19))
    ]


def test_every_record_has_the_time_of_its_file() -> None:
    """The time is the one that was given, of a line as of a fault."""
    assert [record.time_ms for record in read(b"a\nb", damage=Damage("decode_truncated", 9))] == [7, 7]


def test_damage_takes_the_unfinished_line() -> None:
    """Lines before the damage land; the fault says how much of a line was behind them."""
    records = read(b"a\nbc\nunfin", damage=Damage("decode_truncated", 99))
    digest = xxhash.xxh3_128_hexdigest(b"a\nbc\n")
    text = "decode_truncated at byte 99 of the file, 5 bytes of lines were whole, 5 more of an unfinished one"
    assert records[2:] == [Record(f"fault:5:{digest}", 7, text, (), "decode_truncated")]
    assert records[:2] == read(b"a\nbc\n")


@given(st.binary(max_size=120), st.integers(1, 50), st.integers(1, 40))
def test_any_chunking_gives_the_same_records(body: bytes, chunk: int, limit: int) -> None:
    """How a file is cut into chunks changes nothing, with any limit."""
    assert read(body, chunk, limit=limit) == read(body, limit=limit)


@given(st.lists(st.text(st.characters(exclude_characters="\n", exclude_categories=["Cs"]))), st.integers(1, 9))
def test_valid_text_comes_out_as_it_is(texts: list[str], chunk: int) -> None:
    """Valid UTF-8 is byte-identical, line by line; only a trailing CR and a leading byte order mark are taken off."""
    body = "".join(text + "\n" for text in texts).encode()
    if body[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return
    expected = [text.removesuffix("\r") for text in texts]
    if expected:
        expected[0] = expected[0].removeprefix("\ufeff")
    found = read(body, chunk)
    assert [record.text for record in found] == expected
    assert not [record for record in found if record.flags or record.fault]


@given(st.binary(max_size=200))
def test_offsets_lead_back_to_the_bytes(body: bytes) -> None:
    """At a record's offset the file has that line's bytes, valid or not."""
    if body[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return
    for record in read(body):
        at = int(record.position.split(":")[0])
        raw = body[at:].split(b"\n")[0]
        text = raw.decode("utf-8", "replace").removesuffix("\r")
        assert record.text == (text.removeprefix("\ufeff") if at == 0 else text)
        assert ("invalid_utf8" in record.flags) == (raw != raw.decode("utf-8", "replace").encode())


@given(st.binary(max_size=60), st.binary(max_size=60))
def test_a_file_that_grows_keeps_its_positions(body: bytes, more: bytes) -> None:
    """What a file held in whole lines has the same positions after more was written to it."""
    if body[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return  # UTF-16, whose line ends are two bytes
    whole = body + b"\n"
    before = read(whole)
    assert read(whole + more)[: len(before)] == before


@given(st.lists(st.binary(max_size=4), min_size=1, max_size=5), st.lists(st.binary(max_size=4), min_size=1, max_size=5))
def test_equal_positions_mean_equal_beginnings(one: list[bytes], other: list[bytes]) -> None:
    """Two files give a line the same position only if all bytes up to its end are the same."""
    a, b = b"\n".join(one), b"\n".join(other)
    if a[:2] in (b"\xff\xfe", b"\xfe\xff") or b[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return
    shared = {record.position for record in read(a)} & {record.position for record in read(b)}
    ends = [at for at in range(len(a) + 1) if a[at : at + 1] in (b"\n", b"")]
    same = [at for at in ends if a[:at] == b[:at] and b[at : at + 1] in (b"\n", b"") and len(b) >= at]
    starts = [a.rfind(b"\n", 0, at) + 1 for at in same]
    expected = {
        f"{start}:{xxhash.xxh3_128_hexdigest(a[:at])}"
        for start, at in zip(starts, same, strict=True)
        if not (start == len(a) or start == len(b))
    }
    assert shared == expected
