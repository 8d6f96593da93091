"""A wrong contract stops with file, place, what was found and what was expected."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from forwarders.contracts import check, load
from forwarders.errors import ConfigError

ROOT = Path(__file__).parents[2]
SCHEMAS = ROOT / "schemas"
GOOD = SCHEMAS / "user" / "user.login.success" / "v1.schema.json"
BAD = sorted((ROOT / "tests" / "data" / "contracts" / "bad").glob("*.json"))


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


@pytest.mark.parametrize("file", BAD, ids=lambda file: file.stem)
def test_a_wrong_contract_is_refused_with_place_and_reason(file: Path) -> None:
    """Each broken contract of tests/data/contracts/bad is refused with exactly the message that its file names."""
    case = json.loads(file.read_text())
    with pytest.raises(ConfigError) as caught:
        check.check(changed(json.loads(GOOD.read_text()), case), "v1.schema.json")
    assert str(caught.value) == f"v1.schema.json: {case['message']}"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'{"a": 1,\n "b": }', "line 2 column 7: found Expecting value, expected JSON"),
        (b'{"a": "\xc3\xa9\xff"}', "line 1 column 9: found byte 0xff, expected UTF-8"),
        (b'\n\n  "\xe2\x82', "line 3 column 4: found byte 0xe2, expected UTF-8"),
        (
            b'{"a": 1, "a": 2}',
            'JSON: found the key "a" twice, expected an object whose keys differ, and finite numbers',
        ),
        (b'{"a": NaN}', "JSON: found NaN, expected an object whose keys differ, and finite numbers"),
        (b'{"a": 1e400}', "JSON: found a number beyond a double, expected finite numbers"),
        (b'{"a": ' + b"1" * 5000 + b"}", "JSON: found a number beyond a double, expected finite numbers"),
        (b'{"\\ud800": 1}', "JSON: found half a surrogate pair, expected text that UTF-8 can hold"),
        (b"[]", ": found list, expected an object"),
        (b"[" * 100_000, ": found hundreds of levels, expected a schema of readable depth"),
        (b" " * (1 << 20) + b"{}", "file: found 1,048,578 bytes, expected at most 1,048,576 bytes"),
    ],
    ids=[
        "syntax",
        "utf-8",
        "cut-utf-8",
        "repeated-key",
        "nan",
        "inf",
        "digits",
        "surrogate",
        "list",
        "depth-bomb",
        "big",
    ],
)
def test_a_file_that_is_no_json_object_is_named_with_line_and_column(
    tmp_path: Path, content: bytes, message: str
) -> None:
    """A typo, a stray byte, a repeated key: the author is told where it is."""
    file = tmp_path / "user" / "a.b" / "v1.schema.json"
    file.parent.mkdir(parents=True)
    file.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        load.read_folder(tmp_path)
    assert str(caught.value) == f"{file}: {message}"


def test_a_contract_nested_hundreds_of_levels_is_refused() -> None:
    """A schema too deep for the native validator is refused as the author's mistake, at whichever depth it gives up."""
    for depth in (150, 260, 400, 900):
        schema = json.loads(GOOD.read_text())
        node: dict[str, Any] = {"type": "string"}
        for _ in range(depth):
            node = {"type": "object", "properties": {"a": node}}
        schema["properties"]["deep"] = node
        with pytest.raises(ConfigError, match="found hundreds of levels, expected a schema of readable depth"):
            check.check(schema, "v1.schema.json")


@pytest.mark.parametrize(
    "place",
    ["user/user.login.success/v2.schema.json", "user/user.login/v1.schema.json", "user.login.success/v1.schema.json"],
)
def test_a_contract_lies_where_its_id_says(tmp_path: Path, place: str) -> None:
    """A file in another folder, or with another major in its name, is refused."""
    file = tmp_path / place
    file.parent.mkdir(parents=True)
    file.write_bytes(GOOD.read_bytes())
    with pytest.raises(ConfigError) as caught:
        load.read_folder(tmp_path)
    assert (caught.value.key, caught.value.found) == ("/$id", f"user.login.success:1 in {place}")
    assert caught.value.expected == "<domain>/user.login.success/v1.schema.json"


def test_an_event_has_one_file_for_each_major(tmp_path: Path) -> None:
    """The same event in two domains is refused, with the second file named."""
    for domain in ("a", "b"):
        file = tmp_path / domain / "user.login.success" / "v1.schema.json"
        file.parent.mkdir(parents=True)
        file.write_bytes(GOOD.read_bytes())
    with pytest.raises(ConfigError, match=r"b/user.login.success/v1.schema.json: /\$id: found a second contract"):
        load.read_folder(tmp_path)


def test_one_major_is_the_default_on_the_wire(tmp_path: Path) -> None:
    """Two majors that both claim to be meant by events without a version are refused."""
    for major in (1, 2):
        schema = json.loads(
            GOOD.read_text().replace("success:1", f"success:{major}").replace('"1.0.0"', f'"{major}.0.0"')
        )
        schema["properties"]["event_version"]["const"] = major
        schema["x-event"]["wireDefault"] = True
        file = tmp_path / "user" / "user.login.success" / f"v{major}.schema.json"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(schema))
    with pytest.raises(
        ConfigError, match=r"found true for v1 and v2 of user.login.success, expected true for one major"
    ):
        load.read_folder(tmp_path)


def test_a_folder_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    """A wrong path in pipeline.yaml does not mean: no contracts."""
    with pytest.raises(ConfigError, match="found nothing, expected a folder of contracts"):
        load.read_folder(tmp_path / "schemas")


def test_an_annotation_name_is_free_where_it_is_data() -> None:
    """A property called x-pi, or an example that holds x-pi, is the author's business."""
    schema = json.loads(GOOD.read_text())
    schema["properties"]["x-pi"] = {"const": {"x-pi": 1}}
    schema["examples"].append({**schema["examples"][0], "x-pi": {"x-pi": 1}})
    assert check.check(schema, "v1.schema.json").name == "user.login.success"
