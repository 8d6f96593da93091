"""`&&`, `||` and parentheses over conditions, read with a stack of its own: 500 parentheses do no harm."""

from __future__ import annotations

from collections.abc import Callable

from forwarders.metrics.filter_pattern.error import FilterPatternError
from forwarders.metrics.filter_pattern.tokens import Token
from forwarders.metrics.filter_pattern.tree import Condition, Every, Node, Some

Read = Callable[["list[Token]", int], "tuple[Condition, int]"]
"""The condition that begins with the word of this number, and the number of the word behind it."""


def expression(pattern: str, words: list[Token], end: int, read: Read) -> Node:
    """The tree of all the words; `end` is the offset at which a missing word is missed."""
    stack: list[list[list[Node]]] = [[[]]]  # open parentheses: alternatives: parts
    opened: list[int] = []
    at, wants_condition = 0, True
    while at < len(words):
        word = words[at]
        if wants_condition and word.text == "(":
            stack.append([[]])
            opened.append(word.at)
            at += 1
        elif wants_condition:
            condition, at = read(words, at)
            stack[-1][-1].append(condition)
            wants_condition = False
        elif word.text in ("&&", "||"):
            if word.text == "||":
                stack[-1].append([])
            at, wants_condition = at + 1, True
        elif word.text == ")" and opened:
            opened.pop()
            closed = _joined(stack.pop())
            stack[-1][-1].append(closed)
            at += 1
        else:
            expected = "'&&', '||' or ')'" if opened else "'&&', '||' or the end"
            raise FilterPatternError(pattern, word.at, repr(word.text), expected)
    if wants_condition:
        raise FilterPatternError(pattern, end, "the end", "a condition")
    if opened:
        raise FilterPatternError(pattern, end, "the end", f"')' for the '(' at position {opened[-1]}")
    return _joined(stack.pop())


def _joined(alternatives: list[list[Node]]) -> Node:
    """One node without needless levels."""
    nodes = [parts[0] if len(parts) == 1 else Every(_flat(parts, Every)) for parts in alternatives]
    return nodes[0] if len(nodes) == 1 else Some(_flat(nodes, Some))


def _flat(nodes: list[Node], kind: type[Every] | type[Some]) -> tuple[Node, ...]:
    return tuple(part for node in nodes for part in (node.parts if isinstance(node, kind) else (node,)))
