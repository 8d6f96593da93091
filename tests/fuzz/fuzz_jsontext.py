"""Coverage-guided fuzzing of JSON text: `python tests/fuzz/fuzz_jsontext.py -max_total_time=60`.

`load` gives an object that may be spliced or raises Malformed; what it takes the standard library reads alike, and
editing, moving and flattening the result never raise and lose nothing.
"""

from __future__ import annotations

import json
import sys

import atheris

with atheris.instrument_imports(include=["forwarders"]):
    from forwarders import jsontext
    from forwarders.errors import Malformed

SEEDS = (
    '{"a":1,"b":{"a":"x"}}',
    '{"a":[{"b":1.50}],"\\u0061":-0}',
    '{"a":"\\ud800","_extra":{"b":1}}',
    '{"a.b":1e5,"a":{"b":2}}',
)


def one_input(data: bytes) -> None:
    """One text through all of jsontext; a first byte that is small wraps it in an object that has neighbours."""
    text = data[1:].decode("utf-8", "surrogateescape" if data[:1] > b"\x80" else "replace")
    if data[:1] < b"\x10":
        text = f'{{"a":{text},"b":{{"a":1,"c":"x:y"}}}}'
    elif data[:1] < b"\x20":
        text = SEEDS[len(data) % len(SEEDS)][: len(text)] + text
    try:
        loaded = jsontext.load(text)
    except Malformed:
        return
    assert json.loads(loaded.text) == loaded.data
    assert not set(loaded.text) & {"\n", "\r", "\t"}
    duplicates: list[bool] = []
    json.loads(loaded.text, object_pairs_hook=lambda pairs: duplicates.append(len(dict(pairs)) < len(pairs)))
    assert not any(duplicates)
    paths = [("a",), ("b", "a"), ("*", "b")]
    out = json.loads(jsontext.edit(loaded.text, [(path, "7") for path in paths]))
    assert "a" not in out or out["a"] == 7
    moved = json.loads(jsontext.move_extra(loaded.text, [("a",), ("b", "a"), ("c", 0)]))
    assert "a" not in moved
    assert len(moved.get("_extra", {})) <= 4
    flat = jsontext.flatten(loaded.text, loaded.data)
    assert flat.keys() == jsontext.flatten(loaded.text).keys()
    for value in flat.values():
        assert isinstance(value, str) or jsontext.decode(value) is not ...


if __name__ == "__main__":
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()
