"""Lint says everything that is wrong with contracts: file, line, pointer, rule, and what to do."""

from __future__ import annotations

import copy
import datetime
import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from forwarders.contracts.fields import fields
from forwarders.contracts.load import read_folder
from forwarders.governance.lint import Finding, has_errors, lint

ROOT = Path(__file__).parents[2]
GOOD = ROOT / "schemas" / "user" / "user.login.success"
CASES = sorted((ROOT / "tests" / "data" / "lint" / "cases").glob("*.json"))


def changed(schema: dict[str, Any], case: dict[str, Any]) -> dict[str, Any]:
    """The good contract with the changes of a case: JSON pointers to remove, then JSON pointers to set."""
    schema = copy.deepcopy(schema)
    for pointer in case.get("remove", ()):
        node, key = parent(schema, pointer)
        del node[key]
    for pointer, value in case.get("set", {}).items():
        node, key = parent(schema, pointer)
        node[key] = value
    return schema


def parent(schema: Any, pointer: str) -> tuple[Any, Any]:
    *path, last = pointer.split("/")[1:]
    for part in path:
        schema = schema[int(part) if isinstance(schema, list) else part]
    return schema, int(last) if isinstance(schema, list) else last


def folder_with(tmp_path: Path, case: dict[str, Any]) -> Path:
    """A folder of one contract, the good one with the changes of a case, beside the good one's examples."""
    home = tmp_path / "schemas" / case.get("at", "user/user.login.success")
    shutil.copytree(GOOD, home)
    schema = changed(json.loads((GOOD / "v1.schema.json").read_text()), case)
    (home / "v1.schema.json").write_text(json.dumps(schema, indent=1))
    return tmp_path / "schemas"


def told(findings: list[Finding]) -> list[dict[str, str]]:
    """The findings about the contract itself, without those about its examples and the lock that is not there."""
    return [
        {"pointer": one.pointer, "rule": one.rule, "severity": one.severity, "message": one.message}
        for one in findings
        if one.file.endswith("v1.schema.json")
    ]


@pytest.mark.parametrize("file", CASES, ids=lambda file: file.stem)
def test_a_contract_is_told_all_that_is_wrong_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: Path
) -> None:
    """Each case of tests/data/lint/cases has exactly the findings that its file names."""
    monkeypatch.chdir(tmp_path)
    case = json.loads(file.read_text())
    folder_with(tmp_path, case)
    assert told(lint("schemas").findings) == case["findings"]


HOSTILE: dict[str, tuple[bytes, str, int, str]] = {
    "empty": (b"", "", 1, "line 1 column 1: found an empty file, expected JSON"),
    "cut": (b'{"a":\n', "", 2, "line 2 column 1: found Expecting value, expected JSON"),
    "utf-8": (b'{\n"a": "\xff"}', "", 2, "line 2 column 7: found byte 0xff, expected UTF-8"),
    "repeated key": (
        b'{"properties": {"a": {},\n "a": {}}}',
        "/properties/a",
        2,
        'found the key "a" twice, expected an object whose keys differ, and finite numbers',
    ),
    "list": (b"[]", "", 1, "found list, expected an object"),
    "number": (b'{"a": 1e999}', "", 1, "found a number beyond a double, expected finite numbers"),
    "brackets": (b'{"a":' * 50_000, "", 1, "found hundreds of levels, expected a schema of readable depth"),
    "big": (b" " * (2 << 20), "", 1, "found 1,048,578 bytes, expected at most 1,048,576 bytes"),
    "branches": (
        b'{"anyOf": [' + b"{}," * 300_000 + b"{}]}",
        "",
        1,
        "found more than 100,000 values, expected a contract that a person can read",
    ),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_file_that_is_no_contract_is_a_finding_with_its_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Whatever a file holds, lint says where it is wrong, in bounded time, and goes on to the next file."""
    raw, pointer, line, message = HOSTILE[name]
    monkeypatch.chdir(tmp_path)
    folder_with(tmp_path, {})
    broken = Path("schemas/user/user.broken/v1.schema.json")
    broken.parent.mkdir()
    broken.write_bytes(raw)
    findings = [one for one in lint("schemas").findings if one.rule not in ("example-missing", "fields-lock")]
    assert [(one.file, one.pointer, one.line, one.message) for one in findings] == [
        (str(broken), pointer, line, message)
    ]


def test_what_is_no_plain_file_is_a_finding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Loops of links, pipes, folders named like files, files that nobody reads: none hangs, each is named."""
    monkeypatch.chdir(tmp_path)
    folder = folder_with(tmp_path, {})
    (folder / "user" / "loop").symlink_to("..")
    (folder / "user" / "user.dir" / "v1.schema.json").mkdir(parents=True)
    home = folder / "user" / "user.link"
    home.mkdir()
    (home / "v1.schema.json").symlink_to("v1.schema.json")
    os.mkfifo(home / "v2.schema.json")
    (folder / "login.json").write_text("{}")
    (folder / "flat.schema.json").write_bytes((GOOD / "v1.schema.json").read_bytes())
    deep = folder / "a"
    for _ in range(14):
        deep /= "b"
    deep.mkdir(parents=True)
    findings = [(one.file, one.rule) for one in lint("schemas").findings if one.rule != "fields-lock"]
    assert findings == [
        ("schemas/a" + "/b" * 13, "file-count"),
        ("schemas/flat.schema.json", "file-place"),
        ("schemas/login.json", "file-name"),
        ("schemas/user/loop", "file-kind"),
        ("schemas/user/user.dir/v1.schema.json", "file-kind"),
        ("schemas/user/user.link/v1.schema.json", "file-kind"),
        ("schemas/user/user.link/v2.schema.json", "file-kind"),
        ("schemas/user/user.login.success/v1.schema.json", "contract-twice"),
    ]


def test_a_folder_without_contracts_says_what_was_expected(tmp_path: Path) -> None:
    """An empty folder passes nothing: whoever names the wrong folder must not be told that all is well."""
    findings = lint(tmp_path).findings
    assert [one.rule for one in findings] == ["no-contracts"]
    assert has_errors(findings)


def test_examples_are_judged_by_their_contract(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A valid example is taken, an invalid one is refused for what it names, and each major has one of each."""
    monkeypatch.chdir(tmp_path)
    home = folder_with(tmp_path, {}) / "user" / "user.login.success"
    shutil.rmtree(home / "invalid")
    (home / "invalid").mkdir()
    event = json.loads((home / "valid" / "v1.minimal.json").read_text())
    texts: dict[str, Any] = {
        "valid/v1.wrong.json": {**event, "user": 7},
        "valid/v1.drift.json": {**event, "colour": "red"},
        "valid/v2.of-nothing.json": event,
        "invalid/v1.silent.json": event,
        "invalid/v1.accepted.json": {"expect": {"pointer": "", "keyword": "type"}, "event": event},
        "invalid/v1.drift.json": {"expect": {"pointer": "", "keyword": "type"}, "event": {**event, "colour": "red"}},
        "invalid/v1.other.json": {
            "expect": {"pointer": "/user", "keyword": "maxLength"},
            "event": {**event, "user": 7},
        },
    }
    for name, value in texts.items():
        (home / name).write_text(json.dumps(value))
    (home / "valid" / "v1.broken.json").write_text("{")
    told = {
        (one.file.removeprefix("schemas/user/user.login.success/"), one.pointer): one.message
        for one in lint("schemas").findings
        if one.rule != "fields-lock"
    }
    label = "user.login.success:1"
    assert told == {
        ("valid/v1.wrong.json", "/user"): (f"{label} refuses it (type): found integer of 1 digit, expected string"),
        ("valid/v1.drift.json", ""): f"colour is not known to {label}: declare it, or take it out",
        ("valid/v2.of-nothing.json", ""): (
            "which contract is it an example of? Name it v<major>.<what>.json, as in v1.minimal.json"
        ),
        ("valid/v1.broken.json", ""): (
            "line 1 column 2: found Expecting property name enclosed in double quotes, expected JSON"
        ),
        ("invalid/v1.silent.json", ""): (
            "an invalid example says which error it expects: "
            '{"expect": {"pointer": "/user", "keyword": "type"}, "event": {…}}'
        ),
        ("invalid/v1.accepted.json", "/event"): f"{label} takes it: break what the file expects to be refused",
        ("invalid/v1.drift.json", "/event"): (
            "colour is drift, and an event with drift is valid: break a rule of the contract instead"
        ),
        ("invalid/v1.other.json", "/expect"): "it expects maxLength at /user, and is refused for type at /user",
    }


def test_a_field_has_one_type_in_a_dataset_across_teams(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two teams that store one field as two types are both named; so are two metrics of one name."""
    monkeypatch.chdir(tmp_path)
    folder = folder_with(tmp_path, {})
    add(folder, "user.login.other", {"/x-event/owner": "team-b", "/properties/method": {"type": "integer"}})
    findings = [one for one in lint("schemas").findings if one.rule in ("field-type", "metric-name")]
    assert [(one.pointer, one.rule, one.message) for one in findings] == [
        (
            "/properties/method",
            "field-type",
            "method is keyword here (user.login.success:1, team-identity) and long in user.login.other:1 (team-b), "
            "and the dataset user has one type for a field: agree, rename it, or use another dataset",
        ),
        (
            "/x-event/metrics/0/name",
            "metric-name",
            "LoginSuccess is a metric of user.login.other (team-b) already, and would be added up with this one of "
            "team-identity: choose another name",
        ),
        (
            "/x-event/metrics/1/name",
            "metric-name",
            "LoginSuccessByMethod is a metric of user.login.other (team-b) already, and would be added up with this "
            "one of team-identity: choose another name",
        ),
    ]


def test_majors_of_an_event_say_which_is_meant_on_the_wire(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two majors need exactly one that an event without a version is judged by."""
    monkeypatch.chdir(tmp_path)
    folder = folder_with(tmp_path, {})
    for defaults, expected in (((), 1), ((1,), 0), ((2,), 0), ((1, 2), 1)):
        for major in (1, 2):
            schema = json.loads((GOOD / "v1.schema.json").read_text().replace("success:1", f"success:{major}"))
            schema["properties"]["event_version"]["const"] = major
            schema["x-event"] |= {"version": f"{major}.0.0"} | ({"wireDefault": True} if major in defaults else {})
            for example in schema["examples"]:
                example.pop("event_version", None)
            (folder / "user" / "user.login.success" / f"v{major}.schema.json").write_text(json.dumps(schema))
        found = [one for one in lint("schemas").findings if one.rule == "wire-default"]
        assert len(found) == expected, (defaults, found)


def test_the_lock_names_who_shares_a_field(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A locked type that changes is an error; a lock that lacks new fields is a warning; --write settles both."""
    monkeypatch.chdir(tmp_path)
    folder = folder_with(tmp_path, {})
    lock = folder / "_fields.lock.json"
    lock.write_text(lint("schemas").lock)
    assert lint("schemas").findings == []
    locked = json.loads(lock.read_text())
    assert locked["user"]["data.method"] == {"type": "keyword", "owners": ["team-identity"]}
    del locked["user"]["data.user"]
    locked["user"]["data.method"]["type"] = "long"
    lock.write_text(json.dumps(locked))
    assert [(one.file, one.rule, one.severity) for one in lint("schemas").findings] == [
        ("schemas/_fields.lock.json", "fields-lock", "warning"),
        ("schemas/user/user.login.success/v1.schema.json", "fields-lock", "error"),
    ]
    lock.write_text("nonsense")
    assert [one.severity for one in lint("schemas").findings] == ["error"]


def test_shared_definitions_are_put_in_place_and_held_to_the_same_rules(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A relative reference to _shared is followed; what is wrong in the shared file is told of that file."""
    monkeypatch.chdir(tmp_path)
    folder = folder_with(tmp_path, {"set": {"/properties/price": {"$ref": "../../_shared/money.schema.json"}}})
    shared = folder / "_shared" / "money.schema.json"
    shared.parent.mkdir()
    money = {
        "type": "object",
        "additionalProperties": False,
        "properties": {"amount_minor": {"type": "integer"}, "currency": {"$ref": "#/$defs/currency"}},
        "$defs": {"currency": {"type": "string"}},
    }
    shared.write_text(json.dumps(money, indent=1))
    findings = [one for one in lint("schemas").findings if one.rule != "fields-lock"]
    assert [(one.file, one.pointer, one.line, one.rule) for one in findings] == [
        ("schemas/_shared/money.schema.json", "/$defs/currency", 13, "string-unbounded")
    ]
    money["$defs"] = {"currency": {"type": "string", "pattern": "^[A-Z]{3}$"}}
    shared.write_text(json.dumps(money))
    assert [one.rule for one in lint("schemas").findings] == ["fields-lock"]
    contract = read_folder("schemas")[0]
    assert [field.name for field in fields(contract)][-2:] == ["price.amount_minor", "price.currency"]


def test_our_own_contracts_have_nothing_to_be_told() -> None:
    """The contracts that ship with Logharbor pass, warnings included, and their lock is up to date."""
    report = lint(ROOT / "schemas")
    assert report.findings == []
    assert (ROOT / "schemas" / "_fields.lock.json").read_text() == report.lock


def add(folder: Path, name: str, changes: dict[str, Any]) -> None:
    """A second contract like the good one, with examples, under another name."""
    home = folder / "user" / name
    shutil.copytree(GOOD, home)
    for file in (*home.glob("v1.schema.json"), *home.glob("*/*.json")):
        file.write_text(file.read_text().replace("user.login.success", name))
    file = home / "v1.schema.json"
    file.write_text(json.dumps(changed(json.loads(file.read_text()), {"set": changes, "remove": ["/examples"]})))


WAIVER = {
    "event": "user.login.success",
    "major": 1,
    "pointer": "/properties/note",
    "rule": "string-unbounded",
    "expires": "2026-03-31",
    "reason": "its producer bounds it in May",
}
UNBOUNDED = {"set": {"/properties/note": {"type": "string"}}}


def waived(tmp_path: Path, day: str, **changes: Any) -> list[tuple[str, str, str, str]]:
    """Severity, rule, message and waiver of each finding but those of the lock."""
    folder = folder_with(tmp_path, UNBOUNDED)
    (folder / "_waivers.json").write_text(json.dumps([{**WAIVER, **changes}]))
    report = lint(folder, datetime.date.fromisoformat(day))
    return [(one.severity, one.rule, one.message, one.waived) for one in report.findings if one.rule != "fields-lock"]


MESSAGE = "a string of any length: add maxLength (or enum, const, or a pattern that ends)"


def test_a_waived_finding_stays_in_sight_and_fails_nothing(tmp_path: Path) -> None:
    """Until its last day, that one included, with the reason that people gave."""
    told = [("warning", "string-unbounded", MESSAGE, "until 2026-03-31: its producer bounds it in May")]
    assert waived(tmp_path, "2026-03-31") == told
    assert not has_errors([Finding("f", "", "string-unbounded", "error", MESSAGE, waived="until tomorrow: why")])


def test_a_waiver_that_is_over_waives_nothing_and_is_told_of(tmp_path: Path) -> None:
    """The finding is an error again, and says that it was let through until then."""
    told = [("error", "string-unbounded", f"{MESSAGE} (its waiver ended on 2026-03-31)", "")]
    assert waived(tmp_path, "2026-04-01") == told


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        (
            {"pointer": "/properties/other"},
            (
                "warning",
                "waiver",
                "user.login.success:1 /properties/other has no finding of string-unbounded: remove it",
            ),
        ),
        ({"rule": "meta"}, ("error", "waiver", "meta cannot be waived: no bundle is built with it. Mend the contract")),
        ({"reason": " "}, ("error", "waiver", "found nothing, expected why the change may go through")),
        (
            {"reader": "V"},
            ("error", "waiver", "found rule with change or reader, expected rule for lint, the others for diff"),
        ),
    ],
)
def test_a_waiver_that_does_nothing_is_a_finding(
    tmp_path: Path, changes: dict[str, Any], told: tuple[str, str, str]
) -> None:
    """One that covers nothing, one that would only move the failure to the bundle, and one that cannot be read."""
    found = waived(tmp_path, "2026-01-01", **changes)
    assert sorted(found) == sorted([("error", "string-unbounded", MESSAGE, ""), (*told, "")])
