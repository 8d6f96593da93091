"""Canaries in every place, through every way in which something fails; and where one of them came out again.

What is stored raw (returned/, undecoded/, unbalanced/) is not looked at: it holds everything (docs/delivery.md).
"""

import json
from collections import defaultdict

from canaries import KEPT, KINDS, PLACES, Canaries
from deployment import Deployment, payload_of

from forwarders.testing import Reply, cloudwatch_event, elasticsearch_items, honeycomb_items, redirect, status

SINKS = ("elasticsearch", "honeycomb", "sqlite", "stdout")
SEED = 41
GROUPS = {"access": "/web/a"}
PER_PAYLOAD = 200


def _quoting(code):
    """An answer that quotes what it was sent, in body, header and status items."""

    def answer(request):
        said = request.body.decode()[:2000]
        return Reply(
            code,
            json.dumps({"error": said}).encode(),
            {"x-said": said.replace("\n", " ").encode("ascii", "replace").decode()[:500]},
        )

    return answer


def _items_quoting(make, code):
    def answer(request):
        said = request.body.decode()[:2000]
        n = request.body.count(b"\n") // 2 if make is elasticsearch_items else len(request.json())
        if make is elasticsearch_items:
            return make([code] * n, error={"type": said, "reason": said})(request)
        return make([code] * n, said)(request)

    return answer


FAILURES = {
    "healthy": {},
    "items refused": {
        "elasticsearch": _items_quoting(elasticsearch_items, 400),
        "honeycomb": _items_quoting(honeycomb_items, 400),
    },
    "requests refused": {"elasticsearch": _quoting(400), "honeycomb": _quoting(400)},
    "too large": {"elasticsearch": _quoting(413), "honeycomb": _quoting(413)},
    "unauthorised": {"elasticsearch": _quoting(401), "honeycomb": _quoting(403)},
    "down": {"elasticsearch": _quoting(500), "honeycomb": _quoting(502)},
    "not understood": {"elasticsearch": _quoting(200), "honeycomb": _quoting(200)},
    "redirected": {"elasticsearch": redirect("http://127.0.0.2:9/"), "honeycomb": status(307)},
}
STORE_FAILS = "store out of reach"


class Hunt:
    """All canaries through one failure; `found[place]` lists where which kind came out."""

    def __init__(self, folder, failure, capture):
        self.found, self.kept = defaultdict(set), defaultdict(set)
        self._source = Canaries(f"{SEED} {failure}")
        self.needles = {}
        messages = defaultdict(list)
        for place, write in PLACES.items():
            for kind in KINDS:
                message = write(self._canary(place, kind))
                text = message if isinstance(message, str) else json.dumps(message)
                messages[GROUPS.get(place.partition(":")[0], "/aws/lambda/shop")].append(text)
        events = [
            cloudwatch_event(texts[start : start + PER_PAYLOAD], log_group=group)
            for group, texts in messages.items()
            for start in range(0, len(texts), PER_PAYLOAD)
        ]
        events += [event for kind in KINDS for event in self._payloads(kind)]
        otherwise = FAILURES.get(failure, {})
        with Deployment(folder, SINKS, otherwise=otherwise, redaction={"key": "env:FAULTS_HASH_KEY"}) as deployed:
            if failure == STORE_FAILS:
                deployed.letters.write_text("not a folder")
            for event in events:
                try:
                    deployed.invoke(event, 4_500)
                except Exception as error:  # what Lambda would print of it
                    deployed.log.write(f'{{"raised": {json.dumps(f"{error!r} {error.__cause__!r}")}}}\n')
            sent = {
                name: b"".join(r.body for r in server.requests).decode() for name, server in deployed.servers.items()
            }
        out, err = capture()
        self._look("log", deployed.log.getvalue())
        self._look("stderr", err)
        self._look("sqlite", json.dumps(deployed.rows(), ensure_ascii=False))
        self._look("stdout", out)
        for name, text in sent.items():
            self._look(name, text)
        for letter in deployed.dead():
            self._look(letter["sink"], json.dumps(letter, ensure_ascii=False), "dead letter of ")
        self.reasons = deployed.reasons("elasticsearch") | deployed.reasons("honeycomb")
        self.log = deployed.log.getvalue()

    def _canary(self, place, kind):
        text, needle = self._source.make(kind)
        self.needles[needle] = (place, kind)
        return text

    def _payloads(self, kind):
        """Payloads that hold a canary where no message does."""
        yield cloudwatch_event(["text"], log_stream=self._canary("log stream", kind))
        yield cloudwatch_event(["text"], log_group="/aws/lambda/" + self._canary("log group", kind))
        yield cloudwatch_event(["text"], owner=self._canary("owner", kind))
        yield {"awslogs": {"data": "!" + self._canary("payload: not base64", kind)}}
        yield payload_of(self._canary("payload: no envelope", kind).encode())
        yield {"Records": [{"body": self._canary("payload: unknown", kind)}]}
        broken = json.dumps(
            {"messageType": "DATA_MESSAGE", "logEvents": [{"message": self._canary("payload: cut", kind)}]}
        )
        yield payload_of(broken[:-2].encode())
        wrong = [{"id": "1", "timestamp": "now", "message": self._canary("payload: wrong log event", kind)}]
        yield payload_of(json.dumps({"owner": "1", "logGroup": "g", "logStream": "s", "logEvents": wrong}).encode())

    def _look(self, where, text, what=""):
        for needle, (place, kind) in self.needles.items():
            if needle in text:
                allowed = where in KEPT.get(place, ())
                (self.kept if allowed else self.found)[place].add(f"{kind} in {what}{where}")
