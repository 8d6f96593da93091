"""Access logs of nginx and Apache, common and combined, as `http.access` with ECS fields."""

from __future__ import annotations

import re
import socket
from datetime import datetime, timedelta, timezone
from functools import lru_cache
from typing import Any

import msgspec

from forwarders.formats.parsed import Parsed
from forwarders.formats.text import legacy_text

HTTP_ACCESS = "http.access"

encode = msgspec.json.Encoder().encode

# Plain classes and no second chance (no space in the target) take 0.9 µs a line; `(?:[^"\\]|\\.)*`, which knows
# escapes, takes 7.
_PLAIN = re.compile(
    r'([^\s"]{1,255}) ([^\s"]{1,255}) ([^"\[\\]+) \[([^\]]{20,30})\] '
    r'"([A-Za-z_-]{1,32}) ([^ "\\]+) HTTP/([0-9](?:\.[0-9])?)" '
    r'([1-9][0-9]{2}) ([0-9]{1,18}|-)(?: "([^"\\]*)" "([^"\\]*)")?[\r\n]*'
).fullmatch
# A quote inside the request ends it only where a status follows; a cut line may end inside its last quotes.
_CAREFUL = re.compile(
    r'([^\s"]{1,255}) ([^\s"]{1,255}) (""|[^"\[]+) \[([^\]]{20,30})\] '
    r'"((?:[^\\]|\\.)*?)" '
    r'([1-9][0-9]{2}) ([0-9]{1,18}|-)(?: "((?:[^"\\]|\\.)*+)" "((?:[^"\\]|\\.)*+)"?)?',
    re.DOTALL,
).fullmatch
_MAX_CAREFUL_CHARS = 65_536
_REQUEST = re.compile(r"([A-Za-z_-]{1,32}) (.+) HTTP/([0-9](?:\.[0-9])?)", re.DOTALL).fullmatch

_ESCAPES = re.compile(r"(?:\\x[0-9a-fA-F]{2})+|\\.", re.DOTALL)
_LETTERS = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "v": "\v", "a": "\a"}

_TIME = re.compile(r"(\d\d)/([A-Z][a-z]{2})/(\d{4}):(\d\d):(\d\d):(\d\d) ([+-])(\d\d)([0-5]\d)", re.ASCII).fullmatch
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def access_line(text: str) -> Parsed:
    """An access line as `http.access`; a line that is none as `legacy.text`. Never raises."""
    return access_event(text) or legacy_text(text)


def access_event(text: str) -> Parsed | None:
    """`http.access` with typed ECS fields, or None when the line is no access line. About 3 µs.

    `host ident user [17/May/2015:10:05:03 +0000] "GET /a?b HTTP/1.1" 200 203023 "referrer" "agent"`, the last two
    optional. `-` is left out. `timestamp` is in ms since the epoch. A request that is not `METHOD target HTTP/x.y`
    (TLS on the plain port) is the field `message`. `\\"`, `\\\\` and `\\xhh` inside quotes are decoded; what is not
    UTF-8 stays `\\xhh`. A user agent without its closing quote, the end of a cut line, is taken.
    """
    match = _PLAIN(text)
    try:
        return _event(*match.groups()) if match is not None else _careful(text)
    except ValueError:
        return None


def _careful(text: str) -> Parsed | None:
    """Lines with a request of another kind, an escape, a quote in the request, an empty user, or a cut end."""
    match = _CAREFUL(text.rstrip("\r\n")) if len(text) <= _MAX_CAREFUL_CHARS else None
    if match is None:
        return None
    host, ident, user, when, request, status, size, referrer, agent = match.groups()
    request, referrer, agent = _unescaped(request), _unescaped(referrer), _unescaped(agent)
    user = "-" if user == '""' else _unescaped(user)
    parts = _REQUEST(request)
    if parts is not None:
        method, target, version = parts.groups()
        return _event(host, ident, user, when, method, target, version, status, size, referrer, agent)
    name, _, data, context = _event(host, ident, user, when, "", "", "", status, size, referrer, agent)
    del data["url"], data["http"]["version"], data["http"]["request"]["method"]
    if not data["http"]["request"]:
        del data["http"]["request"]
    data["message"] = request
    return name, encode(data).decode(), data, context


def _event(
    host: str,
    ident: str,
    user: str,
    when: str,
    method: str,
    target: str,
    version: str,
    status: str,
    size: str,
    referrer: str | None,
    agent: str | None,
) -> Parsed:
    path, mark, query = target.partition("?")
    if path[:1] != "/" and "://" in path:  # what a proxy is asked for
        path = "/" + path.partition("://")[2].partition("/")[2]
    # One literal and one encoding: as fast as the text put together from its parts, and the two cannot differ.
    data: dict[str, Any] = {
        "timestamp": _time_ms(when),
        "source": {"address": host, "ip": host} if _is_ip(host) else {"address": host},
        "http": {
            "version": version,
            "request": {"method": method, "referrer": referrer} if referrer and referrer != "-" else {"method": method},
            "response": {"status_code": int(status)}
            if size == "-"
            else {"status_code": int(status), "body": {"bytes": int(size)}},
        },
        "url": {"original": target, "path": path, "query": query} if mark else {"original": target, "path": path},
    }
    if agent and agent != "-":
        data["user_agent"] = {"original": agent}
    if user != "-":
        data["user"] = {"name": user}
    if ident != "-":
        data["client"] = {"user": {"name": ident}}
    return HTTP_ACCESS, encode(data).decode(), data, None


@lru_cache(maxsize=4096)
def _is_ip(host: str) -> bool:
    try:
        socket.inet_pton(socket.AF_INET6 if ":" in host else socket.AF_INET, host)
    except (OSError, ValueError):
        return False
    return True


@lru_cache(maxsize=256)  # a busy server writes many lines in one second
def _time_ms(when: str) -> int:
    """`17/May/2015:10:05:03 +0000` in ms since the epoch. Raises ValueError for a date that does not exist."""
    match = _TIME(when)
    if match is None:
        raise ValueError("not a time")
    day, year, hour, minute, second = (int(match[i]) for i in (1, 3, 4, 5, 6))
    leap = second == 60
    offset = timedelta(hours=int(match[8]), minutes=int(match[9]))
    zone = timezone(offset if match[7] == "+" else -offset)
    time = datetime(year, _MONTHS.index(match[2]) + 1, day, hour, minute, 59 if leap else second, tzinfo=zone)
    return (int(time.timestamp()) + leap) * 1000


def _unescaped(text: str | None) -> str:
    """Text inside quotes as the client sent it: Apache's and nginx's escapes decoded."""
    return _ESCAPES.sub(_unescape, text) if text and "\\" in text else text or ""


def _unescape(match: re.Match[str]) -> str:
    escape = match.group()
    if escape[1] != "x" or len(escape) == 2:
        return _LETTERS.get(escape[1], escape[1])
    return bytes.fromhex(escape.replace("\\x", "")).decode("utf-8", "backslashreplace")
