"""A text that one pattern allows and another refuses: the proof that a changed pattern is narrower."""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator
from itertools import islice, product
from typing import Any

from forwarders.contracts.compiled import validator
from forwarders.governance.conjuncts import Facts

MAX_TEXTS = 200
_MOST = 80
"""Repeats of a part are tried up to so many."""
_LONGEST = 10_000
"""Characters of a repeated part: repeats of repeats would fill the memory."""


def counterexample(old: Facts, pattern: str) -> bool:
    """Whether a text was found that the old schema accepts and the new pattern refuses. False proves nothing."""
    known = [{key: node[key] for key in node if key in _TEXT} for node in old.nodes]
    try:
        accepts = validator({"type": "string", "allOf": known}).is_valid
        refuses = validator({"type": "string", "pattern": pattern}).is_valid
        texts = [text for one in old.says("pattern") for text in samples(one)]
        return any(accepts(text) and not refuses(text) for text in texts)
    except ValueError:
        return False


_TEXT = frozenset({"pattern", "minLength", "maxLength", "format", "const", "enum"})


def samples(pattern: str) -> list[str]:
    """Some texts that the pattern may match: its shortest, its longest, and texts from the ends of every class."""
    parser: Any = importlib.import_module("re._parser")
    try:
        parsed = parser.parse(pattern, re.ASCII)
    except (re.error, RecursionError, OverflowError):
        return []
    try:
        found = dict.fromkeys(islice(_texts(list(parsed)), MAX_TEXTS))
    except (_Unknown, RecursionError):
        return []
    return list(found)


class _Unknown(Exception):
    """A construct that cannot be written out."""


def _texts(parts: list[Any]) -> Iterator[str]:
    """Texts of a sequence: each part's alternatives in turn beside the first one of all others, then mixed."""
    choices = [list(islice(_choices(part), 24)) for part in parts]
    if not all(choices):
        return
    usual = [options[0] for options in choices]
    yield "".join(usual)
    for index, options in enumerate(choices):
        for option in options[1:]:
            yield "".join([*usual[:index], option, *usual[index + 1 :]])
    yield "".join(options[-1] for options in choices)
    yield from ("".join(mixed) for mixed in islice(product(*choices), 32))


def _choices(part: Any) -> Iterator[str]:
    name, value = str(part[0]), part[1]
    if name == "LITERAL":
        yield chr(value)
    elif name == "AT":
        yield ""
    elif name == "ANY":
        yield from "a0 "
    elif name == "NOT_LITERAL":
        yield from (char for char in "aZ0_- é" if ord(char) != value)
    elif name == "IN":
        yield from _class(value)
    elif name == "SUBPATTERN":
        yield from _texts(list(value[-1]))
    elif name == "BRANCH":
        for branch in value[1]:
            yield from islice(_texts(list(branch)), 8)
    elif name in ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"):
        yield from _repeated(*value)
    else:
        raise _Unknown


def _repeated(least: Any, most: Any, inner: Any) -> Iterator[str]:
    options = list(islice(_texts(list(inner)), 12))
    if not options:
        return
    top = min(int(most), int(least) + _MOST)
    for count in dict.fromkeys((int(least), min(int(least) + 1, top), top)):
        for option in options:
            yield option * min(count, _LONGEST // max(1, len(option)))


def _class(value: Any) -> Iterator[str]:
    if str(value[0][0]) == "NEGATE":
        excluded = set(_class(value[1:]))
        yield from (char for char in "aZ0_-. é" if char not in excluded)
        return
    for part in value:
        name, inner = str(part[0]), part[1]
        if name == "LITERAL":
            yield chr(inner)
        elif name == "RANGE":
            yield from dict.fromkeys((chr(inner[0]), chr((inner[0] + inner[1]) // 2), chr(inner[1])))
        elif name == "CATEGORY":
            yield from _CATEGORIES.get(str(inner), "")
        else:
            raise _Unknown


_CATEGORIES = {
    "CATEGORY_DIGIT": "09",
    "CATEGORY_WORD": "aZ0_",
    "CATEGORY_SPACE": " \t",
    "CATEGORY_NOT_DIGIT": "a_",
    "CATEGORY_NOT_WORD": "-.",
    "CATEGORY_NOT_SPACE": "a0",
}
