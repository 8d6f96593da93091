"""A file as `logharbor run` leaves it: 2,000 events of every verdict, made from a seed through the real sink."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from forwarders.model import Account, Contract, Event, Fate, Flaw, Kind, Origin, Receipt, Tally, Verdict
from forwarders.receipts import sqlite_receipts
from forwarders.sinks import Copies
from forwarders.sinks.sqlite import SqliteSink

START_MS = 1_793_520_000_000  # 2026-11-01T08:00:00Z
HOUR_MS = 3_600_000

LOGIN = Contract(
    "user.login.success",
    1,
    "1.0.0",
    "team-identity",
    "user",
    schema={
        "description": "One for each completed interactive login.",
        "x-event": {
            "views": {
                "columns": ["user", "method", "source.type"],
                "facets": ["method", "source.type"],
                "groupBy": ["method"],
            }
        },
    },
)
ORDER = Contract(
    "order.placed",
    1,
    "1.2.0",
    "team-checkout",
    "order",
    schema={
        "description": "One for each order that a customer has confirmed.",
        "x-event": {"views": {"facets": ["currency"], "groupBy": ["currency", "channel"]}},
    },
)
ACCESS = Contract(
    "http.access",
    1,
    "1.0.0",
    "team-web",
    "web",
    shape="ecs",
    schema={"x-event": {"views": {"facets": ["http.response.status_code"], "groupBy": ["http.response.status_code"]}}},
)
JOB = Contract("job.finished", 1, "1.0.0", "team-data", "job")
CONTRACTS = (LOGIN, ORDER, ACCESS, JOB)

FIELDS = {
    "user.login.success": [
        (("timestamp",), "number"),
        (("event",), "string"),
        (("user",), "string"),
        (("method",), "string"),
        (("source", "type"), "string"),
    ],
    "order.placed": [
        (("order_id",), "integer"),
        (("amount",), "number"),
        (("currency",), "string"),
        (("channel",), "string"),
    ],
    "http.access": [
        (("source", "ip"), "string"),
        (("http", "request", "method"), "string"),
        (("http", "response", "status_code"), "integer"),
        (("url", "original"), "string"),
    ],
    "job.finished": [(("job",), "string"), (("duration_ms",), "integer"), (("ok",), "boolean")],
}

LAMBDA = Origin("cloudwatch", "c", "123456789012", "eu-west-1", "/aws/lambda/login", "2026/11/01/[$LATEST]ab12")
SHOP = Origin("cloudwatch", "s", "123456789012", "eu-west-1", "/ecs/shop", "shop/web/77")
FILE = Origin("file", "f", path="/var/log/nginx/access.log")


def make_file(path: Path, n: int, seed: int = 7) -> None:
    """`path` is a SQLite file with `n` events and the receipts of the batches in which they came."""
    rng = random.Random(seed)
    sink = SqliteSink("sqlite", str(path), Copies(lambda contract: None, str, str))
    sink.prepare(CONTRACTS, lambda contract: FIELDS[contract.name])
    receipts = sqlite_receipts(str(path))
    events = [_event(rng, i, n) for i in range(n)]
    for origin in (LAMBDA, SHOP, FILE):
        mine = [event for where, event in events if where is origin]
        for start in range(0, len(mine), 500):
            _land(sink, receipts.write, origin, mine[start : start + 500], start)
    receipts.close()
    sink.close()


def _land(sink: SqliteSink, write: Callable[[Receipt], None], origin: Origin, events: list[Event], start: int) -> None:
    pieces = []
    for event in events:
        invalid, known = event.verdict is Verdict.INVALID, event.contract
        dataset = "quarantine" if invalid else known.dataset if known else "unregistered"
        pieces.append(sink.encoder(Kind(origin, known, event.verdict, dataset, "demo"))(event))
    outcomes = sink.ship(pieces, [event.id for event in events], lambda: 60.0)
    assert {outcome.fate for outcome in outcomes} == {Fate.DELIVERED}
    fates = {fate: Tally() for fate in Fate}
    for event in events:
        fates[Fate.QUARANTINED if event.verdict is Verdict.INVALID else Fate.DELIVERED].add(1, int(event.id, 16))
    taken = Tally(len(events), sum(int(event.id, 16) for event in events) % (1 << 128))
    verdicts = {verdict: sum(event.verdict is verdict for event in events) for verdict in Verdict}
    account = Account(fates, {})
    write(
        Receipt(
            f"{origin.container}-{start}", origin, taken, {"sqlite": account}, verdicts, {}, time_ms=START_MS + start
        )
    )


def _event(rng: random.Random, i: int, n: int) -> tuple[Origin, Event]:
    id = f"{rng.getrandbits(128):032x}"
    wave = rng.betavariate(2, 3) if i % 3 else i / n
    time_ms = START_MS + int(wave * 12 * HOUR_MS)
    context = {"level": "info", "request_id": f"{rng.getrandbits(64):016x}-{i % 50}"}
    dice = rng.random()

    def event(
        contract: Contract | None, data: object, verdict: Verdict = Verdict.VALID, name: str = "", **more: object
    ) -> Event:
        text = data if isinstance(data, str) else json.dumps(data, separators=(",", ":"))
        name = name or (contract.name if contract else "")
        parsed = data if isinstance(data, dict) else {}
        return Event(id, time_ms, name, text, parsed, contract, verdict, **more)  # type: ignore[arg-type]

    login = {
        "timestamp": time_ms / 1000,
        "event": "user.login.success",
        "user": rng.choice(("ryansb", "mira", "jonas", "ada", "li")) + str(rng.randrange(90)),
        "method": rng.choices(("password", "totp-2fa", "webauthn", "sso"), (5, 4, 2, 1))[0],
        "source": {"type": rng.choice(("web.navbar", "ios", "android")), "client": f"git-{rng.getrandbits(24):06x}"},
    }
    if dice < 0.30:
        more = {"drift": ("device.colour",)} if rng.random() < 0.06 else {}
        return LAMBDA, event(LOGIN, login | ({"device": {"colour": "red"}} if more else {}), context=context, **more)
    if dice < 0.33:
        flaw = Flaw("/method", "maxLength", "at most 32 characters", "string of 41 characters")
        login["method"] = "m" * 41
        return LAMBDA, event(LOGIN, login, Verdict.INVALID, flaws=(flaw,), reason="contract:maxLength", context=context)
    order = {
        "event": "order.placed",
        "order_id": rng.randrange(10**6),
        "amount": round(rng.lognormvariate(3.6, 0.8), 2),
        "currency": rng.choice(("EUR", "SEK", "USD")),
        "channel": rng.choice(("web", "app")),
    }
    if dice < 0.45:
        return SHOP, event(ORDER, order, context=context)
    if dice < 0.47:
        order["amount"] = "12,50"
        flaw = Flaw("/amount", "type", "number", "string of 5 characters")
        return SHOP, event(ORDER, order, Verdict.INVALID, flaws=(flaw,), reason="contract:type")
    if dice < 0.55:
        job = {
            "event": "job.finished",
            "job": rng.choice(("nightly-report", "sync", "gc")),
            "duration_ms": i,
            "ok": True,
        }
        return LAMBDA, event(JOB, job, context=context)
    if dice < 0.59:
        name = rng.choice(("cart.opened", "cart.abandoned", "feature.flag.seen"))
        return SHOP, event(
            None, {"event": name, "cart": i, "note": "<script>alert(1)</script>"}, Verdict.UNREGISTERED, name
        )
    if dice < 0.60:
        return FILE, event(None, "\x1b[31mnot a log line \u202e", Verdict.INVALID, reason="access_log_malformed")
    status = rng.choices((200, 304, 404, 500), (80, 10, 8, 2))[0]
    access = {
        "source": {"ip": f"203.0.113.{rng.randrange(250)}"},
        "http": {"request": {"method": "GET"}, "response": {"status_code": status, "bytes": rng.randrange(90000)}},
        "url": {"original": rng.choice(("/", "/cart", "/search?q=anchor", "/static/app.js"))},
        "user_agent": {"original": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36"},
    }
    return FILE, event(ACCESS, access)


@pytest.fixture(scope="session")
def landed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file, made once."""
    path = tmp_path_factory.mktemp("explorer") / "logs 100%.db"
    make_file(path, 2_000)
    return path


@pytest.fixture(scope="session")
def contracts() -> tuple[Contract, ...]:
    """The contracts of the file."""
    return CONTRACTS


@pytest.fixture
def fill() -> Callable[[Path, int], None]:
    """Makes further files."""
    return make_file
