"""On which line of a JSON text a pointer points. Read again by ourselves: parsers forget where things stood."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

_TOKEN = re.compile(r'"(?:[^"\\\n]|\\.)*"?|[{}\[\],:]|[^\s{}\[\],:"]+|\n')

_MAX_DEPTH, _MAX_POINTER = 300, 4_000


def lines(text: str) -> dict[str, int]:
    """The line of every value, by its JSON pointer; a key's line is where the key stands. Never fails.

    What is no JSON is read as far as it makes sense. Of a key that is there twice, the second one counts.
    """
    return dict(_places(text))


def repeated_key(text: str) -> tuple[str, int] | None:
    """The pointer and line of the first key that its object already has."""
    seen: set[str] = set()
    for pointer, line in _places(text):
        if pointer in seen:
            return pointer, line
        seen.add(pointer)
    return None


def nearest_line(known: dict[str, int], pointer: str) -> int:
    """The line of a pointer, or of what it would lie in: a missing property is shown at its object."""
    while pointer and pointer not in known:
        pointer = pointer.rpartition("/")[0]
    return known.get(pointer, 1)


def _places(text: str) -> Iterator[tuple[str, int]]:
    line = 1
    yield "", 1
    here = [""]  # the pointer of every open object and array
    counts: list[int] = []  # for each: -1 for an object, else the next index
    key = ""
    wants_key = False
    for match in _TOKEN.finditer(text):
        mark = match.group()
        if mark == "\n":
            line += 1
        elif mark in "}]":
            if counts:
                counts.pop()
                here.pop()
            wants_key = False
        elif mark == ",":
            wants_key = bool(counts) and counts[-1] < 0
        elif mark == ":":
            wants_key = False
        elif wants_key and mark[0] == '"':
            key = f"{here[-1]}/{_escaped(mark)}"
            yield key, line
        else:
            place = key if counts and counts[-1] < 0 else here[-1]
            if counts and counts[-1] >= 0:
                place = f"{here[-1]}/{counts[-1]}"
                counts[-1] += 1
                yield place, line
            if mark in "{[":
                if len(here) > _MAX_DEPTH or len(place) > _MAX_POINTER:
                    return  # every pointer repeats what it lies in: a megabyte of brackets would need terabytes
                here.append(place)
                counts.append(-1 if mark == "{" else 0)
                wants_key = mark == "{"


def _escaped(mark: str) -> str:
    try:
        name = json.loads(mark)
    except ValueError:
        name = mark.strip('"')
    return str(name).replace("~", "~0").replace("/", "~1")
