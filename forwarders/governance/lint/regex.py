"""What can be told of a regular expression by looking at it: how long a match may be, and who reads it otherwise."""

from __future__ import annotations

import importlib
import warnings
from collections import Counter
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

_ASCII = frozenset(range(128))
_OTHER = 128
_ALL = _ASCII | {_OTHER}
_MAX_POSITIONS = 120
_LOOP = 16
"""A repeat of more than this counts as without end: what is ambiguous inside it doubles with every turn."""

_OTHERWISE = {
    "d": "[0-9]",
    "D": "[^0-9]",
    "w": "[A-Za-z0-9_]",
    "W": "[^A-Za-z0-9_]",
    "s": "[ \\t\\n\\r]",
    "S": "[^ \\t\\n\\r]",
    "b": "what may stand there",
    "B": "what may stand there",
    "A": "^",
}


@lru_cache(4096)
def longest(pattern: str) -> int | None:
    """The most characters of a text that matches as a whole; None when nothing bounds it, or no anchors hold it."""
    parsed = _parse(pattern)
    if parsed is None or len(parsed) < 2 or pattern.endswith("\\$"):
        return None
    if str(parsed[0][0]) != "AT" or str(parsed[0][1]) not in ("AT_BEGINNING", "AT_BEGINNING_STRING"):
        return None
    if str(parsed[-1][0]) != "AT" or str(parsed[-1][1]) not in ("AT_END", "AT_END_STRING"):
        return None
    width = int(parsed.getwidth()[1])
    return width if width < 100_000 else None


@lru_cache(4096)
def read_otherwise(pattern: str) -> str:
    """What in a pattern the validator and Python's re read differently, and what to write; empty when nothing."""
    in_class = False
    at = 0
    while at < len(pattern):
        char, after = pattern[at], pattern[at + 1 : at + 2]
        if char == "\\":
            if after in _OTHERWISE:
                return f"\\{after} is ASCII for the validator and Unicode for Python: write {_OTHERWISE[after]}"
            at += 2
            continue
        if in_class:
            if char == "]":
                in_class = False
            elif char == "[" or pattern[at : at + 2] in ("&&", "--", "~~"):
                return f"{pattern[at : at + 2]!r} in a class is set arithmetic for some readers: use \\"
        elif char == "[":
            in_class = True
            at += 1 if after == "^" else 0
            at += 1 if pattern[at + 1 : at + 2] == "]" else 0
        elif pattern.startswith("(?", at) and not pattern.startswith("(?:", at):
            found = f"{pattern[at : at + 3]}…)"
            if found[2] in "=!" or pattern.startswith(("(?<=", "(?<!"), at):
                return f"{found} looks around, which no reader of linear time does: write what is there"
            return f"{found} is read by some readers only: use (?:…), and no flags or names"
        elif char in "*+?}" and after == "+":
            return f"{char}+ is possessive for Python and a repeat of a repeat for the validator: put it in (?:…)"
        elif pattern.startswith("{,", at):
            return "{,n} is a repeat for one reader and text for another: write {0,n}"
        at += 1
    return ""


@lru_cache(4096)
def is_slow(pattern: str) -> bool:
    """Whether a backtracking reader may take a time that doubles with every character: `^(a+)+$`, `^(a|aa)*$`.

    The validator's own engine is linear. Others who read the contract, and `logharbor explain`, are not.
    """
    parsed = _parse(pattern)
    if parsed is None or not _has_loop(parsed):
        return False
    machine = _Machine()
    try:
        machine.read(parsed)
    except _TooBig:
        return False
    return machine.is_ambiguous()


class _TooBig(Exception):
    """The expression has too many positions to be looked at."""


class _Machine:
    """A Glushkov automaton: one state for each character position, and which state may follow which, how often."""

    def __init__(self) -> None:
        self.sets: list[frozenset[int]] = []
        self.follow: Counter[tuple[int, int]] = Counter()
        self.doubled = False
        self.chain = 0
        self.max_chain = 0

    def read(self, parsed: Any) -> None:
        self._sequence(parsed)

    def is_ambiguous(self) -> bool:
        """Whether a word leads from a state back to itself in two ways."""
        return self.doubled or self.max_chain >= 3 or self._two_ways()

    def _two_ways(self) -> bool:
        after: dict[int, list[int]] = {}
        for one, other in self.follow:
            after.setdefault(one, []).append(other)
        edges: dict[tuple[int, int], list[tuple[int, int]]] = {}
        todo = [(state, state) for state in after]
        while todo:
            pair = todo.pop()
            if pair in edges:
                continue
            edges[pair] = [
                (one, other)
                for one in after.get(pair[0], ())
                for other in after.get(pair[1], ())
                if self.sets[one] & self.sets[other]
            ]
            todo.extend(edges[pair])
        component = _components(edges)
        same = {component[pair] for pair in edges if pair[0] == pair[1] and pair in component}
        return any(component[pair] in same for pair in edges if pair[0] != pair[1])

    def _position(self, chars: frozenset[int]) -> tuple[set[int], set[int], bool]:
        if len(self.sets) >= _MAX_POSITIONS:
            raise _TooBig
        self.sets.append(chars)
        state = len(self.sets) - 1
        return {state}, {state}, False

    def _sequence(self, items: Any) -> tuple[set[int], set[int], bool]:
        first: set[int] = set()
        last: set[int] = set()
        nullable = True
        chain, chained = 0, frozenset[int]()
        for item in items:
            start, end, empty = self._item(item)
            chars = frozenset().union(*(self.sets[state] for state in start)) if start else frozenset()
            if _is_loop(item):
                chain = chain + 1 if chained & chars else 1
                chained = chars
                self.max_chain = max(self.max_chain, chain)
            elif not empty and start:
                chain, chained = 0, frozenset()
            self._join(last, start)
            if nullable:
                first |= start
            last = (last | end) if empty else set(end)
            nullable = nullable and empty
        return first, last, nullable

    def _join(self, ends: set[int], starts: set[int]) -> None:
        for one in ends:
            for other in starts:
                self.follow[one, other] += 1

    def _item(self, item: Any) -> tuple[set[int], set[int], bool]:
        name, value = str(item[0]), item[1]
        if name == "SUBPATTERN":
            return self._sequence(value[3])
        if name == "BRANCH":
            parts = [self._sequence(branch) for branch in value[1]]
            return (
                set().union(*(part[0] for part in parts)),
                set().union(*(part[1] for part in parts)),
                any(part[2] for part in parts),
            )
        if name in ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"):
            return self._repeat(*value)
        if name in ("LITERAL", "NOT_LITERAL", "IN", "ANY"):
            return self._position(_charset(name, value))
        return set(), set(), True

    def _repeat(self, least: int, most: int, body: Any) -> tuple[set[int], set[int], bool]:
        if int(most) > _LOOP:
            before = len(self.sets)
            first, last, empty = self._sequence(body)
            for one in last:
                for other in first:
                    # A step that is there already makes two ways of one: (a+)+.
                    self.doubled |= self.follow[one, other] > 0 and one >= before
                    self.follow[one, other] += 1
            return first, last, empty or least == 0
        copies = [self._sequence(body) for _ in range(min(int(most), 4))]
        if not copies:
            return set(), set(), True
        first, last, nullable = copies[0]
        for number, (start, end, empty) in enumerate(copies[1:], 1):
            self._join(last, start)
            if nullable:
                first = first | start
            last = (last | end) if empty or number >= least else end
            nullable = nullable and empty
        return first, last, nullable or least == 0


def _components(edges: dict[tuple[int, int], list[tuple[int, int]]]) -> dict[tuple[int, int], int]:
    """The strongly connected component of every node that lies in a cycle (Kosaraju, without recursion)."""
    order: list[tuple[int, int]] = []
    seen: set[tuple[int, int]] = set()
    for root in edges:
        stack = [(root, False)]
        while stack:
            node, done = stack.pop()
            if done:
                order.append(node)
            elif node not in seen:
                seen.add(node)
                stack.append((node, True))
                stack.extend((other, False) for other in edges[node] if other not in seen)
    back: dict[tuple[int, int], list[tuple[int, int]]] = {}
    for node, others in edges.items():
        for other in others:
            back.setdefault(other, []).append(node)
    component: dict[tuple[int, int], int] = {}
    for number, root in enumerate(reversed(order)):
        todo = [root]
        while todo:
            node = todo.pop()
            if node not in component:
                component[node] = number
                todo.extend(back.get(node, ()))
    return component


def _has_loop(parsed: Any) -> bool:
    return any(_is_loop(item) for item in _items(parsed))


def _items(parsed: Any) -> Iterator[Any]:
    for item in parsed:
        yield item
        name, value = str(item[0]), item[1]
        if name == "SUBPATTERN":
            yield from _items(value[3])
        elif name == "BRANCH":
            for branch in value[1]:
                yield from _items(branch)
        elif name.endswith("_REPEAT"):
            yield from _items(value[2])


def _is_loop(item: Any) -> bool:
    return str(item[0]).endswith("_REPEAT") and int(item[1][1]) > _LOOP


def _charset(name: str, value: Any) -> frozenset[int]:
    if name == "LITERAL":
        return frozenset([min(value, _OTHER)])
    if name == "NOT_LITERAL":
        return _ALL - {value}
    if name == "ANY":
        return _ALL
    chars: set[int] = set()
    for kind, what in value:
        if str(kind) == "LITERAL":
            chars.add(min(what, _OTHER))
        elif str(kind) == "RANGE":
            chars.update(range(min(what[0], _OTHER), min(what[1], _OTHER) + 1))
        elif str(kind) == "CATEGORY":
            chars |= _category(str(what))
    return _ALL - chars if str(value[0][0]) == "NEGATE" else frozenset(chars)


def _category(name: str) -> frozenset[int]:
    test = {"DIGIT": str.isdigit, "WORD": lambda char: char == "_" or char.isalnum(), "SPACE": str.isspace}
    kind = name.rpartition("_")[2]
    chars = frozenset(code for code in _ASCII if test[kind](chr(code))) | {_OTHER} if kind in test else _ALL
    return _ALL - chars if "NOT" in name else chars


def _parse(pattern: str) -> Any:
    """The parse tree of Python's own re; None when it is none, or nothing that is worth looking at."""
    if len(pattern) > 4_000:
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of sets in sets: read_otherwise says it
            return importlib.import_module("re._parser").parse(pattern)
    except Exception:  # whatever is wrong with it, compile_problems says so
        return None
