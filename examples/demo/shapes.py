"""The shapes in which Lambda hands over a line that a function has logged.

Each function takes the time, the request id and the event (or plain text) and returns one line of text.
"""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Sequence
from typing import Any

from .story import iso

ACCOUNT = "123456789012"
REGION = "eu-central-1"


def compact(value: Any) -> str:
    """`value` as one line of JSON, keys in their order."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def node(time_ms: int, request_id: str, body: str, level: str = "INFO") -> str:
    """`console.log(body)` in the Node runtime."""
    return f"{iso(time_ms)}\t{request_id}\t{level}\t{body}"


def python(time_ms: int, request_id: str, body: str, level: str = "INFO") -> str:
    """`logging.info(body)` in the Python runtime."""
    return f"[{level}]\t{iso(time_ms)}\t{request_id}\t{body}"


def json_format(time_ms: int, request_id: str, message: str, level: str = "INFO") -> str:
    """A line of a function whose log format is JSON; `message` is JSON text: an object, or a string in its quotes."""
    return f'{{"timestamp":"{iso(time_ms)}","level":"{level}","message":{message},"requestId":"{request_id}"}}'


def powertools(time_ms: int, request_id: str, message: str, function: str, level: str = "INFO") -> str:
    """`logger.info(message)` with Powertools' Logger; `message` is JSON text."""
    stamp = f"{iso(time_ms)[:19].replace('T', ' ')},{time_ms % 1000:03d}+0000"
    head = f'{{"level":"{level}","location":"handler:42","message":{message},"timestamp":"{stamp}",'
    rest = {
        "service": function,
        "cold_start": False,
        "function_name": function,
        "function_memory_size": "512",
        "function_arn": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{function}",
        "function_request_id": request_id,
        "xray_trace_id": f"1-{time_ms // 1000:08x}-{request_id.replace('-', '')[:24]}",
    }
    return head + compact(rest)[1:]


def start(request_id: str) -> str:
    """The line with which an invocation begins."""
    return f"START RequestId: {request_id} Version: $LATEST"


def end(request_id: str) -> str:
    """The line with which an invocation ends."""
    return f"END RequestId: {request_id}"


def report(
    request_id: str, duration_ms: float, memory_mb: int, used_mb: int, init_ms: float = 0, status: str = ""
) -> str:
    """What the invocation took; `init_ms` on a cold start, `status` when it failed."""
    parts = [
        f"REPORT RequestId: {request_id}",
        f"Duration: {duration_ms:.2f} ms",
        f"Billed Duration: {int(duration_ms) + 1} ms",
        f"Memory Size: {memory_mb} MB",
        f"Max Memory Used: {used_mb} MB",
    ]
    if init_ms:
        parts.append(f"Init Duration: {init_ms:.2f} ms")
    if status:
        parts.append(f"Status: {status}")
    return "\t".join(parts) + "\t"


def json_start(time_ms: int, request_id: str) -> str:
    """`platform.start` of a function whose log format is JSON."""
    return compact(
        {"time": iso(time_ms), "type": "platform.start", "record": {"requestId": request_id, "version": "7"}}
    )


def json_report(time_ms: int, request_id: str, duration_ms: float, memory_mb: int, used_mb: int, status: str) -> str:
    """`platform.report` of a function whose log format is JSON."""
    metrics = {
        "durationMs": round(duration_ms, 3),
        "billedDurationMs": int(duration_ms) + 1,
        "memorySizeMB": memory_mb,
        "maxMemoryUsedMB": used_mb,
    }
    record = {"requestId": request_id, "status": status, "metrics": metrics}
    return compact({"time": iso(time_ms), "type": "platform.report", "record": record})


def payload(log_group: str, log_stream: str, lines: Sequence[tuple[int, str]]) -> str:
    """What a CloudWatch Logs subscription hands to a Lambda for `lines` (time in ms, text): the invocation's JSON."""
    message = {
        "messageType": "DATA_MESSAGE",
        "owner": ACCOUNT,
        "logGroup": log_group,
        "logStream": log_stream,
        "subscriptionFilters": ["logharbor"],
        "logEvents": [
            # 56 digits, as CloudWatch's: unique and ascending inside the stream.
            {"id": f"3{time_ms:013d}{number:042d}", "timestamp": time_ms, "message": text + "\n"}
            for number, (time_ms, text) in enumerate(lines)
        ],
    }
    packed = gzip.compress(compact(message).encode(), compresslevel=6, mtime=0)
    return json.dumps({"awslogs": {"data": base64.b64encode(packed).decode()}}) + "\n"
