"""One line to one event: format, contract, verdict, drift and time."""

import json
from pathlib import Path

import msgspec
import pytest

from forwarders.contracts.compiled import Contracts
from forwarders.contracts.load import read_folder
from forwarders.formats.auto import auto_line
from forwarders.formats.text import text_line
from forwarders.model import Record, Verdict
from forwarders.reading import reader

ROOT = Path(__file__).parent
CASES = [json.loads(line) for line in (ROOT / "data/reading/lines.jsonl").read_text().splitlines()]
RECORD_MS = 1_700_000_000_000


@pytest.fixture(scope="module")
def contracts():
    return Contracts(read_folder(ROOT.parent / "schemas"))


def test_one_record_is_one_event_and_keeps_its_id(contracts):
    """Order and ids are the records', whatever the records hold."""
    records = [Record(str(i), RECORD_MS, text) for i, text in enumerate(["{}", "text", "", "{", "\x00"])]
    events = reader(auto_line, True, contracts)(records, ["a", "b", "c", "d", "e"])
    assert [event.id for event in events] == ["a", "b", "c", "d", "e"]


@pytest.mark.parametrize("case", CASES, ids=[case["why"] for case in CASES])
@pytest.mark.parametrize("times", [1, 2], ids=["first", "hot"])
def test_a_line_becomes_the_event_it_is(case, times, contracts):
    """The first event of a contract and every later one are read alike."""
    text = case["text"] if "text" in case else '{"event":"x","a":' + "[" * case["deep"] + "]" * case["deep"] + "}"
    read = reader(auto_line, True, contracts)
    for _ in range(times):
        (event,) = read([Record("0", RECORD_MS, text)], ["id"])
    found = msgspec.to_builtins(event)
    assert {
        key: list(found[key]) if key in ("drift", "flags", "flaws") else found[key] for key in case["event"]
    } == case["event"]
    if case.get("spliced"):
        assert event.text == text


def test_what_a_source_could_not_decode_is_quarantined(contracts):
    """A record with a fault is an invalid event with that reason; its text is the note, and never parsed."""
    record = Record("0", None, "12 bytes at 34", fault="decode_truncated")
    (event,) = reader(auto_line, True, contracts)([record], ["id"])
    assert (event.verdict, event.reason, event.text) == (Verdict.INVALID, "decode_truncated", "12 bytes at 34")


def test_without_any_time_the_event_says_so(contracts):
    """Never now(): an event that has no time of its own, from a source that has none, is flagged."""
    (event,) = reader(auto_line, True, contracts)([Record("0", None, '{"event":"team.new"}')], ["id"])
    assert (event.time_ms, event.flags) == (0, ("no_time",))


def test_what_decoding_repaired_stays_on_the_event(contracts):
    """Flags of the record arrive."""
    record = Record("0", 1, "caf\ufffd", flags=("invalid_utf8",))
    (event,) = reader(auto_line, True, contracts)([record], ["id"])
    assert event.flags == ("invalid_utf8",)


def test_a_bug_in_a_format_costs_one_event(contracts):
    """An exception that nobody foresaw quarantines its record, and the others are read."""

    def broken(text):
        if text == "boom":
            raise ZeroDivisionError
        return text_line(text)

    events = reader(broken, False, contracts)([Record(t, 1, t) for t in ("a", "boom", "b")], ["1", "2", "3"])
    assert [(event.verdict, event.reason) for event in events] == [
        (Verdict.VALID, ""),
        (Verdict.INVALID, "internal:ZeroDivisionError"),
        (Verdict.VALID, ""),
    ]
