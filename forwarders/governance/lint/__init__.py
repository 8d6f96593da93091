"""`logharbor schemas lint`: what is wrong with contracts before anybody compares or deploys them."""

from __future__ import annotations

from forwarders.governance.lint.engine import Report, lint
from forwarders.governance.lint.finding import Finding, has_errors

__all__ = ["Finding", "Report", "has_errors", "lint"]
