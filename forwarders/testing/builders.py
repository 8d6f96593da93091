"""Payloads and contexts as AWS hands them to a Lambda."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

FIRST_TIME_MS = 1_764_000_000_000


def cloudwatch_event(
    messages: Sequence[str | tuple[int, str]],
    *,
    log_group: str = "/aws/lambda/shop",
    log_stream: str = "2025/11/24/[$LATEST]0123456789abcdef0123456789abcdef",
    owner: str = "123456789012",
    message_type: str = "DATA_MESSAGE",
    time_ms: int = FIRST_TIME_MS,
) -> dict[str, Any]:
    """What a subscription filter invokes a Lambda with: `{"awslogs": {"data": "<base64 of gzip>"}}`.

    A message is a text, or (ms since the epoch, text); texts are a millisecond apart. Event ids have 56 digits as
    CloudWatch's have, and depend only on group, stream, place and message: the same arguments give the same ids.
    """
    events = []
    for number, message in enumerate(messages):
        at, text = message if isinstance(message, tuple) else (time_ms + number, message)
        events.append(
            {"id": _event_id(at, f"{log_group}\0{log_stream}\0{number}\0{text}"), "timestamp": at, "message": text}
        )
    payload = {
        "messageType": message_type,
        "owner": owner,
        "logGroup": log_group,
        "logStream": log_stream,
        "subscriptionFilters": ["logharbor"],
        "logEvents": events,
    }
    packed = gzip.compress(json.dumps(payload, ensure_ascii=False).encode("utf-8", "surrogatepass"), 1, mtime=0)
    return {"awslogs": {"data": base64.b64encode(packed).decode()}}


def kinesis_event(
    payloads: Sequence[bytes],
    *,
    stream: str = "logs",
    shard: int = 0,
    first: int = 49_590_338_271_490_256_608_559_692_538_361_571_095_921_575_989_136_588_898,
    time_ms: int = FIRST_TIME_MS,
    account: str = "123456789012",
    region: str = "eu-central-1",
) -> dict[str, Any]:
    """What a stream's mapping invokes a Lambda with: one record a payload, sequence numbers from `first` on.

    A payload is what a producer has put: `base64.b64decode(cloudwatch_event(…)["awslogs"]["data"])` for what a
    subscription writes, else lines of text, gzip or not.
    """
    shard_id = f"shardId-{shard:012d}"
    records = []
    for number, payload in enumerate(payloads):
        sequence = str(first + number * 0x1_0000_0001)
        kinesis = {
            "kinesisSchemaVersion": "1.0",
            "partitionKey": "key",
            "sequenceNumber": sequence,
            "data": base64.b64encode(payload).decode(),
            "approximateArrivalTimestamp": (time_ms + number) / 1000,
        }
        records.append(
            {
                "kinesis": kinesis,
                "eventSource": "aws:kinesis",
                "eventVersion": "1.0",
                "eventID": f"{shard_id}:{sequence}",
                "eventName": "aws:kinesis:record",
                "invokeIdentityArn": f"arn:aws:iam::{account}:role/logharbor-forward",
                "awsRegion": region,
                "eventSourceARN": f"arn:aws:kinesis:{region}:{account}:stream/{stream}",
            }
        )
    return {"Records": records}


def _event_id(time_ms: int, place: str) -> str:
    digest = hashlib.blake2b(place.encode("utf-8", "surrogatepass"), digest_size=18).digest()
    return f"{max(time_ms, 0):013d}{int.from_bytes(digest, 'big') % 10**43:043d}"


@dataclass
class LambdaContext:
    """The context object of an invocation; time runs from when it was made."""

    function_name: str
    aws_request_id: str
    ends: float
    clock: Callable[[], float]
    function_version: str = "$LATEST"
    memory_limit_in_mb: str = "256"
    log_group_name: str = "/aws/lambda/logharbor"
    log_stream_name: str = "2025/11/24/[$LATEST]fedcba9876543210fedcba9876543210"

    @property
    def invoked_function_arn(self) -> str:
        """The function's name in full."""
        return f"arn:aws:lambda:eu-central-1:123456789012:function:{self.function_name}"

    def get_remaining_time_in_millis(self) -> int:
        """What is left of the time; never below zero."""
        return max(int((self.ends - self.clock()) * 1000), 0)


def lambda_context(
    remaining_ms: int = 30_000,
    *,
    function_name: str = "logharbor",
    request_id: str = "8a1c2f6e-0000-4000-8000-000000000001",
    clock: Callable[[], float] = time.monotonic,
) -> LambdaContext:
    """A context whose invocation ends in `remaining_ms`, by `clock` (seconds)."""
    return LambdaContext(function_name, request_id, clock() + remaining_ms / 1000, clock)
