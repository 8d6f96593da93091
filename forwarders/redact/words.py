"""The names whose values are secrets, and the one search that tells whether a text can hold anything to redact."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache

from jsonschema_rs import Draft202012Validator, RegexOptions

SEPARATOR = r"""(?:["'\\]|%2[27]){0,8}[ \t]{0,4}(?:=>|:=|[:=>]|%3[aAdD])[ \t]{0,4}"""

_KEY = r"[-_. ]?key"
_STEMS = (
    *("password", "passwd", "passphrase", "passcode", r"secret(?!smanager)", "token", "credential", "signature"),
    *(f"{whose}{_KEY}" for whose in ("api", "access", "private", "account", "encryption", "signing", "shared")),
    *(f"auth{_KEY}", f"license{_KEY}", f"session{_KEY}", r"sess(?:ion)?[-_]?id"),
)
"""Parts of names whose value is a secret."""
_SHORT = ("pass", "pwd", "otp", "cvv2?", "cvc2?", "sig")
"""Names that, with a letter or digit beside them, are another word."""


def first_letters(*words: str, alone: tuple[str, ...] = ()) -> str:
    """An expression for the words in any case that the engine can look for by first letter: five times as fast."""
    rests: dict[str, list[str]] = {}
    for word in words:
        rests.setdefault(word[0], []).append(word[1:])
    for word in alone:
        rests.setdefault(word[0], []).append(f"(?<![a-z0-9].){word[1:]}(?![a-z0-9])")
    letters = "".join(f"{first}{first.upper()}" for first in rests)
    branches = (f"(?<=[{first}{first.upper()}])(?ai:{'|'.join(ends)})" for first, ends in rests.items())
    return f"[{letters}](?:{'|'.join(branches)})"


_END_OF_NAME = r"""\"'\\=:,;&<>(){}%"""
NAMED = first_letters(*_STEMS, alone=_SHORT) + rf"[^\s{_END_OF_NAME}]{{0,64}}+"
"""An expression for the names, to the end of the name."""

_ANY_STEM = "|".join(_STEMS).replace("(?!smanager)", "")  # the native engine has no lookahead
_ANY_SHORT = "|".join(_SHORT)
# Each line lets through at least what one expression of text.py matches, and as little more as is simple. Classes are
# spelled out: this engine reads \\w as ASCII and \\s as ECMA-262 does.
_COULD_MATCH = "|".join(
    (
        r"-----BEGIN",
        r"eyJ[A-Za-z0-9_.+/=-]{16}",
        r"(?:AKIA|ASIA)[A-Z0-9]{8}",
        r"(?:gh[pousr]|github_pat|npm|hc[a-z]{3}|[srp]k_live|[srp]k_test|whsec)_[A-Za-z0-9_+/=]{8}",
        r"xox[a-z]-|xapp-|hooks\.slack\.com/|AIza|glpat-|SG\.[A-Za-z0-9_-]{16}|sk-[A-Za-z0-9_-]{20}",
        r"""://[^ /?#"'<>]+@""",
        r"(?i:authorization|cookie)",
        rf"(?:(?i:{_ANY_STEM})|(?:^|[^A-Za-z0-9])(?i:{_ANY_SHORT}))[^ {_END_OF_NAME}]*"
        r"""(?:["'\\ \t]|%2[27])*(?:[=:>]|%3)""",
        rf"--[^ ]*(?i:{_ANY_STEM}|{_ANY_SHORT})",
        r"(?i:bearer|basic)[ \t]+[A-Za-z0-9._~+/=-]{6}",
        r"(?:@|%40)[^ @]*\.",
        r"(?:^|[^0-9])(?:[2-6]|1(?:[ -]?[08]){2})(?:[ -]?[0-9]){12}",
        r"\\u[0-9a-fA-F]{4}",
    )
)
# The validator's own engine (a lazy automaton, linear) looks for all of them at once in 0.3 µs; `re` takes 20.
_search = Draft202012Validator({"pattern": _COULD_MATCH}, pattern_options=RegexOptions()).is_valid


@cache
def _name() -> Callable[[str], re.Match[str] | None]:
    """Compiled with the first name: 1 ms of a cold start that events with a contract never need."""
    return re.compile(NAMED + "|" + first_letters("authorization", "cookie")).search


def may_match(text: str) -> bool:
    """False only when no pattern matches the text."""
    try:
        return _search(text)
    except UnicodeEncodeError:  # half a surrogate pair: the native engine cannot take it
        return True


def names_secret(name: str) -> bool:
    """Whether the value under a key is to be redacted whatever it looks like."""
    return _name()(name) is not None
