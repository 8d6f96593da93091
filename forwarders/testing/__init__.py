"""For tests of pipelines, contracts and sinks: a scripted HTTP server, the same without a network, and builders.

`assert_valid(event)` holds what a producer's code logs against the contracts that its repository has pinned.

from forwarders.testing import ScriptedServer, cloudwatch_event, elasticsearch, lambda_context, status

with ScriptedServer([status(503), status(429, headers={"retry-after": "1"})], otherwise=elasticsearch()) as server:
    handle(cloudwatch_event(['{"event":"user.login.success"}']), lambda_context(remaining_ms=3000))
    assert [request.path for request in server.requests] == ["/_bulk", "/_bulk", "/_bulk"]
"""

from __future__ import annotations

from forwarders.testing.builders import cloudwatch_event, kinesis_event, lambda_context
from forwarders.testing.contracts import assert_valid
from forwarders.testing.fake import FakeClock, FakeHttp
from forwarders.testing.replies import elasticsearch, elasticsearch_items, honeycomb, honeycomb_items
from forwarders.testing.script import (
    Action,
    Received,
    Reply,
    Script,
    Step,
    drip,
    drop,
    html,
    redirect,
    silence,
    status,
    truncated,
    wrong_length,
)
from forwarders.testing.server import ScriptedServer

__all__ = [
    "Action",
    "FakeClock",
    "FakeHttp",
    "Received",
    "Reply",
    "Script",
    "ScriptedServer",
    "Step",
    "assert_valid",
    "cloudwatch_event",
    "drip",
    "drop",
    "elasticsearch",
    "elasticsearch_items",
    "honeycomb",
    "honeycomb_items",
    "html",
    "kinesis_event",
    "lambda_context",
    "redirect",
    "silence",
    "status",
    "truncated",
    "wrong_length",
]
