"""`logharbor schemas catalogue`: a static site of every event, for browsers without a server and without a network."""

from __future__ import annotations

from forwarders.governance.catalogue.entry import Entry, Homes, entries, homes_of
from forwarders.governance.catalogue.history import History, Version, history
from forwarders.governance.catalogue.site import site, write

__all__ = ["Entry", "History", "Homes", "Version", "entries", "history", "homes_of", "site", "write"]
