"""Every line of tests/data/formats becomes the event that stands beside it, and no line breaks a format."""

import gzip
import json
from collections import Counter
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forwarders import jsontext
from forwarders.errors import Malformed
from forwarders.formats import FORMATS, legacy_text, named
from forwarders.formats.auto import auto_line

DATA = Path(__file__).parents[1] / "data" / "formats"
CASES = [json.loads(line) for path in sorted(DATA.glob("*.jsonl")) for line in path.read_text("utf-8").splitlines()]
REAL = Path(__file__).parents[3] / "shared" / "real" / "apache-access.log.gz"


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['format']}: {case['why']}")
def test_a_line_becomes_its_event(case: dict) -> None:
    """Name, text to the last digit, data and context are those of the case; or the line is refused with its reason."""
    fmt = named(case["format"])
    assert fmt is not None
    if "reason" in case:
        with pytest.raises(Malformed) as refusal:
            fmt(case["text"])
        assert refusal.value.reason == case["reason"]
        return
    name, text, data, context = fmt(case["text"])
    assert (name, json.loads(text), context) == (case["name"], json.loads(case["out"]), case["context"])
    assert data == json.loads(case["out"])
    if name != "http.access":  # whose fields are in no particular order
        assert text == case["out"]


def test_every_format_has_cases() -> None:
    """No format is in the registry without lines that show what it does."""
    assert {case["format"] for case in CASES} >= FORMATS.keys()


def test_a_format_that_there_is_not() -> None:
    """An unknown name is no format, and neither is an envelope without a key."""
    assert [named(name) for name in ("yaml", "key:", "")] == [None, None, None]


def test_a_long_text_is_cut_and_says_so() -> None:
    """A text of several megabytes is cut to 65,536 characters with its length in a mark; nothing is cut in silence."""
    name, text, data, context = auto_line("é" * 3_000_000 + "\n")
    mark = " …[cut: 3000000 characters]"
    assert (name, context) == ("legacy.text", {"flags": "text_cut"})
    assert data == {"message": "é" * (65_536 - len(mark)) + mark}
    assert json.loads(text) == data
    assert legacy_text("x" * 65_536)[3] is None


@pytest.mark.skipif(not REAL.exists(), reason="the real access log is not at hand")
def test_every_line_of_a_real_access_log_lands_typed() -> None:
    """10,000 lines of a public web site: each one has an address that is an IP, a path, a status and a time."""
    status: Counter[int] = Counter()
    with gzip.open(REAL, "rt", encoding="utf-8", newline="\n") as lines:
        for line in lines:
            name, text, data, context = auto_line(line)
            assert (name, context, json.loads(text)) == ("http.access", None, data)
            assert data["source"]["ip"] == data["source"]["address"] == line.split(" ")[0]
            assert data["url"]["path"]
            assert 1_431_000_000 < data["timestamp"] < 1_433_000_000
            status[data["http"]["response"]["status_code"]] += 1
    assert status == {200: 9126, 304: 445, 404: 213, 301: 164, 206: 45, 500: 3, 403: 2, 416: 2}


@pytest.mark.parametrize(
    "text",
    [
        "a" * 1_000_000,
        " " * 1_000_000,
        "1" * 1_000_000,
        "\t" * 1_000_000,
        '"' * 1_000_000,
        "\\" * 1_000_000,
        "\0" * 1_000_000,
        "{" * 1_000_000,
        "[" * 1_000_000,
        'a - - [17/May/2015:10:05:03 +0000] "' + "\\" * 1_000_000,
        'a - - [17/May/2015:10:05:03 +0000] "' + '" 200 5 "' * 7_000,
        "a - " + "b " * 500_000 + '[17/May/2015:10:05:03 +0000] "',
        'a - - [17/May/2015:10:05:03 +0000] "GET ' + " HTTP/1.1" * 100_000 + '" x',
        "REPORT RequestId: " + "\tDuration: 1 ms" * 70_000,
        "2020-08-31 20:40:53 0f7f1d80-1111-2222-3333-444444444444 INFO " + " " * 1_000_000,
        "\ud800" * 1_000_000,
        '] "' * 300_000,
    ],
    ids=lambda text: ascii(text[:20]),
)
@pytest.mark.parametrize("name", ["auto", "lambda", "access_log", "text"])
def test_a_hostile_megabyte_is_text_or_refused(name: str, text: str) -> None:
    """Repetition in any shape lands as text, or is refused as too deep; nothing takes squares of its length."""
    try:
        event, out, data, _ = named(name)(text)
    except Malformed as refusal:
        reason = refusal.reason
        assert (reason, text[0]) == ("json_depth", "{")
        return
    assert event == "legacy.text"
    assert len(data["message"]) <= 65_536
    assert json.loads(out) == data


PIECES = [
    *(
        "{",
        "}",
        "[",
        "]",
        '"',
        ":",
        ",",
        "\\",
        "\\u",
        "d800",
        " ",
        "\t",
        "\n",
        "\r",
        "\0",
        "\x1b",
        "é",
        "\ud800",
        "\u2028",
    ),
    *("1e400", "-0", "NaN", '"event":', '"message":', '"level":"INFO"', '"timestamp":"t"', '"type":"platform.report"'),
    *(
        '"record":{',
        '"metrics":{"durationMs":1}',
        '"a":1',
        "[INFO]\t",
        "2017-04-26T13:49:12.000Z",
        "\tINFO\t",
        "REPORT ",
    ),
    *(
        "RequestId: 0f7f1d80-1111-2222-3333-444444444444",
        "\tDuration: 1 ms",
        "1.2.3.4 - - ",
        "[17/May/2015:10:05:03 +0000]",
    ),
    *(' "GET / HTTP/1.1" ', "200 5", ' "-" "-"', "START ", "END ", "INIT_START ", "Task timed out after 3.00 seconds"),
]
lines = st.lists(st.sampled_from(PIECES), max_size=12).map("".join) | st.text(max_size=40)


@settings(max_examples=600)
@given(st.sampled_from([*FORMATS, "key:message"]), lines)
def test_no_line_breaks_a_format(name: str, line: str) -> None:
    """Whatever the line, it becomes an event whose text is one line of the JSON of its data, or is refused."""
    fmt = named(name)
    assert fmt is not None
    try:
        event, text, data, context = fmt(line)
    except Malformed as refusal:
        reasons = {"json_syntax", "json_not_object", "json_number", "json_depth", "key_missing"}
        assert refusal.reason in reasons  # noqa: PT017
        return
    assert jsontext.decode(text) == data
    assert not set(text) & {"\n", "\r", "\t"}
    assert event is None or event in {"legacy.text", "http.access", "lambda.report", "lambda.platform"}
    assert all(type(key) is str and type(value) is str for key, value in (context or {}).items())
    msgspec.json.encode(context)
