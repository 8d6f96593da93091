"""The explorer: Datasette on the SQLite file that `logharbor run` wrote. Floor 3; imports Datasette late."""

from __future__ import annotations

from forwarders.explorer.config import build_config
from forwarders.explorer.server import serve

__all__ = ["build_config", "serve"]
