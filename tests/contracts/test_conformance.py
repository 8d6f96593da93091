"""Where jsonschema-rs, which decides, and jsonschema, which explains, read the same schema differently.

tests/data/contracts/differences.json is the reviewed list, docs/conformance.md says what is done about each kind. A
difference that is not listed fails, and so does a listed one that is gone.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from jsonschema import Draft202012Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from forwarders.contracts.explain import format_checker

ROOT = Path(__file__).parents[2]
DATA = ROOT / "tests" / "data" / "contracts"
DIFFERENCES = json.loads((DATA / "differences.json").read_text())
READINGS = [json.loads(line) for line in (DATA / "readings.jsonl").read_text().splitlines()]
OTHER_DRAFTS = ("draft-next", "draft3", "draft4", "draft6", "draft7", "v1")
REMOTE = "http://localhost:1234/"

Difference = tuple[str, str, str, Any, Any]


def decided(schema: Any, data: list[Any], registry: jsonschema_rs.Registry | None = None) -> list[Any]:
    """What jsonschema-rs says of each value as Logharbor sets it up: True, False, `refused` (the schema) or `error`."""
    try:
        validator = jsonschema_rs.Draft202012Validator(
            schema,
            validate_formats=True,
            offline=True,
            pattern_options=jsonschema_rs.RegexOptions(),
            registry=registry,
        )
    except ValueError:
        return ["refused"] * len(data)
    return [told(validator, value) for value in data]


def explained(schema: Any, data: list[Any], registry: Registry[Any] | None = None) -> list[Any]:
    """What jsonschema says of each value: True, False or `error`."""
    kept = {} if registry is None else {"registry": registry}
    validator = Draft202012Validator(schema, format_checker=format_checker(), **kept)
    return [told(validator, value) for value in data]


def told(validator: Any, value: Any) -> Any:
    try:
        return validator.is_valid(value)
    except Exception:  # whatever it raises: it has no answer
        return "error"


@pytest.fixture(scope="session")
def suite() -> Path:
    """The JSON-Schema-Test-Suite of the installed jsonschema's source distribution, fetched once into .cache/."""
    version = importlib.metadata.version("jsonschema")
    cache = ROOT / ".cache" / "json-schema-test-suite"
    folder = cache / version
    if folder.is_dir():
        return folder
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache) as work:
        archive = Path(work) / f"jsonschema-{version}.tar.gz"
        said = [fetch(pip, f"jsonschema=={version}", archive) for pip in pips() if not archive.is_file()]
        if not archive.is_file():
            reason = f"the source distribution of jsonschema {version} cannot be fetched: {'; '.join(said) or 'no pip'}"
            if os.environ.get("LOGHARBOR_REQUIRE_LIVE") == "1":
                pytest.fail(reason)
            pytest.skip(reason)
        prefix = f"jsonschema-{version}/json/"
        with tarfile.open(archive) as tar:
            wanted = [one for one in tar.getmembers() if one.name.startswith(prefix)]
            tar.extractall(work, wanted, filter="data")
        try:
            Path(work, prefix).rename(folder)
        except OSError:  # another test process was first
            assert folder.is_dir()
    return folder


def pips() -> Iterator[list[str]]:
    """The ways to run pip: an environment that uv made has none of its own."""
    if importlib.util.find_spec("pip"):
        yield [sys.executable, "-m", "pip"]
    for uv in (shutil.which("uv"), ROOT / ".cache" / "uv" / "bin" / "uv"):
        if uv and Path(uv).is_file():
            yield [str(uv), "tool", "run", "--quiet", "pip"]
    other = shutil.which("pip3")
    if other:
        yield [other]


def fetch(pip: list[str], requirement: str, archive: Path) -> str:
    """Downloads a source distribution to `archive`'s folder; the last line of what pip said when it did not."""
    command = [*pip, "download", "--quiet", "--disable-pip-version-check", "--no-deps", "--no-binary", "jsonschema"]
    done = subprocess.run([*command, "--dest", str(archive.parent), requirement], capture_output=True, text=True)
    return (done.stderr.strip().splitlines() or [f"exit {done.returncode}"])[-1][:200]


def suite_differences(suite: Path) -> Iterator[Difference]:
    remotes = [
        (REMOTE + str(file.relative_to(suite / "remotes")), json.loads(file.read_text()))
        for file in sorted((suite / "remotes").glob("**/*.json"))
        if file.relative_to(suite / "remotes").parts[0] not in OTHER_DRAFTS
    ]
    native = jsonschema_rs.Registry(remotes)
    plain: Registry[Any] = Registry().with_resources(
        (uri, Resource.from_contents(content, default_specification=DRAFT202012)) for uri, content in remotes
    )
    folder = suite / "tests" / "draft2020-12"
    for file in sorted(folder.glob("**/*.json")):
        for case in json.loads(file.read_text()):
            data = [test["data"] for test in case["tests"]]
            answers = zip(
                case["tests"],
                decided(case["schema"], data, native),
                explained(case["schema"], data, plain),
                strict=True,
            )
            for test, native_answer, plain_answer in answers:
                if native_answer != plain_answer:
                    place = str(file.relative_to(folder))
                    yield place, case["description"], test["description"], native_answer, plain_answer


def listed(differences: list[dict[str, Any]]) -> list[Difference]:
    return [(one["file"], one["case"], one["test"], one["jsonschema_rs"], one["jsonschema"]) for one in differences]


def test_the_json_schema_test_suite_is_read_alike_but_for_the_list(suite: Path) -> None:
    """Each test of draft 2020-12, optional ones and formats too, is answered alike by both, or is in the table."""
    found = sorted(map(repr, suite_differences(suite)))
    known = sorted(map(repr, listed(DIFFERENCES)))
    assert found == known


@pytest.mark.parametrize("reading", READINGS, ids=lambda reading: reading["case"])
def test_our_own_cases_are_read_as_the_table_says(reading: dict[str, Any]) -> None:
    """What log events are made of: line ends, digits of all scripts, money, huge numbers, booleans, broken text."""
    data = json.loads(reading["data"])
    answers = decided(reading["schema"], [data]) + explained(reading["schema"], [data])
    assert answers == [reading["jsonschema_rs"], reading["jsonschema"]]
    assert (answers[0] != answers[1]) == bool(reading["why"])


def test_every_kind_of_difference_has_a_page() -> None:
    """docs/conformance.md has a heading for each kind of difference in the tables, and none that is no longer there."""
    page = (ROOT / "docs" / "conformance.md").read_text()
    headings = {line.removeprefix("### ") for line in page.splitlines() if line.startswith("### ")}
    assert headings == {one["why"] for one in DIFFERENCES} | {one["why"] for one in READINGS if one["why"]}
