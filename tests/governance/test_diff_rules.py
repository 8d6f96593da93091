"""Rules of the difference that need two folders: types across a dataset, waivers, history, versions."""

from __future__ import annotations

import datetime
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from forwarders.errors import ConfigError
from forwarders.governance import folders, versions
from forwarders.governance.difference import Difference, difference
from forwarders.governance.touched import touched

DAY = datetime.date(2026, 1, 1)


def contract(name: str = "shop.tried", major: int = 1, **properties: Any) -> dict[str, Any]:
    """A closed contract of the dataset `shop` with these properties."""
    return {
        "$id": f"urn:logharbor:{name}:{major}",
        "type": "object",
        "additionalProperties": False,
        "properties": {"event": {"const": name}, **properties},
        "x-event": {"version": f"{major}.0.0", "owner": "team-shop", "stability": "stable", "dataset": "shop"},
    }


def folder(**files: Any) -> folders.Folder:
    """A folder; a name of an argument is that of a file without its end, `__` for a slash."""
    named = {f"{name.replace('__', '/')}.json": value for name, value in files.items()}
    raw = {
        name if "/_" in f"/{name}" else name.replace(".json", ".schema.json"): json.dumps(value).encode()
        for name, value in named.items()
    }
    return folders.Folder("schemas", "schemas", raw)


def told(found: Difference) -> list[tuple[str, ...]]:
    """Pointer, change and the three verdicts of each change."""
    changes = [one.change for one in found.findings]
    return [(one.pointer, one.change, one.V, one.Q, one.M) for one in changes]


TEXT = {"type": "string", "maxLength": 20}
WHOLE = {"type": "integer"}


def test_a_field_has_one_type_in_a_dataset_across_teams() -> None:
    """A name that another contract of the dataset stores as text cannot become a number here."""
    other = contract("shop.other", size=TEXT)
    found = difference(folder(a=contract(), b=other), folder(a=contract(size=WHOLE), b=other), DAY)
    assert told(found) == [("/properties/size", "field_added_optional", "ok", "break", "ok")]
    assert "size is stored as keyword already (by shop.other v1)" in found.findings[0].change.why


def test_a_field_has_one_type_in_a_dataset_across_majors() -> None:
    """A new major is the road for breaking changes, but the index is the old one's."""
    old = contract(size=TEXT)
    old["x-event"]["wireDefault"] = True
    found = difference(folder(a=old), folder(a=old, b=contract(major=2, size=WHOLE)), DAY)
    assert told(found) == [
        ("", "major_added", "ok", "ok", "ok"),
        ("/properties/size", "field_type_conflict", "ok", "break", "ok"),
    ]


def test_an_object_and_a_value_cannot_share_a_name() -> None:
    """`size` and `size.width` are no two fields of one index."""
    other = contract("shop.other", size={"type": "object", "properties": {"width": WHOLE}})
    found = difference(folder(b=other), folder(a=contract(size=WHOLE), b=other), DAY)
    assert told(found)[1:] == [("/properties/size", "field_type_conflict", "ok", "break", "ok")]


def test_a_major_that_takes_over_what_names_no_version_is_to_be_reviewed() -> None:
    """Nobody knows from contracts alone which producers leave `event_version` out."""
    new = contract(major=2, size=TEXT)
    new["required"] = ["size"]
    new["x-event"]["wireDefault"] = True
    found = difference(folder(a=contract(size=TEXT)), folder(a=contract(size=TEXT), b=new), DAY)
    assert told(found) == [("", "major_added", "review", "ok", "ok")]


@pytest.mark.parametrize(
    ("stability", "verdict"),
    [("experimental", "compatible"), ("beta", "compatible"), ("stable", "breaking"), ("deprecated", "breaking")],
)
def test_stability_says_which_readers_can_fail(stability: str, verdict: str) -> None:
    """All three are always reported."""
    old, new = contract(size=WHOLE), contract(size={"type": "number"})
    old["x-event"]["stability"] = new["x-event"]["stability"] = stability
    found = difference(folder(a=old), folder(a=new), DAY)
    assert told(found) == [("/properties/size/type", "type_widened", "ok", "break", "ok")]
    assert (found.verdict, found.bump) == (verdict, "major")


def waiver(**also: str) -> list[dict[str, Any]]:
    place = {"event": "shop.tried", "major": 1, "pointer": "/properties/size/type", "reason": "the index is new"}
    return [{**place, "expires": "2026-01-01", **also}]


@pytest.mark.parametrize(
    ("also", "verdict", "notes"),
    [
        ({}, "compatible", ()),
        ({"reader": "Q"}, "compatible", ()),
        ({"reader": "M"}, "breaking", ()),
        (
            {"expires": "2025-12-31"},
            "breaking",
            ("the waiver of shop.tried v1 /properties/size/type ended on 2025-12-31: the index is new",),
        ),
        (
            {"change": "type_narrowed"},
            "breaking",
            ("a waiver of shop.tried v1 /properties/size/type covers nothing: remove it",),
        ),
    ],
)
def test_a_waiver_lets_one_change_through_until_its_day(
    also: dict[str, str], verdict: str, notes: tuple[str, ...]
) -> None:
    """The change is still reported; a waiver that is over, or about nothing, is told of."""
    new = folder(a=contract(size={"type": "number"}), _waivers=waiver(**also))
    found = difference(folder(a=contract(size=WHOLE)), new, DAY)
    assert (found.verdict, found.notes) == (verdict, notes)
    assert told(found) == [("/properties/size/type", "type_widened", "ok", "break", "ok")]


def test_a_waiver_without_a_day_is_refused() -> None:
    """Nothing is waived for ever."""
    without = [{key: value for key, value in waiver()[0].items() if key != "expires"}]
    with pytest.raises(ConfigError, match=r"_waivers\.json: \[0\]: found Object missing required field `expires`"):
        difference(folder(a=contract()), folder(a=contract(size=TEXT), _waivers=without), DAY)


def test_an_earlier_minor_counts_as_well() -> None:
    """A field that main had, dropped and forgot cannot come back as another type; what main did is not told again."""
    base, new = contract(kept=TEXT), contract(kept=TEXT, size=WHOLE)
    former = folder(a=contract(size=TEXT, kept=TEXT, gone=TEXT)).contracts()["shop.tried", 1]
    found = difference(folder(a=base), folder(a=new), DAY, {("shop.tried", 1): [former]})
    assert told(found) == [
        ("/properties/size", "field_added_optional", "ok", "ok", "ok"),
        ("/properties/size/type", "type_changed", "break", "break", "ok"),
    ]
    assert found.findings[1].change.why.startswith("against 1.0.0, which producers may still send: ")


def test_a_shared_definition_is_followed() -> None:
    """A change in schemas/_shared is a change of each contract that refers to it."""
    one = contract(size={"$ref": "_shared/size.json"})
    before = {"_shared__size": {"type": "string", "maxLength": 5}}
    after = {"_shared__size": {"type": "string", "maxLength": 4}}
    found = difference(folder(a=one, **before), folder(a=one, **after), DAY)
    assert told(found) == [("/properties/size/maxLength", "maxLength_lowered", "break", "ok", "ok")]


@pytest.mark.parametrize(
    "reference", ["https://example.com/a.json", "file:///etc/passwd", "../../secret.json", "#/nowhere", "#"]
)
def test_what_a_reference_cannot_lead_to_is_never_ok(reference: str) -> None:
    """Nothing is fetched, nothing outside of the folder is read, a circle ends: cannot prove, review."""
    found = difference(folder(a=contract(size=TEXT)), folder(a=contract(size={"$ref": reference})), DAY)
    assert found.verdict in ("review", "breaking")


def test_one_contract_twice_is_told() -> None:
    """Which of the two would be compared?"""
    with pytest.raises(ConfigError, match=r"b\.schema\.json: /\$id: found a second contract shop\.tried v1"):
        folder(a=contract(), b=contract()).contracts()


def test_what_a_change_touches_is_named() -> None:
    """Metrics, alarms, mappings, columns, boards and facets, each with what becomes of it."""
    old, new = contract(size=WHOLE, gone=TEXT), contract(size={"type": "number"}, come=TEXT)
    alarm = {"name": "many", "statistic": "Sum", "threshold": 1}
    old["x-event"]["metrics"] = [{"name": "Sizes", "kind": "sum", "value": "size", "alarms": [alarm]}]
    new["x-event"]["metrics"] = [
        {"name": "Sizes", "kind": "sum", "value": "size", "alarms": [{**alarm, "threshold": 2}]}
    ]
    old["x-event"]["views"] = {"columns": ["size", "gone"], "facets": ["gone"]}
    new["x-event"]["views"] = {"columns": ["size", "come"]}
    assert touched(difference(folder(a=old), folder(a=new), DAY)) == {
        "metrics": ["Sizes (~)"],
        "alarms": ["Sizes/many (~)"],
        "index mappings": [
            "logs-shop-*: data.come keyword (+)",
            "logs-shop-*: data.gone keyword (-)",
            "logs-shop-*: data.size double (~)",
        ],
        "columns": ["shop.tried: come (+)", "shop.tried: gone (-)", "shop.tried: size (~)"],
        "boards": ["shop.tried (~)"],
        "facets": ["shop.tried: gone (-)"],
    }


@pytest.mark.parametrize(
    ("old", "new", "wanted"),
    [
        (contract(), contract(size=TEXT), "1.1.0"),
        (contract(), {**contract(), "title": "Tried"}, "1.0.1"),
        (contract(size=TEXT), contract(), ""),
        (contract(), msgspec.json.decode(json.dumps(contract(size=TEXT)).replace("1.0.0", "1.2.0")), None),
    ],
)
def test_a_version_that_is_too_low_is_written_and_nothing_else(
    old: dict[str, Any], new: dict[str, Any], wanted: str | None, tmp_path: Path
) -> None:
    """A major cannot be declared in the same file; a version that is high enough is left alone."""
    text = json.dumps(new, indent=3).replace(": ", " :  ")
    (tmp_path / "a.schema.json").write_text(text)
    after = folders.read(str(tmp_path), None, Path())
    low = list(versions.wanted(difference(folder(a=old), after, DAY)))
    assert [one.version for one in low] == ([] if wanted is None else [wanted])
    written = [versions.write(tmp_path, one) for one in low]
    assert written == [bool(wanted)] * len(low)
    assert (tmp_path / "a.schema.json").read_text() == text.replace("1.0.0", wanted or "1.0.0")


def test_a_tombstone_keeps_its_name_inside_an_object_as_well() -> None:
    """The object is new, and what it holds was removed before."""
    old, new = contract(), contract(size={"type": "object", "additionalProperties": False, "properties": {"w": WHOLE}})
    old["x-event"]["removed"] = new["x-event"]["removed"] = {"size.w": {"since": "1.0.0"}}
    found = difference(folder(a=old), folder(a=new), DAY)
    assert told(found) == [("/properties/size", "field_reuses_tombstone", "ok", "break", "ok")]
