"""Coverage-guided fuzzing of the CloudWatch decoder: `python tests/fuzz/fuzz_cloudwatch.py -max_total_time=60`.

The first byte chooses how the rest is packed. Nothing may raise, every record's text must be sendable, a record
without a fault must have a position, and decoding twice must give the same.
"""

from __future__ import annotations

import gzip
import sys
import zlib

import atheris

with atheris.instrument_imports(include=["forwarders"]):
    from forwarders.sources import cloudwatch

SEED = (
    b'{"messageType":"DATA_MESSAGE","owner":"1","logGroup":"g","logStream":"s","logEvents":['
    b'{"id":"1","timestamp":1,"message":"a","extractedFields":{"@aws.account":"2"}},{"id":"2","timestamp":2,"message":"b"}]}'
)


def one_input(data: bytes) -> None:
    """One payload through the decoder, twice."""
    if not data:
        return
    how, body = data[0] % 5, data[1:]
    if how == 1:
        body = gzip.compress(body, 1)
    elif how == 2:
        body = zlib.compress(body, 1)
    elif how == 3:
        at = len(SEED) * body[0] // 255 if body else 0
        body = SEED[:at] + body[1:] + SEED[at:]
    elif how == 4:
        body = gzip.compress(SEED, 1, mtime=0)[: len(body)] + body
    batches = list(cloudwatch.decode(body, region="eu-west-1"))
    assert batches
    for batch in batches:
        batch.origin.id_prefix()
        for record in batch.records:
            record.text.encode()
            assert record.fault or record.position or batch.drop
            assert not record.fault or record.text.find("\n") < 0
    assert batches == list(cloudwatch.decode(body, region="eu-west-1"))


if __name__ == "__main__":
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()
