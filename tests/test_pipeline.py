"""One batch through the pipeline: every record ends in one fate for each sink, and the receipt can fail to balance."""

import json

import pytest

from forwarders.config import Events, Route
from forwarders.deadletters import open_store
from forwarders.errors import Transient, Withheld
from forwarders.lanes import LaneSpec
from forwarders.model import (
    ALREADY_PRESENT,
    DELIVERED,
    Batch,
    Contract,
    Event,
    Fate,
    Origin,
    Outcome,
    Record,
    Verdict,
    event_id,
)
from forwarders.pipeline import CHUNK, run
from forwarders.plan import Plan
from forwarders.receipts import memory_receipts

ORIGIN = Origin("cloudwatch", "1:g:s", log_group="g")
LOGIN = Contract(name="user.login", major=1, version="1.0.0", owner="team-identity", dataset="user")
SAMPLED = Contract(name="page.view", major=1, version="1.0.0", owner="team-web", dataset="web", sampling={"fake": 4})


class FakeSink:
    """Answers for each piece what its script says; without a word in the script, DELIVERED."""

    type = "fake"
    max_body_bytes = 10_000

    def __init__(self, name="search", script=None, ship=None):
        self.name = name
        self.shipped = []
        self._script = script or {}
        self._ship = ship

    def encoder(self, kind):
        def encode(event):
            if "withhold" in event.text:
                raise Withheld("no safe copy")
            if "bug" in event.text:
                raise KeyError("our bug")
            return f"{kind.dataset} {event.text}"

        return encode

    def ship(self, pieces, ids, deadline):
        self.shipped.extend(pieces)
        if self._ship:
            return self._ship(pieces, ids, deadline)
        return [next((self._script[word] for word in self._script if word in piece), DELIVERED) for piece in pieces]

    def close(self):
        pass


def read(records, ids):
    """`bad …` is invalid, `new …` unregistered, `page …` of a sampled contract, all else a valid login."""

    def event(record, id):
        kind = record.text.partition(" ")[0]
        contract = {"bad": LOGIN, "new": None, "page": SAMPLED}.get(kind, LOGIN)
        verdict = {"bad": Verdict.INVALID, "new": Verdict.UNREGISTERED}.get(kind, Verdict.VALID)
        name = contract.name if contract else "new.event"
        drift = ("source.colour",) if kind == "drift" else ()
        reason = "contract_violation" if kind == "bad" else ""
        return Event(id, 1, name, record.text, {}, contract, verdict, drift=drift, reason=reason)

    return [event(record, id) for record, id in zip(records, ids, strict=True)]


def plan(tmp_path, *sinks, events=None, reports_part=False, store=None, reader=read):
    """A plan over fake sinks, its receipts in a list."""
    receipts = memory_receipts()
    lanes = tuple(LaneSpec(sink, ORIGIN, "test", "unregistered", events or Events()) for sink in sinks)
    made = Plan(
        ORIGIN,
        Route(name="r"),
        reader,
        lanes,
        store or open_store(str(tmp_path / "letters")),
        receipts.write,
        lambda: 42,
        reports_part,
    )
    return made, receipts


def batch(*texts, **more):
    """A batch with one record for each text."""
    return Batch(ORIGIN, [Record(str(i), 1, text) for i, text in enumerate(texts)], raw=b"raw payload", **more)


def forever():
    """A deadline far away."""
    return 100.0


def ids_of(n):
    """The ids of the first n records of a batch."""
    return [event_id(ORIGIN.id_prefix(), str(i)) for i in range(n)]


def fates(receipt, sink="search"):
    """What is not zero in a sink's account."""
    return {str(fate): tally.n for fate, tally in receipt.accounts[sink].fates.items() if tally.n}


def stored(tmp_path):
    """What lies in the store, by name without the batch's id."""
    return {
        f"{path.parent.name}/{path.name.partition('-')[2] or path.suffix}": path.read_bytes()
        for path in sorted(tmp_path.rglob("letters/*/*"))
    }


def test_a_healthy_batch_is_delivered_and_balances(tmp_path):
    """Everything the sink took is delivered, by number and by sum of ids; the receipt is written once."""
    sink = FakeSink()
    made, receipts = plan(tmp_path, sink)
    receipt = run(batch("a", "b", "c"), made, forever)
    assert sink.shipped == ["user a", "user b", "user c"]
    assert fates(receipt) == {"delivered": 3}
    expected_sum = sum(int(id, 16) for id in ids_of(3)) % (1 << 128)
    assert receipt.taken.sum == receipt.accounts["search"].fates[Fate.DELIVERED].sum == expected_sum
    assert receipt.balances()
    assert receipts.receipts == [receipt]
    assert stored(tmp_path) == {}


def test_every_fate_has_its_place(tmp_path):
    """One batch, one event for each fate, each with its reason."""
    rejected, later = Outcome(Fate.DEAD, "sink_rejected:mapping"), Outcome(Fate.RETURNED, "http_503")
    sink = FakeSink(script={"dead": rejected, "later": later, "again": ALREADY_PRESENT})
    made, _ = plan(tmp_path, sink)
    receipt = run(batch("a", "bad b", "new c", "dead d", "later e", "again f", "drift g"), made, forever)
    assert fates(receipt) == {"delivered": 4, "quarantined": 1, "dead": 1, "returned": 1}
    assert receipt.accounts["search"].reasons == {
        "quarantined:contract_violation": 1,
        "dead:sink_rejected:mapping": 1,
        "returned:http_503": 1,
        "delivered:already_present": 1,
    }
    assert receipt.verdicts == {Verdict.VALID: 5, Verdict.INVALID: 1, Verdict.UNREGISTERED: 1}
    assert (receipt.drifted, receipt.drift) == (1, {"user.login:1 source.colour": 1})
    assert receipt.owners == {"team-identity": 1}
    assert receipt.balances()
    assert sink.shipped[1:3] == ["quarantine bad b", "unregistered new c"]


def test_what_a_sink_refuses_for_good_is_a_dead_letter(tmp_path):
    """The redacted copy, its id, the sink and the reason lie in the store."""
    made, _ = plan(tmp_path, FakeSink(script={"dead": Outcome(Fate.DEAD, "oversize_sink")}))
    run(batch("dead a"), made, forever)
    letters = stored(tmp_path)
    assert list(letters) == ["dead/search.ndjson"]
    assert json.loads(letters["dead/search.ndjson"]) == {
        "id": ids_of(1)[0],
        "sink": "search",
        "reason": "oversize_sink",
        "copy": "user dead a",
    }


def test_what_is_returned_to_a_deaf_invoker_is_stored_to_come_again(tmp_path):
    """An asynchronous invocation cannot be told about a part: the batch waits in the store, with who lacks what."""
    down = FakeSink("trace", ship=lambda pieces, ids, deadline: [Outcome(Fate.RETURNED, "http_503")] * len(ids))
    made, _ = plan(tmp_path, FakeSink(), down)
    receipt = run(batch("a", "b"), made, forever)
    assert (fates(receipt, "search"), fates(receipt, "trace")) == ({"delivered": 2}, {"returned": 2})
    (entry,) = stored(tmp_path).values()
    again = json.loads(entry)
    assert (again["wanted"], again["reason"]) == ({"trace": ids_of(2)}, "returned")
    assert again["raw"] == "cmF3IHBheWxvYWQ="


def test_an_invoker_that_can_be_told_gets_no_stored_batch(tmp_path):
    """Files and queues bring it again themselves."""
    down = FakeSink(ship=lambda pieces, ids, deadline: [Outcome(Fate.RETURNED, "http_503")] * len(ids))
    made, _ = plan(tmp_path, down, reports_part=True)
    assert fates(run(batch("a"), made, forever)) == {"returned": 1}
    assert stored(tmp_path) == {}


class BrokenStore:
    """A store that is out of reach."""

    def put(self, kind, name, body):
        raise Transient("store_unavailable")


def test_a_dead_letter_that_cannot_be_stored_comes_again(tmp_path):
    """What the store could not take is not dead but returned."""
    sink = FakeSink(script={"dead": Outcome(Fate.DEAD, "oversize_sink")})
    made, _ = plan(tmp_path, sink, store=BrokenStore(), reports_part=True)
    receipt = run(batch("dead a", "b"), made, forever)
    assert fates(receipt) == {"delivered": 1, "returned": 1}
    assert receipt.balances()


def test_without_a_store_nothing_is_acknowledged(tmp_path):
    """Sink and store both down: the invocation fails, so that Lambda brings the payload again."""
    down = FakeSink(ship=lambda pieces, ids, deadline: [Outcome(Fate.RETURNED, "http_503")] * len(ids))
    made, receipts = plan(tmp_path, down, store=BrokenStore())
    with pytest.raises(Transient):
        run(batch("a"), made, forever)
    assert receipts.receipts == []


@pytest.mark.parametrize(
    "answer",
    [
        lambda pieces, ids, deadline: [DELIVERED] * (len(ids) - 1),
        lambda pieces, ids, deadline: [],
    ],
    ids=["one answer missing", "no answer at all"],
)
def test_a_short_answer_unbalances_the_receipt(answer, tmp_path):
    """A sink that answers for fewer than it got is our bug: the raw batch is kept and the invocation succeeds."""
    made, _ = plan(tmp_path, FakeSink(ship=answer))
    receipt = run(batch("a", "b"), made, forever)
    assert not receipt.balances()
    (entry,) = stored(tmp_path).items()
    assert entry[0] == "unbalanced/.json"
    assert json.loads(entry[1])["raw"] == "cmF3IHBheWxvYWQ="


def test_a_lost_event_unbalances_the_receipt(tmp_path):
    """What is taken in is counted before reading, so a reader that loses one record is found out."""
    made, _ = plan(tmp_path, FakeSink(), reader=lambda records, ids: read(records, ids)[1:])
    assert not run(batch("a", "b"), made, forever).balances()


def test_two_swapped_for_one_unbalances_by_the_sum(tmp_path):
    """The same number of other events does not balance: the sum of ids tells them apart."""
    made, _ = plan(tmp_path, FakeSink(), reader=lambda records, ids: read(records, [ids[0], ids[0]]))
    receipt = run(batch("a", "b"), made, forever)
    assert fates(receipt) == {"delivered": 2}
    assert not receipt.balances()


def test_a_sink_that_raises_has_delivered_nothing(tmp_path):
    """A bug in a sink returns its events; the other sinks are not touched."""

    def broken(pieces, ids, deadline):
        raise RuntimeError("secret")

    made, _ = plan(tmp_path, FakeSink("trace", ship=broken), FakeSink())
    receipt = run(batch("a"), made, forever)
    assert (fates(receipt, "trace"), fates(receipt)) == ({"returned": 1}, {"delivered": 1})
    assert receipt.accounts["trace"].reasons == {"returned:internal:RuntimeError": 1}


def test_a_copy_that_cannot_be_made_safely_is_quarantined_without_text(tmp_path):
    """Redaction fails closed: a document says that there was an event, and nothing of it; siblings are delivered."""
    sink = FakeSink()
    made, _ = plan(tmp_path, sink)
    receipt = run(batch("a", "withhold b", "bug c"), made, forever)
    assert sink.shipped == ["user a", "quarantine ", "quarantine "]
    assert fates(receipt) == {"delivered": 1, "quarantined": 2}
    assert receipt.accounts["search"].reasons == {
        "quarantined:redaction_failed": 1,
        "quarantined:internal:KeyError": 1,
    }


def test_sampling_is_a_function_of_the_id(tmp_path):
    """One in four, and an outsider can say which: those whose id is divisible by four."""
    made, _ = plan(tmp_path, FakeSink())
    receipt = run(batch(*["page"] * 400), made, forever)
    kept = [id for id in ids_of(400) if int(id, 16) % 4 == 0]
    assert fates(receipt) == {"delivered": len(kept), "sampled": 400 - len(kept)}
    expected_sum = sum(int(id, 16) for id in kept) % (1 << 128)
    assert receipt.accounts["search"].fates[Fate.DELIVERED].sum == expected_sum


def test_a_sink_gets_the_events_it_asked_for(tmp_path):
    """Excluded events are filtered, with a count."""
    made, _ = plan(tmp_path, FakeSink(), events=Events(include=("user.*", "new.*"), exclude=("*.event",)))
    receipt = run(batch("a", "new b", "page c"), made, forever)
    assert fates(receipt) == {"delivered": 1, "filtered": 2}


@pytest.mark.parametrize("reason", ["control", "self"])
def test_a_dropped_batch_is_filtered_whole(reason, tmp_path):
    """Control messages and our own log groups are accounted for and go nowhere."""
    sink = FakeSink()
    made, _ = plan(tmp_path, sink)
    receipt = run(batch("a", "b", drop=reason), made, forever)
    assert (fates(receipt), sink.shipped) == ({"filtered": 2}, [])
    assert receipt.accounts["search"].reasons == {f"filtered:{reason}": 2}


def test_when_time_runs_out_the_rest_is_returned(tmp_path):
    """What was not begun before the deadline comes again, and the receipt balances."""
    left = [10.0]

    def spent(records, ids):
        left[0] = 0.0
        return read(records, ids)

    made, _ = plan(tmp_path, FakeSink(), reports_part=True, reader=spent)
    receipt = run(batch(*["a"] * (2 * CHUNK)), made, lambda: left[0])
    assert fates(receipt) == {"delivered": CHUNK, "returned": CHUNK}
    assert receipt.balances()


def test_a_payload_that_could_not_be_decoded_is_kept(tmp_path):
    """Its raw bytes lie in the store, because what reached quarantine is only a note."""
    made, _ = plan(tmp_path, FakeSink())
    broken = Batch(ORIGIN, [Record("x", None, "12 bytes", fault="envelope_invalid")], raw=b"\x00\x01")
    run(broken, made, forever)
    assert stored(tmp_path) == {"undecoded/.bin": b"\x00\x01"}


def test_an_empty_batch_balances(tmp_path):
    """No records, no fates, a receipt all the same."""
    made, receipts = plan(tmp_path, FakeSink())
    assert run(batch(), made, forever).balances()
    assert len(receipts.receipts) == 1


def test_a_redelivery_has_the_same_batch_id(tmp_path):
    """The id of a batch is made of its records alone."""
    made, _ = plan(tmp_path, FakeSink())
    first, second = (run(batch("a", "b"), made, forever) for _ in range(2))
    assert first.batch == second.batch != run(batch("a"), made, forever).batch


def test_requests_are_shipped_when_they_are_full(tmp_path):
    """No more than about one request's worth of text is held."""
    calls = []

    def ship(pieces, ids, deadline):
        calls.append(sum(map(len, pieces)))
        return [DELIVERED] * len(ids)

    made, _ = plan(tmp_path, FakeSink(ship=ship))
    run(batch(*["x" * 95] * (3 * CHUNK)), made, forever)
    assert calls == [10_000] * 3


def test_a_sink_that_hangs_leaves_the_others_their_time(tmp_path):
    """A request may take its part of the time that is left, so a sink that answers nothing cannot starve the next."""
    left, given = [10.0], {}

    def hang(pieces, ids, deadline):
        given["slow"] = deadline()
        left[0] -= deadline()
        return [Outcome(Fate.RETURNED, "timeout")] * len(ids)

    def quick(pieces, ids, deadline):
        given["quick"] = deadline()
        return [DELIVERED] * len(ids)

    made, _ = plan(tmp_path, FakeSink("slow", ship=hang), FakeSink("quick", ship=quick), reports_part=True)
    receipt = run(batch("a"), made, lambda: left[0])
    assert given == {"slow": 5.0, "quick": 2.5}
    assert (fates(receipt, "slow"), fates(receipt, "quick")) == ({"returned": 1}, {"delivered": 1})
