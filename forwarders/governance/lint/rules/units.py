"""Units: a quantity says what it is counted in, in its name or by x-unit."""

from __future__ import annotations

from collections.abc import Iterator

from forwarders.contracts.facts import ANY
from forwarders.governance.lint.finding import ERROR, WARNING
from forwarders.governance.lint.rule import Found, Rule
from forwarders.governance.lint.subject import Subject
from forwarders.governance.policy import Policy

UNITS = frozenset(
    [
        "ns",
        "us",
        "ms",
        "s",
        "sec",
        "secs",
        "second",
        "seconds",
        "millis",
        "milliseconds",
        "micros",
        "microseconds",
        "nanos",
        "nanoseconds",
        "min",
        "mins",
        "minute",
        "minutes",
        "h",
        "hr",
        "hrs",
        "hour",
        "hours",
        "day",
        "days",
        "week",
        "weeks",
        "month",
        "months",
        "year",
        "years",
        "bit",
        "bits",
        "byte",
        "bytes",
        "kb",
        "mb",
        "gb",
        "tb",
        "pb",
        "kib",
        "mib",
        "gib",
        "tib",
        "pct",
        "percent",
        "percentage",
        "permille",
        "ratio",
        "fraction",
        "bps",
        "rps",
        "qps",
        "hz",
        "khz",
        "mhz",
        "ghz",
        "count",
        "counts",
        "total",
        "minor",
        "cents",
        "micro_units",
        "currency",
        "eur",
        "usd",
        "chf",
        "gbp",
        "m",
        "mm",
        "cm",
        "km",
        "meters",
        "metres",
        "g",
        "kg",
        "celsius",
        "kelvin",
        "fahrenheit",
        "volt",
        "volts",
        "amp",
        "amps",
        "watt",
        "watts",
        "w",
        "kw",
        "kwh",
        "wh",
        "v",
        "a",
        "px",
        "pixels",
        "dpi",
        "deg",
        "degrees",
        "rad",
        "factor",
        "score",
        "rate_per_second",
        "per_second",
        "per_minute",
        "tokens",
        "items",
        "rows",
        "chars",
        "characters",
        "lines",
        "pages",
    ]
)
"""Last words of a name that are a unit, or a count of what they name."""

QUANTITIES = frozenset(
    [
        "duration",
        "latency",
        "elapsed",
        "timeout",
        "ttl",
        "delay",
        "interval",
        "age",
        "uptime",
        "lag",
        "wait",
        "runtime",
        "took",
        "size",
        "memory",
        "heap",
        "disk",
        "storage",
        "bandwidth",
        "throughput",
        "amount",
        "price",
        "cost",
        "fee",
        "tax",
        "balance",
        "revenue",
        "value",
        "weight",
        "distance",
        "altitude",
        "speed",
        "temperature",
        "pressure",
        "voltage",
        "power",
        "energy",
        "usage",
        "utilization",
        "utilisation",
        "capacity",
        "load",
        "width",
        "height",
        "volume",
        "time",
        "period",
        "offset",
        "discount",
        "subtotal",
        "refund",
        "salary",
    ]
)
"""Last words that ask: in what?"""

DIMENSIONLESS = frozenset(
    [
        "version",
        "latitude",
        "longitude",
        "lat",
        "lon",
        "lng",
        "probability",
        "confidence",
        "weighting",
        "multiplier",
        "coefficient",
        "index",
        "rank",
        "rating",
        "sampling",
        "sample_rate",
    ]
)


def units(subject: Subject, policy: Policy) -> Iterator[Found]:
    """A duration of 30 is an outage in seconds and nothing in milliseconds."""
    for path, many in subject.said.items():
        name = next((part for part in reversed(path) if part != ANY), "")
        nodes = [one.node for one in many]
        types = {kind for node in nodes for kind in _list(node.get("type", ()))}
        if not name or not types & {"integer", "number"}:
            continue
        if any({"x-unit", "x-time", "enum", "const"} & node.keys() for node in nodes) or has_unit(name):
            continue
        last = name.rpartition("_")[2]
        if last in QUANTITIES:
            message = f"{name} in what? Write it into the name ({name}_ms, {name}_bytes, {name}_minor) or add x-unit"
            yield Found(many[0].at(), "unit-missing", ERROR, message)
        elif "number" in types and last not in DIMENSIONLESS:
            message = f"a number without a unit: write it into the name ({name}_ms, {name}_percent) or add x-unit"
            yield Found(many[0].at(), "unit-missing", WARNING, message)


def has_unit(name: str) -> bool:
    """Whether a field's name ends in a unit: `duration_ms`, `bytes`, `item_count`, `bytes_per_second`."""
    return name.rpartition("_")[2] in UNITS or "_per_" in name


def _list(types: str | list[str]) -> list[str]:
    return [types] if isinstance(types, str) else types


RULE = Rule(("unit-missing",), units)
