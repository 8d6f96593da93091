"""Events on a stream: one JSON object a line, or on a terminal one coloured line that a person reads."""

from __future__ import annotations

import contextlib
import re
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, TextIO

import msgspec

from forwarders.model import DELIVERED, Deadline, Encoder, Event, Fate, Flaw, Kind, Outcome, Verdict
from forwarders.sinks import Copies, Redact

MAX_VALUE_CHARS = 200
MAX_PAIRS = 40

# What moves a cursor, ends a line or turns text around: C0, DEL, C1 (0x9b starts an ANSI sequence), line and
# paragraph separators, bidirectional controls, lone surrogates.
_UNSAFE = "\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff"
_UNSAFE_PATTERN = re.compile(f"[{_UNSAFE}]")
_NOT_ASCII = re.compile("[^\x00-\x7f]")
_BARE = re.compile(r"[^\s\"'=\\]+")
# A float is shown as it was written: 1.50 stays 1.50.
_DECODER = msgspec.json.Decoder(float_hook=lambda digits: msgspec.Raw(digits.encode()))
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_RESET, _DIM, _BOLD, _CYAN = "\x1b[0m", "\x1b[2m", "\x1b[1m", "\x1b[36m"
_RED, _YELLOW, _GREEN, _MAGENTA = "\x1b[31m", "\x1b[33m", "\x1b[32m", "\x1b[35m"
_LEVEL_COLOURS = {
    "debug": _DIM,
    "trace": _DIM,
    "info": _GREEN,
    "warn": _YELLOW,
    "warning": _YELLOW,
    "error": _RED,
    "critical": _RED,
    "fatal": _RED,
}
_VERDICT_COLOURS = {Verdict.VALID: _GREEN, Verdict.INVALID: _RED, Verdict.UNREGISTERED: _MAGENTA}


def open_sink(name: str, settings: Any, copies: Copies, secret: Callable[[str], str]) -> StdoutSink:
    """The sink that writes to this process's standard output."""
    return StdoutSink(name, sys.stdout, copies)


class StdoutSink:
    """Writes events to `stream`; `color` None: coloured lines when the stream is a terminal, else NDJSON."""

    type = "stdout"

    def __init__(
        self,
        name: str,
        stream: TextIO,
        copies: Copies,
        *,
        color: bool | None = None,
        max_body_bytes: int = 262_144,
    ) -> None:
        self.name = name
        self.max_body_bytes = max_body_bytes
        self._stream = stream
        self._color = stream.isatty() if color is None else color
        self._copies = copies
        self._lock = threading.Lock()

    def encoder(self, kind: Kind) -> Encoder:
        """An event as one line, without its line end; redacted, and safe to print."""
        fields_of = self._fields(kind)
        return self._coloured(kind, fields_of) if self._color else self._ndjson(kind, fields_of)

    def ship(self, pieces: Sequence[str], ids: Sequence[str], deadline: Deadline) -> Sequence[Outcome]:
        """Every line is handed to the stream, or, when nobody reads any more, all return."""
        if not pieces:
            return []
        if deadline() <= 0:
            return [Outcome(Fate.RETURNED, "deadline")] * len(pieces)
        text = "\n".join(pieces) + "\n"
        with self._lock:
            try:
                try:
                    self._stream.write(text)
                except UnicodeEncodeError:
                    # The terminal is not UTF-8. Outside ASCII there is only text, so JSON's own escapes are right.
                    self._stream.write(_NOT_ASCII.sub(_escaped, text))
                self._stream.flush()
            except (OSError, ValueError):  # a closed pipe, a full disk; a closed file is a ValueError
                return [Outcome(Fate.RETURNED, "stdout_closed", ambiguous=True)] * len(pieces)
        return [DELIVERED] * len(pieces)

    def close(self) -> None:
        """What was written is flushed; the stream stays open, it is the caller's."""
        with contextlib.suppress(OSError, ValueError):
            self._stream.flush()

    def _fields(self, kind: Kind) -> Callable[[Event], str]:
        """The redacted JSON of an event on one line without control characters."""
        contract = kind.contract
        redact = self._copies.redactor(contract) if contract is not None else None
        patterns, patterns_json = self._copies.patterns, self._copies.patterns_json

        def valid(event: Event) -> str:
            return _one_line(event.text if redact is None else redact(event))

        def unusable(event: Event) -> str:
            text = event.text or "{}"
            if _is_json(text):
                text = patterns_json(redact(event) if redact is not None and event.text else text)
            if not _is_json(text):
                message = _UNSAFE_PATTERN.sub(_replaced_surrogate, patterns(event.text))
                text = msgspec.json.encode({"message": message}).decode()
            return _one_line(text)

        return valid if kind.verdict is Verdict.VALID and contract is not None else unusable

    def _ndjson(self, kind: Kind, fields: Callable[[Event], str]) -> Encoder:
        source = _json(kind.origin.source)
        middle = f'"dataset":{_json(kind.dataset)},"event":'
        verdict = f',"verdict":"{kind.verdict.value}","source":{source}'
        contract, patterns = kind.contract, self._copies.patterns
        name = _json(contract.name) if contract is not None else ""

        def encode(event: Event) -> str:
            more = ""
            if event.reason:
                more += f',"reason":{_json(event.reason)}'
            if event.flaws:
                more += f',"errors":{_errors(event, patterns)}'
            if event.drift:
                more += f',"drift":{_json([patterns(path) for path in event.drift[:50]])}'
            event_name = name or _json(patterns(event.name)[:256])
            head = f'{{"id":"{event.id}","time":{event.time_ms},{middle}{event_name}{verdict}'
            return f'{head}{more},"fields":{fields(event)}}}'

        return encode

    def _coloured(self, kind: Kind, fields: Callable[[Event], str]) -> Encoder:
        contract, patterns, verdict = kind.contract, self._copies.patterns, kind.verdict
        owner = f" {_DIM}[{_printable(contract.owner)}]{_RESET}" if contract is not None and contract.owner else ""

        def encode(event: Event) -> str:
            level = str((event.context or {}).get("level") or (contract.severity if contract is not None else "info"))
            colour = (
                _LEVEL_COLOURS.get(level.lower(), _GREEN) if verdict is Verdict.VALID else _VERDICT_COLOURS[verdict]
            )
            mark = level.upper() if verdict is Verdict.VALID else verdict.value.upper()
            name = contract.name if contract is not None else patterns(event.name)[:256] or "-"
            parts = [
                f"{_DIM}{time_utc(event.time_ms)}{_RESET}",
                f"{colour}{_printable(mark)[:12]:<12}{_RESET}",
                f"{_BOLD}{_printable(name)}{_RESET}",
            ]
            if event.reason:
                parts.append(f"{colour}{_printable(event.reason)}{_RESET}")
            for flaw in event.flaws[:5]:
                said = f"{patterns(flaw.pointer) or '/'}: {flaw.keyword} {flaw.expected}, found {flaw.found}"
                parts.append(f"{colour}{_printable(said)}{_RESET}")
            pairs = _pairs(_parsed(fields(event)))
            parts += [f"{_CYAN}{key}{_RESET}={value}" for key, value in pairs]
            return " ".join(parts) + (owner if verdict is Verdict.INVALID else "")

        return encode


def time_utc(time_ms: int) -> str:
    """`1493214552000` as `2017-04-26T13:49:12.000Z`; a time outside the years 1 to 9999 as its number."""
    try:
        at = _EPOCH + timedelta(milliseconds=time_ms)
    except OverflowError:
        return str(time_ms)
    return at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}Z"


def _errors(event: Event, patterns: Redact) -> str:
    return _json([Flaw(patterns(f.pointer), f.keyword, f.expected, f.found) for f in event.flaws[:5]])


def _parsed(text: str) -> object:
    """The event as JSON; what only another parser takes (a lone surrogate, great depth) is shown as its text."""
    try:
        return _DECODER.decode(text)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return text


def _pairs(data: object) -> list[tuple[str, str]]:
    """At most 40 of `key=value`, nested keys joined by dots, values quoted where they need it."""
    pairs: list[tuple[str, str]] = []
    for key, value in _flat("", data):
        if key == "event":
            continue
        if len(pairs) == MAX_PAIRS:
            pairs.append(("…", "more"))
            break
        pairs.append((_printable(key)[:MAX_VALUE_CHARS] or "value", value))
    return pairs


def _flat(prefix: str, value: object) -> Iterator[tuple[str, str]]:
    """Walks with a stack of its own: a deep event is a line like any other."""
    stack = [(prefix, value)]
    while stack:
        key, value = stack.pop()
        if isinstance(value, dict) and value:
            stack += [(f"{key}.{k}" if key else k, v) for k, v in reversed(value.items())]
        else:
            yield key, _value(value)


def _value(value: object) -> str:
    if isinstance(value, str) and _BARE.fullmatch(value):
        text = value
    else:
        try:
            text = _json(value)
        except (RecursionError, ValueError):
            text = "…"
    text = _printable(text)
    return text if len(text) <= MAX_VALUE_CHARS else text[:MAX_VALUE_CHARS] + "…"


def _printable(text: str) -> str:
    return text if text.isascii() and text.isprintable() else _UNSAFE_PATTERN.sub(_escaped, text)


def _one_line(text: str) -> str:
    # In JSON a raw control character can only be white space between tokens; the others lie inside strings.
    if "\n" in text or "\r" in text or "\t" in text:
        text = text.replace("\n", " ").replace("\r", " ").replace("\t", " ")
    return text if text.isascii() and "\x7f" not in text else _UNSAFE_PATTERN.sub(_escaped, text)


def _escaped(match: re.Match[str]) -> str:
    code = ord(match[0])
    if code < 0x10000:
        return f"\\u{code:04x}"
    code -= 0x10000
    return f"\\u{0xD800 + (code >> 10):04x}\\u{0xDC00 + (code & 0x3FF):04x}"


def _replaced_surrogate(match: re.Match[str]) -> str:
    return "\ufffd" if "\ud800" <= match[0] <= "\udfff" else match[0]


def _is_json(text: str) -> bool:
    try:
        msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return False
    return True


def _json(value: object) -> str:
    if isinstance(value, str):
        value = _UNSAFE_PATTERN.sub(_replaced_surrogate, value)
    return _UNSAFE_PATTERN.sub(_escaped, msgspec.json.encode(value).decode())
