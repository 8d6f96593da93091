"""Access logs of nginx and Apache, common and combined, and of API Gateway, as `http.access` with ECS fields."""

from __future__ import annotations

import re
import socket
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from functools import cache, lru_cache
from typing import Any

import msgspec

from forwarders.formats.parsed import Parsed
from forwarders.formats.text import legacy_text

HTTP_ACCESS = "http.access"

encode = msgspec.json.Encoder().encode

_VERSIONS = {f"HTTP/{version}": version for version in ("1.1", "2.0", "1.0", "2", "3.0", "3", "0.9")}
_STATUS_CODES = {str(code): code for code in range(100, 1000)}
_METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "CONNECT", "TRACE", "PROPFIND"))
_MAX_CAREFUL_CHARS = 65_536
_REQUEST = re.compile(r"([A-Za-z_-]{1,32}) (.+) HTTP/([0-9](?:\.[0-9])?)", re.DOTALL).fullmatch

_ESCAPES = re.compile(r"(?:\\x[0-9a-fA-F]{2})+|\\.", re.DOTALL)
_LETTERS = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "v": "\v", "a": "\a"}

_TIME = re.compile(r"(\d\d)/([A-Z][a-z]{2})/(\d{4}):(\d\d):(\d\d):(\d\d) ([+-])(\d\d)([0-5]\d)", re.ASCII).fullmatch
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@cache  # compiled with the first line that needs it: 1 ms of a cold start
def _pattern() -> Callable[[str], re.Match[str] | None]:
    # A quote inside the request ends it only where a status follows; a cut line may end inside its last quotes.
    return re.compile(
        r'([^ "]{1,255}) ([^ "]{1,255}) (""|[^"\[]+) \[([^\]]{20,30})\] '
        r'"((?:[^\\]|\\.)*?)" '
        r"([1-9][0-9]{2}) ([0-9]{1,18}|-)"
        # API Gateway writes the ids of a request after the common format; they have no dot, as a duration would.
        r'(?: "((?:[^"\\]|\\.)*+)" "((?:[^"\\]|\\.)*+)"?| ([\w-]{8,128}={0,2})(?: [\w-]{8,128}={0,2}| -)?)?',
        re.DOTALL | re.ASCII,
    ).fullmatch


def access_line(text: str) -> Parsed:
    """An access line as `http.access`; a line that is none as `legacy.text`. Never raises."""
    return access_event(text) or legacy_text(text)


def access_event(text: str) -> Parsed | None:
    """`http.access` with typed ECS fields, or None when the line is no access line. About 2 µs.

    `host ident user [17/May/2015:10:05:03 +0000] "GET /a?b HTTP/1.1" 200 203023 "referrer" "agent"`, the last two
    optional; in their place API Gateway's request id, and its extended one, which is left out. `-` is left out.
    `timestamp` is in seconds since the epoch. A request that is not `METHOD target HTTP/x.y` (TLS on the plain port) is
    the field `message`. `\\"`, `\\\\` and `\\xhh` inside quotes are decoded; what is not UTF-8 stays `\\xhh`. A user
    agent without its closing quote, the end of a cut line, is taken.
    """
    try:
        return _quick(text) or _careful(text)
    except ValueError:
        return None


def _quick(text: str) -> Parsed | None:
    """The line that nearly all lines are, taken apart by its quotes and blanks: half of what one regular expression
    takes. None for what is not plainly that: an escape, a letter beyond ASCII, a blank in a name, an unusual request.
    """
    if "\\" in text or not text.isascii():
        return None
    parts = text.rstrip("\r\n").split('"')
    if len(parts) == 7:
        head, request, middle, referrer, between, agent, end = parts
        if between != " " or end:
            return None
    elif len(parts) == 3:
        head, request, middle = parts
        middle, referrer, agent = f"{middle} ", "", ""
    else:
        return None
    try:
        host, ident, user, day, zone, no_head = head.split(" ")
        method, target, protocol = request.split(" ")
        no_middle, status, size, no_end = middle.split(" ")
        version, code = _VERSIONS[protocol], _STATUS_CODES[status]
    except (ValueError, KeyError):
        return None
    if no_head or no_middle or no_end or method not in _METHODS or not (ident and user and target):
        return None
    if not 0 < len(host) < 256 or len(ident) > 255 or "[" in user:
        return None
    if size != "-" and (not size.isdecimal() or len(size) > 18):
        return None
    return _event(host, ident, user, _bracketed(day, zone), method, target, version, code, size, referrer, agent)


@lru_cache(maxsize=256)  # a busy server writes many lines in one second
def _bracketed(day: str, zone: str) -> int:
    """`[17/May/2015:10:05:03` and `+0000]` in seconds since the epoch. Raises ValueError."""
    if day[:1] != "[" or zone[-1:] != "]":
        raise ValueError("not a time")
    return _time_s(f"{day[1:]} {zone[:-1]}")


def _careful(text: str) -> Parsed | None:
    """Lines with a request of another kind, an escape, a quote in the request, an empty user, or a cut end."""
    match = _pattern()(text.rstrip("\r\n")) if len(text) <= _MAX_CAREFUL_CHARS else None
    if match is None:
        return None
    host, ident, user, when, request, status, size, referrer, agent, request_id = match.groups()
    request, referrer, agent = _unescaped(request), _unescaped(referrer), _unescaped(agent)
    user = "-" if user == '""' else _unescaped(user)
    time_s, code = _time_s(when), int(status)
    parts = _REQUEST(request)
    if parts is not None:
        method, target, version = parts.groups()
        found = _event(host, ident, user, time_s, method, target, version, code, size, referrer, agent)
        return _with_id(found, request_id) if request_id else found
    name, _, data, context = _event(host, ident, user, time_s, "", "", "", code, size, referrer, agent)
    del data["url"], data["http"]["version"], data["http"]["request"]["method"]
    if not data["http"]["request"]:
        del data["http"]["request"]
    data["message"] = request
    return name, encode(data).decode(), data, context


def _with_id(found: Parsed, request_id: str) -> Parsed:
    name, _, data, context = found
    data["http"]["request"]["id"] = request_id
    return name, encode(data).decode(), data, context


def _event(
    host: str,
    ident: str,
    user: str,
    time_s: int,
    method: str,
    target: str,
    version: str,
    code: int,
    size: str,
    referrer: str,
    agent: str,
) -> Parsed:
    path, mark, query = target.partition("?")
    if path[:1] != "/" and "://" in path:  # what a proxy is asked for
        path = "/" + path.partition("://")[2].partition("/")[2]
    # One literal and one encoding: as fast as the text put together from its parts, and the two cannot differ.
    data: dict[str, Any] = {
        "timestamp": time_s,
        "source": {"address": host, "ip": host} if _is_ip(host) else {"address": host},
        "http": {
            "version": version,
            "request": {"method": method, "referrer": referrer} if referrer and referrer != "-" else {"method": method},
            "response": {"status_code": code} if size == "-" else {"status_code": code, "body": {"bytes": int(size)}},
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
def _time_s(when: str) -> int:
    """`17/May/2015:10:05:03 +0000` in seconds since the epoch. Raises ValueError for a date that does not exist."""
    match = _TIME(when)
    if match is None:
        raise ValueError("not a time")
    day, year, hour, minute, second = (int(match[i]) for i in (1, 3, 4, 5, 6))
    leap = second == 60
    offset = timedelta(hours=int(match[8]), minutes=int(match[9]))
    zone = timezone(offset if match[7] == "+" else -offset)
    time = datetime(year, _MONTHS.index(match[2]) + 1, day, hour, minute, 59 if leap else second, tzinfo=zone)
    return int(time.timestamp()) + leap


def _unescaped(text: str | None) -> str:
    """Text inside quotes as the client sent it: Apache's and nginx's escapes decoded."""
    return _ESCAPES.sub(_unescape, text) if text and "\\" in text else text or ""


def _unescape(match: re.Match[str]) -> str:
    escape = match.group()
    if escape[1] != "x" or len(escape) == 2:
        return _LETTERS.get(escape[1], escape[1])
    return bytes.fromhex(escape.replace("\\x", "")).decode("utf-8", "backslashreplace")
