"""What has gone wrong lately: the metrics of the last day, AWS's and the pipeline's own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from forwarders.doctor.account import Account
from forwarders.doctor.finding import Finding, found
from forwarders.doctor.pipeline import Pipeline
from forwarders.metrics.points import PIPELINE

OURS = "Logharbor"
DAY = timedelta(hours=24)
MAX_QUERIES = 500
OLD_MS = 15 * 60_000


def check(account: Account, pipeline: Pipeline, now: datetime) -> Iterator[Finding]:
    """Findings of the day before `now`."""
    day = _Day(account, now)
    yield from _deliveries(day, pipeline)
    yield from _functions(day, pipeline)
    yield from _own(day, pipeline)


class _Day:
    """Sums and maxima of metrics over the last day."""

    def __init__(self, account: Account, now: datetime) -> None:
        self._account, self._now = account, now

    def of(self, namespace: str, metric: str, statistic: str = "Sum", **fixed: str) -> dict[str, float]:
        """Every series of a metric with these dimensions that is not zero: what its dimensions say, and the number."""
        dimensions = [{"Name": name, "Value": value} for name, value in fixed.items()]
        series = self._account.ask(
            "cloudwatch", "list_metrics", Namespace=namespace, MetricName=metric, Dimensions=dimensions
        ).get("Metrics", [])
        if namespace == "AWS/Lambda":  # an invocation of an alias counts again by alias and by version
            series = [one for one in series if len(one.get("Dimensions", ())) == len(dimensions)]
        told: dict[str, float] = {}
        for start in range(0, len(series), MAX_QUERIES):
            told |= self._read(series[start : start + MAX_QUERIES], statistic)
        return told

    def _read(self, metrics: list[Mapping[str, Any]], statistic: str) -> dict[str, float]:
        queries = [
            {"Id": f"m{n}", "MetricStat": {"Metric": dict(metric), "Period": 3600, "Stat": statistic}}
            for n, metric in enumerate(metrics)
        ]
        answer = self._account.ask(
            "cloudwatch", "get_metric_data", MetricDataQueries=queries, StartTime=self._now - DAY, EndTime=self._now
        )
        total = max if statistic == "Maximum" else sum
        values = {one["Id"]: total(one["Values"]) for one in answer.get("MetricDataResults", ()) if one["Values"]}
        return {_series(metric): values[f"m{n}"] for n, metric in enumerate(metrics) if values.get(f"m{n}")}


def _series(metric: Mapping[str, Any]) -> str:
    return ", ".join(f"{one['Name']} {one['Value']}" for one in metric.get("Dimensions", ())) or "all"


def _deliveries(day: _Day, pipeline: Pipeline) -> Iterator[Finding]:
    named = {"FilterName": pipeline.filter_name}
    for where, number in day.of("AWS/Logs", "DeliveryErrors", **named).items():
        yield found("delivery_errors", where, f"{number:.0f} events could not be delivered in the last day")
    for where, number in day.of("AWS/Logs", "DeliveryThrottling", **named).items():
        yield found("delivery_throttling", where, f"{number:.0f} events were throttled in the last day")


def _functions(day: _Day, pipeline: Pipeline) -> Iterator[Finding]:
    for function in pipeline.functions:
        named = {"FunctionName": function.name}
        for metric, name, what in _LAMBDA:
            number = sum(day.of("AWS/Lambda", metric, **named).values())
            if number:
                yield found(name, function.name, f"{number:.0f} {what} in the last day")
        throttled = sum(day.of("AWS/Lambda", "Throttles", **named).values())
        if throttled:
            yield found("throttles", function.name, f"{throttled:.0f} throttled invocations in the last day")
        oldest = max(day.of("AWS/Lambda", "IteratorAge", "Maximum", **named).values(), default=0)
        if oldest > OLD_MS:
            yield found("iterator_age", function.name, f"records were up to {oldest / 60_000:.0f} minutes old")


_LAMBDA = (
    ("Errors", "function_errors", "failed invocations"),
    ("AsyncEventsDropped", "events_dropped", "payloads dropped"),
    ("DestinationDeliveryFailures", "destination_failures", "failed payloads that could not be kept"),
)


def _own(day: _Day, pipeline: Pipeline) -> Iterator[Finding]:
    named = {PIPELINE: pipeline.name} if pipeline.named else {}
    unbalanced = sum(day.of(OURS, "Unbalanced", **named).values())
    if unbalanced:
        yield found("unbalanced", "receipts", f"{unbalanced:.0f} receipts did not balance in the last day")
    for where, number in day.of(OURS, "Dead", **named).items():
        yield found("dead", where, f"{number:.0f} events dead in the last day")
    for where, number in day.of(OURS, "NotSubscribed", "Maximum", **named).items():
        yield found("not_subscribed", where, f"{number:.0f} log groups that the sweep could not subscribe")
    for where, number in day.of(OURS, "Quarantined", **named).items():
        yield found("quarantined", where, f"{number:.0f} events in quarantine in the last day")
