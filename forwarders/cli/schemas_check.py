"""`logharbor schemas check`: a producer's recorded events against the contracts that it has pinned."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import click
import msgspec

from forwarders import bundle
from forwarders.contracts.compiled import Contracts
from forwarders.contracts.load import read_folder
from forwarders.governance import recorded
from forwarders.governance.recorded import Judged
from forwarders.model import Verdict


@click.command("check", short_help="Hold recorded events against pinned contracts.")
@click.argument("events", nargs=-1, required=True)
@click.option(
    "--bundle",
    "bundle_path",
    type=click.Path(exists=True, dir_okay=False),
    help="The pinned bundle  [default: LOGHARBOR_BUNDLE, or the installed one]",
)
@click.option("--schemas", "schemas_path", type=click.Path(exists=True, file_okay=False), help="A folder of contracts.")
@click.option("--allow-unregistered", is_flag=True, help="An event without a contract is no error.")
@click.option("--strict", is_flag=True, help="Drift (a field or value that the contract does not know) is an error.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object for each event that is not simply valid.")
def command(
    events: tuple[str, ...],
    bundle_path: str | None,
    schemas_path: str | None,
    allow_unregistered: bool,
    strict: bool,
    as_json: bool,
) -> int:
    """Hold EVENTS (files, folders or -) against the contracts, and say what is wrong with each, with file and line.

    A file is JSON lines, a JSON array of events, or one event. Values are never printed. Exit 0, 1 when an event fails,
    2 when something cannot be read.
    """
    contracts = _contracts(bundle_path, schemas_path)
    counts: Counter[Verdict] = Counter()
    failed = drifted = 0
    for one in recorded.read(events):
        said = recorded.judge(one, contracts)
        counts[said.verdict] += 1
        drifted += bool(said.drift)
        fails = _fails(said, allow_unregistered, strict)
        failed += fails
        if fails or said.drift or said.verdict is not Verdict.VALID:
            click.echo(msgspec.json.encode(said).decode() if as_json else _words(said, fails))
    total = counts.total()
    click.echo(
        f"{total:,} events: {counts[Verdict.VALID]:,} valid ({drifted:,} with drift), {counts[Verdict.INVALID]:,} "
        f"invalid, {counts[Verdict.UNREGISTERED]:,} unregistered",
        err=True,
    )
    if not total:
        click.echo("no event was read, so nothing was checked", err=True)
    return 1 if failed or not total else 0


def _contracts(bundle_path: str | None, schemas_path: str | None) -> Contracts:
    if bundle_path and schemas_path:
        raise click.UsageError("--bundle and --schemas name two sets of contracts: choose one")
    if schemas_path:
        return Contracts(read_folder(schemas_path))
    file = Path(bundle_path) if bundle_path else bundle.find()
    return Contracts(bundle.read(file.read_bytes(), str(file))[1])


def _fails(said: Judged, allow_unregistered: bool, strict: bool) -> bool:
    if said.verdict is Verdict.UNREGISTERED:
        return not allow_unregistered
    return said.verdict is Verdict.INVALID or (strict and bool(said.drift))


def _words(said: Judged, fails: bool) -> str:
    about = f": contract {said.contract}, owned by {said.owner}" if said.contract else ""
    verdict = "drift" if said.drift else str(said.verdict)
    mark = click.style(verdict, fg="red" if fails else "yellow")
    lines = [f"{said.file}:{said.line}: {mark} {said.name or '(no name)'}{about}", *_reasons(said)]
    return "\n".join(lines)


def _reasons(said: Judged) -> Sequence[str]:
    flaws = [
        f"  {flaw.pointer or 'the event'}: expected {flaw.expected}, found {flaw.found} ({flaw.keyword})"
        for flaw in said.flaws
    ]
    drift = [f"  {name}: not known to the contract" for name in said.drift]
    reason = [f"  {_REASONS.get(said.reason, said.reason)}"] if said.reason else []
    return flaws + drift + reason


_REASONS = {
    "unknown_event": "no contract of this name: a typo, or `logharbor schemas new`",
    "unknown_version": "the contract has no such event_version",
}
