"""`logharbor filters build`: metric filters, alarms and dashboards from the contracts, as files for Terraform."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import click
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from forwarders.cli.options import HANDWRITTEN, filters_option, pipeline_option, read_contracts, schemas_option
from forwarders.cli.shown import printable
from forwarders.config import Config, read_yaml
from forwarders.deriving import Derived, derive, files
from forwarders.metrics.filters import Filter, read_handwritten


@click.command("build", short_help="Derive metric filters, alarms and dashboards from the contracts.")
@pipeline_option
@schemas_option
@filters_option
@click.option("--check", is_flag=True, help="Write nothing; exit 1 and name the files that are not up to date.")
def command(config_path: str, schemas_path: str | None, filters_path: str, check: bool) -> None:
    """Derive filters/ from contracts and pipeline, and say which metric is measured where, and why.

    What is there and is no longer derived is removed from filters/derived. Filters in filters/handwritten are checked,
    and count towards the limits of their log groups. The same input gives the same bytes.
    """
    config = read_yaml(config_path)
    contracts = read_contracts(schemas_path or "schemas")
    folder = Path(filters_path)
    handwritten = read_handwritten(folder / HANDWRITTEN)
    derived = derive(config, contracts, handwritten)
    wanted = files(derived)
    stale = _stale(folder, wanted)
    if check:
        _tell_stale(stale, filters_path)
        return
    _write(folder, wanted)
    _tell(config, derived, handwritten)
    _warn(config, derived)
    click.echo(f"{filters_path}: {len(wanted)} files, {len(stale)} changed", err=True)


def _warn(config: Config, derived: Derived) -> None:
    """Says which alarms wait for what the forwarder measures, where it does not tell CloudWatch."""
    by_forwarder = {rule.metric for rule in derived.measured}
    for alarm in derived.alarms:
        if not config.metrics.emf and alarm.namespace == config.metrics.namespace and alarm.metric in by_forwarder:
            told = f"alarm {alarm.name}: the forwarder measures {alarm.metric} on some route, and metrics.emf is off"
            click.secho(f"warning: {told}", fg="yellow", err=True)


def _stale(folder: Path, wanted: Mapping[str, bytes]) -> dict[str, str]:
    """The files that are not as they would be built, and what is wrong with each."""
    there = {file.relative_to(folder).as_posix() for file in (folder / "derived").glob("*.json")}
    stale = dict.fromkeys(there - wanted.keys(), "no contract derives it")
    for name, body in wanted.items():
        file = folder / name
        if not file.is_file():
            stale[name] = "is missing"
        elif file.read_bytes() != body:
            stale[name] = "differs"
    return dict(sorted(stale.items()))


def _tell_stale(stale: Mapping[str, str], folder: str) -> None:
    if not stale:
        click.echo(f"{folder} is up to date")
        return
    for name, why in stale.items():
        click.echo(f"{folder}/{name} {why}")
    click.echo("Run `logharbor filters build` and commit what it writes.", err=True)
    click.get_current_context().exit(1)


def _write(folder: Path, wanted: Mapping[str, bytes]) -> None:
    (folder / "derived").mkdir(parents=True, exist_ok=True)
    for name, body in wanted.items():
        if not (folder / name).is_file() or (folder / name).read_bytes() != body:
            (folder / name).write_bytes(body)
    for file in (folder / "derived").glob("*.json"):
        if f"derived/{file.name}" not in wanted:
            file.unlink()


def _tell(config: Config, derived: Derived, handwritten: Sequence[Filter]) -> None:
    """Every rule with its home on every route, and every handwritten filter."""
    console = Console(highlight=False, markup=False)
    homes: dict[str, dict[str, dict[str, list[str]]]] = {route.name: {} for route in config.routes}
    for one in derived.filters:
        assert one.contract is not None
        route, event = config.route(one.log_groups[0]), f"{one.contract.event} v{one.contract.major}"
        assert route is not None
        home = f"CloudWatch, in {', '.join(one.log_groups)}"
        homes[route.name].setdefault(home, {}).setdefault(event, []).append(one.metric.name)
    for rule in derived.measured:
        home, event = f"The forwarder: {rule.why}", f"{rule.event} v{rule.major}"
        homes.setdefault(rule.route, {}).setdefault(home, {}).setdefault(event, []).append(rule.metric)
    for route_name, by_home in homes.items():
        console.print(Text(f"route {printable(route_name)}", "bold"))
        for home in sorted(by_home):
            _tell_home(console, home, by_home[home])
        console.print()
    if handwritten:
        console.print(Text("written by hand", "bold"))
        for one in handwritten:
            _tell_home(console, f"CloudWatch, in {', '.join(one.log_groups)}", {one.name: [one.metric.name]})
        console.print()
    console.print(
        f"{len(derived.filters) + len(handwritten)} metric filters, {len(derived.measured)} rules for the forwarder, "
        f"{len(derived.alarms)} alarms, {len(derived.dashboards)} dashboards"
    )


def _tell_home(console: Console, home: str, events: Mapping[str, Sequence[str]]) -> None:
    style = "green" if home.startswith("CloudWatch") else "yellow"
    console.print(Padding(Text(printable(home), style), (0, 0, 0, 2), expand=False))
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(no_wrap=True)
    table.add_column()
    for event, metrics in events.items():
        table.add_row(Text(printable(event)), Text(", ".join(metrics)))
    console.print(Padding(table, (0, 0, 0, 4), expand=False))
