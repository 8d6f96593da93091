"""The shop's serverless functions: what each of them logs in a day, and what Logharbor should make of every line.

identity-login   Node, text log format: START, the event after Lambda's prefix, END, REPORT
checkout-orders  Python, text log format; one invocation handles several orders
payments-capture JSON log format; a bad deployment between 11:20 and 11:50 writes amounts as strings
nightly-jobs     Python with Powertools' Logger, JSON log format without the platform's lines
loyalty-points   a new team's function: bare JSON lines, and no contract yet
"""

from __future__ import annotations

from random import Random
from typing import Any, NamedTuple

from . import shapes
from .shapes import compact
from .story import (
    ATTACKERS,
    END_MS,
    START_MS,
    USERS,
    client_build,
    in_incident,
    incident_instants,
    instants,
    iso,
    mail,
    uuid,
    visitor_ip,
)

BAD_DEPLOYMENT = (START_MS + (11 * 60 + 20) * 60_000, START_MS + (11 * 60 + 50) * 60_000)
NEW_LOGIN_BUILD = START_MS + (15 * 60 + 10) * 60_000


class Line(NamedTuple):
    """One line of a log and what should become of it: the oracle that the demo's test holds against the account.

    `event` is the name that it lands under, `verdict` the contract's. `planted` names what was put there on purpose;
    `private` is text of the line that no copy may hold.
    """

    time_ms: int
    text: str
    event: str
    verdict: str = "valid"
    drifts: bool = False
    planted: str = ""
    private: str = ""


def identity_login(rng: Random, successes: int, failures: int, attempts: int, resets: int) -> list[Line]:
    """Logins that succeed, those that fail by accident, the attackers' attempts, and asked-for password resets."""
    lines: list[Line] = []
    for time_ms in instants(rng, successes):
        lines += _login_invocation(rng, time_ms, _login_success(rng, time_ms))
    for time_ms in instants(rng, failures):
        lines += _login_invocation(rng, time_ms, _login_failure(rng, time_ms, attack=False))
    for time_ms in incident_instants(rng, attempts):
        lines += _login_invocation(rng, time_ms, _login_failure(rng, time_ms, attack=True))
    for time_ms in instants(rng, resets):
        event: dict[str, Any] = {
            "timestamp": time_ms,
            "event": "user.password.reset",
            "user": rng.choice(USERS),
            "channel": "email",
        }
        event |= {"address": mail(rng), "token_id": f"{rng.getrandbits(32):08x}", "is_forced": rng.random() < 0.05}
        lines += _login_invocation(rng, time_ms, Line(time_ms, compact(event), "user.password.reset"))
    return _in_order(lines)


def checkout_orders(rng: Random, invocations: int) -> list[Line]:
    """Orders placed and cancelled, one to four in an invocation; few come in while the login is down."""
    lines: list[Line] = []
    for time_ms in instants(rng, invocations):
        if in_incident(time_ms) and rng.random() < 0.7:
            continue
        request_id = uuid(rng)
        lines.append(Line(time_ms, shapes.start(request_id), "lambda.platform"))
        at = time_ms
        for _ in range(rng.choices((1, 2, 3, 4), weights=(50, 25, 15, 10))[0]):
            at += rng.randrange(20, 120)
            event = _order_cancelled(rng, at) if rng.random() < 0.08 else _order_placed(rng, at)
            lines.append(event._replace(text=shapes.python(at, request_id, event.text)))
        if rng.random() < 0.06:
            address = mail(rng)
            text = shapes.python(at, request_id, f"customer {address} asked for an invoice by mail", "WARNING")
            lines.append(Line(at + 1, text, "legacy.text", planted="private_text", private=address))
        lines += _epilogue(rng, at + 5, request_id, at + 5 - time_ms, 512, cold=rng.random() < 0.03)
    return _in_order(lines)


def payments_capture(rng: Random, captures: int, with_platform: bool) -> list[Line]:
    """Payments captured, in the JSON log format: the event is the `message`, as an object or as a string.

    `with_platform`: the system log level is INFO, so that the platform's own lines are there too.
    """
    lines: list[Line] = []
    for time_ms in instants(rng, captures):
        request_id = uuid(rng)
        latency = round(rng.choice((90, 180, 260, 400)) * (0.6 + rng.random()) * (3 if in_incident(time_ms) else 1), 1)
        event = _payment(rng, time_ms, latency)
        done = time_ms + int(latency) + 4
        message = event.text if rng.random() < 0.8 else compact(event.text)
        wrapped = shapes.json_format(done - 2, request_id, message)
        lines.append(event._replace(time_ms=done - 2, text=wrapped))
        if with_platform:
            report = shapes.json_report(done, request_id, latency + 3.25, 256, rng.randrange(70, 120), "success")
            lines.append(Line(time_ms, shapes.json_start(time_ms, request_id), "lambda.platform"))
            lines.append(Line(done, report, "lambda.report"))
    return _in_order(lines)


def nightly_jobs(rng: Random, runs: int) -> list[Line]:
    """Background jobs that finish or fail, with Powertools' Logger; more of them fail during the incident."""
    busy_nights = (80, 90, 70, 50, 30, 15, 8, 6, 6, 6, 6, 6, 8, 8, 14, 6, 6, 6, 6, 8, 10, 20, 40, 60)
    lines: list[Line] = []
    for number, time_ms in enumerate(instants(rng, runs, busy_nights)):
        request_id = uuid(rng)
        event, took = _job(rng, time_ms, number)
        if time_ms + took + 2 >= END_MS:
            continue  # it is the next day's
        level = "ERROR" if event.event == "job.failed" else "INFO"
        text = shapes.powertools(time_ms + took, request_id, event.text, "nightly-jobs", level)
        lines.append(event._replace(time_ms=time_ms + took, text=text))
    return _in_order(lines)


def loyalty_points(rng: Random, earned: int) -> list[Line]:
    """A new team's events: named, timed, sensible, and unknown to every contract."""
    lines = []
    for time_ms in instants(rng, earned):
        event: dict[str, Any] = {
            "timestamp": iso(time_ms),
            "event": "loyalty.points.earned",
            "member": f"m-{rng.randrange(10_000)}",
        }
        event |= {"points": rng.randrange(1, 400), "tier": rng.choice(("bronze", "silver", "gold"))}
        text = compact(event)
        if rng.random() < 0.03:
            lines.append(Line(time_ms, text[: rng.randrange(30, len(text) - 2)], "", "invalid", planted="cut_short"))
            continue
        lines.append(Line(time_ms, text, "loyalty.points.earned", "unregistered", planted="no_contract"))
    for time_ms in instants(rng, 6):
        event = {"timestamp": iso(time_ms), "event": "order.shiped", "order": f"ord_{rng.getrandbits(40):010X}"}
        lines.append(Line(time_ms, compact(event), "order.shiped", "unregistered", planted="misspelt_event"))
    return _in_order(lines)


def _login_invocation(rng: Random, time_ms: int, event: Line) -> list[Line]:
    request_id = uuid(rng)
    slow = in_incident(time_ms)
    took = rng.randrange(900, 2990) if slow else rng.randrange(18, 160)
    lines = [Line(time_ms, shapes.start(request_id), "lambda.platform")]
    if rng.random() < 0.02:
        lines.append(Line(time_ms + 1, f"session cache warmed in {rng.randrange(3, 40)} ms", "legacy.text"))
    level = "WARN" if event.event == "user.login.failure" else "INFO"
    lines.append(
        event._replace(time_ms=time_ms + took, text=shapes.node(time_ms + took, request_id, event.text, level))
    )
    timed_out = slow and rng.random() < 0.12
    return lines + _epilogue(rng, time_ms + took + 1, request_id, took + 1, 256, rng.random() < 0.04, timed_out)


def _epilogue(
    rng: Random, at: int, request_id: str, took: int, memory: int, cold: bool = False, timed_out: bool = False
) -> list[Line]:
    used = rng.randrange(memory // 4, memory * 3 // 4)
    init = rng.randrange(18_000, 60_000) / 100 if cold else 0
    duration = 3000.0 if timed_out else took + rng.randrange(100) / 100
    report = shapes.report(request_id, duration, memory, used, init, "timeout" if timed_out else "")
    return [Line(at, shapes.end(request_id), "lambda.platform"), Line(at, report, "lambda.report")]


def _login_success(rng: Random, time_ms: int) -> Line:
    method = rng.choices(("password", "totp-2fa", "webauthn", "sso"), weights=(38, 30, 14, 18))[0]
    source = {"type": rng.choice(("web.navbar", "web.checkout", "app")), "client": client_build(time_ms)}
    stamp: float = time_ms / 1000
    event: dict[str, Any] = {"timestamp": stamp, "event": "user.login.success", "user": rng.choice(USERS)}
    event |= {"method": method, "source": source}
    dice = rng.random()
    if time_ms >= NEW_LOGIN_BUILD and dice < 0.3:  # the new build offers passkeys and says so in a new field
        event |= {"method": "passkey", "passkey": {"device": rng.choice(("phone", "key", "laptop"))}}
        return Line(time_ms, compact(event), "user.login.success", drifts=True, planted="drift")
    if dice < 0.012:
        event["timestamp"] = time_ms
        return Line(time_ms, compact(event), "user.login.success", "invalid", planted="ms_for_s")
    return Line(time_ms, compact(event), "user.login.success")


def _login_failure(rng: Random, time_ms: int, attack: bool) -> Line:
    event: dict[str, Any] = {"timestamp": time_ms / 1000, "event": "user.login.failure", "user": rng.choice(USERS)}
    if attack:
        event |= {
            "method": "password",
            "reason": rng.choices(("wrong_password", "unknown_user", "locked"), (60, 28, 12))[0],
        }
        event |= {"attempt": rng.randrange(1, 9), "source": {"type": "api", "ip": rng.choice(ATTACKERS)}}
    else:
        reason = rng.choices(("wrong_password", "wrong_code", "expired", "locked"), weights=(58, 26, 10, 6))[0]
        event |= {"method": "totp-2fa" if reason == "wrong_code" else "password", "reason": reason}
        event |= {"attempt": rng.choice((1, 1, 1, 2, 2, 3)), "source": {"type": "web.navbar", "ip": visitor_ip(rng)}}
    if rng.random() < 0.012:
        del event["reason"]
        return Line(time_ms, compact(event), "user.login.failure", "invalid", planted="missing_field")
    return Line(time_ms, compact(event), "user.login.failure")


COUNTRIES: tuple[tuple[str, str, int], ...] = (
    ("AT", "EUR", 12),
    ("CH", "CHF", 9),
    ("DE", "EUR", 30),
    ("DK", "DKK", 6),
    ("GB", "GBP", 16),
    ("PL", "PLN", 8),
    ("SE", "SEK", 7),
    ("US", "USD", 12),
)
"""Country, its currency, and how many of a hundred customers live there."""


def _order_placed(rng: Random, time_ms: int) -> Line:
    country, currency, _ = rng.choices(COUNTRIES, weights=[weight for _, _, weight in COUNTRIES])[0]
    items = rng.choices((1, 2, 3, 4, 6), weights=(48, 26, 14, 8, 4))[0]
    subtotal = sum(rng.randrange(490, 18_990) for _ in range(items))
    tax, shipping = subtotal * 19 // 119, 0 if subtotal > 5000 else 490
    customer = rng.randrange(1, 9000)
    event = {
        "timestamp": time_ms,
        "event": "order.placed",
        "event_version": 1,
        "trace_id": f"{rng.getrandbits(128):032x}",
        "order": {
            "id": f"ord_{rng.getrandbits(50):013X}",
            "channel": rng.choices(("web", "app", "phone", "marketplace"), weights=(55, 33, 4, 8))[0],
            "currency": currency,
            "item_count": items,
            "is_gift": rng.random() < 0.07,
        },
        "customer": {
            "id": f"cus_{customer}",
            "email": mail(rng),
            "segment": rng.choice(("new", "returning", "returning", "business")),
            "country": country,
            "order_number": customer % 12 + 1,
        },
        "totals": {
            "subtotal_minor": subtotal,
            "tax_minor": tax,
            "shipping_minor": shipping,
            "grand_total_minor": subtotal + shipping,
        },
        "payment": {"method": rng.choices(("card", "paypal", "invoice", "voucher"), weights=(58, 27, 12, 3))[0]},
        "shipping": {"method": "parcel", "carrier": rng.choice(("dhl", "dpd", "post")), "country": country},
    }
    if rng.random() < 0.03:
        event["campaign"] = {"code": rng.choice(("AUTUMN26", "FRIENDS")), "discount_percent": 10}
        return Line(time_ms, compact(event), "order.placed", drifts=True, planted="drift")
    return Line(time_ms, compact(event), "order.placed")


def _order_cancelled(rng: Random, time_ms: int) -> Line:
    event = {
        "timestamp": iso(time_ms),
        "event": "order.cancelled",
        "order": {"id": f"ord_{rng.getrandbits(50):013X}", "currency": "EUR"},
        "by": rng.choices(("customer", "agent", "system"), weights=(70, 18, 12))[0],
        "reason": rng.choices(("too_late", "out_of_stock", "payment_failed", "fraud"), weights=(40, 30, 24, 6))[0],
        "refund_minor": rng.choice((None, rng.randrange(490, 60_000))),
    }
    return Line(time_ms, compact(event), "order.cancelled")


def _payment(rng: Random, time_ms: int, latency: float) -> Line:
    method = rng.choices(("card", "paypal", "invoice"), weights=(62, 28, 10))[0]
    _, currency, _ = rng.choices(COUNTRIES, weights=[weight for _, _, weight in COUNTRIES])[0]
    amount = rng.randrange(490, 60_000)
    value: int | str = amount
    planted, verdict = "", "valid"
    if BAD_DEPLOYMENT[0] <= time_ms < BAD_DEPLOYMENT[1]:
        value, planted, verdict = f"{amount / 100:.2f}", "wrong_type", "invalid"
    event: dict[str, Any] = {
        "timestamp": time_ms / 1000,
        "event": "payment.captured",
        "payment_id": f"pay_{rng.getrandbits(48):012x}",
        "order_id": f"ord_{rng.getrandbits(50):013X}",
        "amount": {"value_minor": value, "currency": currency},
        "method": method,
        "provider_latency_ms": latency,
    }
    if method == "card":
        event["card"] = {"brand": rng.choice(("visa", "mastercard", "amex")), "last4": f"{rng.randrange(10_000):04d}"}
    return Line(time_ms, compact(event), "payment.captured", verdict, planted=planted)


JOBS = (
    ("invoices", 90_000),
    ("stock-sync", 4_000),
    ("search-index", 22_000),
    ("session-cleanup", 1_500),
    ("newsletter", 40_000),
)


def _job(rng: Random, time_ms: int, number: int) -> tuple[Line, int]:
    name, typical = rng.choice(JOBS)
    took = int(typical * (0.5 + rng.random() + (rng.random() < 0.05) * 3))
    job = {"name": name, "run_id": f"r-{number:05d}", "attempt": 1, "queue": "default" if typical < 10_000 else "long"}
    failed = rng.random() < (0.75 if in_incident(time_ms) else 0.03)
    event: dict[str, Any] = {"timestamp": (time_ms + took) / 1000, "event": "job.failed" if failed else "job.finished"}
    event |= {"job": job, "duration_ms": took + rng.randrange(10) / 10}
    if failed:
        timed_out = in_incident(time_ms)
        message = "identity service did not answer" if timed_out else f"cannot parse row of {mail(rng)}"
        error = {"type": "TimeoutError" if timed_out else "ValueError", "message": message, "is_retryable": timed_out}
        event["error"] = error
        return Line(time_ms, compact(event), "job.failed"), took
    read = rng.randrange(10, 20_000)
    event["items"] = {"read": read, "written": read - (skipped := rng.randrange(3)), "skipped": skipped}
    if rng.random() < 0.03:  # Python writes NaN where JSON has no such thing
        return Line(time_ms, compact(event | {"duration_ms": float("nan")}), "", "invalid", planted="nan"), took
    return Line(time_ms, compact(event), "job.finished"), took


def _in_order(lines: list[Line]) -> list[Line]:
    return sorted(lines, key=lambda line: line.time_ms)
