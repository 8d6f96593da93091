"""Verdict, flaws, drift and time of an event by its contract, and the lookup of contracts."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

from forwarders import jsontext
from forwarders.contracts.compiled import MAX_DRIFT, Compiled, Contracts
from forwarders.contracts.load import Entry, entries, from_schema, read_folder
from forwarders.contracts.times import no_time, time_of
from forwarders.errors import ConfigError
from forwarders.model import Contract, Flaw, Verdict

ROOT = Path(__file__).parents[2]
DATA = ROOT / "tests" / "data" / "contracts"
LOGIN = ROOT / "schemas" / "user" / "user.login.success" / "v1.schema.json"
EVENT = {
    "timestamp": 1493214552,
    "event": "user.login.success",
    "user": "ryansb",
    "method": "totp-2fa",
    "source": {"type": "web.navbar", "client": "git-b263b0"},
}


def login(major: int = 1, **x_event: Any) -> Contract:
    schema = json.loads(LOGIN.read_text())
    schema["$id"] = f"urn:logharbor:user.login.success:{major}"
    schema["properties"]["event_version"]["const"] = major
    schema["x-event"] |= {"version": f"{major}.0.0"} | x_event
    return from_schema(schema, "v1.schema.json")


def contract(properties: dict[str, Any], **keywords: Any) -> Contract:
    """A small closed contract for one question."""
    schema = {
        "$id": "urn:logharbor:a.b:1",
        "type": "object",
        "additionalProperties": False,
        "properties": properties,
        "x-event": {"version": "1.0.0", "owner": "team", "dataset": "a"},
    }
    return from_schema(schema | keywords, "v1.schema.json")


def lines(name: str) -> list[Any]:
    return [json.loads(line) for line in (DATA / name).read_text().splitlines()]


@pytest.mark.parametrize("case", lines("drift.jsonl"), ids=lambda case: case["why"])
def test_what_the_contract_does_not_know_is_drift(case: dict[str, Any]) -> None:
    """The event stays valid; the names of drift are unambiguous, and only unknown fields are to be moved."""
    compiled = Compiled(login())
    event = EVENT | case["set"]
    assert not compiled.is_strict(event)
    assert compiled.judge(event) == (Verdict.VALID, (), tuple(case["drift"]))
    assert compiled.unknown_paths(event) == [tuple(path) for path in case["unknown"]]


@pytest.mark.parametrize("case", lines("times.jsonl"), ids=lambda case: f"{case['unit']}-{case['value']}"[:40])
def test_the_time_of_an_event_is_read_exactly_or_not_at_all(case: dict[str, Any]) -> None:
    """Seconds, milli-, micro- and nanoseconds and RFC 3339 texts become ms; what is no time is None, never a guess."""
    for path, event in (
        (("t",), {"t": case["value"]}),
        (("a", "b", "t"), {"a": {"b": {"t": case["value"]}}}),
    ):
        assert time_of(path, case["unit"])(event) == case["ms"]


def test_a_missing_time_is_none() -> None:
    """An event without the field, or with something else on the way to it, has no time of its own."""
    nested = time_of(("a", "t"), "s")
    assert [nested(event) for event in ({}, {"a": None}, {"a": [1]}, {"a": {}}, {"t": 1})] == [None] * 5
    assert time_of(("t",), "s")({"t": float("inf")}) is None
    assert time_of(("t",), "s")({"t": float("nan")}) is None
    assert no_time(EVENT) is None
    assert Compiled(contract({"t": {"type": "integer"}})).time_ms({"t": 1}) is None


def test_flaws_tell_place_keyword_and_type_but_never_the_value() -> None:
    """An invalid event is told apart by at most five flaws, and what it held is not in them."""
    event: dict[str, Any] = {
        "timestamp": "s3cret-1",
        "event": "user.login.success",
        "event_version": 2,
        "user": "",
        "method": "s3cret" * 100,
        "source": {"client": "s3cret\n"},
        "s3cret": "s3cret",
    }
    verdict, flaws, drift = Compiled(login()).judge(event)
    assert (verdict, drift) == (Verdict.INVALID, ())
    assert sorted(flaws, key=lambda flaw: flaw.pointer) == [
        Flaw("/event_version", "const", "1", "integer of 1 digit"),
        Flaw("/method", "maxLength", "at most 32 characters", "string of 600 characters"),
        Flaw("/source/client", "pattern", "a match of ^git-[0-9a-f]{6,40}$", "string of 7 characters"),
        Flaw("/timestamp", "type", "number", "string of 8 characters"),
        Flaw("/user", "minLength", "at least 1 character", "string of 0 characters"),
    ]
    assert "s3cret" not in repr(flaws)


def test_a_missing_field_is_named() -> None:
    """The object that misses a property is the place, the property is what was expected."""
    event = {key: value for key, value in EVENT.items() if key not in ("user", "method")}
    _, flaws, _ = Compiled(login()).judge(event)
    assert flaws == (
        Flaw("", "required", 'property "user"', "nothing"),
        Flaw("", "required", 'property "method"', "nothing"),
    )


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (None, "null"),
        (True, "boolean"),
        (7, "integer of 1 digit"),
        (-1234567, "integer of 7 digits"),
        (10**4300, "huge integer"),
        (0.5, "number"),
        ([1, 2], "array of 2 items"),
        ({"a": 1}, "object of 1 key"),
        ("x" * 2_000_000, "string of 2,000,000 characters"),
    ],
    ids=lambda value: str(value)[:20] if not isinstance(value, int) else "",
)
def test_what_was_found_is_told_by_type_and_length(value: Any, found: str) -> None:
    """Enough to find the mistake, nothing to leak."""
    compiled = Compiled(contract({"a": {"const": "b"}}))
    assert compiled.judge({"a": value}) == (Verdict.INVALID, (Flaw("/a", "const", '"b"', found),), ())


def test_phrases_are_bounded() -> None:
    """Neither an author's pattern nor an event's key makes an error long."""
    wide = contract(
        {
            "a": {"enum": [f"value {i}" for i in range(1000)]},
            "b": {"type": "string", "pattern": f"^({'x' * 500})$"},
            "c": {"type": "object", "additionalProperties": {"type": "string"}},
        }
    )
    event = {"a": 1, "b": "y", "c": {"k/~" * 1000: 1}}
    _, flaws, _ = Compiled(wide).judge(event)
    expected = {flaw.pointer[:2]: flaw for flaw in flaws}
    assert expected["/a"].expected == ("one of " + ", ".join(f'"value {i}"' for i in range(10)) + " and 990 more")
    assert max(len(text) for flaw in flaws for text in (flaw.pointer, flaw.expected, flaw.found)) == 200
    assert expected["/c"].pointer == ("/c/" + "k~1~0" * 1000)[:199] + "…"


def test_drift_is_bounded() -> None:
    """Ten thousand unknown fields are 64 names, though each of them is moved."""
    compiled = Compiled(login())
    event = EVENT | {f"f{i:05}": i for i in range(10_000)} | {"k" * 5000: 1}
    verdict, flaws, drift = compiled.judge(event)
    assert (verdict, flaws, drift) == (Verdict.VALID, (), tuple(f"f{i:05}" for i in range(MAX_DRIFT)))
    assert len(compiled.unknown_paths(event)) == 10_001


def test_unknown_fields_of_array_items_are_one_name() -> None:
    """Drift counts fields, not positions; the places to be moved are exact."""
    item = {"type": "object", "additionalProperties": False, "properties": {"a": {"x-known-values": ["x"]}}}
    compiled = Compiled(contract({"items": {"type": "array", "items": item}}))
    event = {"items": [{"a": "x"}, {"b": 1}, {"a": "y"}, {"b": 2}]}
    assert compiled.judge(event) == (Verdict.VALID, (), ("items[].a", "items[].b"))
    assert compiled.unknown_paths(event) == [("items", 1, "b"), ("items", 3, "b")]


def test_known_values_are_apart_by_type() -> None:
    """True is not 1, null is known where the type allows it, and 1.0 is 1."""
    known = contract(
        {"a": {"type": ["integer", "boolean", "null"], "x-known-values": [1]}, "b": {"x-known-values": [1]}}
    )
    compiled = Compiled(known)
    events = [{"a": 1}, {"a": 1.0}, {"a": None}, {"a": True}, {"a": 2}, {"b": None}, {"b": [1]}, {"b": "1"}]
    assert [compiled.judge(event)[2] for event in events] == [(), (), (), ("a",), ("a",), ("b",), ("b",), ("b",)]
    assert [compiled.is_strict(event) for event in events] == [True] * 3 + [False] * 5


def test_a_closed_object_in_a_branch_still_tells_events_apart() -> None:
    """Where alternatives differ only in their fields, an unknown field fits none of them: invalid, not drift."""
    card = {"type": "object", "additionalProperties": False, "required": ["pan"], "properties": {"pan": {}}}
    cash = {"type": "object", "additionalProperties": False, "required": ["till"], "properties": {"till": {}}}
    compiled = Compiled(contract({"by": {"oneOf": [card, cash]}}))
    assert compiled.is_strict({"by": {"pan": 1}})
    assert compiled.judge({"by": {"pan": 1, "till": 2}})[0] is Verdict.INVALID


def test_fields_named_by_patterns_are_known() -> None:
    """The validator's own engine reads the pattern, so that what it takes is no drift."""
    compiled = Compiled(contract({"a": {}}, patternProperties={"^x_": {"x-known-values": [1]}}))
    assert compiled.is_strict({"a": 1, "x_b": 1})
    assert compiled.judge({"x_b": 2, "y": 1}) == (Verdict.VALID, (), ("x_b", "y"))
    assert compiled.unknown_paths({"x_b": 2, "y": 1}) == [("y",)]


def test_hostile_events_get_a_verdict() -> None:
    """Hundreds of levels, 200,000 wrong items and keys of any kind cost one verdict, quickly, and no exception."""
    deep: Any = 1
    for _ in range(3000):
        deep = {"a": [deep]}
    compiled = Compiled(contract({"a": {"type": "array", "items": {"type": "string"}}, "b": {"const": 1}}))
    assert compiled.judge({"a": [deep]})[0] is Verdict.INVALID
    assert compiled.judge({"b": deep})[1] == (Flaw("", "depth", "an event of at most 200 levels", "object of 1 key"),)
    assert compiled.judge({"c": deep}) == (Verdict.VALID, (), ("c",))
    many = compiled.judge({"a": [1] * 200_000})
    assert many == (Verdict.INVALID, (Flaw("/a/0", "type", "string", "integer of 1 digit"),), ())
    assert compiled.judge({"a": "\ud800"})[0] is Verdict.INVALID


def test_a_contract_is_found_by_name_and_version() -> None:
    """Without a version it is the highest major, or the one whose author made it the default on the wire."""
    both = Contracts([login(1), login(2)])
    found = [both.find("user.login.success", version) for version in (None, 1, 2, 1.0)]
    assert [compiled and compiled.contract.major for compiled in found] == [2, 1, 2, 1]
    flagged = Contracts([login(1, wireDefault=True), login(2)]).find("user.login.success")
    assert flagged is not None
    assert flagged.contract.major == 1


@pytest.mark.parametrize("version", [3, 0, -1, "1", 1.5, [], {}, 10**30], ids=repr)
def test_an_unknown_version_is_unregistered(version: Any) -> None:
    """Whatever stands in event_version: what is no major of the contract has no contract, and the reason says so."""
    contracts = Contracts([login()])
    assert contracts.find("user.login.success", version) is None
    assert contracts.reason("user.login.success", version) == "unknown_version"
    assert contracts.find("user.login.sucess") is None
    assert contracts.reason("user.login.sucess") == "unknown_event"


def test_only_unambiguous_contracts_are_hot() -> None:
    """By name alone a contract is found only where an event of another version cannot pass for one of its own."""
    contracts = Contracts([login(1), login(2), contract({"a": {}}, additionalProperties=True)])
    assert contracts.hot == {}
    for name, version in (("user.login.success", 1), ("user.login.success", None), ("a.b", None)):
        contracts.find(name, version)
    assert {name: compiled.contract.major for name, compiled in contracts.hot.items()} == {"user.login.success": 2}
    assert not contracts.hot["user.login.success"].is_strict(EVENT | {"event_version": 1})


def test_unknown_names_are_not_remembered() -> None:
    """A producer that invents event names does not fill the memory of the forwarder."""
    contracts = Contracts([login()])
    for i in range(1000):
        contracts.find(f"invented.{i}", i)
    assert len(contracts.hot) == 0
    assert contracts.names() == ["user.login.success"]


def test_a_bundle_is_parsed_contract_by_contract() -> None:
    """Reading entries parses no schema: a broken one is noticed when its first event comes, with its name."""
    made = entries([login(2), login(1, wireDefault=True)])
    assert [(entry.name, entry.major, entry.wire_default) for entry in made] == [
        ("user.login.success", 1, True),
        ("user.login.success", 2, False),
    ]
    text = msgspec.json.encode([*made, Entry("a.b", 1, msgspec.Raw(b'{"$id": 1}'))])
    contracts = Contracts(msgspec.json.decode(text, type=list[Entry]))
    assert contracts.names() == ["a.b", "user.login.success"]
    found = contracts.find("user.login.success")
    assert found is not None
    assert (found.contract.major, found.is_strict(EVENT)) == (1, True)
    with pytest.raises(ConfigError, match=r"bundle: a.b v1: /\$id: found 1, expected urn:logharbor:EVENT:MAJOR"):
        contracts.find("a.b")


def test_a_bundle_entry_cannot_pass_for_another_contract() -> None:
    """Name and major of an entry are those of its schema."""
    (entry,) = entries([login()])
    with pytest.raises(ConfigError, match=r"found user.login.success:1, expected user.login.success:2"):
        Contracts([Entry(entry.name, 2, entry.schema)]).all()


def test_a_bundle_is_the_same_for_the_same_contracts() -> None:
    """Built twice, in whatever order the files were found, it is the same bytes, and holds what the folder holds."""
    contracts = read_folder(ROOT / "schemas")
    first, second = (msgspec.json.encode(entries(order)) for order in (contracts, contracts[::-1]))
    assert first == second
    again = Contracts(msgspec.json.decode(first, type=list[Entry])).all()
    assert [msgspec.structs.asdict(one) for one in again] == [msgspec.structs.asdict(one) for one in contracts]


def test_keys_are_counted_through_arrays_and_free_objects() -> None:
    """Whatever the contract declares or leaves open, the count is that of the whole event."""
    item = {"type": "object", "additionalProperties": False, "properties": {"sku": {"type": "string"}, "more": {}}}
    compiled = Compiled(
        contract(
            {
                "it's": {"type": "object", "additionalProperties": False, "properties": {"a": {"type": "null"}}},
                "labels": {"type": "object", "additionalProperties": {"type": "string"}},
                "free": {"type": "object"},
                "items": {"type": ["array", "null"], "items": item},
                "rows": {"type": "array", "items": {"type": "array", "items": {"type": "integer"}}},
                "any": {},
                "pair": {"type": "array", "prefixItems": [{"type": "object"}, {"type": "string"}]},
            }
        )
    )
    event = {
        "it's": {"a": None},
        "labels": {"x": "1", "y": "2"},
        "free": {"a": {"b": [{"c": 1}]}},
        "items": [{"sku": "a"}, {"sku": "b", "more": {"z": {}}}, {}],
        "rows": [[1], []],
        "any": [[{"d": 1}]],
        "pair": [{"e": 1}, "f", {"g": 2}],
    }
    assert compiled.is_strict(event)
    assert compiled.key_count(event) == jsontext.key_count(event) == 7 + 1 + 2 + 3 + 4 + 1 + 2
    assert compiled.key_count({"items": None}) == 1


def test_a_free_object_too_deep_to_count_proves_nothing() -> None:
    """No sum makes good a part that could not be counted."""
    deep: Any = {}
    for _ in range(500):
        deep = {"a": deep}
    assert Compiled(contract({"free": {"type": "object"}})).key_count({"free": deep}) < 0


def test_judging_imports_no_heavy_library() -> None:
    """A Lambda that validates events has not imported jsonschema, nor the checks of the build."""
    code = (
        "import sys; from forwarders.contracts.load import *; from forwarders.contracts.compiled import *; "
        f"c = Contracts([from_schema(msgspec.json.decode(open({str(LOGIN)!r}).read()), 'f')]); "
        "k = c.find('user.login.success'); k.judge({'a': 1}); k.judge({}); k.unknown_paths({'a': 1}); "
        "print([m for m in ('jsonschema', 'forwarders.contracts.check', 'difflib', 'boto3') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout == "[]\n"
