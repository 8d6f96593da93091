"""Redaction by contract: what each sink's copy holds of a classified field."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forwarders import jsontext, redact
from forwarders.errors import ConfigError, Withheld
from forwarders.model import Contract, Event, Verdict

DATA = Path(__file__).parents[1] / "data" / "redact"
CASES = [json.loads(line) for line in (DATA / "fields.jsonl").read_text("utf-8").splitlines()]
KEY = redact.HashKey("k1", b"0123456789abcdef")


def contract(redactions: dict, schema: dict | None = None) -> Contract:
    return Contract("a", 1, "1.0.0", "team", "a", redactions=redactions, schema=schema or {})


def event(text: str) -> Event:
    """An event as the reader hands it to a sink; where the text is no object its data is empty."""
    try:
        data = jsontext.decode(text)
    except jsontext.DECODE_ERRORS:
        data = {}
    return Event("0" * 32, 0, "a", text, data if isinstance(data, dict) else {}, None, Verdict.VALID)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["why"])
def test_a_sinks_copy(case: dict) -> None:
    """Every event of fields.jsonl comes out as the text beside it; None: this sink needs no redaction."""
    marked = contract({tuple(path): actions for path, actions in case["redactions"]})
    copy = redact.for_contract(marked, case["sink"], "hc-eu", KEY if case["key"] else None)
    assert (copy(event(case["text"])) if copy is not None else None) == case["out"]


def test_a_secret_that_no_sink_is_named_for_is_dropped() -> None:
    """A field of class secret never leaves by default, not even as a hash."""
    schema = {"properties": {"a": {"x-pii": {"class": "secret"}}, "b": {"items": {"x-pii": {"class": "contact"}}}}}
    marked = contract({("a",): {"s3": "keep"}, ("b", "*"): {}}, schema)
    assert redact.actions(marked, "honeycomb", "hc", True) == {("a",): "drop", ("b", "*"): "hmac"}
    assert redact.actions(marked, "s3", "archive", False) == {("b", "*"): "mask"}


@pytest.mark.parametrize(
    "text", ["", "[1]", "null", '{"a":', '{"a":"x"', '{"a":"\ud800"}', '{"a":"x","b":"\\ud800"}', "x"]
)
@pytest.mark.parametrize("path", [("a",), ("a", "b"), ("*",)])
def test_what_cannot_be_redacted_is_withheld(text: str, path: tuple[str, ...]) -> None:
    """A text that is not the JSON it should be leaves no copy, and the error does not quote it."""
    copy = redact.for_contract(contract({path: {"*": "hmac"}}), "honeycomb", "hc", KEY)
    assert copy is not None
    with pytest.raises(Withheld) as error:
        copy(event(text))
    assert str(error.value).startswith("redaction failed: ")
    assert error.value.__cause__ is None


names = st.sampled_from(["user", "a", "us", ""])
text = st.text(alphabet='user":,\\ aé{}', max_size=6)
events = st.dictionaries(names, text | st.integers() | st.dictionaries(names, text, max_size=3), min_size=1, max_size=4)


@settings(max_examples=800)
@given(
    events, st.booleans(), st.sampled_from([None, (", ", " : ")]), st.sampled_from([("user",), ("a", "user"), ("",)])
)
def test_the_quick_way_and_the_thorough_way_agree(
    data: dict, ascii_only: bool, separators: tuple[str, str] | None, path: tuple[str, ...]
) -> None:
    """Whatever the other fields hold, exactly the value at the path is replaced, and all else means what it meant."""
    line = json.dumps(data, ensure_ascii=ascii_only, separators=separators)
    copy = redact.for_contract(contract({path: {"*": "mask"}}), "honeycomb", "hc", None)
    assert copy is not None
    expected = json.loads(line)
    parent = expected
    for step in path[:-1]:
        if isinstance(parent.get(step), str | int):
            parent[step] = "***"
        parent = parent.get(step) if isinstance(parent.get(step), dict) else {}
    if path[-1] in parent:
        parent[path[-1]] = "***"
    assert json.loads(copy(event(line))) == expected


@pytest.mark.parametrize(
    "value",
    ["k1:MDEyMzQ1Njc4OWFiY2RlZg==", ' {"id":"k1","secret":"MDEyMzQ1Njc4OWFiY2RlZg=="}\n'],
    ids=["short", "JSON"],
)
def test_a_key_is_read(value: str) -> None:
    """Both spellings of a key give the same key, and it does not show its secret."""
    assert redact.HashKey.parse(value) == KEY
    assert repr(KEY) == "HashKey('k1')"


@pytest.mark.parametrize(
    "value",
    [
        *("", "k1", "k1:", "k1:hunter2!", "k1:c2hvcnQ=", "k 1:MDEyMzQ1Njc4OWFiY2RlZg==", ":MDEyMzQ1Njc4OWFiY2RlZg=="),
        *(
            "{}",
            '{"id":"k1"}',
            "[]",
            "{" * 10_000,
            "k1:" + "QUJD" * 100,
            '{"id":1,"secret":2}',
            "k1:\ud800",
            '{"\ud800',
        ),
    ],
    ids=ascii,
)
def test_rubbish_is_no_key(value: str) -> None:
    """A secret that is not a key is a configuration error that tells lengths and nothing of the value."""
    with pytest.raises(ConfigError) as error:
        redact.HashKey.parse(value)
    assert "hunter2" not in str(error.value)
    assert error.value.__cause__ is None
