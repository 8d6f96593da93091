"""pipeline.yaml and the bundle: a frozen Config, in which an unknown key is an error.

Floor 1. `read_yaml` is for people and laptops; in Lambda the same text arrives as JSON inside the bundle and
`from_plain` checks it, so YAML is never imported there.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from fnmatch import translate
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import msgspec

from forwarders.errors import ConfigError

CONFIG_VERSION = 1
QUARANTINE = "quarantine"
OWN_NAMESPACE = "Logharbor"
"""CloudWatch's namespace of what the pipeline says about itself."""
FORMATS = ("auto", "json", "lambda", "access_log", "text")
"""What a route may call its format; a test holds it to the registry of forwarders/formats."""


class Events(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Which events a sink gets: globs over event names. What is left out is `filtered`, with a count."""

    include: tuple[str, ...] = ("*",)
    exclude: tuple[str, ...] = ()


class Kibana(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The Kibana that gets a data view for each dataset; asked only when sinks are prepared.

    `space` empty: the default one. `secret` empty: the sink's own, because Kibana takes Elasticsearch's credentials.
    """

    endpoint: str = ""
    space: str = ""
    secret: str = ""
    ca_file: str = ""
    fingerprint: str = ""


class SinkConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One sink. `type` chooses it; the other keys mean what docs/sinks.md says for that type.

    `secret` and `key` are references (`env:NAME`, `arn:aws:secretsmanager:…`), never values. `prepare_secret` is what
    makes the sink ready where `secret` may only write events. Sizes are bytes before compression.
    """

    type: Literal["elasticsearch", "honeycomb", "sqlite", "stdout"]
    endpoint: str = ""
    cloud_id: str = ""
    auth: Literal["api_key", "basic", "none"] = "api_key"
    secret: str = ""
    prepare_secret: str = ""
    ca_file: str = ""
    fingerprint: str = ""
    kibana: Kibana = Kibana()
    path: str = ""
    dataset: str = ""
    max_body_bytes: int | None = None
    timeout_s: float = 30.0
    events: Events = Events()


class DatasetConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One dataset: how long its events are kept, such as `30d`."""

    retention: str = ""


class Route(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Where records of some log groups (or files) go, and how their lines are read.

    `log_groups` are globs over log group names; for files they match the path. `envelope` says where the event sits:
    `auto` (found out line by line), `line` (the whole line), `prefix` (after Lambda's text prefix), `key:NAME`.
    `filters` are globs over event names: only their metric filters are put on the log groups (100 is the most).
    """

    name: str
    log_groups: tuple[str, ...] = ("*",)
    envelope: str = "auto"
    format: str = "auto"
    lane: Literal["user", "background"] = "user"
    unregistered_dataset: str = "unregistered"
    sinks: tuple[str, ...] = ()
    filters: tuple[str, ...] = ("*",)


class Redaction(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The keyed hash: a reference to its key (`env:NAME` or a secret's ARN), whose value is `id:base64`."""

    key: str = ""


class OtlpConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Where metrics go by OTLP/HTTP: `endpoint` with its path (`https://otel.example/v1/metrics`).

    `secret` is a reference (`env:NAME`, an ARN) to the value of the header `header`.
    """

    endpoint: str
    secret: str = ""
    header: str = "authorization"
    timeout_s: float = 5.0


class FunctionsConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The profile of every Lambda function whose REPORT lines come by, and the prices of its estimated cost in USD.

    The defaults are x86 on demand in us-east-1, first tier, as of November 2026; arm64 is 0.0000133334 a GB-second.
    """

    measured: bool = True
    gb_second_usd: float = 0.0000166667
    request_usd: float = 0.0000002


class MetricsConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The metrics of the contracts: their namespace in CloudWatch, and what the forwarder does with those it measures.

    `emf`: they are lines of the function's own log, which CloudWatch reads (in Lambda only). `otlp`: they are sent.
    """

    namespace: str = "Logharbor/Events"
    emf: bool = True
    otlp: OtlpConfig | None = None
    functions: FunctionsConfig = FunctionsConfig()


class Config(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """pipeline.yaml, checked.

    `environment` is the last part of data stream names; `dead_letters` a folder or an `s3://bucket/prefix`.
    """

    version: int = CONFIG_VERSION
    environment: str = "local"
    routes: tuple[Route, ...] = ()
    sinks: Mapping[str, SinkConfig] = {}
    datasets: Mapping[str, DatasetConfig] = {}
    redaction: Redaction = Redaction()
    dead_letters: str = ""
    metrics: MetricsConfig = MetricsConfig()

    def route(self, log_group: str) -> Route | None:
        """The first route with a glob that matches; None when no route does."""
        for route in self.routes:
            if any(glob(pattern)(log_group) for pattern in route.log_groups):
                return route
        return None


@lru_cache(maxsize=1024)
def glob(pattern: str) -> Any:
    """A predicate that is truthy for the names that `pattern` (`*`, `?`, `[abc]`; case-sensitive) covers."""
    return re.compile(translate(pattern)).match


def read_yaml(path: str | Path) -> Config:
    """pipeline.yaml at `path` as a Config.

    Raises ConfigError naming file, key, what was found and what was expected.
    """
    return from_plain(_plain_yaml(Path(path)), str(path))


def from_plain(plain: Any, file: str) -> Config:
    """A Config from plain dicts and lists, as YAML or the bundle holds them; `file` is only for the errors."""
    config: Config
    try:
        config = msgspec.convert(plain, Config, strict=True)
    except msgspec.ValidationError:  # section by section it takes ten times as long, and names the very key
        config = _convert(plain, Config, file, "")
    if config.version != CONFIG_VERSION:
        raise ConfigError(file, "version", str(config.version), str(CONFIG_VERSION), "This Logharbor does not know it.")
    _check_names(config, file)
    return config


def _plain_yaml(path: Path) -> Any:
    import yaml  # 30 ms that only people's commands pay

    class Loader(yaml.SafeLoader):
        pass

    def mapping(loader: Any, node: Any) -> dict[Any, Any]:
        seen: set[str] = set()
        for key_node, _ in node.value:
            key = str(key_node.value)
            where = f"line {key_node.start_mark.line + 1}"
            if not isinstance(key_node, yaml.ScalarNode):
                raise ConfigError(str(path), where, "a list or a mapping as a key", "a name")
            if key in seen:
                raise ConfigError(str(path), where, f"the key {key!r} twice", "each key once")
            seen.add(key)
        loader.flatten_mapping(node)
        return dict(loader.construct_pairs(node, deep=True))

    Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, mapping)
    try:
        text = path.read_text("utf-8")
    except OSError as error:
        raise ConfigError(str(path), "(file)", error.strerror or "no file", "a readable file") from error
    except UnicodeDecodeError as error:
        raise ConfigError(str(path), f"byte {error.start}", "bytes that are not UTF-8", "UTF-8 text") from error
    try:
        return yaml.load(text, Loader) or {}  # noqa: S506 - a SafeLoader that refuses duplicate keys
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"line {mark.line + 1}, column {mark.column + 1}" if mark else "(file)"
        raise ConfigError(str(path), where, getattr(error, "problem", None) or "no YAML", "YAML") from error


def _convert(plain: Any, type_: Any, file: str, at: str) -> Any:
    """`plain` as `type_`, section by section, so that an error names the very key."""
    if isinstance(plain, dict):
        known = {field.encode_name: field.type for field in msgspec.structs.fields(type_)}
        for key in plain:
            if key not in known:
                from difflib import get_close_matches

                near = get_close_matches(str(key), known, 1)
                hint = f"Did you mean {near[0]!r}?" if near else ""
                raise ConfigError(file, f"{at}{key}", "an unknown key", "one of " + ", ".join(known), hint)
        for key, inner in _SECTIONS.get(type_, {}).items():
            value = plain.get(key)
            if key in ("sinks", "datasets") and isinstance(value, dict):
                for name, section in value.items():
                    _convert(section, inner, file, f"{at}{key}.{name}.")
            elif key == "routes" and isinstance(value, list):
                for number, section in enumerate(value):
                    _convert(section, inner, file, f"{at}{key}[{number}].")
            elif isinstance(value, dict):
                _convert(value, inner, file, f"{at}{key}.")
    try:
        return msgspec.convert(plain, type_, strict=True)
    except msgspec.ValidationError as error:
        message, _, pointer = str(error).partition(" - at `$")
        expected, _, found = message.removeprefix("Expected ").partition(", got ")
        key = (at + pointer.strip("`").lstrip(".")) or "(whole file)"
        if not found:
            expected, found = "a valid value", message
        raise ConfigError(file, key.rstrip("."), found, expected) from error


_SECTIONS: dict[Any, dict[str, Any]] = {
    Config: {
        "sinks": SinkConfig,
        "datasets": DatasetConfig,
        "routes": Route,
        "redaction": Redaction,
        "metrics": MetricsConfig,
    },
    MetricsConfig: {"otlp": OtlpConfig, "functions": FunctionsConfig},
    SinkConfig: {"events": Events, "kibana": Kibana},
}


_NAME = re.compile(r"[a-z0-9_]{1,100}")
_ENVELOPE = re.compile(r"auto|line|prefix|key:.{1,256}", re.DOTALL)
_SINK_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_NAMESPACE = re.compile(r"[0-9A-Za-z._/#-]{1,255}")
_HEADER = re.compile(r"[A-Za-z0-9-]{1,64}")
_RETENTION = re.compile(r"[1-9][0-9]{0,5}[dhm]")


def _check_names(config: Config, file: str) -> None:
    """Refuses what every single section allows but the whole does not."""
    part = "lower-case letters, digits and _ (a data stream's part has no hyphen)"
    names = {"environment": config.environment}
    names |= {f"datasets.{name}": name for name in config.datasets}
    names |= {f"routes[{i}].unregistered_dataset": r.unregistered_dataset for i, r in enumerate(config.routes)}
    for key, name in names.items():
        if not _NAME.fullmatch(name):
            raise ConfigError(file, key, repr(name), part)
    for name, dataset in config.datasets.items():
        if dataset.retention and not _RETENTION.fullmatch(dataset.retention):
            raise ConfigError(file, f"datasets.{name}.retention", repr(dataset.retention), "a duration such as 30d")
    seen: set[str] = set()
    for i, route in enumerate(config.routes):
        if route.name in seen:
            raise ConfigError(file, f"routes[{i}].name", f"{route.name!r} twice", "a name of its own")
        seen.add(route.name)
        if not _ENVELOPE.fullmatch(route.envelope):
            expected = "auto, line, prefix or key:NAME"
            raise ConfigError(file, f"routes[{i}].envelope", repr(route.envelope), expected)
        if route.format not in FORMATS:
            raise ConfigError(file, f"routes[{i}].format", repr(route.format), "one of " + ", ".join(FORMATS))
        for sink in route.sinks:
            if sink not in config.sinks:
                expected = "one of the sinks: " + (", ".join(config.sinks) or "none is configured")
                raise ConfigError(file, f"routes[{i}].sinks", repr(sink), expected)
        if route.envelope.startswith("key:") and route.format not in ("auto", "json"):
            expected = "auto or json: what lies under a key is JSON"
            raise ConfigError(file, f"routes[{i}].format", repr(route.format), expected)
    for name, sink_config in config.sinks.items():
        _check_sink(name, sink_config, file)
    _check_reference(file, "redaction.key", config.redaction.key)
    _check_metrics(config.metrics, file)


def _check_metrics(metrics: MetricsConfig, file: str) -> None:
    if not _NAMESPACE.fullmatch(metrics.namespace) or metrics.namespace.startswith("AWS/"):
        expected = "1 to 255 letters, digits and . - _ / #, not beginning with AWS/"
        raise ConfigError(file, "metrics.namespace", repr(metrics.namespace)[:100], expected)
    if metrics.namespace == OWN_NAMESPACE:
        hint = "That is where the pipeline's metrics about itself are."
        raise ConfigError(file, "metrics.namespace", repr(OWN_NAMESPACE), "another namespace", hint)
    for key in ("gb_second_usd", "request_usd"):
        price = getattr(metrics.functions, key)
        if not 0 <= price <= 1:
            raise ConfigError(file, f"metrics.functions.{key}", str(price), "a price in USD, 0 to 1")
    if metrics.otlp is None:
        return
    otlp, at = metrics.otlp, "metrics.otlp"
    if not otlp.endpoint:
        raise ConfigError(file, f"{at}.endpoint", "nothing", "http(s)://host/v1/metrics")
    _check_url(file, f"{at}.endpoint", otlp.endpoint)
    _check_reference(file, f"{at}.secret", otlp.secret)
    if not _HEADER.fullmatch(otlp.header):
        found = f"a name of {len(otlp.header)} characters"
        raise ConfigError(file, f"{at}.header", found, "an HTTP header: letters, digits and -")
    if not 0 < otlp.timeout_s <= 60:
        raise ConfigError(file, f"{at}.timeout_s", str(otlp.timeout_s), "more than 0 and at most 60 (seconds)")


def _check_reference(file: str, key: str, reference: str) -> None:
    if reference and not re.match(r"env:[A-Za-z_]|arn:aws[a-z-]*:(secretsmanager|ssm):", reference):
        found = f"a string of {len(reference)} characters"
        raise ConfigError(file, key, found, "env:NAME or an ARN", "A secret is never written into this file.")


def _check_sink(name: str, sink: SinkConfig, file: str) -> None:
    at = f"sinks.{name}"
    if not _SINK_NAME.fullmatch(name):
        raise ConfigError(file, f"sinks.{name}", f"a name of {len(name)} characters", "letters, digits, _ and -")
    _check_reference(file, f"{at}.secret", sink.secret)
    _check_reference(file, f"{at}.prepare_secret", sink.prepare_secret)
    _check_kibana(file, at, sink)
    if not 0 < sink.timeout_s <= 900:
        raise ConfigError(file, f"{at}.timeout_s", str(sink.timeout_s), "more than 0 and at most 900 (seconds)")
    needs = {"elasticsearch": ("endpoint", "cloud_id"), "honeycomb": ("dataset",), "sqlite": ("path",), "stdout": ()}
    wanted = needs[sink.type]
    if wanted and not any(getattr(sink, key) for key in wanted):
        raise ConfigError(file, at, "none of these keys", " or ".join(wanted), f"A sink of type {sink.type} needs it.")
    if sink.max_body_bytes is not None and sink.max_body_bytes < 1024:
        raise ConfigError(file, f"{at}.max_body_bytes", str(sink.max_body_bytes), "at least 1024 (bytes)")
    _check_url(file, f"{at}.endpoint", sink.endpoint)


def _check_kibana(file: str, at: str, sink: SinkConfig) -> None:
    kibana = sink.kibana
    if kibana == Kibana():
        return
    at = f"{at}.kibana"
    if sink.type != "elasticsearch":
        raise ConfigError(file, at, f"a sink of type {sink.type}", "a sink of type elasticsearch")
    if not kibana.endpoint:
        raise ConfigError(file, f"{at}.endpoint", "nothing", "Kibana's address, such as https://kibana.example:5601")
    if kibana.space and not re.fullmatch(r"[a-z0-9_-]{1,100}", kibana.space):
        expected = "a space's identifier: lower-case letters, digits, _ and -"
        raise ConfigError(file, f"{at}.space", f"a string of {len(kibana.space)} characters", expected)
    _check_url(file, f"{at}.endpoint", kibana.endpoint)
    _check_reference(file, f"{at}.secret", kibana.secret)


def _check_url(file: str, key: str, url: str) -> None:
    if url and not re.match(r"https?://[^/@\s]+(/|$)", url):
        hint = "Credentials go into `secret`." if "@" in url else ""
        raise ConfigError(file, key, f"a string of {len(url)} characters", "http(s)://host", hint)
