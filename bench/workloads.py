"""The inputs that are measured: CloudWatch payloads as Lambda gets them, made from a seed."""

from __future__ import annotations

import base64
import gzip
import json
import random
from collections.abc import Callable
from datetime import UTC, datetime

START_MS = 1_763_000_000_000
LOG_GROUP = "/aws/lambda/web-login"


def login(rnd: random.Random, at_ms: int) -> str:
    """(a) About 240 bytes of JSON: user.login.success."""
    return _compact(
        {
            "timestamp": at_ms // 1000,
            "event": "user.login.success",
            "event_version": 1,
            "user": f"auth0|{rnd.getrandbits(96):024x}",
            "method": rnd.choice(["password", "totp-2fa", "webauthn", "sso"]),
            "source": {"type": "web.navbar.account-menu", "client": f"git-{rnd.getrandbits(160):040x}"},
        }
    )


def order(rnd: random.Random, at_ms: int) -> str:
    """(b) About 900 bytes of JSON with 25 fields in nested objects: order.placed."""
    from bench.orders import order_placed

    return _compact(order_placed(rnd, at_ms))


def access(rnd: random.Random, at_ms: int) -> str:
    """(c) A combined access line of about 220 bytes, of one of 2,000 clients (a public site: 1,753 in 10,000 lines)."""
    client = rnd.randrange(2_000)
    host = f"{83 + client % 17}.{client % 251}.{client % 241}.{client % 239}"
    when = datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%d/%b/%Y:%H:%M:%S +0000")
    path = f"/catalogue/{rnd.choice(['shoes', 'hats', 'coats'])}/{rnd.randrange(10_000)}?page={rnd.randrange(9)}"
    agent = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36"
    status, size = rnd.choice([200, 200, 200, 304, 404]), rnd.randrange(100, 90_000)
    return f'{host} - - [{when}] "GET {path} HTTP/1.1" {status} {size} "https://shop.example/" "{agent}"'


def payload(make: Callable[[random.Random, int], str], events: int, seed: int = 1) -> dict[str, dict[str, str]]:
    """One CloudWatch Logs payload of so many events, compressed as CloudWatch does (gzip level 6)."""
    rnd = random.Random(seed)
    log_events = []
    for index in range(events):
        at_ms = START_MS + index * 3
        id = f"{(at_ms << 144) + (rnd.getrandbits(64) << 16) + index:056d}"
        log_events.append({"id": id, "timestamp": at_ms, "message": make(rnd, at_ms)})
    envelope = {
        "messageType": "DATA_MESSAGE",
        "owner": "123456789012",
        "logGroup": LOG_GROUP,
        "logStream": "2026/11/23/[$LATEST]0123456789abcdef0123456789abcdef",
        "subscriptionFilters": ["logharbor"],
        "logEvents": log_events,
    }
    body = gzip.compress(json.dumps(envelope).encode(), 6, mtime=0)
    return {"awslogs": {"data": base64.b64encode(body).decode()}}


def _compact(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))
