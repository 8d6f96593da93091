"""The doctor: looks at an account and says in words what is wrong with a pipeline and what to do. Changes nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime

import msgspec

from forwarders.config import Config
from forwarders.doctor import functions, headroom, keys, sources, subscriptions, trouble
from forwarders.doctor.account import Account, Denied
from forwarders.doctor.advice import ADVICE, Severity
from forwarders.doctor.finding import Finding, found
from forwarders.doctor.pipeline import Pipeline, discover

__all__ = ["ADVICE", "CHECKS", "Account", "Finding", "Report", "Severity", "examine"]

Check = Callable[[Account, Pipeline], Iterator[Finding]]

CHECKS: Mapping[str, Check] = {
    "functions": functions.check,
    "delivery to functions": functions.check_delivery,
    "streams and queues": sources.check,
    "subscriptions": subscriptions.check,
    "account-wide subscription": subscriptions.check_account_policy,
    "keys": keys.check_keys,
    "secrets": keys.check_secrets,
    "dead letters": keys.check_store,
    "metric filters": headroom.check_filters,
    "concurrency": headroom.check_concurrency,
}
"""Every check but the last day's metrics, which need a clock, by what it is about."""

METRICS = "the last day"


class Report(msgspec.Struct, frozen=True):
    """What was found, errors first. `looked`: what was looked at; `blind`: what could not be, and the permission."""

    pipeline: str
    findings: list[Finding]
    looked: list[str]
    blind: dict[str, str]


def examine(
    account: Account,
    name: str = "",
    config: Config | None = None,
    now: datetime | None = None,
    progress: Callable[[str], None] = lambda about: None,
) -> Report:
    """Everything is looked at that the credentials allow.

    Raises ConfigError when there are several pipelines and none is named, account.Unreachable when AWS cannot be asked,
    account.Denied when not even the functions can be listed.
    """
    pipeline = discover(account, name, config)
    at = now or datetime.now(UTC)

    def last_day(account: Account, pipeline: Pipeline) -> Iterator[Finding]:
        return trouble.check(account, pipeline, at)

    checks: dict[str, Check] = {**CHECKS, METRICS: last_day}
    findings: list[Finding] = []
    looked: list[str] = []
    blind: dict[str, str] = {}
    for about, check in checks.items():
        progress(about)
        try:
            for finding in check(account, pipeline):
                findings.append(finding)
            looked.append(about)
        except Denied as denied:
            blind[about] = denied.permission
            findings.append(found("blind", about, f"not looked at: {denied}"))
    order = list(Severity)
    findings.sort(key=lambda finding: order.index(finding.severity))
    return Report(pipeline.name, findings, looked, blind)
