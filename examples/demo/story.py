"""The day that the demo tells: who is there, when things happen, and what goes wrong between 14:05 and 14:50 UTC.

Somebody tries stolen passwords against the login of a small shop. The login's database saturates, requests time out,
orders fail to come in and jobs fail; the attack is blocked at 14:50. Everything here is a pure function of the
random generator that is passed in: no clock, no environment.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

DAY = datetime(2026, 11, 12, tzinfo=UTC)
START_MS = int(DAY.timestamp() * 1000)
END_MS = START_MS + 24 * 3_600_000
INCIDENT = (START_MS + (14 * 60 + 5) * 60_000, START_MS + (14 * 60 + 50) * 60_000)

HOURLY = (14, 10, 8, 7, 7, 9, 15, 28, 45, 60, 66, 68, 70, 66, 64, 62, 60, 58, 55, 52, 48, 40, 30, 20)
"""How busy each hour of the day is, relative to the others."""

WORDS = json.loads(Path(__file__).with_name("words.json").read_text("utf-8"))
USERS = tuple(f"{first}.{last}" for last in WORDS["last"] for first in WORDS["first"])
MAIL_DOMAINS = ("example.com", "example.org", "example.net")

CLIENTS = ("git-b263b0", "git-91fe02c", "git-0d4411ea")
"""Builds of the web client: the second is rolled out at 09:30, the third at 15:10."""

ATTACKERS = tuple(f"203.0.113.{n}" for n in range(40, 64))


def instants(rng: Random, n: int, hourly: tuple[int, ...] = HOURLY) -> list[int]:
    """`n` times of the day in ms since the epoch, ascending, denser where `hourly` is higher."""
    hours = rng.choices(range(24), weights=hourly, k=n)
    return sorted(START_MS + hour * 3_600_000 + rng.randrange(3_600_000) for hour in hours)


def incident_instants(rng: Random, n: int) -> list[int]:
    """`n` times inside the incident, rising for a third of it and then level."""
    low, high = INCIDENT
    span = high - low
    return sorted(low + max(rng.randrange(span), rng.randrange(span // 3)) for _ in range(n))


def in_incident(time_ms: int) -> bool:
    """True while the login's database is saturated."""
    return INCIDENT[0] <= time_ms < INCIDENT[1]


def iso(time_ms: int) -> str:
    """`2026-11-12T14:05:00.123Z`."""
    moment = DAY + timedelta(milliseconds=time_ms - START_MS)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{time_ms % 1000:03d}Z"


def client_build(time_ms: int) -> str:
    """The build of the web client that most people have at that time."""
    minute = (time_ms - START_MS) // 60_000
    return CLIENTS[(minute >= 9 * 60 + 30) + (minute >= 15 * 60 + 10)]


def visitor_ip(rng: Random) -> str:
    """An address reserved for documentation: three in four IPv4."""
    if rng.random() < 0.75:
        return f"{rng.choice(('192.0.2', '198.51.100'))}.{rng.randrange(1, 255)}"
    return f"2001:db8:{rng.randrange(1, 9):x}:{rng.randrange(0x1000):x}::{rng.randrange(1, 0xFFFF):x}"


def mail(rng: Random) -> str:
    """An address that belongs to nobody."""
    return f"{rng.choice(USERS)}@{rng.choice(MAIL_DOMAINS)}"


def uuid(rng: Random) -> str:
    """A request id as Lambda makes them."""
    digits = f"{rng.getrandbits(128):032x}"
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:]}"
