"""`logharbor explain 'LINE'`: what happens to one line, step by step, and why. Nothing is sent."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Iterator

import click

from forwarders.cli.copies import text_of
from forwarders.cli.explained import STAND_IN, Copy, Explanation, explained
from forwarders.cli.options import config_option, json_option, read_config, read_contracts, schemas_option, sink_option
from forwarders.cli.shown import Row, json_line, json_lines, print_rows, printable
from forwarders.contracts.compiled import Contracts
from forwarders.model import Record, Verdict

_WHY = {
    "json_syntax": "the route says that every line is JSON, and this one is not",
    "json_not_object": "it is JSON, and no object",
    "json_number": "it holds NaN, or a number beyond a double",
    "json_depth": "it is nested 200 levels deep or deeper",
    "key_missing": "the key under which the route's events lie is not there",
    "contract_violation": "the event is not as its contract says",
    "unknown_event": "no contract has this name",
    "unknown_version": "its contract has no such version",
}


@click.command("explain", short_help="Say what happens to one line, step by step, and why.")
@click.argument("line")
@click.option("--log-group", default="/aws/lambda/example", show_default=True, help="The log group it would come from.")
@sink_option
@config_option
@schemas_option
@json_option
def command(
    line: str,
    log_group: str,
    sinks: tuple[str, ...],
    config_path: str | None,
    schemas_path: str | None,
    as_json: bool,
) -> None:
    """Say what would happen to LINE (- reads it from standard input) and why; nothing is sent or stored.

    Of a file's lines, give the path as --log-group: routes match either.
    """
    config = read_config(config_path, sinks, default=("sqlite:logharbor.db",))
    contracts = Contracts(read_contracts(schemas_path))
    told = explained(_record(line), log_group, config, contracts)
    if as_json:
        click.echo(json_line(told))
    else:
        print_rows(_rows(told), shutil.get_terminal_size().columns if sys.stdout.isatty() else None)


def _record(line: str) -> Record:
    """The line as a source would hand it over: bytes that are no UTF-8 are replaced, and a flag says so."""
    body = sys.stdin.buffer.read().removesuffix(b"\n") if line == "-" else line.encode("utf-8", "surrogateescape")
    now_ms = time.time_ns() // 1_000_000
    try:
        return Record("0", now_ms, body.decode())
    except UnicodeDecodeError:
        return Record("0", now_ms, body.decode("utf-8", "replace"), ("invalid_utf8",))


def _rows(told: Explanation) -> Iterator[Row]:
    yield "route", [printable(f"{told.route}: format {told.format}, to {', '.join(told.sinks)}")]
    yield "format", [printable(_format(told))]
    if told.contract:
        yield "contract", [f"{told.contract}, owner {told.owner}"]
    elif told.verdict is Verdict.UNREGISTERED:
        yield "contract", [f"none: {_WHY[told.why] if told.event else 'the event does not say its name'}{_near(told)}"]
    yield "verdict", [_verdict(told)]
    for flaw in told.flaws:
        where = flaw.pointer or "(the event)"
        yield "  flaw", [printable(f"{where}: {flaw.keyword}, expected {flaw.expected}, found {flaw.found}")]
    if told.in_words:
        yield "  in words", [printable(line) for line in told.in_words.split("\n")]
    from_words = (
        f"from the contract's field {told.time_from!r}" if told.time_from else "the log event's own (here: now)"
    )
    yield "time", [f"{told.time}, {from_words}"]
    yield "id", [f"{told.id}, made of where the line comes from: a redelivery has the same"]
    if told.key == STAND_IN.id:
        yield "key", ["the key of the keyed hash is not read here: hashes are shown with another"]
    for name, copy in told.sinks.items():
        yield from _copy(name, copy)


def _format(told: Explanation) -> str:
    words = f"event {told.event!r}" if told.event else "an event that does not say its name"
    if told.verdict is Verdict.INVALID and not told.contract:
        words = "not readable as an event"
    if told.context:
        words += "; its wrapper said: " + ", ".join(f"{key} {value}" for key, value in told.context.items())
    return words + (f"; repaired: {', '.join(told.flags)}" if told.flags else "")


def _near(told: Explanation) -> str:
    return f" (did they mean {' or '.join(map(repr, told.near))}?)" if told.near else ""


def _verdict(told: Explanation) -> str:
    if told.verdict is Verdict.INVALID:
        return f"{told.verdict}: {_WHY.get(told.why, told.why)}"
    drift = [f"the field {path} is not in the contract, and moves under _extra" for path in told.drift]
    drift += [f"the value of {path} is none that the contract knows" for path in told.unknown_values]
    return str(told.verdict) + (", with drift: " + "; ".join(map(printable, drift)) if drift else "")


def _copy(name: str, copy: Copy) -> Iterator[Row]:
    if not copy.dataset:
        yield f"→ {name}", [f"not sent: {copy.fate} ({copy.reason})"]
        return
    because = f" ({copy.reason})" if copy.reason else ""
    lines = [f"{copy.fate}, dataset {copy.dataset}{because}"]
    if not copy.copy:
        lines.append("without any text of the event: no safe copy could be made")
    elif copy.redacted:
        lines.append("redacted: " + printable(", ".join(f"{field} {how}" for field, how in copy.redacted.items())))
    else:
        lines.append("redacted: nothing")
    yield f"→ {name}", lines
    for part, text in text_of(copy.copy).items():
        yield f"    {part}", json_lines(text)
