"""Values replaced, removed, moved and flattened in the text of an event."""

import json
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forwarders import jsontext


def cases(name: str) -> list[dict]:
    return [json.loads(line) for line in Path(__file__).with_name(name).read_text("utf-8").splitlines()]


@pytest.mark.parametrize("case", cases("edit.jsonl"), ids=lambda case: case["why"])
def test_edit(case: dict) -> None:
    """Every edit of edit.jsonl gives the text it names: what is not edited stays as it was."""
    assert jsontext.edit(case["text"], [(tuple(path), value) for path, value in case["edits"]]) == case["out"]


@pytest.mark.parametrize("case", cases("move_extra.jsonl"), ids=lambda case: case["why"])
def test_move_extra(case: dict) -> None:
    """Every drift of move_extra.jsonl moves under `_extra` as the text it was."""
    assert jsontext.move_extra(case["text"], [tuple(path) for path in case["paths"]]) == case["out"]


def test_ten_thousand_unknown_fields_become_a_thousand() -> None:
    """Beyond a thousand entries only how many there were, and the first names, are kept."""
    data = {"event": "x"} | {f"f{i}": i for i in range(10_000)}
    moved = json.loads(jsontext.move_extra(json.dumps(data), [(f"f{i}",) for i in range(10_000)]))
    kept = {f"f{i}": i for i in range(999)}
    excess = {"count": 9_001, "names": [f"f{i}" for i in range(999, 1_019)]}
    assert moved == {"event": "x", "_extra": kept | {"_excess": excess}}


@pytest.mark.parametrize("case", cases("flatten.jsonl"), ids=lambda case: case["why"])
def test_flatten(case: dict) -> None:
    """Every event of flatten.jsonl gives the columns it names: JSON text (in a list) or a string."""
    flat = jsontext.flatten(case["text"])
    shown = {key: value if isinstance(value, str) else [bytes(value).decode()] for key, value in flat.items()}
    assert shown == case["out"]
    assert list(shown) == list(case["out"])
    assert jsontext.flatten(case["text"], jsontext.decode(case["text"])).keys() == flat.keys()


def test_flatten_is_bounded_in_depth() -> None:
    """Below 20 levels an object is a string of JSON."""
    text = '{"a":' * 30 + "1" + "}" * 30
    assert jsontext.flatten(text) == {".".join("a" * 20): '{"a":' * 10 + "1" + "}" * 10}


scalars = st.none() | st.booleans() | st.integers() | st.text(max_size=6)
events = st.dictionaries(
    st.sampled_from("abc"),
    st.recursive(scalars, lambda i: st.dictionaries(st.sampled_from("abc"), i) | st.lists(i, max_size=3), max_leaves=8),
)
paths = st.lists(st.sampled_from("abc"), min_size=1, max_size=3).map(tuple)


@given(events, st.lists(paths, min_size=1, max_size=3))
def test_what_is_removed_is_gone(data: dict, removed: list[tuple[str, ...]]) -> None:
    """After an edit that removes paths, nothing can be found at any of them."""
    out = json.loads(jsontext.edit(json.dumps(data), [(path, None) for path in removed]))
    for path in removed:
        assert _found(out, path) == []


def _found(value: object, path: tuple[str, ...]) -> list[object]:
    if not path:
        return [value]
    if isinstance(value, list):
        return [hit for item in value for hit in _found(item, path)]
    return _found(value[path[0]], path[1:]) if isinstance(value, dict) and path[0] in value else []


@given(events)
def test_a_change_of_nothing_changes_nothing(data: dict) -> None:
    """A value put in its own place leaves an event that means the same."""
    same = jsontext.editor({("a", "b"): lambda value: value, ("c",): lambda value: value})
    assert json.loads(same(json.dumps(data))) == data


@pytest.mark.parametrize("text", ["", "[1]", "null", '{"a":', "x"])
def test_what_is_no_object_is_an_error(text: str) -> None:
    """Editing what is no object raises what decode raises."""
    with pytest.raises(jsontext.DECODE_ERRORS):
        jsontext.edit(text, [(("a",), None)])
    with pytest.raises(msgspec.DecodeError):
        jsontext.move_extra(text, [("a",)])
