"""Redaction: what a sink's copy of an event may not hold.

Floor 1. `for_contract` redacts the fields that a contract classifies; `patterns` and `patterns_json` redact what looks
like a secret in text without a usable contract. When in doubt, all of them take too much rather than too little.
"""

from forwarders.redact.actions import actions
from forwarders.redact.fields import for_contract
from forwarders.redact.key import HashKey
from forwarders.redact.text import patterns
from forwarders.redact.tree import patterns_json

__all__ = ["HashKey", "actions", "for_contract", "patterns", "patterns_json"]
