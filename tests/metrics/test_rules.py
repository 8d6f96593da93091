"""What a contract says under x-event.metrics, as rules."""

from __future__ import annotations

from forwarders.metrics.rules import Alarm, Condition, Rule, rules

SCHEMA = {
    "$id": "urn:logharbor:job.finished:3",
    "$defs": {"host": {"properties": {"name": {"type": "string"}, "is_spot": {"enum": [True, False]}}}},
    "properties": {
        "event": {"const": "job.finished"},
        "host": {"$ref": "#/$defs/host"},
        "k8s.pod": {"type": "object", "properties": {"name": {"type": "string"}}},
        "retry": {"anyOf": [{"type": "boolean"}, {"type": "null"}]},
    },
    "x-event": {
        "metrics": [
            {
                "name": "JobDuration",
                "kind": "histogram",
                "description": "From start to end.",
                "value": "duration.ms",
                "unit": "Milliseconds",
                "where": {"status": {"in": ["ok", "late"]}, "duration.ms": {"gt": 0, "le": 10}},
                "dimensions": ["host.name", "k8s.pod.name", "host.is_spot", "retry"],
                "limit": 20,
                "buckets": [1, 10, 100.5],
                "measured": "forwarder",
            },
            {
                "name": "Jobs",
                "kind": "count",
                "alarms": [
                    {
                        "name": "none", "statistic": "Sum", "period": 300, "evaluationPeriods": 3,
                        "datapointsToAlarm": 2, "op": "<", "threshold": 1, "missing": "breaching", "notify": "oncall",
                    },
                ],
            },
        ]
    },
}  # fmt: skip


def test_a_contract_says_its_rules() -> None:
    """Everything that an author may write arrives: conditions, dotted keys, booleans, alarms, defaults."""
    assert rules(SCHEMA, by_default=False) == [
        Rule(
            event="job.finished",
            major=3,
            by_default=False,
            name="JobDuration",
            kind="histogram",
            value=("duration", "ms"),
            where=(
                Condition(("status",), "in", ("ok", "late")),
                Condition(("duration", "ms"), "gt", 0),
                Condition(("duration", "ms"), "le", 10),
            ),
            dimensions=(("host", "name"), ("k8s.pod", "name"), ("host", "is_spot"), ("retry",)),
            flags=(("host", "is_spot"), ("retry",)),
            unit="Milliseconds",
            description="From start to end.",
            limit=20,
            buckets=(1, 10, 100.5),
            forwarder_only=True,
        ),
        Rule(
            event="job.finished",
            major=3,
            by_default=False,
            name="Jobs",
            kind="count",
            unit="Count",
            alarms=(Alarm("none", "Sum", 300, 3, "<", 1, "breaching", "oncall", 2),),
        ),
    ]


def test_a_contract_without_metrics_has_no_rules() -> None:
    """`x-event.metrics` may be left out."""
    assert rules({"$id": "urn:logharbor:legacy.text:1", "properties": {}}) == []
