"""What a contract's file must be like before anything is built from it. Never imported while events flow."""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import jsonschema_rs

from forwarders.contracts import facts, fields
from forwarders.contracts.keywords import refused_keyword
from forwarders.contracts.load import from_schema, is_wire_default
from forwarders.contracts.shared import Shared
from forwarders.contracts.tree import expand, is_too_deep, pointer, subschemas
from forwarders.contracts.words import cut, expected
from forwarders.errors import ConfigError
from forwarders.model import Contract

if TYPE_CHECKING:
    from forwarders.contracts.compiled import Compiled

DIALECT = "https://json-schema.org/draft/2020-12/schema"
META_FILE = Path(__file__).with_name("annotations.schema.json")
MAX_FILE_BYTES = 1 << 20
MAX_PROBLEMS = 100
"""Of one file and one kind: a file with more is broken as a whole, and nobody reads on."""

MAX_VALUES = 100_000
"""Of one file. Ours have some hundred; a file of a megabyte can hold half a million, and take seconds to judge."""

REFERENCE = "#/$defs/NAME, or a relative path to a file in _shared (../../_shared/NAME.schema.json)"

_NAME = re.compile(r"[a-z0-9_]+([.-][a-z0-9_]+)*\Z")
_TYPES_OF_UNIT = {"rfc3339": {"string"}}
_NUMBERS = {"integer", "number"}


def read_file(file: Path, folder: Path, shared: Shared | None = None) -> Contract:
    """The contract in one file below `folder`. Raises ConfigError when the file, its place or its schema is wrong."""
    shared = Shared(folder) if shared is None else shared
    contract = check(shared.inline(parse(file), file), str(file))
    parts = file.relative_to(folder).parts
    wanted = f"<domain>/{contract.name}/v{contract.major}.schema.json"
    if len(parts) != 3 or parts[1:] != (contract.name, f"v{contract.major}.schema.json"):
        raise ConfigError(str(file), "/$id", f"{contract.name}:{contract.major} in {'/'.join(parts)}", wanted)
    return contract


def parse(file: Path) -> dict[str, Any]:
    """The JSON object in a file. Raises ConfigError with line and column for bad UTF-8, bad JSON or a repeated key."""
    return parse_bytes(file.read_bytes(), str(file))


def parse_bytes(raw: bytes, file: str) -> dict[str, Any]:
    """The JSON object in the bytes of a file; `file` is for errors. Raises ConfigError as `parse` does."""
    schema = parse_json(raw, file)
    if not isinstance(schema, dict):
        raise ConfigError(file, "", type(schema).__name__, "an object")
    return schema


def parse_json(raw: bytes, file: str) -> Any:
    """The JSON value in the bytes of a file, read so that no two readers could read it differently."""
    if len(raw) > MAX_FILE_BYTES:
        raise ConfigError(file, "file", f"{len(raw):,} bytes", f"at most {MAX_FILE_BYTES:,} bytes")
    try:
        value = json.loads(raw.decode("utf-8"), object_pairs_hook=_unique, parse_constant=_no_constant)
        json.dumps(value, ensure_ascii=False, allow_nan=False).encode("utf-8")
    except UnicodeDecodeError as error:
        place = _line_column(raw[: error.start].decode("utf-8", "replace"))
        raise ConfigError(file, place, f"byte 0x{raw[error.start]:02x}", "UTF-8") from None
    except json.JSONDecodeError as error:
        place = f"line {error.lineno} column {error.colno}"
        raise ConfigError(file, place, error.msg if raw.strip() else "an empty file", "JSON") from None
    except _Refused as error:
        raise ConfigError(file, "JSON", str(error), "an object whose keys differ, and finite numbers") from None
    except UnicodeEncodeError:
        raise ConfigError(file, "JSON", "half a surrogate pair", "text that UTF-8 can hold") from None
    except ValueError:
        raise ConfigError(file, "JSON", "a number beyond a double", "finite numbers") from None
    except RecursionError:
        raise _too_deep(file) from None
    if is_too_deep(raw, value):
        raise _too_deep(file)
    return value


def check(schema: dict[str, Any], file: str) -> Contract:
    """The contract of a schema that is right in all that can be told from one file. Raises ConfigError otherwise."""
    _raise_first(meta_problems(schema, file))
    _raise_first(identity_problems(schema, file))
    tree = expand(schema, file)
    _raise_first(annotation_problems(tree, file))
    _raise_first(compile_problems(schema, file))
    contract = from_schema(schema, file, tree)
    _raise_first(path_problems(schema, tree, file))
    _raise_first(example_problems(contract, file))
    return contract


def _raise_first(problems: Iterable[ConfigError]) -> None:
    for problem in problems:
        raise problem


def wire_defaults(contracts: Iterable[Contract], folder: str) -> None:
    """Raises ConfigError when an event has more than one major that is the default on the wire."""
    flagged: dict[str, int] = {}
    for contract in contracts:
        if is_wire_default(contract):
            if contract.name in flagged:
                found = f"true for v{flagged[contract.name]} and v{contract.major} of {contract.name}"
                raise ConfigError(folder, "/x-event/wireDefault", found, "true for one major of an event")
            flagged[contract.name] = contract.major


def nearest(word: str, known: Iterable[str]) -> str:
    """`Did you mean x-pii?`, or nothing when no known word is near."""
    import difflib

    close = difflib.get_close_matches(word, list(known), 1, 0.75)
    return f"Did you mean {close[0]}?" if close else ""


@cache
def _meta() -> tuple[jsonschema_rs.Draft202012Validator, dict[str, Any]]:
    schema = json.loads(META_FILE.read_bytes())
    validator = jsonschema_rs.Draft202012Validator(
        schema, validate_formats=True, offline=True, pattern_options=jsonschema_rs.RegexOptions()
    )
    return validator, schema


def meta_problems(schema: dict[str, Any], file: str) -> Iterator[ConfigError]:
    """What the strict meta-schema finds wrong, the most telling first."""
    validator, meta = _meta()
    if count := _more_than(schema, MAX_VALUES):
        yield ConfigError(file, "", f"more than {count:,} values", "a contract that a person can read")
        return
    try:
        errors = list(islice(validator.iter_errors(schema), MAX_PROBLEMS))
    except ValueError:  # the native library gives up at 255 levels
        yield _too_deep(file)
        return
    # An unknown key is the likeliest cause of whatever else is reported; then the deepest place tells most.
    for error in sorted(errors, key=lambda error: (not _is_unknown_key(error), -len(error.instance_path))):
        yield _meta_problem(error, schema, meta, file)


def _meta_problem(
    error: jsonschema_rs.ValidationError, schema: dict[str, Any], meta: dict[str, Any], file: str
) -> ConfigError:
    place, kind = list(error.instance_path), error.kind
    if isinstance(kind, jsonschema_rs.ValidationErrorKind.AdditionalProperties):
        known = _at(meta, [*error.schema_path[:-1], "properties"])
        return _unknown_key(file, place, kind.unexpected[0], known)
    if isinstance(kind, jsonschema_rs.ValidationErrorKind.PropertyNames):
        name, inner = str(kind.error.instance), kind.error.kind
        if isinstance(inner, jsonschema_rs.ValidationErrorKind.Enum):
            return _unknown_key(file, place, name, map(str, inner.options))
        return ConfigError(file, pointer([*place, name]), f"the name {_shown(name)}", _wanted(kind.error))
    if isinstance(kind, jsonschema_rs.ValidationErrorKind.Required):
        return ConfigError(file, pointer([*place, kind.property]), "nothing", f"property {kind.property}")
    value = _at(schema, place)
    if place[-1:] == ["$ref"]:
        return ConfigError(file, pointer(place), _shown(value), REFERENCE, "Nothing is ever fetched.")
    options = kind.options if isinstance(kind, jsonschema_rs.ValidationErrorKind.Enum) else ()
    hint = nearest(value, map(str, options)) if isinstance(value, str) else ""
    return ConfigError(file, pointer(place), _shown(value), _wanted(error), hint)


def _more_than(value: Any, limit: int) -> int:
    """`limit` when a JSON value holds more values than that, else 0; stops counting there."""
    left, heap = limit, [value]
    while heap:
        one = heap.pop()
        if isinstance(one, (dict, list)):
            left -= len(one)
            if left < 0:
                return limit
            heap.extend(one.values() if isinstance(one, dict) else one)
    return 0


def _too_deep(file: str) -> ConfigError:
    return ConfigError(file, "", "hundreds of levels", "a schema of readable depth")


def _is_unknown_key(error: jsonschema_rs.ValidationError) -> bool:
    if isinstance(error.kind, jsonschema_rs.ValidationErrorKind.PropertyNames):
        return isinstance(error.kind.error.kind, jsonschema_rs.ValidationErrorKind.Enum)
    return isinstance(error.kind, jsonschema_rs.ValidationErrorKind.AdditionalProperties)


def _unknown_key(file: str, place: list[str | int], key: str, known: Iterable[str]) -> ConfigError:
    hint = refused_keyword(key) or nearest(key, known)
    if not hint and key.startswith("x-"):
        hint = "See forwarders/contracts/annotations.schema.json."
    return ConfigError(
        file, pointer([*place, key]), f"the unknown key {_shown(key)}", "a key that contracts know", hint
    )


def _wanted(error: jsonschema_rs.ValidationError) -> str:
    """What the meta-schema asks for; the alternatives of an anyOf one by one."""
    kind = error.kind
    if isinstance(kind, (jsonschema_rs.ValidationErrorKind.AnyOf, jsonschema_rs.ValidationErrorKind.OneOfNotValid)):
        return cut(" or ".join(_wanted(branch[0]) for branch in kind.context if branch))
    return expected(kind.name, next(iter(kind.as_dict().values()), None))


def identity_problems(schema: dict[str, Any], file: str) -> Iterator[ConfigError]:
    """The parts of a contract that JSON Schema leaves free: dialect, name, version, the property `event`."""
    missing = [key for key in ("$schema", "$id", "title", "type", "properties", "x-event") if key not in schema]
    yield from (ConfigError(file, f"/{key}", "nothing", f"{key} at the root of a contract") for key in missing)
    if schema.get("$schema", DIALECT) != DIALECT:
        yield ConfigError(file, "/$schema", _shown(schema["$schema"]), DIALECT)
    if schema.get("type", "object") != "object":
        yield ConfigError(file, "/type", _shown(schema["type"]), "object")
    if {"$id", "x-event"} & set(missing):
        return
    try:
        name, major, event = facts.identity(schema, file)
    except ConfigError as error:
        yield error
        return
    if not _NAME.match(name) or len(name) > 128 or str(major) != schema["$id"].rpartition(":")[2] or major < 1:
        yield ConfigError(
            file, "/$id", _shown(schema["$id"]), "a name in lower case and a major: urn:logharbor:user.login.success:1"
        )
    if event["version"].partition(".")[0] != str(major):
        yield ConfigError(file, "/x-event/version", event["version"], f"a version of major {major}, as in $id")
    properties = schema.get("properties", {})
    if event.get("shape", "data") == "data":
        yield from _const(properties, "event", name, file, needed=True)
    yield from _const(properties, "event_version", major, file, needed=False)


def _const(properties: dict[str, Any], key: str, value: str | int, file: str, needed: bool) -> Iterator[ConfigError]:
    if key not in properties and not needed:
        return
    node = properties.get(key)
    if not isinstance(node, dict) or node.get("const") != value:
        found = _shown(node) if key in properties else "nothing"
        yield ConfigError(file, f"/properties/{key}", found, json.dumps({"const": value}))


_ASKING = ("patternProperties", "propertyNames", "contains", "not", "if")
_DEFINITE = ("properties", "items", "prefixItems", "additionalProperties", "allOf")


def annotation_problems(tree: dict[str, Any], file: str) -> Iterator[ConfigError]:
    """Annotations where they could not be followed, and those that contradict each other."""
    for path, node, definite, asking in _nodes(tree, (), True, False):
        for key in ("x-pii", "x-time", "x-known-values"):
            if key in node and (asking or (key == "x-known-values" and not definite)):
                wanted = "the annotation at a field that is declared in properties, items or additionalProperties"
                yield ConfigError(file, pointer((*path, key)), "an annotation in a condition", wanted)
        for key in ("x-event", "$id", "$schema"):
            if path and key in node:
                yield ConfigError(file, pointer((*path, key)), f"{key} of a field", f"{key} at the root only")
        if "x-pii" in node and path[-1:] == ("additionalProperties",) and _at(tree, path[:-1]).get("properties"):
            wanted = "an object with declared properties, or one whose keys are all alike"
            yield ConfigError(file, pointer((*path, "x-pii")), "x-pii of the properties that are left", wanted)
    yield from _one_time(tree, file)
    redactions: dict[facts.Path, Any] = {}
    for place, node, _ in facts.places(tree):
        if "x-pii" in node and redactions.setdefault(place, node["x-pii"]) != node["x-pii"]:
            yield ConfigError(file, _declaration(place), "two different x-pii of one field", "one")


_Node = tuple[tuple[str | int, ...], dict[str, Any], bool, bool]


def _nodes(node: Any, path: tuple[str | int, ...], definite: bool, asking: bool) -> list[_Node]:
    """Every subschema with its place; whether it always holds, and whether it only asks a question."""
    found: list[_Node] = []
    stack: list[tuple[Any, tuple[str | int, ...], bool, bool]] = [(node, path, definite, asking)]
    while stack:
        one, place, holds, asks = stack.pop()
        if not isinstance(one, dict):
            continue
        found.append((place, one, holds, asks))
        below = [
            (child, place + where, holds and where[0] in _DEFINITE, asks or where[0] in _ASKING)
            for where, child in subschemas(one)
        ]
        stack.extend(reversed(below))
    return found


def _one_time(tree: dict[str, Any], file: str) -> Iterator[ConfigError]:
    events: set[facts.Path] = set()
    for place, node, always in facts.places(tree):
        time = node.get("x-time")
        if time is None:
            continue
        key = _declaration(place)
        types = {node["type"]} if isinstance(node.get("type"), str) else set(node.get("type", ()))
        wanted = _TYPES_OF_UNIT.get(time["unit"], _NUMBERS)
        if not types or not types - {"null"} <= wanted:
            found = " or ".join(sorted(types)) or "no type"
            yield ConfigError(file, key, f"x-time in {time['unit']} of {found}", " or ".join(sorted(wanted)))
        if time["role"] == "event":
            if facts.ANY in place or not always:
                yield ConfigError(file, key, "an event time in an array or a condition", "one field, always there")
            events.add(place)
    if len(events) > 1:
        first, second, *_ = sorted(_declaration(place) for place in events)
        yield ConfigError(file, f"{second}/x-time", f"the role event, as at {first}", "one field with the role event")


def _declaration(place: facts.Path) -> str:
    """The pointer to where a field is declared, if no branch or reference is in between."""
    return "".join("/items" if name == facts.ANY else f"/properties{pointer((name,))}" for name in place)


def compile_problems(schema: dict[str, Any], file: str) -> Iterator[ConfigError]:
    """Where the validator or Python's re, which explains, cannot read the schema; the validator names one place."""
    try:
        jsonschema_rs.Draft202012Validator(
            schema, validate_formats=True, offline=True, pattern_options=jsonschema_rs.RegexOptions()
        )
    except jsonschema_rs.ValidationError as error:
        key = pointer(list(error.instance_path))
        wanted = "a regular expression of linear time: no look-around, no back reference, no huge repeat"
        is_pattern = "pattern" in key
        found = _shown(_at(schema, error.instance_path)) if is_pattern else cut(error.message)
        yield ConfigError(file, key, found, wanted if is_pattern else "a schema that compiles")
    except ValueError:
        yield _too_deep(file)
    for path, node, _, _ in _nodes(schema, (), True, False):
        patterns = [("pattern", node["pattern"])] if "pattern" in node else []
        for key, pattern in [*patterns, *(("patternProperties", name) for name in node.get("patternProperties", ()))]:
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")  # of sets in sets: lint says it
                    re.compile(pattern)
            except (re.error, OverflowError, RecursionError):
                wanted = "a regular expression that Python reads too"
                yield ConfigError(file, pointer((*path, key)), _shown(pattern), wanted)


def path_problems(schema: dict[str, Any], tree: dict[str, Any], file: str) -> Iterator[ConfigError]:
    """Metrics and views that name a field which the contract does not declare."""
    names = {field.name for field in fields.fields_of(tree)}
    event = schema["x-event"]
    for i, metric in enumerate(event.get("metrics", ())):
        named = [(("dimensions", j), name) for j, name in enumerate(metric.get("dimensions", ()))]
        if "value" in metric:
            named.append((("value",), metric["value"]))  # type: ignore[arg-type]
        named.extend((("where", name), name) for name in metric.get("where", ()))
        for place, name in named:
            yield from _declared(name, names, file, ("x-event", "metrics", i, *place))
    for view, columns in event.get("views", {}).items():
        for j, name in enumerate(columns):
            yield from _declared(name, names, file, ("x-event", "views", view, j))


def _declared(name: str, names: set[str], file: str, place: tuple[str | int, ...]) -> Iterator[ConfigError]:
    if name not in names:
        yield ConfigError(file, pointer(place), _shown(name), "a field of this contract", nearest(name, names))


def example_problems(contract: Contract, file: str, compiled: Compiled | None = None) -> Iterator[ConfigError]:
    """Examples in the contract itself that it does not accept, or accepts with drift."""
    from forwarders.contracts.compiled import Compiled

    compiled = Compiled(contract) if compiled is None else compiled
    for i, example in enumerate(contract.schema.get("examples", ())):
        if compiled.is_strict(example):
            continue
        _, flaws, drift = compiled.judge(example)
        if flaws:
            yield ConfigError(file, f"/examples/{i}{flaws[0].pointer}", flaws[0].found, flaws[0].expected)
        else:
            yield ConfigError(file, f"/examples/{i}", f"drift at {drift[0]}", "an example without drift")


def _at(value: Any, path: Sequence[str | int]) -> Any:
    for part in path:
        value = value[part]
    return value


def _shown(value: Any) -> str:
    """A piece of a contract as its author wrote it, cut: a contract holds no secrets."""
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 100 else text[:99] + "…"


def _line_column(before: str) -> str:
    return f"line {before.count(chr(10)) + 1} column {len(before) - before.rfind(chr(10))}"


class _Refused(ValueError):
    """JSON that other readers of the same file would read otherwise."""


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise _Refused(f"the key {_shown(twice)} twice")
    return result


def _no_constant(name: str) -> NoReturn:
    raise _Refused(name)
