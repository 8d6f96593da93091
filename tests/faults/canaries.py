"""Secrets that are none, each once, and the places where somebody might have put one."""

import base64
import json
import random

from deployment import ROOT
from recipes import LOGIN

ALNUM = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
UPPER = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"


class Canaries:
    """A source of canaries: `text` is what is written somewhere, `needle` the part that must appear nowhere else."""

    def __init__(self, seed):
        self._random = random.Random(seed)

    def make(self, kind):
        """A canary of this kind: `(text, needle)`."""
        return getattr(self, f"_{kind}")()

    def _word(self, n, letters=ALNUM):
        return "".join(self._random.choice(letters) for _ in range(n))

    def _aws_key(self):
        needle = "AKIA" + self._word(16, UPPER)
        return needle, needle

    def _url_password(self):
        needle = self._word(16)
        return f"https://deploy:{needle}@git.example.com/repo", needle

    def _bearer(self):
        needle = self._word(40)
        return f"Authorization: Bearer {needle}", needle

    def _cookie(self):
        needle = self._word(32)
        return f"Cookie: session={needle}; theme=dark", needle

    def _email(self):
        needle = f"{self._word(10, 'abcdefghijklmnop')}.{self._word(6, 'abcdefghijklmnop')}@example.org"
        return needle, needle

    def _card(self):
        digits = "4" + self._word(14, "0123456789")
        total = sum(int(d) for d in digits[-2::-2]) + sum(sum(divmod(2 * int(d), 10)) for d in digits[-1::-2])
        needle = digits + str(-total % 10)
        return needle, needle

    def _jwt(self):
        parts = (json.dumps({"alg": "HS256", "typ": "JWT"}), json.dumps({"sub": self._word(12), "iat": 1516239022}))
        head, body = (base64.urlsafe_b64encode(part.encode()).decode().rstrip("=") for part in parts)
        needle = self._word(43)
        return f"{head}.{body}.{needle}", needle

    def _private_key(self):
        needle = self._word(60)
        return f"-----BEGIN RSA PRIVATE KEY-----\n{needle}\n-----END RSA PRIVATE KEY-----", needle


KINDS = ("aws_key", "url_password", "bearer", "cookie", "email", "card", "jwt", "private_key")
ID = "8a1c2f6e-0000-4000-8000-000000000001"
ORDER = json.loads((ROOT / "schemas/order/order.placed/v1.schema.json").read_text())["examples"][0]
RESET = {"timestamp": 1493214600123, "event": "user.password.reset", "user": "ryansb", "channel": "email"}
FAILED = {"timestamp": 1753920000, "event": "job.failed", "job": {"name": "n", "run_id": "r"}, "error": {"type": "E"}}
NODE = "2017-04-26T13:49:12.000Z"


def _quoted(text):
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "%0A").replace(" ", "%20")


def _access(host="203.0.113.7", user="-", target="/", referrer="-", agent="curl"):
    return f'{host} - {user} [17/May/2015:10:05:03 +0000] "GET {target} HTTP/1.1" 200 5 "{referrer}" "{agent}"'


def _wrapped(**fields):
    line = {"level": "INFO", "location": "f:1", "message": LOGIN, "timestamp": "2025-01-01 00:00:00,000+0000"}
    return line | {"service": "s"} | fields


PLACES = {
    # fields that a contract classifies (where it says keep, the copy is left out, see KEPT)
    "classified: masked everywhere": lambda c: {**RESET, "address": c},
    "classified: secret": lambda c: {**RESET, "token_id": c},
    "classified: identifier": lambda c: {**LOGIN, "user": c},
    "classified: contact": lambda c: {**ORDER, "customer": {"id": "c1", "email": c, "country": "DE"}},
    "classified: sensitive": lambda c: {**FAILED, "error": {"type": "E", "message": c}},
    # what the contract does not know
    "unknown field": lambda c: {**LOGIN, "note": c},
    "unknown field, nested": lambda c: {**LOGIN, "source": {"type": "web", "debug": {"headers": [c]}}},
    "name of an unknown field": lambda c: {**LOGIN, c: 1},
    "name of an unknown field, nested": lambda c: {**LOGIN, "source": {"type": "web", c: {"a": 1}}},
    # events without a contract
    "unregistered value": lambda c: {"event": "cart.opened", "note": c},
    "unregistered, nested": lambda c: {"event": "cart.opened", "a": [{"b": {"c": [c, {"d": c}]}}]},
    "unregistered key": lambda c: {"event": "cart.opened", "a": {c: 1}},
    "unregistered, JSON in text": lambda c: {"event": "cart.opened", "body": json.dumps({"note": json.dumps([c])})},
    "event name": lambda c: {"event": c[:180], "a": 1},
    "no name": lambda c: {"note": c},
    "version": lambda c: {**LOGIN, "event_version": c},
    # events against their contract
    "invalid: wrong type": lambda c: {**LOGIN, "user": [c]},
    "invalid: object for text": lambda c: {**LOGIN, "method": {c: c}},
    "invalid: unknown field": lambda c: {**LOGIN, "timestamp": "now", "note": c},
    "invalid: name of a field": lambda c: {**LOGIN, "timestamp": "now", c: 1},
    "invalid: pointer": lambda c: {**FAILED, "labels": {c: 1}},
    "invalid: free key": lambda c: {**FAILED, "labels": {c: "x" * 300}},
    # text
    "text": lambda c: f"connecting with {c} failed",
    "text, alone": lambda c: c,
    "text behind a prefix": lambda c: f"{NODE}\t{ID}\tINFO\tsaw {c}",
    "access: target": lambda c: _access(target=f"/x?next={_quoted(c)}"),
    "access: path": lambda c: _access(target=f"/{_quoted(c)}/x"),
    "access: referrer": lambda c: _access(referrer=_quoted(c)),
    "access: agent": lambda c: _access(agent=c.replace("\n", " ")),
    "access: user": lambda c: _access(user=_quoted(c)),
    "access: host": lambda c: _access(host=_quoted(c)),
    "access: no request": lambda c: f'203.0.113.7 - - [17/May/2015:10:05:03 +0000] "{_quoted(c)}" 400 5 "-" "-"',
    # JSON that is none
    "JSON: cut": lambda c: json.dumps({**LOGIN, "user": c})[:-3],
    "JSON: NaN": lambda c: json.dumps({**LOGIN, "note": c})[:-1] + ',"n":NaN}',
    "JSON: depth": lambda c: json.dumps({**LOGIN, "note": c})[:-1] + ',"n":' + "[" * 300 + "]" * 300 + "}",
    "JSON: a key twice": lambda c: json.dumps({"event": "cart.opened", "note": c})[:-1] + ',"note":1}',
    # what a runtime or a logging library says about a line
    "request id": lambda c: f"{NODE}\t{c}\tINFO\t{json.dumps(LOGIN)}",
    "request id of JSON": lambda c: _wrapped(function_request_id=c),
    "level": lambda c: _wrapped(level=c),
    "logger": lambda c: _wrapped(logger=c, correlation_id=c, function_name=c, service=c),
    "beside the event": lambda c: _wrapped(note=c),
    "message is text": lambda c: _wrapped(message=f"saw {c}"),
    "platform: exit": lambda c: f"RequestId: {ID} Error: Runtime exited with error: {c}",
    "platform: JSON": lambda c: {"time": NODE, "type": "platform.fault", "record": {"requestId": ID, "cause": c}},
}
"""From a canary to a message: text, or an object that is written as JSON."""

KEPT = {
    "classified: identifier": ("elasticsearch",),
    "classified: contact": ("elasticsearch",),
    "classified: sensitive": ("elasticsearch",),
    "access: host": ("elasticsearch", "sqlite", "stdout"),
    "access: user": ("elasticsearch",),
}
"""Copies in which a contract says `keep`; a dead letter holds its sink's copy."""
