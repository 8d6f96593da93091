"""What a compiled pattern tells about itself and about a message that matched."""

from __future__ import annotations

import pytest

from forwarders.metrics.filter_pattern import FilterPatternError, Match, Pattern, parse
from forwarders.metrics.filter_pattern.highlight import spans

EVENT = '{"latency":12.50,"size":7,"text":"8","word":"x","flag":true,"none":null,"list":[1],"at":{"a b":3}}'


def _matched(pattern: str, message: str) -> tuple[Pattern, Match]:
    compiled = parse(pattern)
    match = compiled.match(message)
    assert match is not None
    return compiled, match


@pytest.mark.parametrize(
    ("selector", "value"),
    [
        ("$.latency", 12.5),
        ("$.size", 7),
        ("$.text", "8"),
        ("$.word", "x"),
        ("$.flag", None),
        ("$.none", None),
        ("$.list", None),
        ("$.list[0]", 1),
        ("$.list[1]", None),
        ("$.at.['a b']", 3),
        ("$.absent.x", None),
        ("200", "200"),
    ],
)
def test_a_metric_value_is_read_off_an_event(selector: str, value: object) -> None:
    """A number or a string, whether or not the pattern names it; nothing for booleans, null, objects and arrays."""
    assert _matched("{ $.size = * }", EVENT)[1].value(selector) == value


@pytest.mark.parametrize(
    ("selector", "value"),
    [
        ("$size", "1534"),
        ("$ip", "10.0.0.1"),
        ("$2", "a b"),
        ("$4", "1534"),
        ("$9", None),
        ("$0", None),
        ("$nothing", None),
    ],
)
def test_a_metric_value_is_read_off_a_line(selector: str, value: object) -> None:
    """By the name of its field, or by the place of the field in the line."""
    assert _matched("[ip, ..., size]", '10.0.0.1 "a b" c 1534')[1].value(selector) == value


def test_the_rest_of_a_line_is_one_field() -> None:
    """Its place is that of its entry, and nothing comes behind it; a pattern without fields has no places at all."""
    match = _matched("[level, rest]", "ERROR one two")[1]
    assert [match.value(f"${place}") for place in (1, 2, 3)] == ["ERROR", "one two", None]
    assert _matched("ERROR", "ERROR one")[1].value("$1") is None


@pytest.mark.parametrize("selector", ["$.list[*]", "$.", "$.a b", "$.*"])
def test_a_selector_of_several_values_is_no_metric_value(selector: str) -> None:
    """A wildcard is refused, as AWS refuses it, and so is what is no selector."""
    with pytest.raises(FilterPatternError):
        _matched("{ $.size = * }", EVENT)[1].value(selector)


@pytest.mark.parametrize(
    ("pattern", "kind", "selectors", "conditions", "regexes"),
    [
        ("", "all", (), 0, 0),
        ("a -b", "terms", (), 0, 0),
        ("%a%", "regex", (), 0, 1),
        ("{ $.a = 1 || ($.b.c IS NULL && $.a = %x%) }", "json", ("$.a", "$.b.c"), 3, 1),
        ("[a, , ..., b = 1 || b = %x%]", "fields", ("$a", "$b"), 2, 1),
    ],
)
def test_a_pattern_says_what_it_consists_of(
    pattern: str, kind: str, selectors: tuple[str, ...], conditions: int, regexes: int
) -> None:
    """Kind, selectors, and the numbers that count towards AWS's quotas."""
    compiled = parse(pattern)
    told = (compiled.kind, compiled.selectors, len(compiled.conditions), compiled.regexes)
    assert told == (kind, selectors, conditions, regexes)


def test_only_a_json_pattern_can_be_asked_about_a_parsed_event() -> None:
    """The other kinds are about text."""
    assert parse("{ $.a = 1 }").match_parsed({"a": 1.0}) is True
    with pytest.raises(TypeError):
        parse("a").match_parsed({"a": 1})


@pytest.mark.parametrize(
    ("pattern", "message", "marked"),
    [
        ("b ?a", "abcab", ["b", "b"]),
        ("%[0-9]+%", "a12b3", ["12", "3"]),
        ("[a, b=4*, c]", "x 404 y", ["404"]),
        ("{ $.a = 1 }", '{"b":"a","a":1}', ['"a"', '"a"']),
        ("", "a", []),
        ("-a", "b", []),
    ],
)
def test_what_made_a_message_match_is_marked(pattern: str, message: str, marked: list[str]) -> None:
    """Terms, hits of a regex, fields with a condition, keys."""
    assert [message[start:end] for start, end in spans(*_matched(pattern, message))] == marked
