"""How values look in the explorer: times in UTC, verdicts as chips, JSON with its digits as they came."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from urllib.parse import urlencode

import msgspec
from markupsafe import Markup, escape

from forwarders.explorer.window import iso
from forwarders.model import Flaw

MAX_JSON_CHARS = 20_000
MAX_PAIRS = 14

_TIMES = frozenset({"time", "first_time", "last_time", "started", "ended"})
_JSON = frozenset({"fields", "errors", "drift", "flags"})
_ID = re.compile("[0-9a-f]{32}")
_KEY = re.compile(r"(?m)^(\s*)(&#34;(?:(?!&#34;).)*&#34;)(: )")
# What a browser would obey instead of show: controls, line separators, bidirectional marks.
_UNSAFE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff]")
EVENTS = "/logs/events"


def cell(column: str, value: object) -> Markup | None:
    """The value as HTML, everything escaped; None: show it as Datasette would."""
    if value is None:
        return Markup('<span class="null">–</span>')
    if isinstance(value, int) and column in _TIMES:
        shown = utc(value) if column == "time" else utc(value)[:19]
        return Markup('<time title="{0} ms since 1970">{1}</time>').format(value, shown)
    if not isinstance(value, str):
        return Markup('<span class="number">{}</span>').format(f"{value:,}") if column == "n" else None
    if column == "verdict":
        return Markup('<span class="chip {0}">{0}</span>').format(value)
    if column == "id" and _ID.fullmatch(value):
        return Markup('<a class="id" href="{0}/{1}">{2}…</a>').format(EVENTS, value, value[:8])
    if column in ("see", "look") and value.startswith(f"{EVENTS}?"):
        return Markup('<a href="{}">see them</a>').format(value)
    if column in _JSON and value[:1] in ("{", "["):
        return Markup('<pre class="json">{}</pre>').format(_pretty(value))
    if _UNSAFE.search(value):
        return Markup('<span class="escaped">{}</span>').format(_visible(value))
    return None


def utc(time_ms: int) -> str:
    """`2017-04-26 13:49:12`, for people; the page says that it is UTC."""
    return iso(time_ms).replace("T", " ").removesuffix("Z")


def link(*pairs: object) -> str:
    """An SQL function: the address of the events that match; pairs of parameter and value, NULL is `is null`."""
    query = {}
    for name, value in zip(pairs[::2], pairs[1::2], strict=False):
        if value is not None:
            query[str(name)] = str(value)
        elif not str(name).startswith("_"):
            query[f"{name}__isnull"] = "1"
    return f"{EVENTS}?{urlencode(query)}"


def summary(text: str) -> Markup:
    """The fields of an event on a few lines: `user=ryansb method=totp-2fa source.type=web.navbar`."""
    parts: list[Markup] = []
    for key, value in _flat("", text.encode("utf-8", "replace")):
        if len(parts) == MAX_PAIRS:
            parts.append(Markup("…"))
            break
        if key not in ("event", "timestamp"):
            pair = Markup('<span class="pair"><b>{}</b>{}</span>')
            parts.append(pair.format(_visible(key[:60]), _visible(_bare(value))))
    return Markup(" ").join(parts)


def _flat(prefix: str, text: bytes, depth: int = 0) -> Iterator[tuple[str, str]]:
    """The members of an object with their text, those of objects inside it under dotted names."""
    try:
        members = msgspec.json.decode(text, type=dict[str, msgspec.Raw])
    except (msgspec.MsgspecError, RecursionError):
        yield prefix or "message", text.decode("utf-8", "replace")
        return
    for key, raw in members.items():
        name = f"{prefix}.{key}" if prefix else key
        value = bytes(raw)
        if value[:1] == b"{" and depth < 5:
            yield from _flat(name, value, depth + 1)
        else:
            yield name, value.decode("utf-8", "replace")


def flaws(text: str | None) -> list[Flaw]:
    """The errors of an event; none where there are none or the text is not what the sink writes."""
    try:
        return msgspec.json.decode(text or "[]", type=list[Flaw])
    except msgspec.MsgspecError:
        return []


def _bare(raw: str) -> str:
    text = raw[1:-1] if raw.startswith('"') and "\\" not in raw else raw
    return text if len(text) <= 120 else text[:120] + "…"


def _pretty(text: str) -> Markup:
    more = ""
    with contextlib.suppress(msgspec.DecodeError, RecursionError):
        # Formats the text itself: an integer beyond 64 bits keeps its digits.
        text = msgspec.json.format(text, indent=2)
    if len(text) > MAX_JSON_CHARS:
        text, more = text[:MAX_JSON_CHARS], f"\n… {len(text) - MAX_JSON_CHARS:,} characters more"
    escaped = str(escape(_visible(text) + more))
    return Markup(_KEY.sub(r"\1<b>\2</b>\3", escaped))  # noqa: S704 escaped on the line above


def _visible(text: str) -> str:
    return _UNSAFE.sub(lambda match: f"\\u{ord(match[0]):04x}", text)
