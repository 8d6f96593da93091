"""Two sinks that misbehave in every way they know, and an outsider who adds up what is left."""

import json
import os
import random
from collections import Counter
from functools import cache

import pytest

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


@pytest.fixture(scope="module")
def story(tmp_path_factory):
    print(f"LOGHARBOR_CHAOS_SEED={SEED}")
    return Story(tmp_path_factory.mktemp("chaos"), SEED, EVENTS)


def test_every_record_is_in_exactly_one_place(story):
    """Nothing lost, invented or corrupted; Elasticsearch has nothing twice, Honeycomb only what was ambiguous."""
    assert [what for what in story.wrong() if "there and dead" not in what] == []
    assert [waiting(story.runs, sink) for sink in SINKS] == [set(), set()]


@pytest.mark.xfail(strict=True, reason="an ambiguous record that is refused later loses its ambiguity")
def test_what_is_dead_and_may_be_there_is_listed_as_ambiguous(story):
    """A request was read and not answered, and then its record refused: the receipt says that a copy may be there."""
    assert [what for what in story.wrong() if "there and dead" in what] == []


def test_the_faults_really_happened(story):
    """Every class of fault was played at least ten times; there were redeliveries, duplicates and dead letters."""
    fired = story.sinks["elasticsearch"].fired + story.sinks["honeycomb"].fired
    assert {fault: n for fault, n in fired.items() if n < 10} == {}
    assert fired.keys() == FAULTS.keys()
    assert len(story.manifest) == EVENTS
    assert len(story.runs) > len(story.payloads)
    assert len(story.captured["honeycomb"]) > EVENTS
    assert all(any(run["dead"][sink] for run in story.runs) for sink in SINKS)


def _without(lines, at):
    return lines[:at] + lines[at + 1 :]


def _swapped(lines, at):
    here = lines[at]
    other = next(i for i, line in enumerate(lines) if line["run"] == here["run"] and line["id"] != here["id"])
    changed = list(lines)
    changed[at] = {**lines[at], "id": lines[other]["id"]}
    changed[other] = {**lines[other], "id": lines[at]["id"]}
    return changed


def _doubled(lines, at):
    return [*lines[: at + 1], *lines[at:]]


@pytest.mark.parametrize("change", [_without, _swapped, _doubled])
@pytest.mark.parametrize("sink", SINKS)
def test_the_audit_notices(story, sink, change):
    """An account that was tampered with by one line does not add up."""
    lines = story.captured[sink]
    at = _a_calm_place(story, sink)
    sound = set(story.wrong())
    assert set(story.wrong({**story.captured, sink: change(lines, at)})) - sound != set()


def _a_calm_place(story, sink):
    """A captured line of a run in which the sink took several and none of them twice."""
    lines = story.captured[sink]
    sizes = Counter(line["run"] for line in lines)
    calm = {
        number
        for number, run in enumerate(story.runs)
        if sizes[number] > 1 and not any(receipt["accounts"][sink]["ambiguous"] for receipt in run["receipts"])
    }
    return next(at for at, line in enumerate(lines) if line["run"] in calm)
