"""Payloads by seed, and the manifest of what they issue: every text says which record it is."""

import json

from deployment import data_of
from oracle import manifest_of

from forwarders.testing import cloudwatch_event

GROUPS = ("/aws/lambda/shop", "/aws/lambda/login", "/legacy/hosts", "/json/jobs")
FIRST_S = 1_753_900_000


def payloads(random, events, most=500):
    """About `events` log events in payloads of 1 to `most`, many of them small; and their manifest."""
    made, manifest, number = [], [], 0
    while number < events:
        size = min(int(most ** random.random() * 1.6) + 1, most, events - number)
        texts = [_text(random, number + i) for i in range(size)]
        number += size
        stream = f"2025/07/30/[$LATEST]{random.getrandbits(128):032x}"
        event = cloudwatch_event(texts, log_group=random.choice(GROUPS), log_stream=stream)
        manifest += manifest_of(data_of(event), len(made))
        made.append(event)
    return made, manifest


def _text(random, number):
    return random.choices((_login, _order, _unregistered, _invalid, _plain), (60, 15, 10, 8, 7))[0](random, number)


def _login(random, number):
    event = {"timestamp": FIRST_S + number / 8, "event": "user.login.success", "user": f"user-{number}"}
    return json.dumps(event | {"method": random.choice(("password", "totp-2fa", "webauthn"))})


def _order(random, number):
    event = {
        "timestamp": FIRST_S + number,
        "event": "job.finished",
        "job": {"name": f"job-{number % 50}", "run_id": f"run-{number}"},
        "duration_ms": number / 3,
    }
    return json.dumps(event, separators=(",", ":"))


def _unregistered(random, number):
    return json.dumps(
        {"event": f"cart.item.added.{number % 7}", "n": number, "name": "Größe 42 – \u2028 ✓"}, ensure_ascii=False
    )


def _invalid(random, number):
    return json.dumps({"timestamp": FIRST_S, "event": "user.login.success", "user": number})


def _plain(random, number):
    return f"line {number} of a program that has never heard of JSON"
