"""Metrics on a terminal: a table, or a line of bars for each series."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal

from rich.console import Console
from rich.table import Table
from rich.text import Text

from forwarders.cli.shown import printable
from forwarders.metrics.points import Dimensions, Kind, Point, percentile

BARS = "▁▂▃▄▅▆▇█"
MIN_BARS = 10
PIPE_COLUMNS = 200
_TITLES = ("n", "sum", "average", "p95", "max")
_PATTERNS = {"minute": "%Y-%m-%d %H:%M", "hour": "%Y-%m-%d %H:00", "day": "%Y-%m-%d"}

Series = dict[tuple[str, str, Kind, str, Dimensions], list[Point]]
"""The points of each namespace, metric, kind, unit and set of dimensions, by time."""


def table(points: Sequence[Point], step: str, _step_ms: int, console: Console | None = None) -> None:
    """For each metric a row for each set of dimensions and step of event time (UTC), or two lines where the terminal is
    too narrow for it; what events say is shown as text, never as markup."""
    if not points:
        return
    rows = Table(box=None, pad_edge=False, header_style="bold")
    rows.add_column("metric", overflow="fold", min_width=20)
    rows.add_column(f"{step} (UTC)", no_wrap=True)
    for title in _TITLES:
        rows.add_column(title, justify="right", no_wrap=True)
    last = None
    for point in points:
        if (point.namespace, point.name) != last:
            last = (point.namespace, point.name)
            rows.add_row(_title(point))
        numbers = [Text(cell) for cell in _numbers(point)]
        rows.add_row(Text(f"  {_named(point.dimensions)}"), _time(point.time_ms, step), *numbers)
    console = console or _console(PIPE_COLUMNS)
    if console.measure(rows, options=console.options.update(width=PIPE_COLUMNS)).minimum > console.width:
        _narrow(points, step, console)
    else:
        console.print(rows)


def _narrow(points: Sequence[Point], step: str, console: Console) -> None:
    last = None
    for point in points:
        if (point.namespace, point.name) != last:
            last = (point.namespace, point.name)
            console.print(_title(point))
        console.print(Text(f"  {_time(point.time_ms, step)}  {_named(point.dimensions)}"))
        numbers = [f"{title} {cell}" for title, cell in zip(_TITLES, _numbers(point), strict=True) if cell]
        console.print(Text(f"    {'  '.join(numbers)}"), soft_wrap=True)


def _title(point: Point) -> Text:
    unit = f" {_unit(point)}" if _unit(point) else ""
    return Text(printable(point.name), "bold").append(unit, "not bold dim")


def plot(points: Sequence[Point], step: str, step_ms: int) -> None:
    """A line for each series: its bars over time, and its lowest and highest. A count and a sum show their sum, a gauge
    its last value, a distribution and a histogram their 95th percentile of each step."""
    if not points:
        return
    console = _console()
    series: Series = {}
    for point in points:
        key = (point.namespace, point.name, point.kind, point.unit, point.dimensions)
        series.setdefault(key, []).append(point)
    begin = min(point.time_ms for point in points)
    end = max(point.time_ms for point in points)
    label = min(40, max(len(_named(key[4])) for key in series))
    wide = max(MIN_BARS, console.width - label - 24)
    steps = (end - begin) // step_ms + 1
    per_bar = -(-steps // wide)
    bars = -(-steps // per_bar)
    last: tuple[str, ...] | None = None
    for key, some in sorted(series.items(), key=lambda item: item[0]):
        if key[:4] != last:
            last = key[:4]
            shown = {"distribution": "p95", "histogram": "p95", "gauge": "last"}.get(key[2], "sum")
            console.print(Text(f"\n{printable(key[1])}", "bold").append(f"  {_said(shown, some[0])}", "not bold dim"))
        slots: dict[int, list[Point]] = {}
        for point in some:
            slots.setdefault((point.time_ms - begin) // step_ms // per_bar, []).append(point)
        values = {slot: _drawn(inside) for slot, inside in slots.items()}
        line = Text(f"{_short(_named(key[4]), label):<{label}}  ").append(_line(values, bars), "cyan")
        console.print(line.append(f"  {_number(min(values.values()))} … {_number(max(values.values()))}", "dim"))
    each = f"{per_bar} {step}s" if per_bar > 1 else f"one {step}"
    console.print(Text(f"\n{_time(begin, step)} to {_time(end, step)} UTC, {each} a bar", "dim"))


def _line(values: dict[int, float], bars: int) -> str:
    """A bar for each slot, from nothing to the highest value; a slot without a point is blank."""
    top = max(max(values.values()), 0.0)
    line = []
    for slot in range(bars):
        value = values.get(slot)
        if value is None:
            line.append(" ")
        else:
            line.append(BARS[round(max(value, 0.0) / top * (len(BARS) - 1))] if top else BARS[0])
    return "".join(line)


def _drawn(points: Sequence[Point]) -> float:
    """One number for the points of a slot."""
    if points[0].kind in ("distribution", "histogram"):
        values = points[0].values.copy()
        for point in points[1:]:
            values.update(point.values)
        return float(percentile(values, 95))
    if points[0].kind == "gauge":
        return float(max(points, key=lambda point: point.last_ms).value)
    return sum(point.total() for point in points)


def _numbers(point: Point) -> list[str]:
    if point.kind in ("count", "sum"):
        return [_number(point.n), _number(point.total()), "", "", ""]
    if point.kind == "gauge":
        return [_number(point.n), "", "", "", _number(float(point.value))]
    total = point.total()
    some = [total, total / point.n, percentile(point.values, 95), max(point.values)]
    return [_number(point.n), *(_number(float(value)) for value in some)]


def _number(value: float) -> str:
    if abs(value) < 1e15 and value == int(value):
        return f"{int(value):,}"
    if 1e-9 <= abs(value) < 0.01:
        return format(Decimal(f"{value:.3g}"), "f")
    return f"{value:,.2f}" if 0.01 <= abs(value) < 1e15 else f"{value:.3g}"


def _said(shown: str, point: Point) -> str:
    return f"{shown}, {_unit(point)}" if _unit(point) else shown


def _unit(point: Point) -> str:
    return "" if point.unit == "None" else point.unit


def _named(dimensions: Dimensions) -> str:
    return printable(" ".join(f"{name}={value}" for name, value in dimensions))


def _short(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 1] + "…"


def _time(time_ms: int, step: str) -> str:
    try:
        return datetime.fromtimestamp(time_ms / 1000, UTC).strftime(_PATTERNS[step])
    except (ValueError, OverflowError, OSError):  # a clock that is off by centuries
        return str(time_ms)


def _console(piped: int | None = None) -> Console:
    """Standard output; `piped` columns where that is no terminal, which would have a width of its own."""
    return Console(highlight=False, markup=False, width=None if sys.stdout.isatty() else piped)
