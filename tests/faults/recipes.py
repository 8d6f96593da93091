"""Inputs by name: what a scenario cannot write down as text, made of bytes."""

import base64
import gzip
import json
import zlib
from itertools import pairwise

from deployment import payload_of

from forwarders.testing import cloudwatch_event

LOGIN = {"timestamp": 1493214552, "event": "user.login.success", "user": "ryansb", "method": "totp-2fa"}
LINES = [json.dumps({**LOGIN, "user": f"user-{number}"}) for number in range(12)]


def envelope(lines=None, **members):
    """The JSON of a payload with these messages, not compressed."""
    event = cloudwatch_event(LINES if lines is None else lines)
    whole = json.loads(gzip.decompress(base64.b64decode(event["awslogs"]["data"])))
    return json.dumps(whole | members, ensure_ascii=False).encode()


def packed(data):
    """gzip, always the same."""
    return gzip.compress(data, 6, mtime=0)


def lines(*texts, group="/aws/lambda/shop"):
    """Messages as they stand; an object is written as JSON."""
    return cloudwatch_event([text if isinstance(text, str) else json.dumps(text) for text in texts], log_group=group)


def json_lines(*texts):
    """Messages of a log group of which its route says that every line is JSON."""
    return lines(*texts, group="/json/app")


def own_lines(*texts):
    """Messages of our own log group."""
    return lines(*texts, group="/logharbor/forward")


def control(text):
    """CloudWatch's own message to a destination."""
    return cloudwatch_event([text], message_type="CONTROL_MESSAGE")


def at(time_ms, text="a line of text"):
    """A line with this time of its own."""
    return cloudwatch_event([(time_ms, text)])


def login(**fields):
    """One login with other or further fields."""
    return lines({**LOGIN, **fields})


def members(cuts, zeros=0):
    """The payload cut into gzip members at these places."""
    data = envelope()
    places = [0, *cuts, len(data)]
    parts = [packed(data[start:end]) for start, end in pairwise(places)]
    return payload_of(b"".join(parts) + bytes(zeros))


def envelopes(n):
    """Several envelopes, a gzip member each."""
    return payload_of(b"".join(packed(envelope(LINES[number * 4 : number * 4 + 4])) for number in range(n)))


def deflated():
    """zlib with the header 78 da."""
    return payload_of(zlib.compress(envelope(LINES[:2]), 9))


def uncompressed():
    """No compression at all."""
    return payload_of(envelope())


def cut(n):
    """The last `n` bytes of the gzip data are missing."""
    return payload_of(packed(envelope())[:-n])


def flipped(at, bits=1):
    """One bit of the gzip data is wrong."""
    data = bytearray(packed(envelope(LINES * 20)))
    data[at] ^= bits
    return payload_of(bytes(data))


def trailed(text):
    """Something stands behind the gzip data."""
    return payload_of(packed(envelope()) + text.encode())


def bomb(megabytes, times=1):
    """Zeros in gzip, `times` over."""
    data = gzip.compress(bytes(megabytes << 20), 9, mtime=0)
    for _ in range(times - 1):
        data = gzip.compress(data * 50, 9, mtime=0)
    return payload_of(data)


def data(text):
    """What a subscription would send with this text as data."""
    return {"awslogs": {"data": text}}


def inside(text):
    """This text, compressed as it should be."""
    return payload_of(packed(text.encode()))


def event(value):
    """The event as it is."""
    return value


def wrong_among_good(broken):
    """A log event that is none between two that are."""
    good = json.loads(envelope(LINES[:2]))
    first, last = good["logEvents"]
    return payload_of(packed(json.dumps(good | {"logEvents": [first, broken, last]}).encode()))


def raw_bytes(digits):
    """A message in whose JSON a part is replaced by these bytes."""
    return payload_of(packed(envelope([LINES[0], "before HERE after"]).replace(b"HERE", bytes.fromhex(digits))))


def deep(levels, group="/json/app"):
    """An event of so many levels."""
    return lines('{"event":"deep","a":' * 1 + "[" * levels + "]" * levels + "}", LINES[0], group=group)


def number(text, group="/json/app"):
    """An event that no contract knows, with this number."""
    return lines(f'{{"event":"some.number","n":{text}}}', LINES[0], group=group)


def digits(n):
    """An integer of so many digits."""
    return number("7" * n)


def long_value(chars, letter="x"):
    """An event with a long string, between two of usual size."""
    return lines(LINES[0], {"event": "some.blob", "blob": letter * chars}, LINES[1])


def long_text(chars):
    """A line of text, between two of usual size."""
    return lines(LINES[0], "x" * chars, LINES[1])


def many_keys(n, event="some.keys"):
    """An event with so many keys of its own."""
    base = LOGIN if event == LOGIN["event"] else {"event": event}
    return lines({**base, **{f"key_{number:05d}": number for number in range(n)}}, LINES[0])


def wide(fields, chars):
    """An event with so many long fields, between two of usual size."""
    return lines(LINES[0], {"event": "some.blob", **{f"field_{n}": "x" * chars for n in range(fields)}}, LINES[1])


def repeated(text, times, before="", after=""):
    """A line that repeats something."""
    return lines(LINES[0], before + text * times + after)


def access(*times):
    """Access lines at these times."""
    return lines(*(f'203.0.113.7 - - [{time}] "GET / HTTP/1.1" 200 5 "-" "curl"' for time in times), group="/web/a")


def many(n):
    """So many logins."""
    return lines(*({**LOGIN, "user": f"user-{number}"} for number in range(n)))


RECIPES = {
    made.__name__: made
    for made in (
        *(
            lines,
            json_lines,
            own_lines,
            control,
            at,
            login,
            members,
            envelopes,
            deflated,
            uncompressed,
            cut,
            flipped,
            trailed,
            bomb,
            data,
            inside,
            event,
        ),
        *(
            wrong_among_good,
            raw_bytes,
            deep,
            number,
            digits,
            long_value,
            long_text,
            many_keys,
            wide,
            repeated,
            access,
            many,
        ),
    )
}


def made(recipe):
    """The event of `{"name": [positional arguments]}` or `{"name": {keyword arguments}}`."""
    ((name, arguments),) = recipe.items()
    if isinstance(arguments, dict):
        return RECIPES[name](**arguments)
    return RECIPES[name](*arguments)
