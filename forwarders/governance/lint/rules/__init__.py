"""The rules about one contract, in the order in which they look. A new rule is a file and a line here."""

from __future__ import annotations

from forwarders.governance.lint.rule import Rule
from forwarders.governance.lint.rules import alarms, metrics, names, personal, strings, times, tombstones, units

RULES: tuple[Rule, ...] = (
    names.RULE,
    strings.RULE,
    times.RULE,
    units.RULE,
    metrics.RULE,
    alarms.RULE,
    personal.RULE,
    tombstones.RULE,
)
