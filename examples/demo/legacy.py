"""Plain text of the shop's old order system, with what should never have been logged: all of it made up.

The card numbers are the payment industry's published test numbers, the keys those of vendors' documentation.
"""

from __future__ import annotations

from random import Random

from .functions import Line
from .story import in_incident, incident_instants, instants, iso, mail

TEST_CARDS = ("4111 1111 1111 1111", "5555-5555-5555-4444", "378282246310005", "4012888888881881")
THREADS = tuple(f"http-8080-exec-{n}" for n in range(1, 13))


def day(rng: Random, lines: int, private: int) -> list[Line]:
    """A day of text in the order of time; `private` of the lines hold personal data or a secret."""
    found = [Line(time_ms, _ordinary(rng, time_ms), "legacy.text") for time_ms in instants(rng, lines - private - 60)]
    found += [_private(rng, time_ms) for time_ms in instants(rng, private)]
    found += [Line(time_ms, _failing(rng, time_ms), "legacy.text") for time_ms in incident_instants(rng, 60)]
    return sorted(found)


def _ordinary(rng: Random, time_ms: int) -> str:
    order = rng.randrange(100_000, 999_999)
    text = rng.choice(
        (
            f"order {order} exported to warehouse in {rng.randrange(20, 900)} ms",
            f"order {order} label printed, carrier=DHL weight={rng.randrange(1, 90) / 10}kg",
            f"stock level of SKU-{rng.randrange(1000, 1400)} is {rng.randrange(0, 300)}",
            f"invoice {order} archived, pages={rng.randrange(1, 4)}",
            "heartbeat ok",
        )
    )
    return _line(rng, time_ms, "INFO ", text)


def _private(rng: Random, time_ms: int) -> Line:
    token = f"{rng.getrandbits(160):040x}"
    address, card, key = mail(rng), rng.choice(TEST_CARDS), "AKIAIOSFODNN7EXAMPLE"
    password = f"demo-{token[:12]}"
    private, text = rng.choice(
        (
            (address, f"refund requested by {address} for order {rng.randrange(100_000, 999_999)}"),
            (card, f"card {card} declined by acquirer, code=51"),
            (token, f"calling carrier with header Authorization: Bearer {token}"),
            (key, f"backup uploaded with access key {key}"),
            (password, f"could not connect to postgres://orders:{password}@db.internal.example:5432/orders"),
        )
    )
    return Line(time_ms, _line(rng, time_ms, "WARN ", text), "legacy.text", planted="private_text", private=private)


def _failing(rng: Random, time_ms: int) -> str:
    assert in_incident(time_ms)
    text = f"customer lookup failed after 3000 ms: identity service answered {rng.choice((503, 504))}"
    return _line(rng, time_ms, "ERROR", text)


def _line(rng: Random, time_ms: int, level: str, text: str) -> str:
    stamp = iso(time_ms)[:23].replace("T", " ").replace(".", ",")
    return f"{stamp} {level} [{rng.choice(THREADS)}] com.example.shop.Orders - {text}"
