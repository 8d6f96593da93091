"""The stdout sink: lines for programs, lines for people, and nothing that a terminal would obey."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forwarders.model import DELIVERED, Contract, Event, Fate, Flaw, Kind, Origin, Outcome, Verdict
from forwarders.sinks import Copies
from forwarders.sinks.stdout import StdoutSink, time_utc

CONTRACT = Contract("user.login.success", 1, "1.0.0", "team-identity", "user")
ORIGIN = Origin("file", "f", path="/var/log/app.log")
ID = "00112233445566778899aabbccddeeff"
COPIES = Copies(lambda contract: None, lambda text: text.replace("SECRET", "***"), lambda text: text)


def plenty() -> float:
    return 60.0


def line(text: str, verdict: Verdict = Verdict.VALID, *, color: bool = False, **more: Any) -> str:
    """What one event looks like on the stream."""
    stream = io.StringIO()
    sink = StdoutSink("stdout", stream, COPIES, color=color)
    contract = None if verdict is Verdict.UNREGISTERED else CONTRACT
    event = Event(ID, 1493214552000, more.pop("name", CONTRACT.name), text, {}, contract, verdict, **more)
    piece = sink.encoder(Kind(ORIGIN, contract, verdict, "user", "prod"))(event)
    assert sink.ship([piece], [ID], plenty) == [DELIVERED]
    return stream.getvalue()


def test_a_line_is_one_json_object() -> None:
    """For a program each event is one object with the text of its fields as it came."""
    assert line('{"user":"ryansb","n":123456789012345678901234567890}') == (
        f'{{"id":"{ID}","time":1493214552000,"dataset":"user","event":"user.login.success","verdict":"valid",'
        '"source":"file","fields":{"user":"ryansb","n":123456789012345678901234567890}}\n'
    )


def test_an_invalid_line_says_why() -> None:
    """Reason, errors and the redacted text are in the line."""
    flaw = Flaw("/user", "type", "integer", "string of 6 characters")
    found = json.loads(line("SECRET, no JSON", Verdict.INVALID, flaws=(flaw,), reason="json_syntax"))
    assert found["reason"] == "json_syntax"
    assert found["errors"] == [
        {"pointer": "/user", "keyword": "type", "expected": "integer", "found": "string of 6 characters"}
    ]
    assert found["fields"] == {"message": "***, no JSON"}


def test_a_terminal_gets_one_coloured_line() -> None:
    """Time, level, event, key=value; values with spaces are quoted, floats keep their digits."""
    text = '{"event":"user.login.success","user":"ryan sb","source":{"type":"nav"},"n":1.50}'
    assert line(text, color=True, context={"level": "warn"}) == (
        "\x1b[2m2017-04-26T13:49:12.000Z\x1b[0m \x1b[33mWARN        \x1b[0m \x1b[1muser.login.success\x1b[0m "
        '\x1b[36muser\x1b[0m="ryan sb" \x1b[36msource.type\x1b[0m=nav \x1b[36mn\x1b[0m=1.50\n'
    )


def test_a_terminal_shows_what_is_wrong_and_whose_it_is() -> None:
    """A quarantined event is red, with its flaw and the owner of its contract."""
    flaw = Flaw("/n", "type", "integer", "string of 1 character")
    assert line('{"n":"1"}', Verdict.INVALID, color=True, flaws=(flaw,)) == (
        "\x1b[2m2017-04-26T13:49:12.000Z\x1b[0m \x1b[31mINVALID     \x1b[0m \x1b[1muser.login.success\x1b[0m "
        "\x1b[31m/n: type integer, found string of 1 character\x1b[0m \x1b[36mn\x1b[0m=1 "
        "\x1b[2m[team-identity]\x1b[0m\n"
    )


HOSTILE = ["\x1b[31m", "\x9b31m", "\r\n", "\x00", "\u202e", "\u2028", "\u0085", "\ud800", "\x7f"]


@pytest.mark.parametrize("color", [False, True])
@pytest.mark.parametrize("evil", HOSTILE, ids=[ascii(evil) for evil in HOSTILE])
def test_no_value_key_or_name_can_forge_a_line(evil: str, color: bool) -> None:
    """Control characters, escapes and bidirectional marks arrive escaped, wherever they were."""
    outputs = [
        line(json.dumps({f"k{evil}": f"v{evil}w x"}, ensure_ascii=False), Verdict.UNREGISTERED, color=color, name=evil),
        line(f"broken{evil}", Verdict.INVALID, color=color, reason="json_syntax"),
        line(json.dumps({f"k{evil}": [f"v{evil}"]}), color=color, context={"level": evil}),
    ]
    for output in outputs:
        for colour in ("\x1b[0m", "\x1b[1m", "\x1b[2m", "\x1b[31m", "\x1b[32m", "\x1b[35m", "\x1b[36m"):
            output = output.replace(colour, "") if color else output
        assert output.endswith("\n")
        assert not any(bad in output[:-1] for bad in HOSTILE if bad != "\r\n")
        assert not {"\r", "\n"} & set(output[:-1])


def test_a_copied_colour_is_not_a_colour() -> None:
    """An event that holds the sink's own colour codes shows them as text."""
    assert "\\u001b[31mroot" in line('{"user":"\\u001b[31mroot"}', color=True)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(), lambda c: st.lists(c) | st.dictionaries(st.text(), c)
    )
)
def test_any_json_is_one_line_that_says_the_same(data: Any) -> None:
    """Whatever the event is, its line parses to the same fields."""
    text = json.dumps(data, ensure_ascii=False, indent=1)
    output = line(text, Verdict.UNREGISTERED) if _encodable(text) else "{}\n"
    assert output.count("\n") == 1
    if _encodable(text):
        assert json.loads(output)["fields"] == data
    line(text, Verdict.UNREGISTERED, color=True)


def _encodable(text: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in text)


def test_a_terminal_that_is_not_utf8_gets_escapes() -> None:
    """Characters that the stream cannot write arrive as JSON's own escapes."""
    raw = io.BytesIO()
    sink = StdoutSink("stdout", io.TextIOWrapper(raw, encoding="ascii"), COPIES)
    event = Event(ID, 0, CONTRACT.name, '{"a":"é😀"}', {}, CONTRACT, Verdict.VALID)
    piece = sink.encoder(Kind(ORIGIN, CONTRACT, Verdict.VALID, "user", "prod"))(event)
    assert sink.ship([piece], [ID], plenty) == [DELIVERED]
    assert json.loads(raw.getvalue())["fields"] == {"a": "é😀"}


class Closed(io.StringIO):
    def write(self, text: str) -> int:
        raise BrokenPipeError


@pytest.mark.parametrize("stream", [Closed(), open("/dev/null")], ids=["broken pipe", "not writable"])  # noqa: SIM115
def test_nobody_reads_any_more(stream: io.TextIOBase) -> None:
    """`| head` ends the reading: what was not read comes back, and nothing raises."""
    sink = StdoutSink("stdout", stream, COPIES)  # type: ignore[arg-type]
    assert sink.ship(["{}"], [ID], plenty) == [Outcome(Fate.RETURNED, "stdout_closed", ambiguous=True)]
    sink.close()


def test_no_time_left_returns_everything() -> None:
    """Past the deadline nothing is written."""
    stream = io.StringIO()
    assert StdoutSink("stdout", stream, COPIES).ship(["{}"], [ID], lambda: 0.0) == [Outcome(Fate.RETURNED, "deadline")]
    assert stream.getvalue() == ""


@pytest.mark.parametrize(
    ("time_ms", "text"),
    [(0, "1970-01-01T00:00:00.000Z"), (-1, "1969-12-31T23:59:59.999Z"), (10**30, str(10**30)), (10**16, str(10**16))],
)
def test_a_time_is_utc_or_its_number(time_ms: int, text: str) -> None:
    """Times outside of the calendar are shown as they are."""
    assert time_utc(time_ms) == text
