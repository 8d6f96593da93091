"""A contract made ready to judge events, and the lookup of contracts by what an event says it is."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from itertools import chain, islice
from typing import Any

from jsonschema_rs import Draft202012Validator, RegexOptions, ValidationError, ValidationErrorKind

from forwarders.contracts import facts
from forwarders.contracts.drift import EventPath, drift_of
from forwarders.contracts.keycount import KeyCount, counter, settler
from forwarders.contracts.load import Entry, is_wire_default
from forwarders.contracts.times import at_once, no_time, time_of
from forwarders.contracts.tree import expand
from forwarders.contracts.words import bounded_pointer, dotted, expected, found
from forwarders.model import Contract, Flaw, Verdict

MAX_FLAWS = 5
MAX_DRIFT = 64
MAX_PATHS = 10_000
"""Places that are looked at for the names of drift; every one of them still moves under `_extra`."""
MAX_VALUES = 2_000
"""Values of an event that gets all of its flaws listed: beyond, listing them could take seconds."""

_RELAXED = ("properties", "patternProperties", "allOf", "prefixItems", "items", "additionalProperties")
_NO_FLAWS: tuple[Flaw, ...] = ()
_NO_DRIFT: tuple[str, ...] = ()

Judgement = tuple[Verdict, tuple[Flaw, ...], tuple[str, ...]]


class Compiled:
    """One contract with its validators and closures; everything that can be decided once is decided here.

    `is_strict(data)` is the only validation of a healthy event (0.6 µs): True when the event is valid and nothing in it
    is unknown to the contract. It is the native method itself; it raises ValueError for what is not JSON (a lone
    surrogate, a key that is no text), which the formats never let through.
    `time_ms(data)` is the event's time by the contract, in ms since the epoch, or None; it may be asked of any object.
    `settled(text, data)` is for strictly valid events: their time, once it is proved that the text holds no key twice.
    `key_count(data)` is the number of all keys in an event that `is_strict` accepted; undefined for others.
    """

    def __init__(self, contract: Contract) -> None:
        self.contract = contract
        tree = expand(dict(contract.schema), f"{contract.name} v{contract.major}")
        time = facts.event_time(tree)
        self.time_ms = time_of(*time) if time else no_time
        self.time_pointer = bounded_pointer(time[0]) if time else ""
        path, unit = time or ((), "")
        factor, latest = at_once(unit) if len(path) == 1 else (0, -1)
        self.settled = settler(tree, path[0] if path else "", factor, latest, self.time_ms)
        self._tree = tree
        self._strict = validator(variant(tree, closed=True))
        self.is_strict = self._strict.is_valid
        self._drift = drift_of(tree) or self.drift_by_validator
        self._open_schema: dict[str, Any] = {}
        self._open: Draft202012Validator | None = None

    @cached_property
    def key_count(self) -> KeyCount:
        """What `settled` counts, for whoever wants to see it alone; built when it is asked for."""
        return counter(self._tree)

    def judge(self, data: Any) -> Judgement:
        """The verdict on an event that is not strictly valid, with up to five flaws, or with what is drift.

        Drift are the dotted paths (see words.dotted) of unknown fields and of fields whose value is not among the known
        ones: sorted, each once, at most 64.
        """
        opened = self._opened()
        if not opened.is_valid(data):
            return Verdict.INVALID, self._flaws(data), _NO_DRIFT
        fields, values = self._drift(data)
        places = {dotted(path) for path in islice(chain(fields, values), MAX_PATHS)}
        return Verdict.VALID, _NO_FLAWS, tuple(sorted(places)[:MAX_DRIFT])

    def unknown_paths(self, data: Any) -> list[EventPath]:
        """The places of all fields that the contract does not know, in an event that `judge` called valid.

        An unknown value of a known field is not among them: it stays where it is.
        """
        return self._drift(data)[0]

    def refuses_other_versions(self) -> bool:
        """Whether no event that says another `event_version` than this major is strictly valid."""
        declared = self._tree.get("properties", {}).get("event_version")
        if declared is None:
            return self._tree.get("additionalProperties") is False
        return isinstance(declared, dict) and declared.get("const") == self.contract.major

    def drift_by_validator(self, data: Any) -> tuple[list[EventPath], list[EventPath]]:
        """What drift_of finds, read from the strict validator's errors: right for every contract, and slower."""
        fields: list[EventPath] = []
        values: list[EventPath] = []
        # The open schema takes the event, so what the strict one refuses is an unknown field or an unknown value.
        for error in self._strict.iter_errors(data):
            if isinstance(error.kind, ValidationErrorKind.AdditionalProperties):
                fields.extend((*error.instance_path, key) for key in error.kind.unexpected)
            else:
                values.append(tuple(error.instance_path))
        return fields, values

    def _opened(self) -> Draft202012Validator:
        """The validator without closed objects; most contracts of a process never meet an event that needs it."""
        if self._open is None:
            self._open_schema = variant(self._tree, closed=False)
            self._open = validator(self._open_schema)
        return self._open

    def _flaws(self, data: Any) -> tuple[Flaw, ...]:
        opened = self._opened()
        try:
            # iter_errors makes all errors at once, 10 µs each: 2 s for an array of 200,000 wrong items. What is big is
            # told of its first error only.
            errors = [_first(opened, data)] if is_big(data) else list(islice(opened.iter_errors(data), MAX_FLAWS))
        except ValueError:
            # The native library copies what it reports, and gives up at 255 levels (or at a lone surrogate).
            return (Flaw("", "depth", "an event of at most 200 levels", found(data)),)
        return tuple(self._flaw(error, data) for error in errors)

    def _flaw(self, error: ValidationError, data: Any) -> Flaw:
        kind = error.kind
        path = error.instance_path
        value = data
        for part in path:
            value = value[part]
        if isinstance(kind, ValidationErrorKind.Required):
            return Flaw(bounded_pointer(path), "required", expected("required", None, kind.property), "nothing")
        wanted: Any = self._open_schema
        for part in error.schema_path:
            wanted = wanted[part]
        return Flaw(bounded_pointer(path), kind.name, expected(kind.name, wanted), found(value))


class Contracts:
    """All contracts of a process, each compiled when its first event comes."""

    def __init__(self, sources: Iterable[Contract | Entry]) -> None:
        """Contracts of a folder or entries of a bundle. Nothing is parsed or compiled yet."""
        self._sources: dict[tuple[str, int], Contract | Entry] = {}
        self._majors: dict[str, int] = {}
        flagged: set[str] = set()
        for source in sources:
            name, major = source.name, source.major
            self._sources[name, major] = source
            is_default = source.wire_default if isinstance(source, Entry) else is_wire_default(source)
            if is_default or (name not in flagged and major >= self._majors.get(name, 0)):
                self._majors[name] = major
            if is_default:
                flagged.add(name)
        self._contracts: dict[tuple[str, int], Contract] = {}
        self._compiled: dict[tuple[str, Any], Compiled] = {}
        self.hot: dict[str, Compiled] = {}
        """By name alone: what an event without a version is judged by, once it is compiled, and only where `is_strict`
        is False for an event that says another `event_version`. Not found here means: ask `find`."""

    def find(self, name: str, version: Any = None) -> Compiled | None:
        """The compiled contract that an event names by `event` and `event_version`; None when there is none.

        Without a version (None) it is the major that is the default on the wire: the flagged one, else the highest.
        `version` may be any JSON value: what equals no major is an unknown version. (True equals 1, and then the
        contract's own `event_version` refuses it.)
        Called for every event: 0.06 µs once the contract is compiled.
        """
        try:
            return self._compiled[name, version]
        except (KeyError, TypeError):  # TypeError: an object or an array where the version should be
            return self._compile(name, version)

    def reason(self, name: str, version: Any = None) -> str:
        """Why `find` found nothing: `unknown_event` or `unknown_version`."""
        return "unknown_version" if name in self._majors else "unknown_event"

    def names(self) -> list[str]:
        """The names of all events, sorted; nothing is parsed."""
        return sorted(self._majors)

    def all(self) -> list[Contract]:
        """All contracts, sorted by name and major; parses those that no event has needed yet."""
        return [self._contract(key) for key in sorted(self._sources)]

    def _contract(self, key: tuple[str, int]) -> Contract:
        contract = self._contracts.get(key)
        if contract is None:
            source = self._sources[key]
            contract = self._contracts[key] = source.contract() if isinstance(source, Entry) else source
        return contract

    def _compile(self, name: str, version: Any) -> Compiled | None:
        # Nothing is remembered for names that are unknown: they are the sender's, and there is no end to them.
        try:
            major = self._majors[name] if version is None else version
            if (name, major) not in self._sources:
                return None
        except (KeyError, TypeError):
            return None
        compiled = self._compiled.get((name, major))
        if compiled is None:
            compiled = self._compiled[name, major] = Compiled(self._contract((name, major)))
        self._compiled[name, version] = compiled
        if major == self._majors[name] and compiled.refuses_other_versions():
            self.hot[name] = compiled
        return compiled


def is_big(data: Any) -> bool:
    """Whether a value holds more than 2,000 values; stops counting there."""
    left = MAX_VALUES
    heap = [data]
    while heap and left >= 0:
        value = heap.pop()
        if type(value) is dict or type(value) is list:
            left -= len(value)
            if left >= 0:
                heap += value.values() if type(value) is dict else value
    return left < 0


def _first(schema: Draft202012Validator, data: Any) -> ValidationError:
    try:
        schema.validate(data)
    except ValidationError as error:
        return error
    raise AssertionError("is_valid and validate disagree")


def validator(schema: dict[str, Any]) -> Draft202012Validator:
    """The native validator as Logharbor uses it: offline, formats checked, regular expressions in linear time."""
    return Draft202012Validator(schema, validate_formats=True, offline=True, pattern_options=RegexOptions())


def variant(tree: Any, closed: bool) -> Any:
    """A contract's tree for one of two questions: closed, is anything unknown? open, is it valid all the same?

    Closed, `x-known-values` becomes an enum (null stays known where the type allows it). Open, the author's
    `additionalProperties: false` is taken away. Both only where a subschema always applies: inside anyOf, oneOf, not or
    if a closed object may be what tells two kinds of event apart, and it stays what the author wrote.
    """
    if not isinstance(tree, dict):
        return tree
    node = dict(tree)
    for keyword in _RELAXED:
        if keyword not in node:
            continue
        child = node[keyword]
        if keyword == "additionalProperties" and child is False:
            if not closed:
                del node[keyword]
        elif keyword in ("properties", "patternProperties"):
            node[keyword] = {name: variant(sub, closed) for name, sub in child.items()}
        elif isinstance(child, list):
            node[keyword] = [variant(sub, closed) for sub in child]
        else:
            node[keyword] = variant(child, closed)
    known = node.get("x-known-values")
    if closed and known is not None:
        types = node.get("type", ())
        if "null" in ([types] if isinstance(types, str) else types):
            known = [*known, None]
        if "enum" in node:
            node["allOf"] = [*node.get("allOf", ()), {"enum": known}]
        else:
            node["enum"] = known
    return node
