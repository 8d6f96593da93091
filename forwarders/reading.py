"""Records to events: format, contract, verdict, drift and time. Floor 2.

`reader` decides once, for a route, how its records are read; the function it returns is the hot loop.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from forwarders import jsontext, redact
from forwarders.contracts.compiled import Contracts
from forwarders.contracts.keycount import NO_TIME
from forwarders.errors import Malformed
from forwarders.formats import Context, Format, Parsed
from forwarders.model import Event, Flaw, Record, Verdict

Reader = Callable[[Sequence[Record], Sequence[str]], list[Event]]
"""Records and their ids to one event each, in order. Never raises for what a record holds: what cannot be read is an
event with verdict INVALID and a reason."""

Moved = dict[str, dict[str, Any]]
"""The data of events as they came, by event id."""

MAX_NAME = 200


def reader(fmt: Format, whole_line: bool, contracts: Contracts, moved: Moved | None = None) -> Reader:
    """The reader of a route. `whole_line`: a line that starts with `{` may be the event itself. `moved`, where there is
    one, gets the data as they came of each event out of which a field was moved."""
    decode = jsontext.decode
    hot = contracts.hot
    valid = Verdict.VALID
    careful = _careful(fmt, contracts, moved)

    def read(records: Sequence[Record], ids: Sequence[str]) -> list[Event]:
        # Measured on a 240 B event: decode 0.5, validate 0.6, keys 0.2, the rest 0.3 µs. An event leaves this loop
        # early only when it needs nothing else: known contract, no drift, no duplicate key, one line, no repair.
        events: list[Event] = []
        add = events.append
        for record, id in zip(records, ids, strict=True):
            text = record.text
            context = None
            try:
                if whole_line and text[0] == "{" and "\n" not in text:
                    data = decode(text)
                    compiled = hot[data["event"]]
                    if compiled.is_strict(data) and not record.flags:
                        time_ms = compiled.settled(text, data)
                        if time_ms == NO_TIME:
                            time_ms = record.time_ms
                        if time_ms is not None:
                            contract = compiled.contract
                            add(Event(id, time_ms, contract.name, text, data, contract, valid))
                            continue
                else:
                    name, text, data, context = fmt(text)
                    compiled = hot[name]  # type: ignore[index]  # None is not there
                    if compiled.is_strict(data) and not record.flags and (context is None or "flags" not in context):
                        time_ms = compiled.time_ms(data)
                        if time_ms is None:
                            time_ms = record.time_ms
                        if time_ms is not None:
                            contract = compiled.contract
                            if context is not None:
                                context = _safe_context(context)
                            add(Event(id, time_ms, contract.name, text, data, contract, valid, (), (), context))
                            continue
            except Exception:  # noqa: S110 - no JSON, no name, no contract yet, or a bug: the careful road tells them apart
                pass
            add(careful(id, record))
        return events

    return read


def _careful(fmt: Format, contracts: Contracts, moved: Moved | None) -> Callable[[str, Record], Event]:
    """The slow road, which decides everything exactly; any exception but Malformed is a bug and costs one event."""

    def read_one(id: str, record: Record) -> Event:
        if record.fault:
            return _unreadable(id, record, record.fault)
        try:
            return _judged(id, record, fmt(record.text), contracts, moved)
        except Malformed as error:
            return _unreadable(id, record, error.reason)
        except MemoryError:  # not this event's fault
            raise
        except Exception as error:
            return _unreadable(id, record, f"internal:{type(error).__name__}")

    return read_one


def _judged(id: str, record: Record, parsed: Parsed, contracts: Contracts, moved: Moved | None) -> Event:
    name, text, data, context = parsed
    flags = record.flags
    if context is not None and "flags" in context:
        flags = (*flags, *context["flags"].split(","))
        context = {key: value for key, value in context.items() if key != "flags"} or None
    if name is None:
        if not jsontext.has_unique_keys(text, jsontext.key_count(data)):
            loaded = jsontext.load(text)
            text, data, flags = loaded.text, loaded.data, (*flags, *loaded.flags)
        name = _name(data)
    context = _safe_context(context) if context is not None else None
    compiled = contracts.find(name, data.get("event_version"))
    time_ms = compiled.time_ms(data) if compiled is not None else None
    if time_ms is None:
        time_ms = record.time_ms or 0
        flags = flags if record.time_ms is not None else (*flags, "no_time")
    if compiled is None:
        return Event(id, time_ms, name, text, data, None, Verdict.UNREGISTERED, (), (), context, flags)
    contract = compiled.contract
    if compiled.is_strict(data):
        return Event(id, time_ms, name, text, data, contract, Verdict.VALID, (), (), context, flags)
    verdict, flaws, drift = compiled.judge(data)
    if verdict is Verdict.INVALID:
        reason = "contract_violation"
        flaws = tuple(map(_safe_flaw, flaws))
        if any(flaw.pointer == compiled.time_pointer for flaw in flaws) and record.time_ms is not None:
            time_ms = record.time_ms  # what the time field says is what is wrong
        return Event(id, time_ms, name, text, data, contract, verdict, flaws, (), context, flags, reason)
    unknown = compiled.unknown_paths(data)
    if unknown:
        if moved is not None:
            moved[id] = data
        text = jsontext.move_extra(text, unknown, redact.patterns_json)
        data = jsontext.decode(text)
    drift = tuple(map(redact.patterns, drift))
    return Event(id, time_ms, name, text, data, contract, verdict, (), drift, context, flags)


def _safe_context(context: Context) -> Context:
    """What a wrapper said, without what looks like a secret: anybody can write a request id into a line."""
    said = "\n".join(context.values())
    if redact.patterns(said) == said:
        return context
    return {key: redact.patterns(value) for key, value in context.items()}


def _safe_flaw(flaw: Flaw) -> Flaw:
    """A pointer may name a key that the event's author made up."""
    return Flaw(redact.patterns(flaw.pointer), flaw.keyword, flaw.expected, flaw.found)


def _unreadable(id: str, record: Record, reason: str) -> Event:
    """The event of a record that is no event: its text is the record's own, which sinks redact by patterns."""
    time_ms = record.time_ms or 0
    return Event(id, time_ms, "", record.text, {}, None, Verdict.INVALID, (), (), None, record.flags, reason)


def _name(data: dict[str, Any]) -> str:
    """The event's name on the wire; empty when it names none."""
    name = data.get("event")
    return name if isinstance(name, str) and len(name) <= MAX_NAME else ""
