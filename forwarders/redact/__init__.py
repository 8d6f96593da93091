"""Redaction: what a sink's copy of an event may not hold.

Floor 1. `for_contract` redacts the fields that a contract classifies; `patterns` and `patterns_json` redact what looks
like a secret in text without a usable contract. When in doubt, all of them take too much rather than too little.
"""

from forwarders.redact.actions import actions
from forwarders.redact.fields import for_contract
from forwarders.redact.key import HashKey

__all__ = ["HashKey", "actions", "for_contract", "patterns", "patterns_json"]


def patterns(text: str) -> str:
    """See text.patterns, which is imported with the first text that may hold something: its expressions take 6 ms of a
    cold start, the search that tells 4."""
    from forwarders.redact.words import may_match

    if not may_match(text):
        return text
    from forwarders.redact.text import redacted

    return redacted(text)


def patterns_json(text: str) -> str:
    """See tree.patterns_json; imported with the first text."""
    from forwarders.redact import tree

    return tree.patterns_json(text)
