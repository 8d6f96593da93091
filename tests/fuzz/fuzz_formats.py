"""Coverage-guided fuzzing of the formats: `python tests/fuzz/fuzz_formats.py -max_total_time=60`.

Every line becomes an event whose text is the JSON of its data, or raises Malformed with a bounded reason.
"""

from __future__ import annotations

import sys

import atheris

with atheris.instrument_imports(include=["forwarders"]):
    from forwarders import jsontext
    from forwarders.errors import Malformed
    from forwarders.formats import FORMATS, named

NAMES = (*FORMATS, "key:message")
REASONS = {"json_syntax", "json_not_object", "json_number", "json_depth", "key_missing"}
ID = "0f7f1d80-1111-2222-3333-444444444444"
SEEDS = (
    "",
    f"2017-04-26T13:49:12.000Z\t{ID}\tINFO\t",
    f"[INFO]\t2017-04-26T13:49:12.000Z\t{ID}\t",
    f"2020-08-31 20:40:53 {ID} INFO  Handler:21 - ",
    '{"timestamp":"t","level":"INFO","message":',
    '{"timestamp":"t","level":"INFO","requestId":"r","message":{"event":"a"}',
    f"REPORT RequestId: {ID}\tDuration: 9.14 ms\tBilled Duration: 10 ms",
    '{"time":"t","type":"platform.report","record":{"requestId":"r","metrics":{"durationMs":1',
    '1.2.3.4 - - [17/May/2015:10:05:03 +0000] "GET /a HTTP/1.1" 200 5 "-" "',
    '1.2.3.4 - - [17/May/2015:10:05:03 +0000] "',
)


def one_input(data: bytes) -> None:
    """One line through one format; the first bytes choose the format and how the line begins."""
    if len(data) < 2:
        return
    fmt = named(NAMES[data[0] % len(NAMES)])
    assert fmt is not None
    line = SEEDS[data[1] % len(SEEDS)] + data[2:].decode("utf-8", "surrogateescape" if data[0] > 200 else "replace")
    try:
        name, text, event, context = fmt(line)
    except Malformed as refusal:
        if refusal.reason not in REASONS:
            raise
        return
    assert jsontext.decode(text) == event
    assert not set(text) & {"\n", "\r", "\t"}
    assert name is None or name in {"legacy.text", "http.access", "lambda.report", "lambda.platform"}
    for key, value in (context or {}).items():
        assert key.encode()
        assert value.encode()


if __name__ == "__main__":
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()
