"""The catalogue of events: what a page says, that nothing in a contract escapes, and that it is the same twice."""

from __future__ import annotations

import hashlib
import html.parser
import json
import re
import shutil
import subprocess
from base64 import b64encode
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from forwarders.contracts.load import from_schema, read_folder
from forwarders.errors import ConfigError
from forwarders.governance import catalogue, folders
from forwarders.governance.catalogue.rows import anchor, rows

ROOT = Path(__file__).resolve().parents[2]
SCHEMAS = ROOT / "schemas"
EVIL = ROOT / "tests/data/catalogue/schemas"
VOID = {"meta", "link", "input", "br"}


def entries(folder: Path, history: catalogue.History | None = None) -> dict[str, catalogue.Entry]:
    found = catalogue.entries(read_folder(folder), folders.read(str(folder), None, Path()), history, {})
    return {f"{one.event}:{one.major}": one for one in found}


def site(folder: Path) -> dict[str, bytes]:
    return catalogue.site(list(entries(folder).values()), "Event catalogue")


class Page(html.parser.HTMLParser):
    """What a page is made of: its elements, the attributes that lead somewhere, its text; and whether tags match."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.links: list[str] = []
        self.ids: list[str] = []
        self.attributes: set[str] = set()
        self.open: list[str] = []
        self.text = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attributes: Sequence[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        for name, value in attributes:
            self.attributes.add(name)
            if name in ("href", "src", "action"):
                self.links.append(value or "")
            if name == "id":
                self.ids.append(value or "")
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def test_a_page_says_what_the_contract_says() -> None:
    """Description, owner, fields with types, units, bounds and sinks, examples with their error, metrics, alarms."""
    text = " ".join(Page(site(SCHEMAS)["events/user.login.failure.v1.html"].decode()).text.split())
    for wanted in (
        "One for each refused login",
        "team-identity",
        "the time of the event 946,684,800 to 4,102,444,799",
        "s since 1970",
        "personal: identifier elasticsearch as it is honeycomb a keyed hash every other sink masked",
        "empty user refused for minLength at /user",
        "known today:",
        "LoginFailureByReason",
        "Alarm",
        "Runbook",
    ):
        assert wanted in text, wanted


def test_a_field_in_words() -> None:
    """A row has path, type, unit, what it must be, its values, who holds what of it, and where it is required."""
    schema = json.loads((EVIL / "evil/evil.thing.happened/v1.schema.json").read_text())
    contract = from_schema(schema, "evil")
    found = {row.path: row for row in rows(contract, schema)}
    assert list(found) == [
        "event",
        'a"b><img src=x onerror=alert(1)>',
        "__proto__",
        "constructor.a.b",
        "list[].sku",
    ]
    sku = found["list[].sku"]
    assert (sku.type, sku.required, sku.rules, sku.values) == (
        "integer or string or null",
        "required in list[]",
        ("at most 3 items",),
        ("</li>", "&lt;", "7", "null"),
    )
    assert (found["constructor.a.b"].pii, found["constructor.a.b"].stored) == (
        "sensitive",
        (("honeycomb", "left out"), ("*", "masked")),
    )
    assert (found["__proto__"].deprecated, found["__proto__"].open_values) == (True, True)


def test_no_two_names_share_a_place() -> None:
    """Whatever a field is called, its place on a page needs no escape and is its own."""
    names = ["a.b", "a b", "a~20~b", "a%20b", "ä", "a/b", 'a"b', "a~b", ""]
    assert len({anchor(name) for name in names}) == len(names)
    assert all(re.fullmatch(r"f-[A-Za-z0-9_.~-]*", anchor(name)) for name in names)


def test_nothing_in_a_contract_becomes_markup() -> None:
    """Titles, keys, patterns, values, examples and runbooks are text; what should be a link is only that."""
    files = site(EVIL)
    for name, body in files.items():
        text = body.decode()
        page = Page(text)
        assert page.open == []
        assert page.tags & {"img", "svg", "iframe", "object", "base", "i"} == set()
        assert not {one for one in page.attributes if one.startswith("on")}
        assert text.count("<script") == (2 if name == "index.html" else 1)
        assert all(not link.lower().startswith(("javascript:", "data:text", "//")) for link in page.links)
    event = files["events/evil.thing.happened.v1.html"].decode()
    assert "&lt;script&gt;alert(&#34;x&#34;)&lt;/script&gt;" in event
    assert "{{ 7*7 }} {% raw %}" in event
    assert 'href="https://x&#34;onclick=&#34;alert(7)&#34;&gt;' in event


@pytest.mark.parametrize(
    "runbook", ["javascript:alert(1)", "JAVASCRIPT:alert(1)", "data:text/html,x", "//evil", "http://x"]
)
def test_only_https_becomes_a_link(runbook: str, tmp_path: Path) -> None:
    """A runbook that is no https address is no link, even where nobody has linted; reading refuses it anyhow."""
    shutil.copytree(EVIL, tmp_path / "schemas")
    file = tmp_path / "schemas/evil/evil.thing.happened/v1.schema.json"
    schema = json.loads(file.read_text())
    schema["x-event"]["metrics"][0]["alarms"][0]["runbook"] = runbook
    file.write_text(json.dumps(schema))
    with pytest.raises(ConfigError):
        read_folder(tmp_path / "schemas")
    folder = folders.read(str(tmp_path / "schemas"), None, Path())
    (entry,) = catalogue.entries([from_schema(schema, "evil")], folder, None, {})
    assert [alarm.runbook for metric in entry.metrics for alarm in metric.alarms] == [""]


@pytest.mark.parametrize("folder", [SCHEMAS, EVIL], ids=["ours", "evil"])
def test_pages_are_whole(folder: Path) -> None:
    """Every link leads to a page and a place that are there, and each policy allows that page's own code alone."""
    files = site(folder)
    pages = {name: Page(body.decode()) for name, body in files.items()}
    for name, page in pages.items():
        assert len(set(page.ids)) == len(page.ids)
        for link in page.links:
            if link.startswith("https://") or link == "data:,":
                continue
            path, _, place = link.partition("#")
            target = str((Path("/") / name).parent.joinpath(path).resolve())[1:] if path else name
            assert target in pages, link
            if place and "=" not in place:
                assert place in pages[target].ids, link
        text = files[name].decode()
        policy = re.search(r'Security-Policy" content="([^"]+)"', text)
        assert policy is not None
        for tag, directive in (("style", "style-src"), ("script", "script-src")):
            (code,) = re.findall(f"<{tag}>(.*?)</{tag}>", text, re.DOTALL)
            wanted = f"{directive} &#39;sha256-{b64encode(hashlib.sha256(code.encode()).digest()).decode()}&#39;"
            assert wanted in policy[1]
        assert "default-src &#39;none&#39;" in policy[1]


def test_the_data_of_the_search_cannot_end_its_element() -> None:
    """The JSON in the first page holds no `<`, and reads as what the contracts say."""
    text = site(EVIL)["index.html"].decode()
    (raw,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL)
    assert not set(raw) & set("<>&\u2028\u2029")
    (event,) = json.loads(raw)
    assert event["n"] == "evil.thing.happened"
    assert event["d"].startswith("</script><script>alert(1)</script>")


def test_the_same_contracts_give_the_same_bytes() -> None:
    """Built twice, nothing differs."""
    assert site(SCHEMAS) == site(SCHEMAS)


def test_pages_of_events_that_are_gone_are_removed(tmp_path: Path) -> None:
    """Only what has changed is written, our own old pages go, and files of others stay."""
    files = site(SCHEMAS)
    assert catalogue.write(tmp_path, files) == len(files)
    assert catalogue.write(tmp_path, files) == 0
    (tmp_path / "events/notes.html").write_text("mine")
    fewer = {name: body for name, body in files.items() if name != "events/legacy.text.v1.html"}
    assert catalogue.write(tmp_path, fewer) == 1
    assert {file.name for file in (tmp_path / "events").iterdir()} == {
        *(name.removeprefix("events/") for name in fewer if name.startswith("events/")),
        "notes.html",
    }


def test_nobody_elses_page_is_overwritten(tmp_path: Path) -> None:
    """A folder with an index.html of another kind is refused, and nothing is written."""
    (tmp_path / "index.html").write_text("<h1>my site</h1>")
    with pytest.raises(ConfigError, match="a file of somebody else"):
        catalogue.write(tmp_path, site(SCHEMAS))
    assert [file.name for file in tmp_path.iterdir()] == ["index.html"]


def git(folder: Path, *arguments: str) -> None:
    said = ["-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false", *arguments]
    subprocess.run(["git", *said], cwd=folder, check=True, capture_output=True)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with three versions of a contract, the last of them not committed."""
    shutil.copytree(SCHEMAS / "user/user.login.success", tmp_path / "contracts/user/user.login.success")
    file = tmp_path / "contracts/user/user.login.success/v1.schema.json"
    git(tmp_path, "init", "-q", "-b", "main")
    for version in ("1.0.0", "1.1.0", "1.2.0"):
        schema = json.loads(file.read_text())
        schema["x-event"]["version"] = version
        if version == "1.1.0":
            schema["properties"]["tenant"] = {"type": "string", "maxLength": 64}
        if version == "1.2.0":
            schema["properties"]["tenant"]["deprecated"] = True
        file.write_text(json.dumps(schema))
        if version == "1.1.0":
            good = file.read_text()
            file.write_text("{ no JSON, committed once")
            git(tmp_path, "commit", "-qam", "broken")
            file.write_text(good)
        if version != "1.2.0":
            git(tmp_path, "add", "-A")
            git(tmp_path, "commit", "-qm", version)
    return tmp_path / "contracts"


def test_versions_come_from_git(repository: Path) -> None:
    """Each version with what it changed, the newest first; a state that was never readable is passed over."""
    found = catalogue.history(folders.read(str(repository), None, Path()), repository)
    versions = found.versions["user.login.success", 1]
    assert [(one.version, bool(one.commit), one.is_first) for one in versions] == [
        ("1.2.0", False, False),
        ("1.1.0", True, False),
        ("1.0.0", True, True),
    ]
    assert [[(change.pointer, change.change) for change in one.changes] for one in versions] == [
        [("/properties/tenant/deprecated", "field_deprecated")],
        [("/properties/tenant", "field_added_optional")],
        [],
    ]


def test_no_repository_is_told(tmp_path: Path) -> None:
    """Whoever asks for a history where there is none is told so."""
    shutil.copytree(SCHEMAS, tmp_path / "schemas")
    with pytest.raises(ConfigError):
        catalogue.history(folders.read(str(tmp_path / "schemas"), None, Path()), tmp_path / "schemas")


def run(*arguments: str) -> int:
    from forwarders.cli import cli, exit_code

    try:
        return exit_code(cli, ["schemas", "catalogue", *arguments])
    except SystemExit as exit:
        return int(exit.code or 0)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], str]:
    """A working folder with contracts and a pipeline; gives the text of a page."""
    shutil.copytree(SCHEMAS, tmp_path / "schemas")
    shutil.copyfile(ROOT / "pipeline.yaml", tmp_path / "pipeline.yaml")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    page = tmp_path / "build/catalogue/events/user.login.success.v1.html"
    return lambda: " ".join(Page(page.read_text("utf-8")).text.split())


def test_the_command_without_git(here: Callable[[], str], capfd: pytest.CaptureFixture[str]) -> None:
    """It writes build/catalogue, says where each metric is measured, and that there are no versions."""
    assert run() == 0
    told = capfd.readouterr()
    assert told.out == "build/catalogue/index.html: 12 events, 14 pages, 14 changed\n"
    assert "versions are left out" in told.err
    assert "measured by CloudWatch in /aws/lambda/identity" in here()
    assert "Versions" not in here()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--schemas", "build"], "does not exist"),
        (["--history", "main"], "no repository"),
        (["--history", "main", "--no-history"], "choose one"),
        (["--out", "pipeline.yaml"], "is a file"),
    ],
)
def test_wrong_use_is_told(
    arguments: list[str], message: str, here: Callable[[], str], capfd: pytest.CaptureFixture[str]
) -> None:
    """Exit 2 and one sentence."""
    assert run(*arguments) == 2
    assert message in capfd.readouterr().err
