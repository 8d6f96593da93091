"""`schemas propose`, `new`, `check` and `codeowners`: what a team does before its first pull request."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from forwarders import bundle
from forwarders.cli.schemas import command
from forwarders.config import Config
from forwarders.contracts.compiled import Contracts
from forwarders.contracts.load import read_folder
from forwarders.errors import ConfigError
from forwarders.governance import codeowners, policy
from forwarders.governance.lint import has_errors, lint
from forwarders.governance.new import new
from forwarders.governance.propose import collect, propose
from forwarders.testing import assert_valid

ROOT = Path(__file__).parents[2]
SCHEMAS = ROOT / "schemas"
LOGIN = {"timestamp": 1493214552, "event": "user.login.success", "user": "r", "method": "sso"}


def run(*arguments: str, text: str = "") -> Result:
    return CliRunner().invoke(command, list(arguments), input=text, standalone_mode=False)


def basket(i: int) -> dict[str, Any]:
    event: dict[str, Any] = {
        "ts": 1753862400123 + i,
        "event": "shop.basket.updated",
        "customer_id": f"cust-{i}",
        "contact": f"a{i}@corp.example",
        "duration_ms": i * 1.5,
        "kind": ("add", "remove", "clear")[i % 3],
        "basket": {"id": f"{i:032x}", "lines": [{"sku": f"S{i}", "quantity": i % 5}]},
        "is_gift": bool(i % 2),
    }
    return event | ({"coupon": f"C{i}"} if i % 7 == 0 else {})


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    file = tmp_path / "events.jsonl"
    other = ["START RequestId: 1", '{"event": "No Name", "x": 1}', '{"x": 1}', json.dumps(LOGIN)]
    file.write_text("\n".join([*(json.dumps(basket(i)) for i in range(60)), *other]) + "\n")
    return file


def test_a_draft_takes_every_event_that_it_was_drafted_from(corpus: Path) -> None:
    """Types, bounds with headroom, enums, the time and its unit, nesting, and what looks personal are guessed."""
    found = collect([str(corpus)], Contracts(read_folder(SCHEMAS)))
    assert (sorted(found.events), found.unnamed, found.registered) == (["No Name", "shop.basket.updated"], 1, 2)
    gathered = found.events["shop.basket.updated"]
    proposal = propose("shop.basket.updated", gathered.seen, gathered.samples, "team-shop")
    assert proposal is not None
    schema = proposal.draft.schema
    assert schema["required"] == list(basket(1))
    assert schema["properties"] == json.loads((ROOT / "tests/data/lint/proposed.json").read_text())
    assert schema["x-event"]["stability"] == "experimental"
    text = json.dumps(proposal.draft.valid)
    assert "corp.example" not in text
    assert "cust-" not in text


def test_a_draft_is_written_with_examples_that_lint_accepts(corpus: Path, tmp_path: Path) -> None:
    """What propose writes is a contract at once; what a person has to decide is listed."""
    folder = tmp_path / "schemas"
    shutil.copytree(SCHEMAS, folder)
    done = run(
        "propose", str(corpus), "--schemas", str(folder), "--event", "shop.basket.updated", "--owner", "team-shop"
    )
    assert (done.return_value, done.exception) == (0, None)
    assert lint(folder).findings == []
    contracts = Contracts(read_folder(folder))
    compiled = contracts.find("shop.basket.updated")
    assert compiled is not None
    assert all(compiled.is_strict(basket(i)) for i in range(60))
    assert "contact: looks like personal data (contact)" in done.stderr
    again = run("propose", str(corpus), "--schemas", str(folder), "--event", "shop.basket.updated")
    assert isinstance(again.exception, ConfigError)


@pytest.mark.parametrize("key", ["../../../evil", "/evil", "a/b", "k" * 400, "", "..", "na\nme"])
def test_a_key_of_a_log_never_names_a_file(tmp_path: Path, key: str) -> None:
    """What an event says is nothing but content: drafts lie where contracts lie, whatever their fields are called."""
    corpus = tmp_path / "corpus.jsonl"
    corpus.write_text(json.dumps({"event": "shop.basket.updated", key: 1}) + "\n")
    folder = tmp_path / "in" / "schemas"
    run("propose", str(corpus), "--schemas", str(folder), "--owner", "team-shop")
    home = "in/schemas/shop/shop.basket.updated"
    made = sorted(file.relative_to(tmp_path).as_posix() for file in tmp_path.rglob("*.json"))
    assert made == [f"{home}/invalid/v1.no-field.json", f"{home}/v1.schema.json", f"{home}/valid/v1.recorded.json"]


def test_events_are_proposed_from_a_file_that_was_landed(corpus: Path, tmp_path: Path) -> None:
    """The unregistered events of an explored SQLite file are a corpus too."""
    from forwarders.cli.run import command as landing

    database = tmp_path / "logs.db"
    landed = CliRunner().invoke(landing, [str(corpus), "--sink", f"sqlite:{database}", "--schemas", str(SCHEMAS)])
    assert landed.exit_code == 0
    found = collect([str(database)], Contracts(read_folder(SCHEMAS)))
    assert found.events["shop.basket.updated"].seen.count == 60
    (tmp_path / "no.db").write_bytes(b"SQLite format 3\x00" + b"x" * 200)
    with pytest.raises(ConfigError, match="SQLite says"):
        collect([str(tmp_path / "no.db")], Contracts([]))


FIELDS = ("user!:string", "duration:number:ms", "method:enum=password|sso", "source.ip:ip", "tags:string[]", "at:time")


def test_a_new_contract_is_accepted_by_lint_at_once(tmp_path: Path) -> None:
    """Schema, valid and invalid example, from options alone."""
    folder = tmp_path / "schemas"
    options = [word for field in FIELDS for word in ("--field", field)]
    done = run("new", "--event", "shop.cart.opened", "--owner", "team-shop", *options, "--schemas", str(folder))
    assert (done.return_value, done.exception) == (0, None)
    assert [one.rule for one in lint(folder).findings] == ["fields-lock"]
    home = folder / "shop" / "shop.cart.opened"
    assert sorted(str(file.relative_to(home)) for file in home.glob("**/*.json")) == [
        "invalid/v1.no-timestamp.json",
        "v1.schema.json",
        "valid/v1.usual.json",
    ]


def test_a_new_contract_asks_for_what_is_not_given(tmp_path: Path) -> None:
    """Owner given, the rest is asked: event, dataset, fields until an empty line."""
    asked = "shop.cart.closed\nshop\nuser!:string\n\n"
    done = run("new", "--owner", "team-shop", "--schemas", str(tmp_path), text=asked)
    assert (done.return_value, done.exception) == (0, None)
    assert read_folder(tmp_path)[0].name == "shop.cart.closed"


@pytest.mark.parametrize(
    ("name", "fields", "message"),
    [
        ("../../evil", (), "domain.entity.action"),
        ("a.b", ("duration:number",), "a quantity without a unit"),
        ("a.b", ("x",), r"NAME\[!\]:TYPE"),
        ("a.b", ("kind:enum",), "no values"),
        ("a.b", ("x:string", "x.y:string"), "an object to put it into"),
        ("a.b", ("x:string", "x:string"), "x twice"),
        ("a.b", ("x:strang",), "one of string, text"),
    ],
)
def test_a_new_contract_that_cannot_be_says_why(name: str, fields: tuple[str, ...], message: str) -> None:
    """Nothing is written for a name or a field that nobody could follow."""
    with pytest.raises(ConfigError, match=message):
        new(name, "team", fields=fields)


@pytest.fixture
def pinned(tmp_path: Path) -> Path:
    file = tmp_path / "bundle.json"
    file.write_bytes(bundle.build(Config(), read_folder(SCHEMAS)))
    return file


def test_recorded_events_are_checked_against_a_pinned_bundle(tmp_path: Path, pinned: Path) -> None:
    """JSON lines, arrays and single events; each fault with file and line; values are never printed."""
    (tmp_path / "events").mkdir()
    lines = [LOGIN, {**LOGIN, "user": 7}, {**LOGIN, "colour": "red"}, {"event": "user.logn"}, {"x": 1}]
    (tmp_path / "events" / "a.jsonl").write_text("\n".join(map(json.dumps, lines)) + "\n{cut\n")
    (tmp_path / "events" / "b.json").write_text(json.dumps([LOGIN, {**LOGIN, "timestamp": 1}, 5], indent=1))
    (tmp_path / "events" / "c.json").write_text(json.dumps(LOGIN, indent=1))
    done = run("check", str(tmp_path / "events"), "--bundle", str(pinned))
    assert done.return_value == 1
    about = "contract user.login.success 1.0.0, owned by team-identity"
    assert done.stdout.replace(f"{tmp_path}/events/", "").splitlines() == [
        f"a.jsonl:2: invalid user.login.success: {about}",
        "  /user: expected string, found integer of 1 digit (type)",
        f"a.jsonl:3: drift user.login.success: {about}",
        "  colour: not known to the contract",
        "a.jsonl:4: unregistered user.logn",
        "  no contract of this name: a typo, or `logharbor schemas new`",
        "a.jsonl:5: unregistered (no name)",
        "  no property `event` that names a contract",
        "a.jsonl:6: invalid (no name)",
        "  json_syntax",
        f"b.json:8: invalid user.login.success: {about}",
        "  /timestamp: expected at least 946684800, found integer of 1 digit (minimum)",
        "b.json:14: invalid (no name)",
        "  json_not_object",
    ]
    assert done.stderr == "10 events: 4 valid (1 with drift), 4 invalid, 2 unregistered\n"


@pytest.mark.parametrize(
    ("event", "options", "code"),
    [
        (LOGIN, [], 0),
        ({**LOGIN, "colour": 1}, [], 0),
        ({**LOGIN, "colour": 1}, ["--strict"], 1),
        ({"event": "x.y"}, [], 1),
        ({"event": "x.y"}, ["--allow-unregistered"], 0),
    ],
)
def test_what_fails_a_check_is_chosen(
    tmp_path: Path, pinned: Path, event: dict[str, Any], options: list[str], code: int
) -> None:
    """Drift is reported and fails only when strict; what has no contract fails unless it may."""
    file = tmp_path / "event.json"
    file.write_text(json.dumps(event))
    assert run("check", str(file), "--bundle", str(pinned), *options).return_value == code


def test_a_check_of_nothing_fails(tmp_path: Path, pinned: Path) -> None:
    """A gate that was fed no events has proved nothing; a path that is not there is wrong usage."""
    (tmp_path / "none.jsonl").write_text("\n")
    assert run("check", str(tmp_path / "none.jsonl"), "--bundle", str(pinned)).return_value == 1
    assert isinstance(run("check", str(tmp_path / "nope"), "--bundle", str(pinned)).exception, ConfigError)


def test_assert_valid_tells_a_producer_what_is_wrong(pinned: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """For a producer's own tests: silence, or an AssertionError in readable words."""
    assert_valid(LOGIN, pinned)
    assert_valid(json.dumps(LOGIN), pinned)
    monkeypatch.setenv("LOGHARBOR_BUNDLE", str(pinned))
    assert_valid({**LOGIN, "colour": 1}, strict=False)
    with pytest.raises(AssertionError) as caught:
        assert_valid({**LOGIN, "user": 7})
    assert str(caught.value) == (
        "invalid: contract user.login.success 1.0.0, owned by team-identity\n"
        "  /user: expected string, found integer of 1 digit"
    )
    for event, message in (
        ({**LOGIN, "colour": 1}, "colour: not known to the contract"),
        ({"event": "x"}, r"unregistered: x \(unknown_event\)"),
        ({"event": object()}, "the event is no JSON"),
        ("[1]", "the event is no JSON object: json_not_object"),
    ):
        with pytest.raises(AssertionError, match=message):
            assert_valid(event)


def test_codeowners_are_generated_between_markers() -> None:
    """Other lines stay, the generated ones are replaced, and an owner is a team by the policy or by its name."""
    contracts = read_folder(SCHEMAS)
    folders = {one.name: f"{one.name.partition('.')[0]}/{one.name}" for one in contracts}
    rules = policy.Policy(privacy_approvers=("team-privacy",), teams={"team-identity": "@acme/identity"})
    lines = codeowners.codeowners(contracts, folders, rules, "schemas")
    assert "/schemas/user/user.login.success/  @acme/identity\n" in lines
    assert "/schemas/order/order.placed/       @team-checkout\n" in lines
    assert "/schemas/_policy.json              @team-privacy\n" in lines
    once = codeowners.merged("* @everybody\n", lines)
    assert once == f"* @everybody\n\n{lines}"
    assert codeowners.merged(once, lines) == once
    assert codeowners.merged(f"{once}/docs/ @writers\n", "new\n") == "* @everybody\n\nnew\n/docs/ @writers\n"


@pytest.mark.parametrize("form", ["text", "json", "github"])
def test_lint_speaks_to_people_programs_and_pull_requests(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    """One finding in three forms; exit 1."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(SCHEMAS / "user" / "user.login.success", "schemas/user/user.login.success")
    file = Path("schemas/user/user.login.success/v1.schema.json")
    file.write_text(file.read_text().replace('"owner": "team-identity"', '"owner": "TODO"'))
    Path("schemas/_fields.lock.json").write_text(lint("schemas").lock)
    done = run("lint", "--format", form)
    assert done.return_value == 1
    line = 1 + file.read_text().splitlines().index(next(x for x in file.read_text().splitlines() if "TODO" in x))
    message = "TODO is no owner: name the team that answers for it"
    if form == "json":
        assert json.loads(done.stdout) == [
            {
                "file": str(file),
                "pointer": "/x-event/owner",
                "rule": "owner-missing",
                "severity": "error",
                "message": message,
                "line": line,
            }
        ]
    elif form == "text":
        assert done.stdout == (
            f"{file}:{line}: /x-event/owner\n  error {message} [owner-missing]\n1 contract: 1 error, 0 warnings\n"
        )
    else:
        assert done.stdout == f"::error file={file},line={line},title=owner-missing::/x-event/owner: {message}\n"
    assert has_errors(lint("schemas").findings)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"nope": 1}', "unknown field `nope`"),
        ("[", "found"),
        ('{"metric_budget": {"total": -1}}', "metric_budget.total: found -1, expected zero or more"),
        ('{"metric_budget": {"total": "x"}}', r"\.metric_budget\.total: found Expected `int`, got `str`"),
    ],
)
def test_a_wrong_policy_says_where(tmp_path: Path, text: str, message: str) -> None:
    """A typo in the policy must not switch a rule off in silence."""
    (tmp_path / "_policy.json").write_text(text)
    with pytest.raises(ConfigError, match=message):
        policy.read(tmp_path)


def test_our_own_codeowners_are_up_to_date() -> None:
    """A new contract without its line in CODEOWNERS would be reviewed by nobody."""
    assert run("codeowners", str(SCHEMAS), "--file", str(ROOT / ".github" / "CODEOWNERS")).return_value == 0
