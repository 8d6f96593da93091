"""Coverage-guided fuzzing of Kinesis records: `python tests/fuzz/fuzz_kinesis.py -max_total_time=60`.

The first byte chooses how the rest is packed. Nothing may raise, every record's text must be sendable, every record
must have a position, no two of a container the same one, and decoding twice must give the same.
"""

from __future__ import annotations

import gzip
import sys

import atheris

with atheris.instrument_imports(include=["forwarders"]):
    from forwarders.sources import kinesis
    from forwarders.testing import kinesis_event

SEED = (
    b'{"messageType":"DATA_MESSAGE","owner":"1","logGroup":"g","logStream":"s","logEvents":['
    b'{"id":"1","timestamp":1,"message":"a"},{"id":"2","timestamp":2,"message":"b"}]}'
)
LINES = b'{"event":"a"}{"event":"b"}\n{"event":\n"c"}\nOct 11 22:14:15 host su: failed\n'


def one_input(data: bytes) -> None:
    """One record through the decoder, twice."""
    if not data:
        return
    how, body = data[0] % 5, data[1:]
    if how == 1:
        body = gzip.compress(body, 1)
    elif how in (2, 3):
        seed = SEED if how == 2 else LINES
        at = len(seed) * body[0] // 255 if body else 0
        body = seed[:at] + body[1:] + seed[at:]
    elif how == 4:
        body = gzip.compress(LINES, 1, mtime=0)[: len(body)] + body
    event = kinesis_event([body])
    batches = [batch for unit in kinesis.units(event) for batch in unit.batches]
    assert batches
    for batch in batches:
        batch.origin.id_prefix()
        for record in batch.records:
            record.text.encode()
            assert record.position or batch.drop
        if batch.origin.source == "kinesis":
            assert len({record.position for record in batch.records}) == len(batch.records)
    assert batches == [batch for unit in kinesis.units(event) for batch in unit.batches]


if __name__ == "__main__":
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()
