"""Coverage-guided fuzzing of redaction: `python tests/fuzz/fuzz_redact.py -max_total_time=60`.

The first search misses nothing, redacted text is not changed by redacting it again, an event stays JSON, and a
classified value is nowhere in the copy, whatever surrounds it.
"""

from __future__ import annotations

import json
import sys

import atheris

with atheris.instrument_imports(include=["forwarders"]):
    from forwarders import jsontext, redact
    from forwarders.errors import Malformed, Withheld
    from forwarders.model import Contract, Event, Verdict
    from forwarders.redact.text import redacted
    from forwarders.redact.words import may_match

CANARY = "c4n4ryc4n4ry"
SECRETS = (
    f"password={CANARY}",
    f"Bearer {CANARY}",
    f"{CANARY}@example.com",
    f"https://u:{CANARY}@h/",
    f'"token":"{CANARY}"',
)
CONTRACT = Contract("a", 1, "1.0.0", "t", "a", redactions={("user",): {"*": "mask"}})
NESTED = Contract("a", 1, "1.0.0", "t", "a", redactions={("a", "user"): {"*": "drop"}, ("user",): {"*": "hmac"}})
COPIES = [
    redact.for_contract(CONTRACT, "s", "s", None),
    redact.for_contract(NESTED, "s", "s", redact.HashKey("k", b"k" * 16)),
]


def _event(text: str) -> Event:
    """The event as the reader makes it: no key twice."""
    loaded = jsontext.load(text)
    return Event("0" * 32, 0, "a", loaded.text, loaded.data, None, Verdict.VALID)


def one_input(data: bytes) -> None:
    """One text around a secret; one event around a classified field."""
    if len(data) < 2:
        return
    text = data[2:].decode("utf-8", "surrogateescape" if data[0] > 200 else "replace")
    assert may_match(text) or redacted(text) == text
    # After a line end nothing of the text before it can be a part of the secret.
    quoted = f"{redact.patterns(text)}\n{SECRETS[data[1] % len(SECRETS)]}\n"
    assert CANARY not in redact.patterns(quoted) or CANARY in text
    try:
        json.loads(redact.patterns_json(text))
        json.loads(redact.patterns_json(json.dumps({"a": text, text: [1, text]})))
    except Withheld:
        pass
    for event in (
        f'{{"user":"{CANARY}",{text}}}',
        f'{{{text},"user":"{CANARY}"}}',
        f'{{"a":{text},"user":"{CANARY}","b":{text}}}',
    ):
        for copy in COPIES:
            assert copy is not None
            try:
                safe = copy(_event(event))
            except (Withheld, Malformed):
                continue
            assert CANARY not in safe or CANARY in text
            json.loads(safe)


if __name__ == "__main__":
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()
