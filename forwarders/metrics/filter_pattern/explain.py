"""What a pattern means in words, and where it does not mean what it seems to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from forwarders.metrics.filter_pattern.field_pattern import ELLIPSIS, Fields
from forwarders.metrics.filter_pattern.numbers import Number
from forwarders.metrics.filter_pattern.pattern import Pattern
from forwarders.metrics.filter_pattern.regexes import Regex
from forwarders.metrics.filter_pattern.terms import Terms
from forwarders.metrics.filter_pattern.traps import traps
from forwarders.metrics.filter_pattern.tree import Comparison, Condition, Every, Node, Selector, Some, Text

_ORDER = {"<": "less than", "<=": "at most", ">": "more than", ">=": "at least"}
_STATES = {"IS NULL": "is null", "IS TRUE": "is true", "IS FALSE": "is false", "NOT EXISTS": "is not there"}


@dataclass(frozen=True)
class Explanation:
    """`means`: lines, indented by two blanks a level. `traps`: one sentence or two each."""

    pattern: str
    kind: str
    means: tuple[str, ...]
    traps: tuple[str, ...]
    selectors: tuple[str, ...]
    conditions: int
    regexes: int


def explain(pattern: Pattern) -> Explanation:
    """The pattern in words."""
    return Explanation(
        pattern.text,
        pattern.kind,
        tuple(_means(pattern)),
        tuple(traps(pattern)),
        pattern.selectors,
        len(pattern.conditions),
        pattern.regexes,
    )


def _means(pattern: Pattern) -> Iterator[str]:
    if pattern.terms is not None:
        yield from _terms(pattern.terms)
    elif pattern.regex is not None:
        yield f"Matches a message in which %{pattern.regex.source}% is found, wherever it stands."
    elif pattern.fields is not None:
        yield from _fields(pattern.fields)
    elif pattern.tree is not None:
        yield "Matches a message that is one JSON object, and in which"
        yield from _tree(pattern.tree, "  ")
    else:
        yield "Matches every log event."


def _terms(terms: Terms) -> Iterator[str]:
    if not terms.required and not terms.excluded:
        yield f"Matches a message that contains {_listed(terms.optional, 'or')}."
        return
    parts = [f"contains {_listed(terms.required, 'and')}"] if terms.required else []
    parts += [f"does not contain {_listed(terms.excluded, 'or')}"] if terms.excluded else []
    yield f"Matches a message that {' and '.join(parts)}."
    if terms.ignores_optional:
        yield f"Ignored: {_listed(terms.optional, 'and')}."


def _listed(words: tuple[str, ...], last: str) -> str:
    shown = [f'"{word}"' for word in words]
    return f" {last} ".join([", ".join(shown[:-1]), shown[-1]]) if len(shown) > 1 else shown[0]


def _fields(fields: Fields) -> Iterator[str]:
    entries = fields.entries
    if not entries:
        yield "Matches every log event, and numbers its fields: $1, $2, …"
        return
    least = sum(entry.name != ELLIPSIS for entry in entries)
    yield f"Matches a message of at least {least} field{'s' if least != 1 else ''}, in which"
    for place, entry in enumerate(entries, 1):
        if entry.name == ELLIPSIS:
            yield "  then come any number of fields, or none"
            continue
        counted = fields.ellipsis is None or place <= fields.ellipsis
        name = f"${entry.name}" if entry.name else f"${place} (without a name)" if counted else "the next"
        rest = " and all that follows" if place == len(entries) and fields.ellipsis is None else ""
        if entry.condition is None:
            yield f"  {name} is field {place}{rest}" if fields.ellipsis is None else f"  {name} is one field"
        else:
            yield f"  {name} is a field{rest} that"
            yield from _tree(entry.condition, "    ")


def _tree(node: Node, indent: str) -> Iterator[str]:
    if isinstance(node, Every | Some):
        yield f"{indent}{'all of these hold' if isinstance(node, Every) else 'at least one of these holds'}:"
        for part in node.parts:
            yield from _tree(part, indent + "  ")
    else:
        yield indent + _condition(node)


def _condition(condition: Condition) -> str:
    subject = condition.subject
    if isinstance(condition, Comparison):
        said = _compared(condition)
        if not isinstance(subject, Selector):
            return said
        if condition.operator == "!=" and subject.has_wildcard:
            positive = _compared(Comparison(subject, "=", condition.literal))
            return f"{_parent(subject)} is there, and nothing that {subject.source} selects {positive}"
    else:
        said = _STATES[condition.state]
        assert isinstance(subject, Selector)
        if subject.has_wildcard and condition.state == "NOT EXISTS":
            return f"{subject.source} selects nothing"
    if subject.has_wildcard:
        return f"something that {subject.source} selects {said}"
    return f"{subject.source} {said}"


def _parent(subject: Selector) -> str:
    at = subject.steps.index(None)
    return "the event" if at == 0 else subject.source[: subject.source.index("*")].rstrip(".[")


def _compared(condition: Comparison) -> str:
    literal, symbol = condition.literal, condition.operator
    field = isinstance(condition.subject, str)
    if symbol in _ORDER:
        return f"is a number {_ORDER[symbol]} {literal.source if isinstance(literal, Number) else literal}"
    there = "" if symbol == "=" else "is not" if field else "is a string or a number, but not"
    if isinstance(literal, Regex):
        return (
            f"holds %{literal.source}%"
            if symbol == "="
            else f"{'' if field else 'is a string or a number and '}lacks %{literal.source}%"
        )
    if isinstance(literal, Number):
        text = "" if field else f' {"nor" if there else "or"} the string "{literal.source}"'
        return f"{there or 'is'} the number {literal.source}{text}"
    if literal.text.strip("*") == "" and literal.is_glob:
        return ("is anything" if field else "is a string or a number") if symbol == "=" else "is nothing that there is"
    return f"{there or 'is'} {_glob(literal)}"


def _glob(literal: Text) -> str:
    if not literal.is_glob:
        return f'"{literal.text}"'
    head, *middle, tail = literal.text.split("*")
    parts = [f'begins with "{head}"'] if head else []
    parts += [f'holds "{part}"' for part in middle if part]
    parts += [f'ends with "{tail}"'] if tail else []
    return f"text that {' and '.join(parts)}"
