"""Keywords that JSON Schema knows and contracts may not use, each with the reason that its author is told."""

from __future__ import annotations

_ONE_FILE = "A contract is one tree: define it under $defs and refer to it by #/$defs/NAME."
_DYNAMIC = "A reference whose target depends on who refers cannot be put in place; refer to #/$defs/NAME."
_UNEVALUATED = (
    "It depends on what other branches have seen, so nobody can tell a field from its place alone. "
    "Close the object itself: additionalProperties: false."
)

REFUSED: dict[str, str] = {
    "$anchor": _ONE_FILE,
    "$dynamicAnchor": _DYNAMIC,
    "$dynamicRef": _DYNAMIC,
    "$recursiveAnchor": _DYNAMIC,
    "$recursiveRef": _DYNAMIC,
    "$vocabulary": "Contracts have one dialect, JSON Schema 2020-12; a vocabulary may switch validation off.",
    "definitions": "Since 2019 it is $defs.",
    "dependencies": (
        "The two validators read it differently, and it was replaced in 2019: "
        "write dependentRequired or dependentSchemas."
    ),
    "additionalItems": "Since 2020-12 it is ignored: write prefixItems and items.",
    "unevaluatedItems": _UNEVALUATED.replace("Close the object itself: additionalProperties", "Close the array: items"),
    "unevaluatedProperties": _UNEVALUATED,
    "contentSchema": "Text inside text is never opened, so nothing would be checked: declare the fields themselves.",
    "id": "Since draft 6 it is $id, and only the root of a contract has one.",
    "divisibleBy": "Since draft 4 it is multipleOf.",
    "disallow": "Since draft 4 it is not.",
    "extends": "Since draft 4 it is allOf.",
    "nullable": 'It is OpenAPI\'s and would be ignored: write "type": ["string", "null"].',
    "discriminator": "It is OpenAPI's and would be ignored: write oneOf with a const in each branch.",
    "example": "It is OpenAPI's: write examples, a list.",
}


def refused_keyword(keyword: str) -> str:
    """Why contracts may not use a keyword; empty for what JSON Schema never knew."""
    return REFUSED.get(keyword, "")
