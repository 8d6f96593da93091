"""One line's way through a pipeline, step by step, with the reason of each; nothing is sent."""

from __future__ import annotations

import io
from collections.abc import Callable
from difflib import get_close_matches
from typing import Any

import msgspec

from forwarders import redact
from forwarders.cli.copies import Parts, changes, parts
from forwarders.config import QUARANTINE, Config
from forwarders.contracts.compiled import Contracts
from forwarders.contracts.fields import fields
from forwarders.errors import ConfigError, LogharborError, Transient, Withheld
from forwarders.lanes import LaneSpec
from forwarders.model import Event, Fate, Flaw, Origin, Receipt, Record, Verdict, event_id
from forwarders.plan import format_of
from forwarders.runtime import open_plans
from forwarders.secret import resolve
from forwarders.sinks import OPEN, Copies, Sink
from forwarders.sinks.stdout import StdoutSink, time_utc

STAND_IN = redact.HashKey("not-the-key", bytes(16))
"""Shows where a keyed hash stands when the key cannot be read here; its id says so in every copy."""

Seen = list[tuple[str, str]]
"""Texts before and after redaction."""


class Copy(msgspec.Struct):
    """What one sink gets. `fate` is what comes of it if the sink takes it; filtered and sampled events have no copy."""

    type: str
    fate: Fate
    reason: str = ""
    dataset: str = ""
    redacted: dict[str, str] = {}
    copy: Parts = {}


class Explanation(msgspec.Struct, kw_only=True):
    """What happens to a line. `time_from` is a field of the contract, or empty: then it is the log event's own time.

    `why` says why an event has no contract, or why its text is no event; `near` are names that may have been meant.
    `drift` are unknown fields, and `unknown_values` those known fields whose value is not among the known ones.
    """

    log_group: str
    route: str
    format: str
    event: str
    context: dict[str, str]
    flags: list[str]
    contract: str
    owner: str
    verdict: Verdict
    why: str
    near: list[str]
    flaws: list[Flaw]
    in_words: str
    drift: list[str]
    unknown_values: list[str]
    time: str
    time_ms: int
    time_from: str
    id: str
    key: str
    sinks: dict[str, Copy]


def explained(record: Record, log_group: str, config: Config, contracts: Contracts) -> Explanation:
    """The way of `record`, a log event of `log_group`."""
    seen: Seen = []
    sinks, key = _sinks(config, seen)
    plans = open_plans(config, contracts, sinks, _Nowhere(), _unwritten, reports_part=True)
    origin = Origin("cloudwatch", f"explain:{log_group}", log_group=log_group)
    plan = plans.for_origin(origin)
    (event,) = plan.read([record], [event_id(origin.id_prefix(), record.position)])
    contract = event.contract
    why = _why(event, contracts)
    unknown_fields, unknown_values = _drift(event)
    return Explanation(
        log_group=log_group,
        route=plan.route.name,
        format=format_of(plan.route),
        event=event.name,
        context=dict(event.context or {}),
        flags=list(event.flags),
        contract=f"{contract.name} v{contract.major} ({contract.version})" if contract else "",
        owner=contract.owner if contract else "",
        verdict=event.verdict,
        why=why,
        near=get_close_matches(event.name, contracts.names(), 3, 0.8) if why == "unknown_event" and event.name else [],
        flaws=list(event.flaws),
        in_words=_in_words(event),
        drift=unknown_fields,
        unknown_values=unknown_values,
        time=time_utc(event.time_ms),
        time_ms=event.time_ms,
        time_from=_time_from(event, contracts),
        id=event.id,
        key=key,
        sinks={lane.name: _copy(lane, event, plan.route.unregistered_dataset, seen) for lane in plan.lanes},
    )


class _Nowhere:
    """The store of a pipeline that ships nothing."""

    def put(self, kind: str, name: str, body: bytes) -> None:
        raise AssertionError("explaining stores nothing")


def _unwritten(receipt: Receipt) -> None:
    raise AssertionError("explaining makes no receipt")


def _sinks(config: Config, seen: Seen) -> tuple[dict[str, Sink], str]:
    """The sinks of the configuration, whose redaction is watched, and the id of the key that hashes."""
    key = _key(config.redaction.key)
    opened: dict[str, Sink] = {}
    for name, settings in config.sinks.items():
        copies = _watched(settings.type, name, key, seen)
        if settings.type == "stdout":  # never coloured: here its line is taken apart
            opened[name] = StdoutSink(name, io.StringIO(), copies, color=False)
        else:
            opened[name] = OPEN[settings.type](name, settings, copies, resolve)
    return opened, key.id if key else ""


def _key(reference: str) -> redact.HashKey | None:
    """The key when it is a variable of this environment; AWS is not asked for the sake of an explanation."""
    if not reference:
        return None
    if not reference.startswith("env:"):
        return STAND_IN
    try:
        return redact.HashKey.parse(resolve(reference))
    except LogharborError:
        return STAND_IN


def _watched(sink_type: str, sink_name: str, key: redact.HashKey | None, seen: Seen) -> Copies:
    """Redaction as the pipeline does it; `seen` gets each text before and after."""

    def watch(function: Callable[[str], str]) -> Callable[[str], str]:
        def watched(text: str) -> str:
            after = function(text)
            seen.append((text, after))
            return after

        return watched

    def redactor(contract: Any) -> Callable[[Event], str] | None:
        function = redact.for_contract(contract, sink_type, sink_name, key)
        return (lambda event: watch(lambda _: function(event))(event.text)) if function else None

    return Copies(redactor, watch(redact.patterns), watch(redact.patterns_json))


def _copy(lane: LaneSpec, event: Event, unregistered: str, seen: Seen) -> Copy:
    seen.clear()
    try:
        choice = lane.choose(event)
        if isinstance(choice, tuple):
            return Copy(lane.sink.type, *choice)
        piece = choice(event)
    except (ConfigError, Transient) as error:  # no event's fault
        return Copy(lane.sink.type, Fate.RETURNED, str(error))
    except Exception as error:  # as the pipeline does: no copy of the event, a bare note in quarantine
        reason = "redaction_failed" if isinstance(error, Withheld) else f"internal:{type(error).__name__}"
        return Copy(lane.sink.type, Fate.QUARANTINED, reason, QUARANTINE)
    invalid = event.verdict is Verdict.INVALID
    dataset = event.contract.dataset if event.contract is not None else unregistered
    redacted: dict[str, str] = {}
    for before, after in seen:
        redacted |= changes(before, after)
    return Copy(
        lane.sink.type,
        Fate.QUARANTINED if invalid else Fate.DELIVERED,
        event.reason,
        QUARANTINE if invalid else dataset,
        redacted,
        parts(lane.sink.type, piece),
    )


def _why(event: Event, contracts: Contracts) -> str:
    if event.verdict is Verdict.UNREGISTERED:
        return contracts.reason(event.name, event.data.get("event_version"))
    return event.reason


def _in_words(event: Event) -> str:
    """The flaw that tells most, where the flaws do not say the same, and what the contract's author says of it."""
    if not event.flaws or event.contract is None:
        return ""
    from forwarders.contracts.explain import explain  # 150 ms of jsonschema

    listed = {f"{f.pointer or 'the event'}: expected {f.expected}, found {f.found} ({f.keyword})" for f in event.flaws}
    lines = [line.strip() for line in explain(event.contract, event.data).splitlines()[1:]]
    return "\n".join(line for line in lines if line not in listed)


def _drift(event: Event) -> tuple[list[str], list[str]]:
    """Unknown fields, and fields with an unknown value."""
    declared = {field.name for field in fields(event.contract)} if event.contract is not None else set()
    values = [path for path in event.drift if path.replace("[]", "") in declared]
    return [path for path in event.drift if path not in values], values


def _time_from(event: Event, contracts: Contracts) -> str:
    if event.contract is None:
        return ""
    compiled = contracts.find(event.contract.name, event.contract.major)
    if compiled is None or compiled.time_ms(event.data) is None:
        return ""
    return next((field.name for field in fields(event.contract) if field.is_event_time), "")
