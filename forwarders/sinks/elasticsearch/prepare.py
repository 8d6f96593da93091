"""Makes a cluster ready: templates, mappings of streams that exist, retention. Says first what it would change.

Off the hot path, through the official client. Nothing is deleted, and what does not bear our mark is not touched.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from forwarders.errors import ConfigError
from forwarders.sinks.changes import Change
from forwarders.sinks.elasticsearch.templates import (
    MANAGED_BY,
    Dataset,
    Properties,
    all_properties,
    component_templates,
    index_templates,
)
from forwarders.sinks.http import Endpoint

if TYPE_CHECKING:
    from elasticsearch import Elasticsearch as Client


def client(target: Endpoint, credentials: Mapping[str, str]) -> Client:
    """The official client for the same endpoint and credentials as `ship`'s. Connects with the first call."""
    from elasticsearch import Elasticsearch  # 1.0 s

    url = f"{target.scheme}://{target.host}:{target.port}{target.prefix}"
    trust: dict[str, Any] = {}
    if target.scheme == "https":
        if target.ca_file:
            trust["ca_certs"] = target.ca_file
        if target.fingerprint:
            trust["ssl_assert_fingerprint"] = target.fingerprint
    return Elasticsearch(url, headers=dict(credentials), request_timeout=60, retry_on_timeout=False, **trust)


def plan(cluster: Client, datasets: Sequence[Dataset], sink: str = "elasticsearch") -> list[Change]:
    """What has to be done so that the cluster is as the contracts say; nothing when it is. Changes nothing.

    Raises ConfigError when a template of one of our names is somebody else's, or when contracts contradict each other.
    """
    changes = _template_changes(cluster, datasets, sink)
    for dataset in datasets:
        wanted = all_properties(dataset, sink)
        for stream, write_index in _streams(cluster, dataset.streams):
            changes += _stream_changes(cluster, stream, write_index, wanted)
            changes += _retention_changes(cluster, stream, dataset.retention)
    return changes


def missing_privileges(cluster: Client, changes: Iterable[Change]) -> list[str]:
    """What the credentials may not do of what `changes` need, such as `manage on logs-user-prod`; empty when all is
    well, and where the cluster has no security to ask.
    """
    needed = list(changes)
    streams = sorted({change.name for change in needed if change.kind in ("mapping", "rollover", "retention")})
    templates = any(change.kind in ("component_template", "index_template") for change in needed)
    if not streams and not templates:
        return []
    index = [{"names": streams, "privileges": ["manage"]}] if streams else []
    answer = cluster.options(ignore_status=(400, 404, 405, 500)).security.has_privileges(
        cluster=["manage_index_templates"] if templates else [], index=index
    )
    if "has_all_requested" not in answer:
        return []
    denied = [name for name, held in answer.get("cluster", {}).items() if not held]
    denied += [
        f"{name} on {stream}"
        for stream, held_there in answer.get("index", {}).items()
        for name, held in held_there.items()
        if not held
    ]
    return denied


def apply(cluster: Client, changes: Iterable[Change]) -> None:
    """Everything in `changes` is done, in that order: templates come before the rollovers that need them.

    Raises the client's error (elasticsearch.ApiError) when the cluster refuses one; those before it are done.
    """
    for change in changes:
        _do(cluster, change)


def _do(cluster: Client, change: Change) -> None:
    match change.kind:
        case "component_template":
            cluster.cluster.put_component_template(name=change.name, **_arguments(change.body))
        case "index_template":
            cluster.indices.put_index_template(name=change.name, **_arguments(change.body))
        case "mapping":
            cluster.indices.put_mapping(index=change.name, write_index_only=True, properties=dict(change.body))
        case "rollover":
            cluster.indices.rollover(alias=change.name)
        case "retention":
            cluster.indices.put_data_lifecycle(name=change.name, **change.body)


def _arguments(body: Mapping[str, Any]) -> dict[str, Any]:
    return {"meta" if name == "_meta" else name: value for name, value in body.items()}


def _template_changes(cluster: Client, datasets: Sequence[Dataset], sink: str) -> list[Change]:
    lenient = cluster.options(ignore_status=404)  # what a pattern that matches nothing is answered with
    found = lenient.cluster.get_component_template(name="logharbor-*").get("component_templates", [])
    components = {item["name"]: item["component_template"] for item in found}
    found = lenient.indices.get_index_template(name="logharbor-*").get("index_templates", [])
    templates = {item["name"]: item["index_template"] for item in found}
    return [
        *_differences("component_template", component_templates(datasets, sink), components),
        *_differences("index_template", index_templates(datasets), templates),
    ]


def _differences(kind: str, wanted: Mapping[str, Any], actual: Mapping[str, Any]) -> list[Change]:
    changes = []
    for name, body in wanted.items():
        there = actual.get(name)
        if there is None:
            changes.append(Change(kind, name, "is new", body))
            continue
        mark = there.get("_meta", {})
        if mark.get("managed_by") != MANAGED_BY:
            what = f"{kind} {name}"
            hint = "Rename it, or delete it if nothing uses it."
            raise ConfigError("cluster", what, "one that Logharbor did not make", "none, or Logharbor's own", hint)
        if mark.get("digest") != body["_meta"]["digest"] or not _holds(there, body):
            changes.append(Change(kind, name, _described(body, there), body))
    return changes


def _described(wanted: Mapping[str, Any], there: Mapping[str, Any]) -> str:
    """What is different between two templates, as far as fields and retention go."""
    before, after = _fields(there), _fields(wanted)
    told = [
        f"{verb} {', '.join(sorted(names)[:10])}{' …' if len(names) > 10 else ''}"
        for verb, names in (
            ("adds", after.keys() - before.keys()),
            ("removes", before.keys() - after.keys()),
            ("changes the type of", {name for name in after.keys() & before.keys() if after[name] != before[name]}),
        )
        if names
    ]
    kept = [body.get("template", {}).get("lifecycle", {}).get("data_retention", "for ever") for body in (there, wanted)]
    if kept[0] != kept[1]:
        told.append(f"retention {kept[0]} becomes {kept[1]}")
    return "; ".join(told) or "is not as it should be"


def _fields(template: Mapping[str, Any]) -> dict[str, str]:
    return _types(template.get("template", {}).get("mappings", {}).get("properties", {}))


def _types(properties: Mapping[str, Any], at: str = "") -> dict[str, str]:
    """Dotted name to type of every field."""
    types: dict[str, str] = {}
    for name, node in properties.items():
        types |= _types(node["properties"], f"{at}{name}.") if "properties" in node else {at + name: node["type"]}
    return types


def _holds(actual: Any, wanted: Any) -> bool:
    """Whether everything wanted is there; the cluster adds defaults, and turns settings into strings."""
    if isinstance(wanted, Mapping):
        if not isinstance(actual, Mapping):
            return not wanted
        return all(_holds(actual.get(name), value) for name, value in wanted.items())
    if isinstance(wanted, list):
        return bool(wanted == actual)
    return str(wanted).lower() == str(actual).lower()


def _streams(cluster: Client, pattern: str) -> list[tuple[str, str]]:
    """The data streams of that pattern that exist, each with the backing index that is written to."""
    lenient = cluster.options(ignore_status=404)  # what the name of a stream that is not there is answered with
    found = lenient.indices.resolve_index(name=pattern).get("data_streams", [])
    # Backing indices end in a generation of six digits; the newest is written to.
    return [(item["name"], max(item["backing_indices"], key=lambda name: name[-6:])) for item in found]


def _stream_changes(cluster: Client, stream: str, write_index: str, wanted: Properties) -> list[Change]:
    mappings = cluster.indices.get_mapping(index=write_index)[write_index]["mappings"]
    if str(mappings.get("dynamic")).lower() != "false":
        return [Change("rollover", stream, "was made without our template: new events go to a new backing index")]
    missing, conflicts = _compared(wanted, mappings.get("properties", {}))
    if conflicts:
        names = ", ".join(conflicts[:5]) + (" …" if len(conflicts) > 5 else "")
        return [Change("rollover", stream, f"a type changes ({names}): new events go to a new backing index")]
    if missing:
        names = ", ".join(_types(missing))
        return [Change("mapping", stream, f"new fields: {names}", missing)]
    return []


def _compared(wanted: Properties, actual: Mapping[str, Any], at: str = "") -> tuple[Properties, list[str]]:
    """What is missing, as properties to add, and the dotted names of what is there with another type."""
    missing: Properties = {}
    conflicts: list[str] = []
    for name, node in wanted.items():
        there = actual.get(name)
        if there is None:
            missing[name] = node
        elif "properties" in node and "type" not in there:
            inner, more = _compared(node["properties"], there.get("properties", {}), f"{at}{name}.")
            conflicts += more
            if inner:
                missing[name] = {"properties": inner}
        elif node.get("type") != there.get("type"):
            conflicts.append(at + name)
    return missing, conflicts


def _retention_changes(cluster: Client, stream: str, retention: str) -> list[Change]:
    """A template's retention counts for streams that it makes; one that exists is told separately."""
    from elasticsearch import ApiError

    try:
        streams = cluster.indices.get_data_lifecycle(name=stream)["data_streams"]
    except ApiError as error:
        if error.status_code in (400, 404, 405):  # a build without this part of the API keeps what the template said
            return []
        raise
    there = streams[0].get("lifecycle", {}).get("data_retention", "") if streams else ""
    if there == retention:
        return []
    body = {"data_retention": retention} if retention else {}
    return [Change("retention", stream, f"{there or 'for ever'} becomes {retention or 'for ever'}", body)]
