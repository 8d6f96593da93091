"""Properties that hold for every event, tried on events made up for every contract that ships."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from forwarders import jsontext
from forwarders.contracts.compiled import Compiled, variant
from forwarders.contracts.explain import explain, format_checker
from forwarders.contracts.load import read_folder
from forwarders.contracts.tree import expand, pointer
from forwarders.contracts.words import MAX_TEXT
from forwarders.model import Verdict

COMPILED = {one.name: Compiled(one) for one in read_folder(Path(__file__).parents[2] / "schemas")}
TREES = {name: expand(dict(one.contract.schema), name) for name, one in COMPILED.items()}
CLOSED, OPEN = (
    {
        name: Draft202012Validator(variant(tree, closed=closed), format_checker=format_checker())
        for name, tree in TREES.items()
    }
    for closed in (True, False)
)

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
NUMBERS = st.one_of(
    st.integers(),
    st.sampled_from([0, -1, 2**53 + 1, 2**63, 2**64, 10**30, -(10**30), 946684800, 1493214552123]),
    st.floats(allow_nan=False, allow_infinity=False),
)
ANYTHING = st.recursive(
    st.one_of(st.none(), st.booleans(), NUMBERS, TEXTS),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(TEXTS, inner, max_size=3)),
    max_leaves=8,
)
DATES = st.datetimes().map(lambda moment: moment.isoformat() + "Z")


def valid(node: Any) -> st.SearchStrategy[Any]:
    """Values that fit a subschema of the kinds that our contracts use."""
    if "const" in node:
        return st.just(node["const"])
    if "enum" in node:
        return st.sampled_from(node["enum"])
    types = node.get("type", "null")
    one_each = [of_type(node, name) for name in ([types] if isinstance(types, str) else types)]
    return st.one_of(one_each)


def of_type(node: dict[str, Any], name: str) -> st.SearchStrategy[Any]:
    if name == "object":
        required = {key: valid(node["properties"][key]) for key in node.get("required", ())}
        optional = {key: valid(child) for key, child in node.get("properties", {}).items() if key not in required}
        rest = node.get("additionalProperties", True)
        fixed = st.fixed_dictionaries(required, optional=optional)
        if rest is False:
            return fixed
        free = st.dictionaries(TEXTS, ANYTHING if rest is True else valid(rest), max_size=3)
        return st.builds(lambda a, b: {**b, **a}, fixed, free)
    if name == "array":
        return st.lists(valid(node["items"]), max_size=4)
    if name == "string":
        return texts(node)
    low, high = node.get("minimum", 0), node.get("maximum", 10**15)
    whole = st.integers(low, high)
    return whole if name == "integer" else st.one_of(whole, st.floats(low, high))


def texts(node: dict[str, Any]) -> st.SearchStrategy[str]:
    if "x-known-values" in node:
        return st.sampled_from(node["x-known-values"])
    if "anyOf" in node:
        return st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6)).map(str)
    if node.get("format") == "date-time":
        return DATES
    if "pattern" in node:
        # Without fullmatch a text may end in a line end: one of the differences that are listed.
        return st.from_regex(re.compile(node["pattern"], re.ASCII))
    size = node.get("maxLength", 100)
    edges = st.sampled_from([n for n in (node.get("minLength", 0), size, size + 1) if n < 5000])
    plain = st.text(st.characters(exclude_categories=["Cs"]), min_size=node.get("minLength", 0), max_size=min(size, 50))
    return st.one_of(plain, edges.map(lambda n: "é" * n))


@st.composite
def broken(draw: st.DrawFn, name: str) -> dict[str, Any]:
    """An event of a contract with one place of it removed, replaced, extended or given a line end."""
    event: dict[str, Any] = draw(valid(TREES[name]))
    node: Any = event
    while True:
        keys = list(node) if isinstance(node, dict) else list(range(len(node)))
        if not keys:
            break
        key = draw(st.sampled_from(keys))
        if isinstance(node[key], (dict, list)) and node[key] and draw(st.booleans()):
            node = node[key]
            continue
        how = draw(st.sampled_from(["remove", "replace", "line end", "add"]))
        if how == "remove":
            del node[key]
        elif how == "replace":
            node[key] = draw(ANYTHING)
        elif how == "line end" and isinstance(node[key], str):
            node[key] += "\n"
        elif isinstance(node, dict):
            node[draw(TEXTS)] = draw(ANYTHING)
        break
    return event


def events(name: str) -> st.SearchStrategy[Any]:
    return st.one_of(valid(TREES[name]), broken(name), ANYTHING)


NAMES = pytest.mark.parametrize("name", sorted(COMPILED))
MANY = settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))


def is_listed(keyword: str, wanted: Any, value: Any) -> bool:
    """Whether a difference is one of docs/conformance.md: pattern-dollar, pattern-unicode, format-unchecked."""
    if keyword == "format":
        return wanted == "date-time"
    return keyword == "pattern" and (value.endswith("\n") or not value.isascii())


@NAMES
@MANY
@given(data=st.data())
def test_both_validators_agree_on_every_event(name: str, data: st.DataObject) -> None:
    """Valid, at the edge or broken: jsonschema and jsonschema-rs say the same, but for the listed differences."""
    event = data.draw(events(name))
    compiled = COMPILED[name]
    verdict, flaws, _ = compiled.judge(event)
    for decided, explainer in ((compiled.is_strict(event), CLOSED[name]), (verdict is Verdict.VALID, OPEN[name])):
        explained = explainer.is_valid(event)
        if decided == explained:
            continue
        assert explained, [(error.validator, list(error.absolute_path)) for error in explainer.iter_errors(event)]
        schema = variant(TREES[name], closed=False)
        assert flaws
        for flaw in flaws:
            value, node = event, schema
            for part in flaw.pointer.split("/")[1:]:
                value = value[int(part) if isinstance(value, list) else part]
                node = node["items"] if part.isdigit() else node["properties"][part]
            assert is_listed(flaw.keyword, node.get(flaw.keyword), value), flaw


@NAMES
@MANY
@given(data=st.data())
def test_verdict_drift_and_counts_hang_together(name: str, data: st.DataObject) -> None:
    """Strictly valid means valid without drift; the quick counts and walks equal the slow, general ones."""
    event = data.draw(events(name))
    compiled = COMPILED[name]
    verdict, flaws, drift = compiled.judge(event)
    if compiled.is_strict(event):
        assert (verdict, flaws, drift) == (Verdict.VALID, (), ())
        assert compiled.key_count(event) == jsontext.key_count(event)
    elif verdict is Verdict.VALID:
        assert drift
        assert list(drift) == sorted(set(drift))
        fields, values = compiled.drift_by_validator(event)
        assert sorted(map(repr, compiled.unknown_paths(event))) == sorted(map(repr, fields))
        assert len(fields) + len(values) >= len(drift)
    else:
        assert 1 <= len(flaws) <= 5
        assert drift == ()
    if isinstance(event, dict):
        time_ms = compiled.time_ms(event)
        assert time_ms is None or 0 <= time_ms < 253402300800000


def with_secrets(value: Any) -> Any:
    """The value with one secret in place of every text; keys stay."""
    if isinstance(value, dict):
        return {key: with_secrets(child) for key, child in value.items()}
    if isinstance(value, list):
        return [with_secrets(child) for child in value]
    return "s3cret-value" if isinstance(value, str) else value


@NAMES
@MANY
@given(data=st.data())
def test_no_value_of_an_event_is_in_what_is_said_of_it(name: str, data: st.DataObject) -> None:
    """Flaws and explanations of an event full of one secret never contain it; they are bounded."""
    event = with_secrets(data.draw(events(name)))
    _, flaws, _ = COMPILED[name].judge(event)
    told = [text for flaw in flaws for text in (flaw.pointer, flaw.keyword, flaw.expected, flaw.found)]
    assert all(len(text) <= MAX_TEXT for text in told)
    assert "s3cret-value" not in "\n".join([*told, explain(COMPILED[name].contract, event)])


@NAMES
@MANY
@given(data=st.data())
def test_without_its_unknown_fields_an_event_has_no_unknown_fields(name: str, data: st.DataObject) -> None:
    """What unknown_paths names is all that has to move for the rest to be what the contract declares."""
    event = data.draw(broken(name))
    compiled = COMPILED[name]
    if compiled.judge(event)[0] is not Verdict.VALID:
        return
    for path in compiled.unknown_paths(event):
        *way, last = path
        node = event
        for part in way:
            node = node[part]
        del node[last]
    assert compiled.judge(event)[0] is Verdict.VALID
    assert compiled.unknown_paths(event) == []


@given(st.lists(st.one_of(st.text(max_size=5), st.integers(0, 9)), max_size=5))
def test_a_json_pointer_leads_back_to_its_path(path: list[str | int]) -> None:
    """RFC 6901: no key, however odd, makes two pointers alike."""
    parts = pointer(path).split("/")[1:]
    assert [part.replace("~1", "/").replace("~0", "~") for part in parts] == [str(part) for part in path]
