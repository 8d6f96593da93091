"""For a producer's own tests: an event that its code logs keeps the contract that its repository has pinned."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

from forwarders import bundle as bundles
from forwarders.contracts.compiled import Contracts
from forwarders.governance.recorded import Recorded, judge
from forwarders.model import Verdict


def assert_valid(event: Any, bundle: str | Path | None = None, *, strict: bool = True) -> None:
    """The event is valid by its contract and, when `strict`, nothing in it is unknown to the contract.

    `event` is what is logged: a dict, or its JSON text. `bundle` is the pinned bundle's path; without it
    LOGHARBOR_BUNDLE names it, or it is the installed one. Raises AssertionError with every flaw in a line of its own,
    and never a value; errors.ConfigError when there is no bundle.
    """
    data = _decoded(event)
    said = judge(Recorded("event", 1, data, ""), _contracts(_file(bundle)))
    if said.verdict is Verdict.UNREGISTERED:
        raise AssertionError(f"unregistered: {said.name or 'the event has no name'} ({said.reason})")
    if said.verdict is Verdict.VALID and not (strict and said.drift):
        return
    about = f"{said.contract}, owned by {said.owner}"
    flaws = [f"  {one.pointer or 'the event'}: expected {one.expected}, found {one.found}" for one in said.flaws]
    drift = [f"  {name}: not known to the contract" for name in said.drift]
    verdict = "invalid" if said.flaws else "drift"
    raise AssertionError("\n".join([f"{verdict}: contract {about}", *flaws, *drift]))


def _decoded(event: Any) -> dict[str, Any]:
    from forwarders import jsontext
    from forwarders.errors import Malformed

    if isinstance(event, (str, bytes)):
        text = event.decode("utf-8", "replace") if isinstance(event, bytes) else event
    else:
        import json

        try:  # as a logger would write it: a datetime or a Decimal is no JSON
            text = json.dumps(event, ensure_ascii=False, allow_nan=False)
        except (TypeError, ValueError) as error:
            raise AssertionError(f"the event is no JSON: {error}") from None
    try:
        return jsontext.load(text).data
    except Malformed as error:
        raise AssertionError(f"the event is no JSON object: {error}") from None


def _file(bundle: str | Path | None) -> Path:
    return Path(bundle) if bundle is not None else bundles.find()


def _contracts(file: Path) -> Contracts:
    return _read(str(file.resolve()), file.stat().st_mtime_ns)


@lru_cache(8)
def _read(file: str, changed_ns: int) -> Contracts:
    """Read once for a whole test run, and again when the file has changed."""
    return Contracts(bundles.read(Path(file).read_bytes(), file)[1])
