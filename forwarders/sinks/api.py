"""A server's configuration API: JSON over HTTP, one request after the other. Off the hot path, for set-up alone."""

from __future__ import annotations

import re
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any

import msgspec

from forwarders.sinks.changes import Answered, Unanswered
from forwarders.sinks.http import Endpoint

TIMEOUT_S = 30.0
MAX_SAID = 300


class Api:
    """Asks `target`, with `headers` on every request. No redirects are followed and nothing is asked twice."""

    def __init__(self, target: Endpoint, headers: Mapping[str, str], timeout_s: float = TIMEOUT_S) -> None:
        import urllib3

        trust: dict[str, Any] = {}
        if target.ca_file:
            trust["ca_certs"] = target.ca_file
        if target.fingerprint:
            trust |= {"assert_fingerprint": target.fingerprint}
            trust |= {} if target.ca_file else {"cert_reqs": "CERT_NONE", "assert_hostname": False}
        self._url = f"{target.scheme}://{target.host}:{target.port}{target.prefix}"
        self._headers = {"content-type": "application/json", **headers}
        self._pool = urllib3.PoolManager(timeout=timeout_s, retries=False, **trust)

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """The JSON that a request of status 2xx is answered with; None for an empty answer.

        Raises Answered for any other status, Unanswered when there is no answer or no JSON in it.
        """
        import urllib3

        content = None if body is None else msgspec.json.encode(body)
        try:
            answer = self._pool.request(
                method, f"{self._url}{path}", body=content, headers=self._headers, redirect=False
            )
        except urllib3.exceptions.HTTPError as error:
            raise Unanswered(f"{type(error).__name__}") from None
        if not 200 <= answer.status < 300:
            raise Answered(answer.status, f"{answer.status}{_said(answer.data)}", _wait_s(answer.headers))
        if not answer.data:
            return None
        try:
            return msgspec.json.decode(answer.data)
        except _NO_JSON:
            found = answer.headers.get("content-type", "no content type")[:60]
            raise Unanswered(f"{answer.status} with {found} where JSON was expected") from None

    def close(self) -> None:
        """Connections are given back."""
        self._pool.clear()


def _said(body: bytes) -> str:
    """What a refusal says of itself: `message` (Kibana), `error`, `title` or `type_detail` (Honeycomb)."""
    try:
        told = msgspec.json.decode(body)
    except _NO_JSON:
        return ""
    if not isinstance(told, dict):
        return ""
    words = [told.get(key) for key in ("message", "error", "title", "detail")]
    details = told.get("type_detail")
    if isinstance(details, list):
        words += [item.get("description") for item in details if isinstance(item, dict)]
    said = next((word for word in words[:3] if isinstance(word, str) and word), "")
    more = [word for word in words[3:] if isinstance(word, str) and word and word != said]
    text = "; ".join(filter(None, [said, *more]))[:MAX_SAID]
    # One line for a terminal and for Terraform, whatever a server puts into it.
    shown = " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())
    return f" {shown}" if shown else ""


_NO_JSON = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


def _wait_s(headers: Mapping[str, str]) -> float | None:
    """Seconds that Retry-After (seconds or a date) or RateLimit (`reset=Z`) ask for."""
    said = headers.get("retry-after", "")
    if re.fullmatch(r"\d{1,6}", said):
        return float(said)
    if said:
        try:
            from datetime import UTC, datetime

            return max((parsedate_to_datetime(said) - datetime.now(UTC)).total_seconds(), 0.0)
        except (ValueError, TypeError):
            return None
    reset = re.search(r"reset=(\d{1,6})", headers.get("ratelimit", ""))
    return float(reset[1]) if reset else None
