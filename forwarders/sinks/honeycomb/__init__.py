"""Honeycomb: its batch API, flat fields, one status for each event."""

from __future__ import annotations

from forwarders.sinks.honeycomb.ship import Honeycomb, open_sink, team

__all__ = ["Honeycomb", "open_sink", "team"]
