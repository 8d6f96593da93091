"""Two functions that log as functions do: one JSON object a line. Nothing here knows of Logharbor."""

from __future__ import annotations

import json
import time
from typing import Any


def login(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Logs an event that has a contract: schemas/user/user.login.success."""
    print(json.dumps({"timestamp": time.time(), "event": "user.login.success", "user": "ryansb", "method": "totp-2fa"}))
    return {"statusCode": 204}


def order(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Logs an event that has none yet: it lands in the unregistered dataset; `schemas propose` drafts a contract."""
    print(json.dumps({"event": "shop.basket.opened", "basket": {"items": 3}}))
    return {"statusCode": 202}
