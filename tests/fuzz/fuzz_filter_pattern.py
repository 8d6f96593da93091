"""Coverage-guided fuzzing of filter patterns: `python tests/fuzz/fuzz_filter_pattern.py -max_total_time=60`.

A pattern is taken or refused with a position in it; what is taken matches any message without an error, is explained,
and answers alike about a text and about the event parsed from it.
"""

from __future__ import annotations

import sys

import atheris

with atheris.instrument_imports(include=["forwarders"]):
    from forwarders.metrics.filter_pattern import FilterPatternError, parse
    from forwarders.metrics.filter_pattern.explain import explain
    from forwarders.metrics.filter_pattern.highlight import spans
    from forwarders.metrics.filter_pattern.message import parsed

SHAPES = ("{}", "{{{}}}", "{{$.a={}}}", "{{$.{}=1}}", "[{}]", "[a={},b]", "%{}%", '"{}"')
MESSAGES = ("{}", '{{"a":{}}}', '{{"a":"{}"}}', '{{"{}":1,"a":[null,{{"b":1.0}}]}}')


def one_input(data: bytes) -> None:
    """The first bytes choose the shapes and how the rest is shared between pattern and message."""
    if len(data) < 3:
        return
    text = data[3:].decode("utf-8", "surrogateescape" if data[0] > 200 else "replace")
    at = data[2] * len(text) // 255
    pattern = SHAPES[data[0] % len(SHAPES)].format(text[:at])
    message = MESSAGES[data[1] % len(MESSAGES)].format(text[at:])
    try:
        compiled = parse(pattern)
    except FilterPatternError as error:
        refused(pattern, error)
        return
    assert explain(compiled).means
    match = compiled.match(message)
    if match is not None:
        for start, end in spans(compiled, match):
            assert 0 <= start < end <= len(message)
        match.value("$.a")
        match.value("$2")
    event = parsed(message)
    if compiled.kind == "json" and event is not None:
        assert compiled.match_parsed(event) == (match is not None)


def refused(pattern: str, error: FilterPatternError) -> None:
    """The place lies in the pattern, and can be shown."""
    assert 0 <= error.position <= len(pattern)
    assert error.shown()


if __name__ == "__main__":
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()
