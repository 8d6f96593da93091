"""What is measured when a batch runs: when it counts, what a redelivery does, and that it harms no batch."""

import itertools
import json
from collections import Counter

import msgspec
import pytest

from forwarders import redact
from forwarders.canary import Lag
from forwarders.config import Config, SinkConfig
from forwarders.contracts.compiled import Contracts
from forwarders.contracts.load import from_schema
from forwarders.deadletters import open_store
from forwarders.measuring import Meter
from forwarders.metrics.functions import Profile
from forwarders.model import DELIVERED, Batch, Fate, Origin, Outcome, Record
from forwarders.pipeline import CHUNK, run
from forwarders.plan import Plans

NOW = 1_763_000_040_000
ORIGIN = Origin("cloudwatch", "1:/aws/lambda/web:s", log_group="/aws/lambda/web")
EVENTS = [{"name": "Logins", "kind": "count", "dimensions": ["method"]}]


def contract(metrics=EVENTS, sampling=None, **properties):
    known = {"event": {"const": "login"}, "method": {"type": "string"}, "ms": {"type": "number"}}
    schema = {
        "$id": "urn:logharbor:login:1",
        "type": "object",
        "additionalProperties": False,
        "required": ["event"],
        "properties": known | properties,
        "x-event": {"version": "1.0.0", "owner": "team-a", "dataset": "user", "metrics": metrics},
    }
    schema["x-event"] |= {"sampling": sampling} if sampling else {}
    return from_schema(schema, "login")


class FakeSink:
    """Takes everything, or answers for each text what `script` says."""

    type, max_body_bytes, name = "fake", 1_000_000, "search"

    def __init__(self, script=lambda piece: DELIVERED):
        self._script = script

    def encoder(self, kind):
        return lambda event: event.text

    def ship(self, pieces, ids, deadline):
        return [self._script(piece) for piece in pieces]


class World:
    """Plans with a meter whose output is a list."""

    def __init__(self, tmp_path, *contracts, sink=None, measured=None, outputs=None, reports_part=False, **more):
        self.given = []
        self.meter = Meter(
            "Logharbor/Events", measured, redact.patterns, [self.take] if outputs is None else outputs,
            clock_ms=lambda: NOW, **more,
        )  # fmt: skip
        config = Config(sinks={"search": SinkConfig(type="stdout")})
        self.receipts = []
        self.plans = Plans(
            config, Contracts(contracts or [contract()]), {"search": sink or FakeSink()},
            open_store(str(tmp_path / "letters")), self.receipts.append, lambda: NOW, reports_part, self.meter,
        )  # fmt: skip

    def take(self, points, left_s, dropped):
        self.given += points

    def run(self, *events, deadline=lambda: 60.0, origin=ORIGIN):
        texts = [event if isinstance(event, str) else json.dumps(event) for event in events]
        records = [Record(str(i), NOW + i, text) for i, text in enumerate(texts)]
        return run(Batch(origin, records), self.plans.for_origin(origin), deadline)

    def flush(self):
        """What the outputs got of the contracts' metrics: {(name, dimensions): value}, and what was dropped."""
        self.given.clear()
        dropped = self.meter.flush(60.0)
        return {
            (point.name, *dict(point.dimensions).values()): point.value
            for point in self.given
            if point.namespace != "Logharbor"
        }, dict(dropped)

    def own(self):
        return {
            (point.name, *dict(point.dimensions).values()): point.value or dict(point.values)
            for point in self.given
            if point.namespace == "Logharbor"
        }


def login(method="sso", **more):
    return {"event": "login", "method": method, **more}


def test_the_events_of_an_invocation_become_one_number(tmp_path):
    """Over chunks and batches; the pipeline's own metrics are with them."""
    world = World(tmp_path)
    world.run(*[login()] * CHUNK, login("password"))
    world.run(login("password"))
    assert world.flush() == ({("Logins", "sso"): CHUNK, ("Logins", "password"): 2}, {})
    assert world.own() == {("Events", "search", "delivered"): CHUNK + 2}
    assert world.flush() == ({}, {})


def test_the_pipelines_own_metrics_carry_its_name(tmp_path):
    """All of them, in each invocation, and none of the contracts': two pipelines of an account are told apart."""
    outcomes = itertools.cycle([Outcome(Fate.DEAD, "sink_rejected:x"), DELIVERED])
    world = World(tmp_path, sink=FakeSink(lambda piece: next(outcomes)), pipeline="staging")
    for _ in range(2):
        world.run(login(), login(ms="a text"))
        world.meter.lag([Lag("search", 5)])
        world.meter.totals.dropped["unread"] += 1
        assert world.flush() == ({("Logins", "sso"): 2}, {"unread": 1})
        assert world.own() == {
            ("Events", "staging", "search", "dead"): 1,
            ("Events", "staging", "search", "quarantined"): 1,
            ("Dead", "staging", "search"): 1,
            ("Quarantined", "staging", "team-a"): 1,
            ("Lag", "staging", "search"): {5: 1},
            ("MetricsDropped", "staging", "unread"): 1,
        }
        assert all(point.dimensions[0] == ("Pipeline", "staging") for point in world.given if point.name != "Logins")


def test_an_invalid_event_and_one_with_drift_are_measured_as_they_came(tmp_path):
    """CloudWatch reads the raw line and knows no verdict."""
    gone = {"name": "WithoutColour", "kind": "count", "where": {"colour": {"exists": False}}}
    world = World(tmp_path, contract([*EVENTS, gone]))
    world.run(login(colour="green"), login(ms="a text"), login(), "no JSON", {"event": "unknown"})
    assert world.flush() == ({("Logins", "sso"): 3, ("WithoutColour",): 2}, {})
    assert world.own()[("Quarantined", "team-a")] == 1


def test_an_event_that_is_sampled_for_a_sink_is_measured(tmp_path):
    """A metric counts what happened, not what was kept of it."""
    world = World(tmp_path, contract(sampling={"fake": 1000}))
    receipt = world.run(*[login()] * 50)
    assert receipt.accounts["search"].fates[Fate.SAMPLED].n > 40
    assert world.flush()[0] == {("Logins", "sso"): 50}


def test_an_event_that_a_sink_refused_is_measured(tmp_path):
    """It happened, whatever became of its copy."""
    world = World(tmp_path, sink=FakeSink(lambda piece: Outcome(Fate.DEAD, "sink_rejected:x")))
    world.run(login())
    assert world.flush()[0] == {("Logins", "sso"): 1}
    assert world.own() == {("Events", "search", "dead"): 1, ("Dead", "search"): 1}


def test_a_batch_that_comes_again_is_measured_when_it_comes_for_good(tmp_path):
    """The handler forgets what the invoker is told about; the redelivery counts, once."""
    world = World(tmp_path, reports_part=True)
    world.run(login("again"))
    world.meter.forget()
    world.run(login())
    world.meter.keep()
    assert world.flush() == ({("Logins", "sso"): 1}, {})


def test_an_invocation_that_failed_leaves_nothing_behind(tmp_path):
    """Lambda brings the whole payload again."""
    world = World(tmp_path)
    world.run(login())
    world.meter.reset()
    assert world.flush() == ({}, {})


def test_events_that_no_time_was_left_to_read_are_counted(tmp_path):
    """They wait in the store, and a replay does not measure."""
    world = World(tmp_path)
    world.run(login(), login(), deadline=lambda: 0.0)
    assert world.flush() == ({}, {"unread": 2})
    assert world.own()[("MetricsDropped", "unread")] == 2


def test_only_the_rules_that_the_bundle_names_are_measured(tmp_path):
    """The others' home is a metric filter: counted there, and not twice."""
    rules = [*EVENTS, {"name": "Time", "kind": "sum", "value": "ms"}]
    route = "(no route)"
    for measured, names in [
        ({}, set()),
        ({route: {"login:1": ["Time"]}}, {"Time"}),
        ({"other": {"login:1": ["Time"]}}, set()),
    ]:
        world = World(tmp_path, contract(rules), measured=measured)
        world.run(login(ms=5))
        assert {key[0] for key in world.flush()[0]} == names


def test_a_dimension_that_is_personal_data_is_refused(tmp_path):
    """Also when nobody checked the contract; and whatever lies below a classified object."""
    user = {"type": "object", "x-pii": {"class": "identifier"}, "properties": {"id": {"type": "string"}}}
    rules = [*EVENTS, {"name": "ByUser", "kind": "count", "dimensions": ["user.id"]}]
    world = World(tmp_path, contract(rules, user=user))
    world.run(login(user={"id": "ada"}))
    assert world.flush() == ({("Logins", "sso"): 1}, {"personal_data": 1})


def test_what_looks_like_a_secret_is_no_dimension(tmp_path):
    """A field that the author did not classify, and an address in it."""
    world = World(tmp_path)
    world.run(login("ada@example.com"), login("AKIAIOSFODNN7EXAMPLE"), login())
    assert world.flush()[0] == {("Logins", "__redacted__"): 2, ("Logins", "sso"): 1}


def test_ten_thousand_values_of_a_dimension_are_told_of(tmp_path):
    """A thousand of them, the rest as `__other__`, over all batches of the invocation."""
    world = World(tmp_path)
    for start in (0, 5_000):
        world.run(*[login(f"m{i}") for i in range(start, start + 5_000)])
    found, dropped = world.flush()
    assert (len(found), found[("Logins", "__other__")]) == (1_001, 9_000)
    assert dropped == {"dimension_limit": 9_000}


def test_an_invocation_gives_out_so_many_points_and_no_more(tmp_path):
    """Many batches with many minutes each; what is beyond is counted."""
    world = World(tmp_path, max_points=3)
    for method in "abcd":
        world.run(login(method), login(method))
    found, dropped = world.flush()
    assert (sorted(found), dropped) == ([("Logins", "a"), ("Logins", "b"), ("Logins", "c")], {"too_many_series": 2})


def test_a_failing_output_harms_nobody(tmp_path):
    """The batch is done, the other output has its points, and our log says why."""

    def broken(points, left_s, dropped):
        raise RuntimeError("boom")

    world = World(tmp_path, outputs=[])
    world.meter._outputs = [broken, world.take]
    assert world.run(login()).balances()
    found, dropped = world.flush()
    assert found == {("Logins", "sso"): 1}
    assert dropped == {"output:RuntimeError": 2}


def test_a_function_is_profiled_by_its_report_lines(tmp_path):
    """Without any contract of them, and beside the metrics of contracts."""
    world = World(tmp_path, profile=Profile)
    report = (
        "REPORT RequestId: 3f0a2c1e-2f6c-4f0e-9d8a-0a6f1f3f7c11\tDuration: 9.14 ms\tBilled Duration: 10 ms\t"
        "Memory Size: 128 MB\tMax Memory Used: 36 MB\tInit Duration: 190.62 ms"
    )
    late = "2024-03-04T17:22:38.033Z 0f7f1d80-1111-2222-3333-444444444444 Task timed out after 3.00 seconds"
    world.run(report, late, login())
    world.run(late)
    found, _ = world.flush()
    assert found[("Invocations", "web")] == found[("ColdStarts", "web")] == 1
    assert found[("Timeouts", "web")] == found[("Errors", "web")] == found[("Logins", "sso")] == 1
    names = {point.name: dict(point.values) for point in world.given if point.values}
    assert names == {
        "Duration": {9.14: 1},
        "BilledDuration": {10: 1},
        "InitDuration": {190.62: 1},
        "MemoryUsed": {36: 1},
    }


def test_a_time_out_of_a_batch_that_comes_again_is_counted_when_it_does(tmp_path):
    """What was forgotten was not told."""
    world = World(tmp_path, profile=Profile)
    late = "2024-03-04T17:22:38.033Z 0f7f1d80-1111-2222-3333-444444444444 Task timed out after 3.00 seconds"
    world.run(late)
    world.meter.forget()
    world.run(late)
    assert world.flush()[0][("Timeouts", "web")] == 1


@pytest.mark.parametrize(
    "event", [{}, {"event": "login", "method": "sso"}, {"event": "login", "method": "sso", "ms": "a text"}]
)
def test_metrics_that_a_line_holds_already_are_taken(event, tmp_path):
    """Of an event without a contract, and of one whose contract does not know them, valid (they are drift) or not."""
    directive = {"Namespace": "Shop", "Dimensions": [["step"]], "Metrics": [{"Name": "Paid"}]}
    meta = {"Timestamp": NOW, "CloudWatchMetrics": [directive]}
    world = World(tmp_path, embedded=True)
    world.run({**event, "_aws": meta, "step": "pay", "Paid": 3})
    world.flush()
    (point,) = [point for point in world.given if point.name == "Paid"]
    assert (point.namespace, point.values, point.in_cloudwatch) == ("Shop", Counter([3]), True)
    quiet = World(tmp_path)
    quiet.run({**event, "_aws": meta, "step": "pay", "Paid": 3})
    assert ("Paid", "pay") not in quiet.flush()[0]


def test_a_receipt_that_does_not_balance_sounds(tmp_path):
    """The alarm of our own bugs."""

    class Short(FakeSink):
        def ship(self, pieces, ids, deadline):
            return [DELIVERED] * (len(pieces) - 1)

    world = World(tmp_path, sink=Short())
    assert not world.run(login(), login()).balances()
    world.flush()
    assert world.own()[("Unbalanced",)] == 1


def test_a_replay_does_not_measure(tmp_path):
    """Its events were measured when they came first."""
    world = World(tmp_path)
    plan = msgspec.structs.replace(world.plans.for_origin(ORIGIN), meter=None)
    run(Batch(ORIGIN, [Record("1", NOW, json.dumps(login()))]), plan, lambda: 60.0)
    assert world.flush() == ({}, {})
