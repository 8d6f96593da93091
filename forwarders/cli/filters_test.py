"""`logharbor filters test PATTERN [FILE…]`: TestMetricFilter without AWS."""

from __future__ import annotations

from collections.abc import Iterator
from io import BufferedReader
from typing import cast

import click

from forwarders.cli.filters_explain import PATTERN_SETTINGS, parsed_or_exit
from forwarders.cli.shown import json_line, printable
from forwarders.errors import ConfigError
from forwarders.metrics.filter_pattern import FilterPatternError, Match, Pattern, parse_selector
from forwarders.sources.inflate import Damage, decompressed

NO_MATCH = 1


@click.command("test", short_help="Say which lines match a filter pattern.", context_settings=PATTERN_SETTINGS)
@click.argument("pattern")
@click.argument("files", nargs=-1, type=click.Path(dir_okay=False, allow_dash=True), metavar="[FILE]...")
@click.option("--value", "selector", help="Print the metric value of every match: $.latency, $size or $3.")
@click.option(
    "--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True, help="What is printed."
)
def command(pattern: str, files: tuple[str, ...], selector: str | None, form: str) -> None:
    """Say which lines of FILE (or of standard input) match PATTERN, as TestMetricFilter would.

    Files may be plain, gzip or zstd.

    Text: the lines that match, with what is extracted. JSON: an object for every line. A pattern that begins with a
    minus goes behind `--`. Exit 0 when a line matched, 1 when none did, 2 for a pattern that AWS refuses or a file that
    cannot be read.
    """
    compiled = parsed_or_exit(pattern)
    _check_selector(selector)
    lines = matched = 0
    for file in files or ("-",):
        with click.open_file(file, "rb") as stream:
            for number, line in enumerate(_lines(file, cast(BufferedReader, stream)), 1):
                match = compiled.match(line)
                lines, matched = lines + 1, matched + (match is not None)
                name = file if len(files) > 1 else ""
                if form == "json":
                    click.echo(json_line(_told(name, number, match, selector)))
                elif match is not None:
                    _print(compiled, name, number, match, selector)
    if form == "text":
        click.echo(f"{matched} of {lines} line{'s' * (lines != 1)} match", err=True)
    click.get_current_context().exit(0 if matched else NO_MATCH)


def _check_selector(selector: str | None) -> None:
    if selector is None or not selector.startswith("$."):
        return
    try:
        parse_selector(selector)
    except FilterPatternError as error:
        raise click.BadParameter(f"\n{error.shown()}", param_hint="--value") from None


def _lines(file: str, stream: BufferedReader) -> Iterator[str]:
    """The lines; gzip and zstandard are unpacked, and bytes that are no UTF-8 replaced, as CloudWatch Logs does."""
    open_line: list[bytes] = []
    for piece in decompressed(lambda offset: _chunks(stream), replay=False):
        if isinstance(piece, Damage):
            found = "it ends too early" if piece.reason == "decode_truncated" else "it is broken"
            raise ConfigError(file, f"byte {piece.offset}", found, "all of a compressed file")
        first, *others = piece.split(b"\n")
        open_line.append(first)
        for part in others:
            yield _text(b"".join(open_line))
            open_line = [part]
    if last := b"".join(open_line):
        yield _text(last)


def _chunks(stream: BufferedReader) -> Iterator[bytes]:
    """What there is, as soon as it is there: standard input may be a `tail -f`."""
    while chunk := stream.read1(1 << 16):
        yield chunk


def _text(line: bytes) -> str:
    return line.removesuffix(b"\r").decode("utf-8", "replace")


def _told(file: str, number: int, match: Match | None, selector: str | None) -> dict[str, object]:
    told: dict[str, object] = {"file": file} if file else {}
    told |= {"line": number, "matched": match is not None, "values": match.values if match else {}}
    return told | ({"value": match.value(selector) if match else None} if selector else {})


def _print(pattern: Pattern, file: str, number: int, match: Match, selector: str | None) -> None:
    place = f"{printable(file)}:{number}" if file else str(number)
    click.echo(f"{place}: {_highlighted(pattern, match)}")
    for name, value in match.values.items():
        click.echo(f"    {name} = {printable(value)}")
    if selector:
        value_of_metric = match.value(selector)
        click.echo(f"    value = {'none' if value_of_metric is None else printable(str(value_of_metric))}")


def _highlighted(pattern: Pattern, match: Match) -> str:
    """The message, safe to print; click takes the colours out where it is no terminal."""
    from forwarders.metrics.filter_pattern.highlight import spans

    parts: list[str] = []
    at = 0
    for start, end in spans(pattern, match):
        parts += [
            printable(match.message[at:start]),
            click.style(printable(match.message[start:end]), "red", bold=True),
        ]
        at = end
    return "".join([*parts, printable(match.message[at:])])
