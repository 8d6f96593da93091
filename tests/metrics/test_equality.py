"""The two readings of a rule agree: what CloudWatch's pattern takes off a line, the function takes off the event."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, find, given, reject, settings
from hypothesis import strategies as st
from hypothesis.errors import NoSuchExample

from forwarders.contracts.load import read_folder
from forwarders.metrics import measure
from forwarders.metrics.filter_pattern import parse
from forwarders.metrics.pattern_of import Inexpressible, Pattern, pattern_of
from forwarders.metrics.rules import Condition, Rule, rules

SCHEMAS = Path(__file__).parents[2] / "schemas"
CONTRACTS = {(contract.name, contract.major): contract for contract in read_folder(SCHEMAS)}


class Text(str):
    """A value as it stands in the line, which need not be what a serialiser would write."""


VALUES: list[Any] = [
    None, True, False, "", " ", "text", "other text", "true", "null", "1", "1.0", "01", "-1", "Zürich 🜲", "a\u0000b",
    'a "quoted" word', "back\\slash", "*", "te*t", 0, 1, 2, -1, 200, 404, 1.5, [], {}, [None], [1], ["text"], [[None]],
    {"text": 1}, {"name": None},
    *map(Text, ("1.0", "1e0", "-0.0", "-0", "1E+2", "100", "1e400", "-1e400", "1e-999", "0.1", "9007199254740993",
                "9007199254740992.0", "99999999999999999999999", "1e22", "5e-324", '"\\u0074ext"', '"\\ud83d\\ude00"')),
]  # fmt: skip
"""What a producer may write where a contract says otherwise."""


def encoded(value: Any) -> str:
    """JSON of a tree in which a Text stands for itself; pairs are an object that may say a key twice."""
    if isinstance(value, Text):
        return value
    if isinstance(value, dict):
        value = tuple(value.items())
    if isinstance(value, tuple):
        return "{" + ",".join(f"{json.dumps(key)}:{encoded(one)}" for key, one in value) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(encoded, value)) + "]"
    return json.dumps(value)


def put(event: Any, path: tuple[str, ...], value: Any) -> None:
    """`value` at the path, through objects that are made on the way; DELETE takes the field away."""
    for name in path[:-1]:
        if not isinstance(event.get(name), dict):
            event[name] = {}
        event = event[name]
    if value is DELETE:
        event.pop(path[-1], None)
    else:
        event[path[-1]] = value


DELETE = ...


def operands(rule: Rule) -> Iterator[Any]:
    """The values that a rule's conditions are about, and their neighbours."""
    yield rule.event
    yield rule.major
    yield rule.major + 1
    for condition in rule.where:
        for one in condition.operand if isinstance(condition.operand, tuple) else (condition.operand,):
            yield one
            if isinstance(one, str):
                yield from (one + "x", one[:-1], one.upper())
            elif isinstance(one, int | float) and not isinstance(one, bool):
                yield from (one + 1, one - 1, float(one), str(one), Text(f"{one}"))


@st.composite
def events(draw: st.DrawFn, rule: Rule, examples: tuple[dict[str, Any], ...]) -> Any:
    """An event near one of the examples: as it is, or with fields changed, missing, doubled or of another type."""
    event = copy.deepcopy(draw(st.sampled_from(examples)))
    paths = [("event",), ("event_version",), *rule.dimensions, *(one.path for one in rule.where)]
    paths += [rule.value] if rule.value else []
    paths += [path[:-1] for path in paths if len(path) > 1] + [("extra", "field")]
    near = [DELETE, *operands(rule)]
    values = st.one_of(st.sampled_from(near), st.sampled_from(VALUES))
    for _ in range(draw(st.integers(0, 4))):
        path, value = draw(st.sampled_from(paths)), draw(values)
        put(event, path, copy.deepcopy(value))
    if draw(st.integers(0, 9)) == 9:
        name = draw(st.sampled_from(paths))[0]
        return (*event.items(), (name, draw(st.sampled_from([*near[1:], *VALUES]))))
    return event


class Readings:
    """A rule's pattern and function, each of which a test may replace by a wrong one."""

    def __init__(self, rule: Rule, root: tuple[str, ...] = (), pattern: Pattern | None = None) -> None:
        self.root = root
        self.pattern = pattern or pattern_of(rule, root)
        self._compiled = parse(self.pattern.text)
        self._function = measure.compile(rule)

    def line(self, event: Any) -> str:
        """The line of a log in which the event lies under the keys `root`."""
        for name in reversed(self.root):
            event = {"level": "INFO", name: event}
        return encoded(event)

    def by_pattern(self, event: Any) -> Any:
        """What CloudWatch would publish."""
        match = self._compiled.match(self.line(event))
        if match is None:
            return None
        number = 1 if self.pattern.value == "1" else match.value(self.pattern.value)
        return number, {name: match.value(at) for name, at in self.pattern.dimensions.items()}

    def by_function(self, event: Any) -> Any:
        """What the forwarder would measure."""
        text = encoded(event)
        found = self._function(json.loads(text), text)
        return None if found is None else (found.value, dict(found.dimensions))

    def agree(self, event: Any) -> bool:
        """Whether both say the same: match, value, and each dimension as it is printed."""
        said, meant = self.by_pattern(event), self.by_function(event)
        if said is None or meant is None:
            return said is None and meant is None
        same = said[0] == meant[0] and type(said[0]) is type(meant[0])
        return (
            same and said[1].keys() == meant[1].keys() and all(_printed(said[1][key], meant[1][key]) for key in said[1])
        )


def _printed(value: Any, text: str) -> bool:
    """Whether `text` is the value as it stands in the line: `1e2` for the number that is 100."""
    if isinstance(value, str):
        return value == text
    return int(text) == value if isinstance(value, int) else float(text) == value


def derivable() -> Iterator[tuple[str, Rule, tuple[dict[str, Any], ...]]]:
    """Every rule of the contracts here that CloudWatch can measure, with events to begin from."""
    for contract in CONTRACTS.values():
        examples = tuple(contract.schema.get("examples", ())) + tuple(_cases(contract.name, contract.major))
        for rule in rules(contract.schema, by_default=len(contract.name) % 3 > 0):
            try:
                pattern_of(rule)
            except Inexpressible:
                continue
            yield f"{rule.event}-{rule.name}", rule, examples


def _cases(name: str, major: int) -> Iterator[dict[str, Any]]:
    for file in sorted(SCHEMAS.glob(f"*/{name}/**/*.json")):
        if file.parent.name in ("valid", "invalid"):
            event = json.loads(file.read_text("utf-8"))
            if isinstance(event, dict) and isinstance(event.get("event", name), str):
                yield event


DERIVABLE = list(derivable())
BOUNDED = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))


@pytest.mark.parametrize(("rule", "examples"), [one[1:] for one in DERIVABLE], ids=[one[0] for one in DERIVABLE])
@pytest.mark.parametrize("root", [(), ("message",)], ids=["line", "key"])
def test_pattern_and_function_agree_on_every_contract(
    rule: Rule, examples: tuple[dict[str, Any], ...], root: tuple[str, ...]
) -> None:
    """For valid, edge and broken events of each contract, both readings give the same match, value and dimensions."""
    readings = Readings(rule, root)

    @BOUNDED
    @given(events(rule, examples))
    def agree(event: Any) -> None:
        assert readings.agree(event), (readings.line(event), readings.by_pattern(event), readings.by_function(event))

    agree()


PATHS = st.sampled_from([("a",), ("b",), ("c", "d"), ("e-f",), ("x y",), ("g.h",), ("c", "n", "m")])
TEXTS = st.sampled_from(["text", "other text", "te", "true", "a:b/c", "x (1)", "It's", "[x]", "{", "a, b && c", "$.a"])
NUMBERS = st.sampled_from([0, 1, -1, 200, 404, 1.5, 0.1, 1e22, 1e-7, -2.5e-9, 2**53, 2**53 + 1, 2**63 - 1, 100.0])
CONDITIONS = st.one_of(
    st.builds(Condition, PATHS, st.just("eq"), st.one_of(TEXTS, NUMBERS, st.sampled_from([None, True, False]))),
    st.builds(Condition, PATHS, st.just("ne"), st.one_of(TEXTS, NUMBERS)),
    st.builds(Condition, PATHS, st.just("in"), st.lists(st.one_of(TEXTS, NUMBERS), min_size=1, max_size=4).map(tuple)),
    st.builds(Condition, PATHS, st.sampled_from(["lt", "le", "gt", "ge"]), NUMBERS),
    st.builds(Condition, PATHS, st.just("prefix"), TEXTS),
    st.builds(Condition, PATHS, st.just("exists"), st.booleans()),
)
RULES = st.builds(
    Rule,
    event=st.sampled_from(["order.placed", "x"]),
    major=st.integers(1, 3),
    by_default=st.booleans(),
    name=st.just("Metric"),
    kind=st.just("sum"),
    value=st.one_of(st.none(), PATHS),
    where=st.lists(CONDITIONS, max_size=4).map(tuple),
    dimensions=st.lists(PATHS, max_size=3, unique=True).map(tuple),
)


def satisfying(rule: Rule) -> dict[str, Any]:
    """An event near what a rule asks for; conditions of one field may contradict each other."""
    event: dict[str, Any] = {"event": rule.event, "event_version": rule.major}
    for path in rule.dimensions:
        put(event, path, "value")
    if rule.value:
        put(event, rule.value, 12.5)
    for one in rule.where:
        operand = one.operand[0] if isinstance(one.operand, tuple) else one.operand
        shifted = {"lt": -1, "gt": 1}.get(one.operator, 0)
        if one.operator == "ne":
            operand = "something else" if isinstance(operand, str) else -12345
        elif one.operator == "exists":
            operand = "value" if operand else DELETE
        put(event, one.path, operand + shifted if shifted else operand)
    return event


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_pattern_and_function_agree_on_any_rule(data: st.DataObject) -> None:
    """Rules with every kind of condition, on fields of every kind of name, mean the same twice."""
    rule = data.draw(RULES)
    root = data.draw(st.sampled_from([(), ("message",), ("log.event", "payload")]))
    try:
        readings = Readings(rule, root)
    except Inexpressible:  # more than 1,024 characters
        reject()
    example = satisfying(rule)
    for event in [example, data.draw(events(rule, (example,)))]:
        assert readings.agree(event), (readings.line(event), readings.by_pattern(event), readings.by_function(event))


RULE = Rule(
    event="order.placed",
    major=1,
    by_default=True,
    name="Large",
    kind="sum",
    value=("total",),
    where=(
        Condition(("kind",), "in", ("web", "app")),
        Condition(("status",), "ne", "test"),
        Condition(("items",), "ge", 100),
        Condition(("refund",), "exists", False),
        Condition(("is_paid",), "eq", True),
        Condition(("code",), "eq", 7),
    ),
    dimensions=(("shop", "country"), ("channel",)),
)
EXAMPLE = {
    "event": "order.placed", "kind": "web", "status": "new", "items": 120, "is_paid": True, "code": 7,
    "shop": {"country": "DK"}, "channel": "web", "total": 12.5,
}  # fmt: skip


def conjuncts(pattern: str) -> list[str]:
    """The parts of a derived pattern that are joined by && at its top."""
    parts, depth = [""], 0
    for word in pattern.removeprefix("{ ").removesuffix(" }").split(" "):
        depth += word.count("(") - word.count(")")
        if word == "&&" and depth == 0:
            parts.append("")
        else:
            parts[-1] += f" {word}"
    return parts


def wrong_patterns() -> Iterator[Pattern]:
    """The pattern of RULE without one of its parts, and with a part that means something else."""
    right = pattern_of(RULE)
    parts = conjuncts(right.text)
    assert len(parts) == 2 + len(RULE.where) + len(RULE.dimensions) + 1
    for number in range(len(parts)):
        rest = [part for other, part in enumerate(parts) if other != number]
        yield msgspec.structs.replace(right, text="{" + " &&".join(rest) + " }")
    for old, new in [(">= 100", "> 100"), ("IS TRUE", "IS FALSE"), ("NOT EXISTS ||", "IS NULL ||"), ('"web"', '"we*"')]:
        assert old in right.text
        yield msgspec.structs.replace(right, text=right.text.replace(old, new))
    yield msgspec.structs.replace(right, value="$.code")
    yield msgspec.structs.replace(right, dimensions={**right.dimensions, "channel": "$.status"})


def wrong_rules() -> Iterator[Rule]:
    """RULE without one of its conditions or presence checks."""
    replace: Callable[..., Rule] = msgspec.structs.replace
    for number in range(len(RULE.where)):
        yield replace(RULE, where=RULE.where[:number] + RULE.where[number + 1 :])
    yield replace(RULE, dimensions=RULE.dimensions[1:])
    yield replace(RULE, value=None)
    yield replace(RULE, by_default=False)
    yield replace(RULE, major=2)
    yield replace(RULE, event="order.cancelled")


def disagreement(readings: Readings) -> Any:
    """An event on which two readings differ. Raises NoSuchExample when a thorough search finds none."""
    bounded = settings(
        max_examples=2_000, derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck)
    )
    return find(events(RULE, (EXAMPLE,)), lambda event: not readings.agree(event), settings=bounded)


@pytest.mark.parametrize("pattern", list(wrong_patterns()))
def test_a_wrong_pattern_is_noticed(pattern: Pattern) -> None:
    """A pattern that lacks a condition, or has another one, disagrees with the function on an event that is found."""
    assert disagreement(Readings(RULE, pattern=pattern)) is not None


@pytest.mark.parametrize("wrong", list(wrong_rules()))
def test_a_wrong_function_is_noticed(wrong: Rule) -> None:
    """A function that lacks a condition or a presence check disagrees with the pattern on an event that is found."""
    assert disagreement(Readings(wrong, pattern=pattern_of(RULE))) is not None


def test_the_right_ones_are_not_accused() -> None:
    """The same search finds nothing against the rule's own pattern and function."""
    with pytest.raises(NoSuchExample):
        disagreement(Readings(RULE))
