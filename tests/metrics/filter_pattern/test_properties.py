"""What holds for every pattern and every message."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from forwarders.metrics.filter_pattern import FilterPatternError, Pattern, parse
from forwarders.metrics.filter_pattern.compiled import _closure, compiled
from forwarders.metrics.filter_pattern.numbers import number, printed
from forwarders.metrics.filter_pattern.split import _one_by_one, bare, fields

_KEYS = st.sampled_from(["a", "b", "a.b", "é"])
_NUMBERS = st.one_of(
    st.integers(-3, 3),
    st.integers(),
    st.floats(allow_nan=False),
    st.sampled_from([0.1, 1.0, -0.0, 1e22, 9007199254740993]),
)
_SCALARS = st.one_of(_NUMBERS, st.booleans(), st.none(), st.sampled_from(["", "1", "1.0", "x", "xyx", "true", "é"]))
_VALUES = st.recursive(_SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS, inner, max_size=3))
_EVENTS = st.dictionaries(_KEYS, _VALUES, max_size=4)

_SELECTORS = st.sampled_from(
    ["$.a", "$.b", "$.a.b", "$.a[0]", "$.a[*]", "$.*", "$.a.*.b", "$.['a.b']", "$.é", "$.b[1].a", "$.a" + ".a" * 15]
)
_WORDS = ['"x"', "x*", "*x", "x*x", "*", "true", '""', "é", "Infinity", '"1"', '"1.0"']
_FIGURES = ["1", "1.0", "-0", "0.1", "1e22", "9007199254740993", "0.1000000000000000000001", "1e400"]
_LITERALS = st.sampled_from(_WORDS + _FIGURES)
_COMPARED = st.one_of(
    st.tuples(_SELECTORS, st.sampled_from(["=", "!="]), _LITERALS),
    st.tuples(
        _SELECTORS, st.sampled_from(["<", "<=", ">", ">="]), st.sampled_from(["0", "1.0", "0.1", "-1e3", "1e400"])
    ),
    st.tuples(_SELECTORS, st.sampled_from(["IS NULL", "IS TRUE", "IS FALSE", "NOT EXISTS"])),
).map(" ".join)
_TREES = st.recursive(
    _COMPARED,
    lambda inner: st.tuples(inner, st.sampled_from(["&&", "||"]), inner).map(lambda parts: f"({' '.join(parts)})"),
)


@settings(max_examples=300)
@given(_TREES, _EVENTS)
def test_text_parsed_event_and_plain_reading_agree(tree: str, event: dict[str, Any]) -> None:
    """The function written for a pattern, the closures it replaces, and the road from the text give one answer."""
    pattern = _taken(f"{{ {tree} }}")
    assume(pattern is not None)
    assert pattern is not None
    assert pattern.tree is not None
    answers = {
        pattern.match_parsed(event),
        compiled(pattern.tree)(event),
        bool(_closure(pattern.tree)(event)),
        pattern.match(json.dumps(event).replace("Infinity", "1e999")) is not None,
    }
    assert len(answers) == 1


@settings(max_examples=500)
@given(st.text(st.sampled_from("{}[]()%\"'$.,*=!<>&|?-+ \\\t0159aeENULIS_é#"), max_size=40), st.text(max_size=40))
def test_every_pattern_is_taken_or_refused(pattern: str, message: str) -> None:
    """No other error comes out, the position lies in the pattern, and what is taken matches without an error."""
    for text in (pattern, f"{{$.a={pattern}}}", f"[a={pattern}]", f"%{pattern}%"):
        taken = _taken(text)
        if taken is not None:
            taken.match(message)
            taken.match(json.dumps({"a": message}))


def _taken(text: str) -> Pattern | None:
    """The compiled pattern, or None when it is refused, and then with all that a refusal has to say."""
    try:
        return parse(text)
    except FilterPatternError as error:
        refusal = error
    assert 0 <= refusal.position <= len(text)
    assert refusal.found
    assert refusal.expected
    return None


@given(st.text(st.sampled_from('ab"[] \t\n'), max_size=60))
def test_a_line_is_cut_as_one_would_by_hand(line: str) -> None:
    """The fast road, the one for many brackets, and a plain loop give the same fields."""
    by_hand: list[str] = []
    rest = line.lstrip(" \t\n")
    while rest:
        closing = {'"': '"', "[": "]"}.get(rest[0], "")
        end = rest.find(closing, 1) if closing else -1
        if end > 0:
            by_hand.append(rest[1:end])
            rest = rest[end + 1 :].lstrip(" \t\n")
        else:
            word = re.split(r"[ \t\n]", rest, maxsplit=1)[0]
            by_hand.append(word)
            rest = rest[len(word) :].lstrip(" \t\n")
    assert fields(line) == by_hand == list(map(bare, _one_by_one(line)))


@given(_NUMBERS, st.sampled_from(["=", "!=", "<", "<=", ">", ">="]), st.decimals(allow_nan=False, allow_infinity=False))
def test_numbers_compare_exactly(event: float, symbol: str, literal: Decimal) -> None:
    """As decimals do: an event's integer by its digits, any other number by the shortest text of its double."""
    written = number(str(literal).replace("E", "e"))
    assert written is not None
    if event in (float("inf"), float("-inf")):
        assert not written.compare(symbol, event)
        return
    sides = Decimal(repr(event)), literal
    expected = {
        "=": sides[0] == sides[1],
        "!=": sides[0] != sides[1],
        "<": sides[0] < sides[1],
        "<=": sides[0] <= sides[1],
        ">": sides[0] > sides[1],
        ">=": sides[0] >= sides[1],
    }
    assert written.compare(symbol, event) == expected[symbol]


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_the_printed_form_of_a_double_is_that_number(value: float) -> None:
    """Always with a point, and with an exponent below a thousandth and from ten millions on."""
    text = printed(value)
    assert float(text) == value
    assert "." in text
    assert ("E" in text) == (value != 0 and not 1e-3 <= abs(value) < 1e7)


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("{" + "(" * 505 + "$.a=1" + ")" * 505 + "}", '{"a":1}'),
        ("{$" + ".a" * 490 + "=1}", '{"a":' * 490 + "1" + "}" * 490),
        ("{$.a" + "[0]" * 330 + "=1}", '{"a":' + "[" * 330 + "1" + "]" * 330 + "}"),
        ("{$.a=1}", '{"a":1,"b":' + "[" * 450 + "]" * 450 + "}"),
        ('{$.a="' + "*a" * 400 + '*"}', msgspec.json.encode({"a": "a" * 1_000_000}).decode()),
        ("[a, ..., b]", "[ " * 500_000),
        ("[" + "," * 300 + "]", "[ " * 500_000),
        ("[]", '"' * 1_000_000),
        ("[a > 1]", "1" * 1_000_000),
        ("%" + "a?" * 300 + "a{300}%", "a" * 1_000_000),
    ],
    ids=lambda text: text[:12],
)
def test_hostile_patterns_and_lines_do_no_harm(pattern: str, message: str) -> None:
    """Each would overflow a stack, or take minutes, if it were done naively; each matches at once."""
    assert parse(pattern).match(message) is not None


@pytest.mark.parametrize(
    "text", ["[" * 1_000_000, "{" * 1_000_000, '{"a":' * 100_000, '{"a":1' + "1" * 1_000_000 + "}"]
)
def test_hostile_events_match_nothing(text: str) -> None:
    """What is no JSON, or is nested too deeply, or has an integer of a million digits, matches no JSON pattern."""
    assert parse("{ $.a NOT EXISTS }").match(text) is None


def test_an_alternation_of_levels_a_hundred_deep_is_evaluated() -> None:
    """Deeper than Python's own parser takes parentheses in an expression."""
    tree = "$.a=1"
    for level in range(100):
        tree = f"({tree}{'||' if level % 2 else '&&'}$.a=1)"
    assert parse(f"{{{tree}}}").match('{"a":1}')
