"""The slow parser: what it repairs, what it refuses, and that no text makes it do anything else."""

import json
import time
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forwarders import jsontext
from forwarders.errors import Malformed

CASES = [json.loads(line) for line in Path(__file__).with_name("load.jsonl").read_text("utf-8").splitlines()]

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=12,
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["why"])
def test_load(case: dict) -> None:
    """Every text of load.jsonl comes out as the text it names, or is refused with the reason it names."""
    if "reason" in case:
        with pytest.raises(Malformed) as refusal:
            jsontext.load(case["text"])
        assert refusal.value.reason == case["reason"]
        return
    loaded = jsontext.load(case["text"])
    assert loaded == jsontext.Loaded(case["out"], jsontext.decode(case["out"]), tuple(case["flags"]))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('{"a":' * 100_000 + "1" + "}" * 100_000, "json_depth"),
        ('{"a":' * 100_000, "json_depth"),
        ("[" * 1_000_000, "json_depth"),
        ('{"a":' * 201 + "1" + "}" * 201, "json_depth"),
        ('{"a":' + "[" * 200 + "]" * 200 + "}", "json_depth"),
        ('{"a":' + "9" * 1_000_000 + "}", "json_number"),
        ('{"a":' + "9" * 5_000 + ".5e1}", "json_number"),
    ],
    ids=["objects", "open objects", "open arrays", "201 objects", "arrays", "digits", "decimal"],
)
def test_bombs_are_refused(text: str, reason: str) -> None:
    """A text made to exhaust the parser is refused with a bounded reason, and never with a RecursionError."""
    with pytest.raises(Malformed) as refusal:
        jsontext.load(text)
    assert refusal.value.reason == reason


def test_the_deepest_event_that_is_taken() -> None:
    """200 levels are taken, and the text stays what it was."""
    text = '{"a":' * 200 + "1" + "}" * 200
    assert jsontext.load(text).text == text


def test_four_thousand_digits_stay() -> None:
    """An integer as long as the fast parser takes keeps every digit."""
    text = '{"a":' + "7" * 4_300 + "}"
    assert jsontext.load(text) == jsontext.Loaded(text, {"a": jsontext.decode("7" * 4_300)})


@pytest.mark.parametrize(
    "text",
    [
        '{"a":[' + ",".join(['{"b":1,"b":2}'] * 80_000) + "]}",
        '{"a":"' + "\\ud800" * 200_000 + '"}',
        '{"a":"' + "\\\\" * 500_000 + '\\ud800"}',
        "{" + ",".join(f'"k{i}":{i}' for i in range(80_000)) + ',"k5":0}',
        '{"a":' + "\n" * 1_000_000 + "1}",
        '{"a":"' + '\\":' * 300_000 + '"}',
    ],
    ids=["duplicates", "surrogates", "backslashes", "keys", "line ends", "colons"],
)
def test_a_megabyte_takes_time_in_proportion(text: str) -> None:
    """A hostile megabyte is loaded in about as much time as it takes to read it: far from what squares would take."""
    start = time.process_time()
    loaded = jsontext.load(text)
    assert time.process_time() - start < 10
    assert jsontext.decode(loaded.text) == loaded.data


@given(json_values, st.sampled_from([None, 1, "\t"]), st.booleans())
def test_agrees_with_the_standard_library(value: object, indent: int | str | None, ascii_only: bool) -> None:
    """What the standard library writes, with any white space and escapes, is loaded to the value that it wrote."""
    text = json.dumps({"a": value}, indent=indent, ensure_ascii=ascii_only)
    loaded = jsontext.load(text)
    assert loaded.data == {"a": value}
    assert json.loads(loaded.text) == {"a": value}
    assert loaded.flags == ()
    assert "\n" not in loaded.text


@given(st.text(alphabet='{}[]":,\\u0da18eE+-.ntf \n\ud800é', max_size=60) | st.text(max_size=30))
def test_raises_nothing_but_malformed(text: str) -> None:
    """Whatever the text, it is loaded to an object that may be spliced, or refused."""
    try:
        loaded = jsontext.load(text)
    except Malformed:
        return
    assert json.loads(loaded.text) == loaded.data
    assert jsontext.has_unique_keys(loaded.text, jsontext.key_count(loaded.data)) or not _has_duplicates(loaded.text)
    assert not {"\n", "\r", "\t"} & set(loaded.text)
    msgspec.json.encode(loaded.data)


def _has_duplicates(text: str) -> bool:
    found = []
    json.loads(text, object_pairs_hook=lambda pairs: found.append(len(pairs) != len(dict(pairs))))
    return any(found)
