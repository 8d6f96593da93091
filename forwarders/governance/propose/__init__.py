"""`schemas propose`: contracts drafted from events that have none yet."""

from __future__ import annotations

from forwarders.governance.propose.corpus import Corpus, collect
from forwarders.governance.propose.draft import Proposal, propose

__all__ = ["Corpus", "Proposal", "collect", "propose"]
