"""CloudWatch Logs filter patterns, parsed and evaluated as AWS does. Source: docs/filter-patterns.md.

Floor 1. `parse` compiles a pattern or refuses it as AWS would; `Pattern.match` answers as TestMetricFilter does.
"""

from forwarders.metrics.filter_pattern.error import FilterPatternError
from forwarders.metrics.filter_pattern.pattern import MAX_LENGTH, Kind, Match, Pattern, parse
from forwarders.metrics.filter_pattern.selectors import parse_selector

__all__ = ["MAX_LENGTH", "FilterPatternError", "Kind", "Match", "Pattern", "parse", "parse_selector"]
