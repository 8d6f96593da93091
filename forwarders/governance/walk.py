"""What is the same for all fields of one comparison."""

from __future__ import annotations

from dataclasses import dataclass

from forwarders.governance.contract import Metric, Side
from forwarders.governance.rows import MINOR, Row, Rows

Path = tuple[str, ...]
ANY = "*"


@dataclass(frozen=True)
class Walk:
    """Two contracts that are compared, and the rows that say how they differ."""

    rows: Rows
    old: Side
    new: Side
    approvers: tuple[str, ...]
    tombstones: frozenset[str]

    def readers(self, path: Path) -> list[tuple[Metric, str]]:
        """The metrics that read a field before and after the change, and how."""
        name = dotted(path)
        kept = {metric.name for metric in self.new.metrics if metric.reads(name)}
        return [(one, one.reads(name)) for one in self.old.metrics if one.reads(name) and one.name in kept]

    def dimensions(self, path: Path) -> list[str]:
        """The names of the metrics that tell events apart by a field."""
        name = dotted(path)
        kept = {metric.name for metric in self.old.metrics}
        return [one.name for one in self.new.metrics if name in one.dimensions and one.name in kept]

    def add(self, where: str, change: str, base: str, why: str) -> Row:
        return self.rows.add(where, change, base, why)

    def bounds(self, where: str, change: str, why: str) -> Row:
        """The row of a change of what is accepted, which may turn out to be another way to say the same."""
        row = self.add(where, change, MINOR, why)
        row.is_bound = True
        return row


def dotted(path: Path) -> str:
    """`("items", "*", "sku")` is `items.sku`."""
    return ".".join(part for part in path if part != ANY)
