"""Quotas: how much room is left before AWS refuses something that the pipeline needs."""

from __future__ import annotations

from collections.abc import Iterator

from forwarders.doctor.account import Account
from forwarders.doctor.finding import Finding, found, listed
from forwarders.doctor.pipeline import Pipeline

MAX_METRIC_FILTERS = 100
MAX_REGEX_FILTERS = 5
NEARLY = 0.9


def check_filters(account: Account, pipeline: Pipeline) -> Iterator[Finding]:
    """Findings about metric filters: a group holds 100, of which 5 with a regular expression."""
    by_group: dict[str, list[str]] = {}
    for one in account.ask("logs", "describe_metric_filters").get("metricFilters", ()):
        by_group.setdefault(str(one.get("logGroupName", "")), []).append(str(one.get("filterPattern", "")))
    full = [name for name, patterns in by_group.items() if len(patterns) >= MAX_METRIC_FILTERS]
    nearly = [
        name for name, patterns in by_group.items() if MAX_METRIC_FILTERS > len(patterns) >= MAX_METRIC_FILTERS * NEARLY
    ]
    regex = [name for name, patterns in by_group.items() if sum(map(_is_regex, patterns)) >= MAX_REGEX_FILTERS]
    if full:
        yield found("metric_filters_full", listed(full), "100 metric filters, which is all that a log group has")
    if nearly:
        yield found("metric_filters_nearly_full", listed(nearly), "more than 90 of 100 metric filters")
    if regex:
        yield found(
            "regex_filters_full", listed(regex), "five filters with a regular expression, which is all that there are"
        )


def _is_regex(pattern: str) -> bool:
    return pattern.count("%") >= 2


def check_concurrency(account: Account, pipeline: Pipeline) -> Iterator[Finding]:
    """Findings about what the account's functions share."""
    limit = account.ask("lambda", "get_account_settings").get("AccountLimit", {})
    whole, free = limit.get("ConcurrentExecutions", 0), limit.get("UnreservedConcurrentExecutions", 0)
    if whole and free <= max(whole // 10, 100):  # AWS keeps 100 back from reservations
        yield found(
            "concurrency_headroom", "the account", f"{free} of {whole} concurrent executions are left unreserved"
        )
