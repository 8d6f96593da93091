"""A sink that misbehaves by a seeded plan, and remembers what it has really taken and which fault it played when."""

import json
from collections import Counter

from forwarders.testing import Reply

ENOUGH = 11
"""How often each fault is played before a sink calms down to one fault in twenty requests."""
JSON = {"content-type": "application/json"}


class Rough:
    """One sink behind a scripted server: a share of its requests, `rate`, ends in one of `FAULTS`, chosen by `random`.

    `captured` has a line for each document taken, with the number of the run in `run`; `fired` counts the faults.
    """

    def __init__(self, random, rate, ids_known):
        self.random = random
        self.rate = rate
        self.run = 0
        self.captured = []
        self.fired = Counter()
        self._ids_known = ids_known
        self._there = set()
        self._unauthorised = 0
        self._bag = []
        self._wanted = Counter(dict.fromkeys(FAULTS, ENOUGH))

    def heal(self):
        """No more faults."""
        self.rate = 0.0
        self._unauthorised = 0

    def __call__(self, request):
        """The action of a ScriptedServer."""
        if self._unauthorised:
            self._unauthorised -= 1
            self.fired["401"] += 1
            return Reply(401, b"{}", JSON)
        if self.random.random() >= self.rate:
            return self._healthy(request)
        if not self._bag:
            self._bag = list(FAULTS)
            self.random.shuffle(self._bag)
        fault = self._bag.pop()
        self.fired[fault] += 1
        if self._wanted <= self.fired:
            self.rate = min(self.rate, 0.05)
        return FAULTS[fault](self, request)

    def _items(self, request):
        if self._ids_known:
            lines = request.body.decode().split("\n")[:-1]
            return [(json.loads(a)["create"]["_id"], d) for a, d in zip(lines[::2], lines[1::2], strict=True)]
        return [(event["data"]["logharbor.id"], json.dumps(event)) for event in request.json()]

    def take(self, request, refuse=None):
        """Takes every item but those for which `refuse(n)` gives a status; the items of the answer."""
        answers = []
        for number, (id, line) in enumerate(self._items(request)):
            # What a sink has taken it does not refuse later.
            status = 409 if id in self._there else refuse(number) if refuse else None
            if status is None:
                if self._ids_known:
                    self._there.add(id)
                self.captured.append({"run": self.run, "id": id, "line": line})
            answers.append(self._answer(id, status))
        return answers

    def _answer(self, id, status):
        if not self._ids_known:
            return {"status": 202} if status is None else {"status": status, "error": "no"}
        item = {"_id": id, "status": status or 201}
        if status:
            item["error"] = {"type": "chaos_exception"}
        return {"create": item}

    def reply(self, items, **how):
        """The answer with these items."""
        plain = {"errors": False, "items": items} if self._ids_known else items
        return Reply(200, json.dumps(plain).encode(), JSON, **how)

    def _healthy(self, request):
        return self.reply(self.take(request))

    def unauthorised(self, request):
        """A burst of 401: a key that was rotated."""
        self._unauthorised = self.random.randrange(3)
        return Reply(401, b"{}", JSON)

    def refuse(self, request, status):
        """Refuses the request as a whole, unless something of it was taken before."""
        if self._there.isdisjoint(id for id, _ in self._items(request)):
            return Reply(status)
        return self.reply(self.take(request))

    def there_already(self, request):
        """A copy of the request came first; where ids are not known, one item is refused with 409."""
        if self._ids_known:
            self.take(request)
            return self.reply(self.take(request))
        return self.reply(self.take(request, lambda number: 409 if number == 0 else None))

    def some(self, status):
        """Refuses a third of the items with this status."""

        def play(request):
            return self.reply(self.take(request, lambda number: status if self.random.random() < 0.3 else None))

        return play


FAULTS = {
    "item 429": lambda sink, request: sink.some(429)(request),
    "item 503": lambda sink, request: sink.some(503)(request),
    "item 400": lambda sink, request: sink.reply(sink.take(request, lambda number: 400 if number == 0 else None)),
    "item 409": lambda sink, request: sink.there_already(request),
    "400": lambda sink, request: sink.refuse(request, 400),
    "413": lambda sink, request: sink.refuse(request, 413),
    "429": lambda sink, request: Reply(429, b"", {"retry-after": "0"}),
    "500": lambda sink, request: Reply(500),
    "500 after taking": lambda sink, request: (sink.take(request), Reply(500))[1],
    "503": lambda sink, request: Reply(503),
    "reset": lambda sink, request: Reply(drop="after"),
    "reset after taking": lambda sink, request: (sink.take(request), Reply(drop="after"))[1],
    "reset unread": lambda sink, request: Reply(drop="before"),
    "truncated": lambda sink, request: sink.reply(sink.take(request), cut_after=20),
    "short": lambda sink, request: sink.reply(sink.take(request)[:-1]),
    "reordered": lambda sink, request: sink.reply(sink.take(request)[::-1]),
    "html": lambda sink, request: Reply(200, b"<html>Please sign in</html>", {"content-type": "text/html"}),
    "slow": lambda sink, request: sink.reply(sink.take(request), bytes_per_s=2.0),
    "401": lambda sink, request: sink.unauthorised(request),
}
