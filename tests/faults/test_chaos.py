"""Two sinks that misbehave in every way they know, and an outsider who adds up what is left."""

import json
import os
import random
from functools import cache

from chaos import FAULTS, Rough
from deployment import Deployment
from generator import payloads
from oracle import audit, holds, waiting

SEED = int(os.environ.get("LOGHARBOR_CHAOS_SEED", "20251124"))
EVENTS = 20_000
SINKS = ("elasticsearch", "honeycomb")
ROUNDS = 40


class Story:
    """What happened: the runs in order, and what each sink has taken."""

    def __init__(self, folder, seed, events):
        self.random = random.Random(seed)
        self.payloads, self.manifest = payloads(self.random, events)
        self.sinks = {name: Rough(self.random, 0.45, name == "elasticsearch") for name in SINKS}
        self.runs = []
        self._holds = cache(holds)
        with Deployment(folder, SINKS, otherwise=self.sinks, settings={"timeout_s": 0.2}) as deployed:
            queue = list(range(len(self.payloads)))
            for number in range(ROUNDS):
                if number == ROUNDS - 3:
                    for sink in self.sinks.values():
                        sink.heal()
                queue = [payload for payload in queue if self._run(deployed, payload)]
                if not queue:
                    break

    def _run(self, deployed, payload):
        """One invocation in an environment that may have been used before; true when something must come again."""
        for sink in self.sinks.values():
            sink.run = len(self.runs)
        deployed.invoke(self.payloads[payload], self.random.choice((2_700, 3_200)))
        receipts = deployed.new_receipts()
        returned, dead = deployed.take("returned"), deployed.take("dead")
        wanted = [json.loads(body)["wanted"] for body in returned.values()]
        letters = [json.loads(line) for body in dead.values() for line in body.splitlines()]
        self.runs.append(
            {
                "payload": payload,
                "receipts": receipts,
                "returned": {sink: [id for batch in wanted for id in batch.get(sink, ())] for sink in SINKS},
                "dead": {sink: [letter["id"] for letter in letters if letter["sink"] == sink] for sink in SINKS},
            }
        )
        if wanted:  # after an outage a sink is left alone for a while: the next invocation finds another environment
            deployed.restart()
        return bool(wanted)

    @property
    def captured(self):
        return {name: sink.captured for name, sink in self.sinks.items()}

    def wrong(self, captured=None):
        """What the outsider finds."""
        return audit(self.manifest, self.runs, captured or self.captured, SINKS, self._holds)


def test_chaos(tmp_path):
    """Every record ends in exactly one place, however the sinks misbehave; and they did misbehave.

    Nothing is lost, invented or corrupted; Elasticsearch has nothing twice, Honeycomb only what was ambiguous. Every
    class of fault was played at least ten times; there were redeliveries, duplicates and dead letters.
    """
    print(f"LOGHARBOR_CHAOS_SEED={SEED}")
    story = Story(tmp_path, SEED, EVENTS)
    assert story.wrong() == []
    assert [waiting(story.runs, sink) for sink in SINKS] == [set(), set()]
    fired = story.sinks["elasticsearch"].fired + story.sinks["honeycomb"].fired
    assert {fault: n for fault, n in fired.items() if n < 10} == {}
    assert fired.keys() == FAULTS.keys()
    assert len(story.manifest) == EVENTS
    assert len(story.runs) > len(story.payloads)
    assert len(story.captured["honeycomb"]) > EVENTS
    assert all(any(run["dead"][sink] for run in story.runs) for sink in SINKS)
