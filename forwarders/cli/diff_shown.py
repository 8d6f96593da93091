"""A difference as text, JSON, one comment of a pull request, or annotations of a workflow."""

from __future__ import annotations

from collections.abc import Sequence

import click
import msgspec

from forwarders.cli.shown import printable
from forwarders.governance.difference import Difference, Finding
from forwarders.governance.folders import Folder
from forwarders.governance.positions import line_of
from forwarders.governance.replay import Replayed
from forwarders.governance.rows import BREAK, OK, REVIEW
from forwarders.governance.touched import touched

MARKER = "<!-- logharbor:schemas-diff -->"
"""The first line of the comment: a workflow finds the comment of the last run by it."""

_MAX_COMMENT = 60_000
"""GitHub takes comments of 65,536 characters."""
_COLOURS = {OK: "green", REVIEW: "yellow", BREAK: "red", "compatible": "green", "breaking": "red"}
_SIGNS = {OK: "✅", REVIEW: "🔎", BREAK: "❌", "compatible": "✅", "breaking": "❌"}


def show(
    found: Difference, low: Sequence[str], replayed: Replayed | None, new: Folder, form: str, terminal: bool
) -> None:
    """The difference is on standard output; what `json` has no place for is on standard error."""
    if form == "json":
        changes = [msgspec.to_builtins(one.change) for one in found.findings]
        body = {"verdict": found.verdict, "bump": found.bump, "changes": changes}
        click.echo(msgspec.json.format(msgspec.json.encode(body), indent=2).decode())
        for line in [*(_waived(one) for one in found.findings if one.waived), *found.notes, *low, *_told(replayed)]:
            click.echo(printable(line), err=True)
    elif form == "github":
        click.echo("\n".join(_annotations(found, low, replayed, new)))
    elif form == "markdown":
        click.echo(_comment(found, low, replayed))
    else:
        _text(found, low, replayed, terminal)


def _told(replayed: Replayed | None) -> list[str]:
    return replayed.lines() if replayed is not None else []


def _waived(one: Finding) -> str:
    return f"waived: {one.change.event} v{one.change.major} {one.change.pointer} {one.change.change}: {one.waived}"


def _text(found: Difference, low: Sequence[str], replayed: Replayed | None, terminal: bool) -> None:
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False, soft_wrap=True, no_color=None if terminal else True)
    console.print(
        Text.assemble((found.verdict, f"bold {_COLOURS[found.verdict]}"), f", bump {found.bump}, {_number(found)}")
    )
    file = ""
    for one in found.findings:
        if one.side.file != file:
            file = one.side.file
            console.print(Text(f"\n{printable(file)}", "bold"))
        change = one.change
        said = Text.assemble(
            "  ", *_readers(one), "  ", (change.change, "bold"), f"  {printable(change.pointer) or '/'}"
        )
        said.append(f"  ({change.bump})" + ("  waived" if one.waived else ""))
        console.print(said)
        for why in printable(change.why).split("; "):
            console.print(Text(f"           {why}", "dim"))
        if one.waived:
            console.print(Text(f"           waived: {printable(one.waived)}", "yellow"))
    for title, names in touched(found).items():
        console.print(Text(f"\n{title}", "bold"))
        for name in names:
            console.print(Text(f"  {printable(name)}"))
    for line in [*found.notes, *low, *_told(replayed)]:
        console.print(Text(f"\n{printable(line)}", "yellow"))


def _readers(one: Finding) -> list[tuple[str, str]]:
    change = one.change
    said = (("V", change.V), ("Q", change.Q), ("M", change.M))
    marks = {OK: "·", REVIEW: "?", BREAK: "!"}
    return [(f"{name}{marks[verdict]} ", _COLOURS[verdict]) for name, verdict in said]


def _number(found: Difference) -> str:
    count = len(found.findings)
    return f"{count} change{'' if count == 1 else 's'}"


def _comment(found: Difference, low: Sequence[str], replayed: Replayed | None) -> str:
    lines = [MARKER, f"## {_SIGNS[found.verdict]} Contracts: {found.verdict}", ""]
    lines += [f"{_number(found)}, version bump: **{found.bump}**.", ""]
    if found.findings:
        lines += ["| | contract | change | V | Q | M | bump | why |", "|---|---|---|---|---|---|---|---|"]
    lines += [_table_row(one) for one in found.findings]
    names = touched(found)
    if names:
        lines += ["", "<details><summary>What this touches</summary>", ""]
        lines += [f"- **{title}**: {', '.join(_code(name) for name in of)}" for title, of in names.items()]
        lines += ["", "</details>"]
    notes = [*found.notes, *low, *_told(replayed)]
    lines += ["", *(f"- {_cell(note)}" for note in notes)] if notes else []
    lines += ["", "V: the validator with producers already deployed. Q: stored indices, columns and boards. "]
    lines += ["M: metric filters and alarms."]
    text = "\n".join(lines)
    return text if len(text) <= _MAX_COMMENT else f"{text[:_MAX_COMMENT].rpartition(chr(10))[0]}\n\n… and more."


def _table_row(one: Finding) -> str:
    change = one.change
    sign = "🙈" if one.waived else _SIGNS[one.fails]
    where = f"{_code(f'{change.event} v{change.major}')}<br>{_code(change.pointer or '/')}"
    why = change.why + (f"; **waived**: {one.waived}" if one.waived else "")
    cells = [sign, where, _code(change.change), change.V, change.Q, change.M, change.bump, _cell(why)]
    return f"| {' | '.join(cells)} |"


def _code(text: str) -> str:
    """Text that a contract's author chose, as code: it cannot end the cell, mention a person or become a tag."""
    safe = printable(text).replace("`", "'").replace("|", "\\|")
    return f"`{safe}`"


def _cell(text: str) -> str:
    safe = printable(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("|", "\\|")
    return safe.replace("@", "@<!-- -->")


def _annotations(found: Difference, low: Sequence[str], replayed: Replayed | None, new: Folder) -> list[str]:
    lines = []
    for one in found.findings:
        change = one.change
        level = "notice" if one.waived or one.fails == OK else "error" if one.fails == BREAK else "warning"
        side = one.side
        path = f"{new.prefix}/{side.file}" if new.prefix not in ("", ".") else side.file
        line = line_of(side.raw.decode("utf-8-sig", "replace"), change.pointer)
        title = f"{change.change} {change.event} v{change.major} (V {change.V}, Q {change.Q}, M {change.M})"
        place = f"file={_property(path)},line={line},title={_property(title)}"
        lines.append(f"::{level} {place}::{_message(f'{change.pointer}: {change.why}')}")
    lines += [f"::warning title=contracts::{_message(note)}" for note in [*found.notes, *low]]
    lines += [f"::notice title=replay::{_message(note)}" for note in _told(replayed)]
    lines.append(f"::notice title=contracts::{found.verdict}, bump {found.bump}, {_number(found)}")
    return lines


def _message(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _message(text).replace(":", "%3A").replace(",", "%2C")
