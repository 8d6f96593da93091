"""The proof that no key stands twice: it may fail to prove, and must never prove what is not so."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forwarders import jsontext

PROVED = [
    '{"a":1,"b":{"c":2},"d":[{"e":3},{"e":4}]}',
    '{"url":"https://example.com:80/a","at":"10:05:03"}',
    '{"a" : 1, "b"\n: 2, "c"\t:3}',
    '{"a":"say \\"x\\":1"}',
    '{"a\\\\":1,"b":"x:y"}',
    '{"a":"x : y"}',
    "{}",
]


@pytest.mark.parametrize("text", PROVED)
def test_proves_ordinary_events(text: str) -> None:
    """URLs, times, white space and quoted quotes do not send an event to the slow parser."""
    assert jsontext.has_unique_keys(text, jsontext.key_count(jsontext.decode(text)))


def test_counts_keys_at_every_depth() -> None:
    """Keys are counted in objects within objects and arrays."""
    assert jsontext.key_count({"a": {"b": 1, "c": [{"d": 1}, [{"e": {"f": 1}}]]}, "g": []}) == 7


def test_what_is_nested_too_deeply_proves_nothing() -> None:
    """An event of more than 200 levels goes to the slow parser, which refuses it."""
    deepest: dict = {}
    for _ in range(199):
        deepest = {"a": deepest}
    assert jsontext.key_count(deepest) == 199
    assert jsontext.key_count({"a": deepest}) == -1
    assert not jsontext.has_unique_keys("{}", -1)


# Keys and strings are made of what the proof looks at; `\u0061` is an `a`.
pieces = st.lists(st.sampled_from(["a", "\\u0061", "b", ":", '\\"', "\\\\", " ", " :"]), max_size=4).map("".join)
strings = pieces.map(lambda text: f'"{text}"')
space = st.sampled_from(["", "", " ", "\n", "\t "])


def objects(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    member = st.tuples(strings, space, space, inner).map(lambda m: f"{m[0]}{m[1]}:{m[2]}{m[3]}")
    return st.lists(member, max_size=4).map(lambda members: "{" + ",".join(members) + "}")


texts = st.recursive(
    strings | st.just("1"),
    lambda i: objects(i) | st.lists(i, max_size=3).map(lambda v: f"[{','.join(v)}]"),
    max_leaves=8,
)


@settings(max_examples=1000)
@given(objects(texts))
def test_never_proves_a_text_that_holds_a_key_twice(text: str) -> None:
    """Where a key stands twice, in whatever spelling, nothing is proved; where none does, the slow parser agrees."""
    pairs: list[bool] = []
    json.loads(text, object_pairs_hook=lambda found: pairs.append(len(found) != len(dict(found))) or dict(found))
    proved = jsontext.has_unique_keys(text, jsontext.key_count(jsontext.decode(text)))
    assert not (proved and any(pairs))
    assert ("dup_keys" in jsontext.load(text).flags) == any(pairs)
