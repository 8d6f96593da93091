"""The pages of the catalogue: the same bytes for the same entries, with all text escaped and nothing from elsewhere."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from forwarders.errors import ConfigError
from forwarders.governance.catalogue.entry import Entry
from forwarders.governance.catalogue.rows import Row

HERE = Path(__file__).parent
GENERATOR = '<meta name="generator" content="logharbor schemas catalogue">'
"""What tells a page of ours from a file that somebody else has put there."""
_HEAD_BYTES = 1_000


class Use(msgspec.Struct, frozen=True):
    """One event that has a field."""

    entry: Entry
    row: Row


def site(
    entries: Sequence[Entry], title: str, note: str = "", measured: bool = False, versioned: bool = False
) -> dict[str, bytes]:
    """The files of the catalogue by their place in it. `note` is for every page's foot.

    `measured` and `versioned`: whether pipeline and git were asked, so that a page can tell nothing from unknown.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    style, keys = (HERE / "templates" / name for name in ("catalogue.css", "keys.js"))
    shared = {"title": title, "note": note, "measured": measured, "versioned": versioned, "count": len(entries)}
    shared |= {"style": Markup(style.read_text("utf-8")), "majors": _majors(entries)}  # noqa: S704 - our own file
    shared["generator"] = Markup(GENERATOR)  # noqa: S704 - our own

    def page(template: str, script: str, **said: Any) -> bytes:
        code = keys.read_text("utf-8") + ((HERE / "templates" / script).read_text("utf-8") if script else "")
        head = {"script": Markup(code), "policy": _policy(str(shared["style"]), code)}  # noqa: S704 - our own file
        return environment.get_template(template).render(**shared, **head, **said).encode()

    uses = _uses(entries)
    files = {
        "index.html": page(
            "index.html",
            "search.js",
            root="",
            entries=entries,
            data=Markup(_data(entries)),  # noqa: S704 - escaped below
            owners=_counted(one.owner for one in entries),
            datasets=_counted(one.dataset for one in entries),
            stabilities=_counted(one.stability for one in entries),
        ),
        "fields.html": page("fields.html", "fields.js", root="", uses=uses),
    }
    shared_by = {name: len({use.entry.event for use in of}) for name, of in uses.items()}
    for entry in entries:
        files[f"events/{entry.page}"] = page("event.html", "", root="../", entry=entry, shared_by=shared_by)
    return files


def write(folder: Path, files: Mapping[str, bytes]) -> int:
    """The catalogue lies in the folder; pages of events that are gone are removed. Returns how many files changed.

    Raises ConfigError rather than overwrite or remove a file that is no page of a catalogue.
    """
    for name in files:
        if (folder / name).exists() and not _is_ours(folder / name):
            hint = "Name an empty folder with --out."
            raise ConfigError(str(folder / name), "file", "a file of somebody else", "a page of the catalogue", hint)
    changed = 0
    (folder / "events").mkdir(parents=True, exist_ok=True)
    for name, body in files.items():
        target = folder / name
        if not target.is_file() or target.read_bytes() != body:
            target.write_bytes(body)
            changed += 1
    for target in (folder / "events").glob("*.html"):
        if f"events/{target.name}" not in files and _is_ours(target):
            target.unlink()
            changed += 1
    return changed


def _is_ours(file: Path) -> bool:
    if file.is_symlink() or not file.is_file():
        return False
    with file.open("rb") as stream:
        return GENERATOR.encode() in stream.read(_HEAD_BYTES)


def _policy(style: str, script: str) -> str:
    """The Content-Security-Policy of a page: its own style and script by their hashes, and nothing else at all.

    `'self'` would mean nothing to a page that was opened from a file.
    """
    allowed = f"style-src {_hash(style)}; script-src {_hash(script)}"
    return f"default-src 'none'; {allowed}; img-src data:; base-uri 'none'"


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _data(entries: Sequence[Entry]) -> str:
    """What the search reads, as JSON that may stand in a script element: no `<`, no `&`, no line separator."""
    body = [
        {
            "n": one.event,
            "p": f"events/{one.page}",
            "t": one.title,
            "d": one.description,
            "o": one.owner,
            "s": one.dataset,
            "m": [metric.name for metric in one.metrics],
            "f": [[row.name, row.anchor, row.description] for row in one.fields],
        }
        for one in entries
    ]
    text = msgspec.json.encode(body).decode()
    for mark in "<>&\u2028\u2029":
        text = text.replace(mark, f"\\u{ord(mark):04x}")
    return text


def _counted(values: Any) -> list[tuple[str, int]]:
    counts: dict[str, int] = {}
    for value in values:
        counts[value] = counts.get(value, 0) + 1
    return sorted(counts.items())


def _majors(entries: Sequence[Entry]) -> dict[str, list[Entry]]:
    found: dict[str, list[Entry]] = {}
    for entry in entries:
        found.setdefault(entry.event, []).append(entry)
    return found


def _uses(entries: Sequence[Entry]) -> dict[str, list[Use]]:
    """Who has a field of this name, all names sorted without regard to case."""
    found: dict[str, list[Use]] = {}
    for entry in entries:
        for row in entry.fields:
            found.setdefault(row.name, []).append(Use(entry, row))
    return {name: found[name] for name in sorted(found, key=lambda one: (one.lower(), one))}
