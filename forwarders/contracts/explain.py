"""Why an event is not what its contract asks for, in words for a person. Off the hot path: it imports jsonschema."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from forwarders.contracts.compiled import Compiled, variant
from forwarders.contracts.tree import expand
from forwarders.contracts.words import bounded_pointer, expected, found
from forwarders.model import Contract, Flaw, Verdict

if TYPE_CHECKING:
    from jsonschema import FormatChecker, ValidationError

FORMATS = ("date", "email", "idn-email", "ipv4", "ipv6", "regex", "uuid")
"""What jsonschema checks everywhere. For other formats it needs packages that happen to be installed or not."""


def explain(contract: Contract, data: Any) -> str:
    """The verdict on an event in a few lines, with the flaw that tells most and the team to ask; never a value.

    The verdict is the one of the pipeline. jsonschema only chooses the flaw: where several alternatives fail, its
    best_match names the one that comes nearest. Where it finds nothing wrong (docs/conformance.md lists why that may
    be), the pipeline's own first flaw is told.
    """
    compiled = Compiled(contract)
    about = f"contract {contract.name} {contract.version}, owned by {contract.owner}"
    if compiled.is_strict(data):
        return f"valid: {about}"
    verdict, flaws, drift = compiled.judge(data)
    if verdict is Verdict.VALID:
        return "\n".join([f"valid, with drift: {about}", *(f"  {name}: not known to the contract" for name in drift)])
    flaw, description = _best(contract, data) or (flaws[0], "")
    place = flaw.pointer or "the event"
    lines = [f"invalid: {about}", f"  {place}: expected {flaw.expected}, found {flaw.found} ({flaw.keyword})"]
    if description:
        lines.append(f"  the contract says of it: {description}")
    return "\n".join(lines)


def format_checker() -> FormatChecker:
    """The formats that jsonschema checks in every installation, and no others."""
    from jsonschema import FormatChecker

    return FormatChecker(formats=FORMATS)


def _best(contract: Contract, data: Any) -> tuple[Flaw, str] | None:
    """The flaw that jsonschema thinks most telling, and what the contract's author says of that field."""
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import best_match

    schema = variant(expand(dict(contract.schema), contract.name), closed=False)
    explainer = Draft202012Validator(schema, format_checker=format_checker())
    try:
        error = best_match(explainer.iter_errors(data))
    except (RecursionError, ArithmeticError):  # hundreds of levels; a number beyond a double
        return None
    if error is None:
        return None
    keyword, wanted = str(error.validator or "falseSchema"), error.validator_value
    flaw = Flaw(
        bounded_pointer(list(error.absolute_path)),
        keyword,
        expected(keyword, wanted, _missing(keyword, wanted, error)),
        "nothing" if keyword == "required" else found(error.instance),
    )
    described = error.schema if isinstance(error.schema, dict) and error.absolute_path else {}
    return flaw, str(described.get("description", ""))


def _missing(keyword: str, wanted: Any, error: ValidationError) -> str:
    if keyword != "required":
        return ""
    instance: Any = error.instance
    return next((str(name) for name in wanted if name not in instance), "")
