"""Redaction by patterns: no secret survives, and ordinary text stays what it is."""

import json
import time
from itertools import product
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forwarders.errors import Withheld
from forwarders.redact import patterns, patterns_json, words
from forwarders.redact.text import redacted

DATA = Path(__file__).parents[1] / "data" / "redact"


def rows(name: str) -> list[dict]:
    return [json.loads(line) for line in (DATA / name).read_text("utf-8").splitlines()]


# Stored in pieces, so that no scanner takes an example for the real thing.
SECRETS = [{**row, "text": "".join(row["pieces"])} for row in rows("secrets.jsonl")]
CLEAN = [row["text"] for row in rows("clean.jsonl")]

IN_TEXT = {
    "alone": "{}",
    "in a sentence": "could not sign in with {} at 10:05:03, giving up",
    "after a line": "Traceback:\n  File x\n{}\nmore",
    "in brackets": "[{}] (error)",
    "after other text": "x" * 3_000 + " {}",
}
IN_JSON = {
    "as a value": lambda secret: {"event": "a.b", "note": secret},
    "in a list below": lambda secret: {"a": [{"b": [1.5, secret]}]},
    "as a key": lambda secret: {"a": {secret: 1}},
    "in a message": lambda secret: {"message": f"2024-01-01 ERROR failed: {secret}"},
    "in JSON in a string": lambda secret: {"message": json.dumps({"body": {"note": secret}})},
}


@pytest.mark.parametrize(
    ("secret", "place"), list(product(SECRETS, IN_TEXT)), ids=lambda v: v if isinstance(v, str) else v["kind"]
)
def test_no_secret_survives_in_text(secret: dict, place: str) -> None:
    """Each kind of secret, wherever it stands in a text, is gone after redaction."""
    text = IN_TEXT[place].replace("{}", secret["text"])
    safe = patterns(text)
    assert [canary for canary in secret["canaries"] if canary in safe] == []
    assert "[redacted:" in safe


@pytest.mark.parametrize(
    ("secret", "place"), list(product(SECRETS, IN_JSON)), ids=lambda v: v if isinstance(v, str) else v["kind"]
)
@pytest.mark.parametrize("ascii_only", [True, False], ids=["escaped", "raw"])
def test_no_secret_survives_in_json(secret: dict, place: str, ascii_only: bool) -> None:
    """Each kind of secret, wherever it stands in an event, is gone after redaction, and JSON is left."""
    safe = patterns_json(json.dumps(IN_JSON[place](secret["text"]), ensure_ascii=ascii_only))
    plain = json.dumps(json.loads(safe), ensure_ascii=False)
    assert [canary for canary in secret["canaries"] if canary in safe or canary in plain] == []
    assert "[redacted:" in safe


@pytest.mark.parametrize("text", CLEAN)
def test_ordinary_text_stays(text: str) -> None:
    """Times, ids, versions, URLs and words about secrets are no secrets."""
    assert patterns(text) == text


@pytest.mark.parametrize("case", rows("tree.jsonl"), ids=lambda case: case["why"])
def test_an_event_stays_json(case: dict) -> None:
    """Every event of tree.jsonl comes out as the text beside it."""
    assert patterns_json(case["text"]) == case["out"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        '{"a":',
        '{"password":NaN}',
        '{"a":"\ud800"}',
        "[" * 100_000,
        '{"a":"\\n' + "[" * 100_000,
        "{} {}",
    ],
)
def test_what_is_no_json_is_withheld(text: str) -> None:
    """A text that is not JSON leaves no copy, and the error does not quote it."""
    with pytest.raises(Withheld, match=r"^redaction failed: [A-Za-z]+$"):
        patterns_json(text)


def test_redaction_is_done_once() -> None:
    """Text that was redacted is not changed by redacting it again."""
    for secret in SECRETS:
        safe = patterns(f"a {secret['text']} b")
        assert patterns(safe) == safe, secret["kind"]


UNITS = [
    *(
        "a",
        "@",
        "4",
        " ",
        ".",
        "-",
        '"',
        "\\",
        "\0",
        "é",
        "\ud800",
        "a@",
        "a.",
        "a@a.",
        "%40",
        "4 ",
        "4444 ",
        "4444-444-4444 x",
    ),
    *(
        "4 4 4 4 4 4 4 4 4 4 4 4 4 4 x",
        "password=",
        "password",
        'password="',
        "password='x",
        'password=\\"',
        "password=\\",
    ),
    *("password ", "eyJ", "AKIA", "http://", "://a", "bearer ", "Basic aaaaaaaa", "cookie:", 'cookie="', "cookie: a\n"),
    *(
        "authorization",
        "-----BEGIN PRIVATE KEY-----",
        " --token",
        "--token-a",
        "sk-aaaa",
        "SG.aaaaaaaaaaaaaaaaaaaa",
        "ghp_",
    ),
    *("api_key", "token.", 'signature:"', "{", "[", "://@", "a%40", "--", "tokens=1 "),
]


@pytest.mark.parametrize("unit", UNITS, ids=ascii)
def test_a_hostile_megabyte_takes_time_in_proportion(unit: str) -> None:
    """Four times the text takes about four times as long, whatever it repeats: squares would take sixteen."""
    end = "@ password= cookie eyJ bearer --x 4111111111111111"
    small, large = (_cpu(unit * (size // len(unit)) + end) for size in (250_000, 1_000_000))
    assert large < max(8 * small, 1.0)


def _cpu(text: str) -> float:
    start = time.process_time()
    patterns(text)
    return time.process_time() - start


PIECES = (
    *(
        "password",
        "otp",
        "Token",
        "api key",
        "=",
        ": ",
        '"',
        "'",
        "\\",
        "@",
        "a",
        "b.c",
        "%40",
        "://",
        "--",
        " ",
        "4111",
    ),
    *(
        "1111",
        "-",
        "eyJ",
        "AKIA",
        "A1B2C3D4E5F6",
        "Bearer ",
        "cookie",
        "\n",
        "é",
        "{",
        "sk-",
        "_",
        "SG.",
        "%3D",
        ">",
        "7",
    ),
    *("\ufeff", "\x85", "ghp", "xoxb-", "\u017f", "İ"),
)
pieces = st.lists(st.sampled_from(PIECES), max_size=14).map("".join)


@settings(max_examples=1500)
@given(pieces | st.text(max_size=40))
def test_the_first_search_misses_nothing(text: str) -> None:
    """What the one native search lets pass unread, no expression would have changed."""
    assert words.may_match(text) or redacted(text) == text


@settings(max_examples=300)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | pieces,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(pieces, inner, max_size=3),
        max_leaves=8,
    )
)
def test_json_in_json_out(value: object) -> None:
    """Whatever the event, redaction leaves JSON of the same shape."""
    safe = json.loads(patterns_json(json.dumps({"event": value})))
    assert _shape(safe["event"]) == _shape(value)


def _shape(value: object) -> object:
    if isinstance(value, dict):
        return [_shape(inner) for inner in value.values()]
    if isinstance(value, list):
        return [_shape(inner) for inner in value]
    return None
