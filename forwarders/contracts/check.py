"""What a contract's file must be like before anything is built from it. Never imported while events flow."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NoReturn

import jsonschema_rs

from forwarders.contracts import facts, fields
from forwarders.contracts.load import from_schema, is_wire_default
from forwarders.contracts.tree import expand, pointer, subschemas
from forwarders.contracts.words import cut, expected
from forwarders.errors import ConfigError
from forwarders.model import Contract

DIALECT = "https://json-schema.org/draft/2020-12/schema"
META_FILE = Path(__file__).with_name("annotations.schema.json")
MAX_FILE_BYTES = 1 << 20

_NAME = re.compile(r"[a-z0-9_]+([.-][a-z0-9_]+)*\Z")
_TYPES_OF_UNIT = {"rfc3339": {"string"}}
_NUMBERS = {"integer", "number"}


def read_file(file: Path, folder: Path) -> Contract:
    """The contract in one file below `folder`. Raises ConfigError when the file, its place or its schema is wrong."""
    contract = check(parse(file), str(file))
    parts = file.relative_to(folder).parts
    wanted = f"<domain>/{contract.name}/v{contract.major}.schema.json"
    if len(parts) != 3 or parts[1:] != (contract.name, f"v{contract.major}.schema.json"):
        raise ConfigError(str(file), "/$id", f"{contract.name}:{contract.major} in {'/'.join(parts)}", wanted)
    return contract


def parse(file: Path) -> dict[str, Any]:
    """The JSON object in a file. Raises ConfigError with line and column for bad UTF-8, bad JSON or a repeated key."""
    raw = file.read_bytes()
    if len(raw) > MAX_FILE_BYTES:
        raise ConfigError(str(file), "file", f"{len(raw):,} bytes", f"at most {MAX_FILE_BYTES:,} bytes")
    try:
        schema = json.loads(raw.decode("utf-8"), object_pairs_hook=_unique, parse_constant=_no_constant)
        json.dumps(schema, ensure_ascii=False, allow_nan=False).encode("utf-8")
    except UnicodeDecodeError as error:
        place = _line_column(raw[: error.start].decode("utf-8", "replace"))
        raise ConfigError(str(file), place, f"byte 0x{raw[error.start]:02x}", "UTF-8") from None
    except json.JSONDecodeError as error:
        place = f"line {error.lineno} column {error.colno}"
        raise ConfigError(str(file), place, error.msg, "JSON") from None
    except _Refused as error:
        raise ConfigError(str(file), "JSON", str(error), "an object whose keys differ, and finite numbers") from None
    except UnicodeEncodeError:
        raise ConfigError(str(file), "JSON", "half a surrogate pair", "text that UTF-8 can hold") from None
    except ValueError:
        raise ConfigError(str(file), "JSON", "a number beyond a double", "finite numbers") from None
    except RecursionError:
        raise _too_deep(str(file)) from None
    if not isinstance(schema, dict):
        raise ConfigError(str(file), "", type(schema).__name__, "an object")
    return schema


def check(schema: dict[str, Any], file: str) -> Contract:
    """The contract of a schema that is right in all that can be told from one file. Raises ConfigError otherwise."""
    _meta_schema(schema, file)
    _identity(schema, file)
    tree = expand(schema, file)
    _annotation_places(tree, file)
    _compiles(schema, file)
    contract = from_schema(schema, file)
    _paths_exist(contract, tree, file)
    _examples(contract, file)
    return contract


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


def _meta_schema(schema: dict[str, Any], file: str) -> None:
    validator, meta = _meta()
    try:
        errors = list(validator.iter_errors(schema))
    except ValueError:  # the native library gives up at 255 levels
        raise _too_deep(file) from None
    if not errors:
        return
    # An unknown key is the likeliest cause of whatever else is reported; then the deepest place tells most.
    error = min(errors, key=lambda error: (not _is_unknown_key(error), -len(error.instance_path)))
    place, kind = list(error.instance_path), error.kind
    if isinstance(kind, jsonschema_rs.ValidationErrorKind.AdditionalProperties):
        known = _at(meta, [*error.schema_path[:-1], "properties"])
        _unknown_key(file, place, kind.unexpected[0], known)
    if isinstance(kind, jsonschema_rs.ValidationErrorKind.PropertyNames):
        name, inner = str(kind.error.instance), kind.error.kind
        if isinstance(inner, jsonschema_rs.ValidationErrorKind.Enum):
            _unknown_key(file, place, name, map(str, inner.options))
        raise ConfigError(file, pointer([*place, name]), f"the name {_shown(name)}", _wanted(kind.error))
    if isinstance(kind, jsonschema_rs.ValidationErrorKind.Required):
        raise ConfigError(file, pointer([*place, kind.property]), "nothing", f"property {kind.property}")
    value = _at(schema, place)
    options = kind.options if isinstance(kind, jsonschema_rs.ValidationErrorKind.Enum) else ()
    hint = nearest(value, map(str, options)) if isinstance(value, str) else ""
    raise ConfigError(file, pointer(place), _shown(value), _wanted(error), hint)


def _too_deep(file: str) -> ConfigError:
    return ConfigError(file, "", "hundreds of levels", "a schema of readable depth")


def _is_unknown_key(error: jsonschema_rs.ValidationError) -> bool:
    if isinstance(error.kind, jsonschema_rs.ValidationErrorKind.PropertyNames):
        return isinstance(error.kind.error.kind, jsonschema_rs.ValidationErrorKind.Enum)
    return isinstance(error.kind, jsonschema_rs.ValidationErrorKind.AdditionalProperties)


def _unknown_key(file: str, place: list[str | int], key: str, known: Iterable[str]) -> NoReturn:
    hint = nearest(key, known) or ("See forwarders/contracts/annotations.schema.json." if key.startswith("x-") else "")
    raise ConfigError(file, pointer([*place, key]), f"the unknown key {_shown(key)}", "a key that contracts know", hint)


def _wanted(error: jsonschema_rs.ValidationError) -> str:
    """What the meta-schema asks for; the alternatives of an anyOf one by one."""
    kind = error.kind
    if isinstance(kind, (jsonschema_rs.ValidationErrorKind.AnyOf, jsonschema_rs.ValidationErrorKind.OneOfNotValid)):
        return cut(" or ".join(_wanted(branch[0]) for branch in kind.context if branch))
    return expected(kind.name, next(iter(kind.as_dict().values()), None))


def _identity(schema: dict[str, Any], file: str) -> None:
    """The parts of a contract that JSON Schema leaves free: dialect, name, version, the property `event`."""
    for key in ("$schema", "$id", "title", "type", "properties", "x-event"):
        if key not in schema:
            raise ConfigError(file, f"/{key}", "nothing", f"{key} at the root of a contract")
    if schema["$schema"] != DIALECT:
        raise ConfigError(file, "/$schema", _shown(schema["$schema"]), DIALECT)
    if schema["type"] != "object":
        raise ConfigError(file, "/type", _shown(schema["type"]), "object")
    name, major, event = facts.identity(schema, file)
    if not _NAME.match(name) or len(name) > 128 or str(major) != schema["$id"].rpartition(":")[2] or major < 1:
        raise ConfigError(
            file, "/$id", _shown(schema["$id"]), "a name in lower case and a major: urn:logharbor:user.login.success:1"
        )
    if event["version"].partition(".")[0] != str(major):
        raise ConfigError(file, "/x-event/version", event["version"], f"a version of major {major}, as in $id")
    properties = schema["properties"]
    if event.get("shape", "data") == "data":
        _const(properties, "event", name, file, needed=True)
    _const(properties, "event_version", major, file, needed=False)


def _const(properties: dict[str, Any], key: str, value: str | int, file: str, needed: bool) -> None:
    if key not in properties and not needed:
        return
    node = properties.get(key)
    if not isinstance(node, dict) or node.get("const") != value:
        found = _shown(node) if key in properties else "nothing"
        raise ConfigError(file, f"/properties/{key}", found, json.dumps({"const": value}))


_ASKING = ("patternProperties", "propertyNames", "contains", "not", "if")
_DEFINITE = ("properties", "items", "prefixItems", "additionalProperties", "allOf")


def _annotation_places(tree: dict[str, Any], file: str) -> None:
    """Raises ConfigError for an annotation where it could not be followed, and for two that contradict each other."""
    for path, node, definite, asking in _nodes(tree, (), True, False):
        for key in ("x-pii", "x-time", "x-known-values"):
            if key in node and (asking or (key == "x-known-values" and not definite)):
                wanted = "the annotation at a field that is declared in properties, items or additionalProperties"
                raise ConfigError(file, pointer((*path, key)), "an annotation in a condition", wanted)
        for key in ("x-event", "$id", "$schema"):
            if path and key in node:
                raise ConfigError(file, pointer((*path, key)), f"{key} of a field", f"{key} at the root only")
        if "x-pii" in node and path[-1:] == ("additionalProperties",) and _at(tree, path[:-1]).get("properties"):
            wanted = "an object with declared properties, or one whose keys are all alike"
            raise ConfigError(file, pointer((*path, "x-pii")), "x-pii of the properties that are left", wanted)
    _one_time(tree, file)
    redactions: dict[facts.Path, Any] = {}
    for place, node, _ in facts.places(tree):
        if "x-pii" in node and redactions.setdefault(place, node["x-pii"]) != node["x-pii"]:
            raise ConfigError(file, _declaration(place), "two different x-pii of one field", "one")


def _nodes(
    node: Any, path: tuple[str | int, ...], definite: bool, asking: bool
) -> Iterable[tuple[tuple[str | int, ...], dict[str, Any], bool, bool]]:
    if not isinstance(node, dict):
        return
    yield path, node, definite, asking
    for place, child in subschemas(node):
        keyword = place[0]
        yield from _nodes(child, path + place, definite and keyword in _DEFINITE, asking or keyword in _ASKING)


def _one_time(tree: dict[str, Any], file: str) -> None:
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
            raise ConfigError(file, key, f"x-time in {time['unit']} of {found}", " or ".join(sorted(wanted)))
        if time["role"] == "event":
            if facts.ANY in place or not always:
                raise ConfigError(file, key, "an event time in an array or a condition", "one field, always there")
            events.add(place)
    if len(events) > 1:
        first, second, *_ = sorted(_declaration(place) for place in events)
        raise ConfigError(file, f"{second}/x-time", f"the role event, as at {first}", "one field with the role event")


def _declaration(place: facts.Path) -> str:
    """The pointer to where a field is declared, if no branch or reference is in between."""
    return "".join("/items" if name == facts.ANY else f"/properties{pointer((name,))}" for name in place)


def _compiles(schema: dict[str, Any], file: str) -> None:
    """Raises ConfigError where the validator or Python's re, which explains, cannot read the schema."""
    try:
        jsonschema_rs.Draft202012Validator(
            schema, validate_formats=True, offline=True, pattern_options=jsonschema_rs.RegexOptions()
        )
    except jsonschema_rs.ValidationError as error:
        key = pointer(list(error.instance_path))
        wanted = "a regular expression of linear time: no look-around, no back reference, no huge repeat"
        is_pattern = "pattern" in key
        found = _shown(_at(schema, error.instance_path)) if is_pattern else cut(error.message)
        raise ConfigError(file, key, found, wanted if is_pattern else "a schema that compiles") from None
    except ValueError:
        raise _too_deep(file) from None
    for path, node, _, _ in _nodes(schema, (), True, False):
        patterns = [("pattern", node["pattern"])] if "pattern" in node else []
        for key, pattern in [*patterns, *(("patternProperties", name) for name in node.get("patternProperties", ()))]:
            try:
                re.compile(pattern)
            except (re.error, OverflowError, RecursionError):
                wanted = "a regular expression that Python reads too"
                raise ConfigError(file, pointer((*path, key)), _shown(pattern), wanted) from None


def _paths_exist(contract: Contract, tree: dict[str, Any], file: str) -> None:
    """Raises ConfigError when metrics or views name a field that the contract does not declare."""
    names = {field.name for field in fields.fields_of(tree)}
    event = contract.schema["x-event"]
    for i, metric in enumerate(event.get("metrics", ())):
        named = [(("dimensions", j), name) for j, name in enumerate(metric.get("dimensions", ()))]
        if "value" in metric:
            named.append((("value",), metric["value"]))  # type: ignore[arg-type]
        for place, name in named:
            _declared(name, names, file, ("x-event", "metrics", i, *place))
    for view, columns in event.get("views", {}).items():
        for j, name in enumerate(columns):
            _declared(name, names, file, ("x-event", "views", view, j))


def _declared(name: str, names: set[str], file: str, place: tuple[str | int, ...]) -> None:
    if name not in names:
        raise ConfigError(file, pointer(place), _shown(name), "a field of this contract", nearest(name, names))


def _examples(contract: Contract, file: str) -> None:
    from forwarders.contracts.compiled import Compiled

    compiled = Compiled(contract)
    for i, example in enumerate(contract.schema.get("examples", ())):
        if compiled.is_strict(example):
            continue
        _, flaws, drift = compiled.judge(example)
        if flaws:
            raise ConfigError(file, f"/examples/{i}{flaws[0].pointer}", flaws[0].found, flaws[0].expected)
        raise ConfigError(file, f"/examples/{i}", f"drift at {drift[0]}", "an example without drift")


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
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise _Refused(f"the key {_shown(twice)} twice")
    return result


def _no_constant(name: str) -> NoReturn:
    raise _Refused(name)
