"""What the formats make of real lines is what the contracts ask for."""

from __future__ import annotations

import gzip
from collections import Counter
from pathlib import Path

import pytest

from forwarders.contracts.compiled import Contracts
from forwarders.contracts.load import read_folder
from forwarders.formats.access_log import access_line
from forwarders.formats.lambda_text import lambda_line

ROOT = Path(__file__).parents[2]
REAL = ROOT.parent / "shared" / "real" / "apache-access.log.gz"
CONTRACTS = Contracts(read_folder(ROOT / "schemas"))


@pytest.mark.skipif(not REAL.is_file(), reason=f"the real access log is not beside this checkout ({REAL.name})")
def test_every_line_of_a_public_web_site_is_valid() -> None:
    """10,000 access lines of a public web site: each is http.access, valid, without drift, and has its own time."""
    compiled = CONTRACTS.find("http.access")
    assert compiled is not None
    read = access_line
    told: Counter[tuple[str | None, bool, bool]] = Counter()
    with gzip.open(REAL, "rt", encoding="utf-8", errors="replace") as lines:
        for line in lines:
            name, _, data, _ = read(line)
            told[name, compiled.is_strict(data), compiled.time_ms(data) == data["timestamp"] * 1000] += 1
    assert told == {("http.access", True, True): 10_000}


@pytest.mark.parametrize(
    "line",
    [
        "REPORT RequestId: 3f0a2c1e-2f6c-4f0e-9d8a-0a6f1f3f7c11\tDuration: 9.14 ms\tBilled Duration: 10 ms\t"
        "Memory Size: 128 MB\tMax Memory Used: 36 MB\tInit Duration: 190.62 ms\t\n"
        "XRAY TraceId: 1-5759e988-bd862e3fe1be46a994272793\tSegmentId: 557abcec3ee5a047\tSampled: true\t\n",
        "INIT_START Runtime Version: python:3.12.v18\tRuntime Version ARN: arn:aws:lambda:eu-west-1::runtime:0b4b\n",
        "START RequestId: 3f0a2c1e-2f6c-4f0e-9d8a-0a6f1f3f7c11 Version: $LATEST\n",
        "END RequestId: 3f0a2c1e-2f6c-4f0e-9d8a-0a6f1f3f7c11\n",
        "INIT_REPORT Init Duration: 1236.04 ms\tPhase: init\tStatus: error\tError Type: Extension.Crash\n",
        "RESTORE_REPORT Restore Duration: 1236.04 ms\tStatus: timeout\n",
        "2024-03-04T17:22:38.033Z 3f0a2c1e-2f6c-4f0e-9d8a-0a6f1f3f7c11 Task timed out after 3.00 seconds\n",
        '{"time":"2024-03-13T18:56:24.046Z","type":"platform.report","record":{"requestId":"3f0a2c1e","status":"success",'
        '"metrics":{"durationMs":100.5,"billedDurationMs":101,"memorySizeMB":512,"maxMemoryUsedMB":33,'
        '"initDurationMs":116.67},"tracing":{"spanId":"a","type":"X-Amzn-Trace-Id","value":"Root=1"},'
        '"spans":[{"name":"responseLatency","start":"2024-03-13T18:56:24.046Z","durationMs":23.02}]}}',
        '{"time":"2024-03-13T18:56:24.046Z","type":"platform.initStart","record":{"initializationType":"on-demand",'
        '"phase":"init","runtimeVersion":"nodejs-14.v3","runtimeVersionArn":"arn","functionName":"f",'
        '"functionVersion":"$LATEST","instanceId":"i","instanceMaxMemory":134217728}}',
        '{"time":"2024-03-13T18:56:24.046Z","type":"platform.extension","record":{"name":"otel","state":"Ready",'
        '"events":["INVOKE","SHUTDOWN"]}}',
        '{"time":"2024-03-13T18:56:24.046Z","type":"platform.logsDropped","record":{"reason":"too slow",'
        '"droppedRecords":123,"droppedBytes":12345}}',
    ],
    ids=lambda line: line[:20],
)
def test_what_lambda_says_is_valid(line: str) -> None:
    """Every kind of line of the Lambda service, as text and as JSON, is one of the lambda contracts, without drift."""
    name, _, data, _ = lambda_line(line)
    assert name in ("lambda.report", "lambda.platform")
    compiled = CONTRACTS.find(name)
    assert compiled is not None
    assert compiled.is_strict(data), compiled.judge(data)
