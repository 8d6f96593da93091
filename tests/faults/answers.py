"""What a sink answers in a scenario: `["items", [201, 429]]` to an action of the scripted server."""

from forwarders.testing import (
    Reply,
    drip,
    drop,
    elasticsearch,
    elasticsearch_items,
    honeycomb,
    honeycomb_items,
    html,
    redirect,
    silence,
    status,
    truncated,
    wrong_length,
)

JSON = {"content-type": "application/json"}


def _json(text):
    return lambda request: Reply(200, text.encode(), JSON)


def _spaced(healthy):
    """The same answer, spelled with spaces, an unknown member and another order."""

    def answer(request):
        reply = healthy(request)
        body = reply.body.replace(b'"errors":false', b'"took" : 3, "errors" : true').replace(
            b'"status":', b'"status" : '
        )
        return Reply(200, body, JSON)

    return answer


def _changed(healthy, old, new):
    return lambda request: Reply(200, healthy(request).body.replace(old.encode(), new.encode()), JSON)


def _reordered(request):
    body = elasticsearch()(request).body
    head, items = body[: body.index(b"[") + 1], body[body.index(b"[") + 1 : -2]
    return Reply(200, head + b",".join(reversed(items.replace(b"}},{", b"}}\n{").split(b"\n"))) + b"]}", JSON)


def _limit(healthy, n_bytes):
    return lambda request: healthy(request) if len(request.body) <= n_bytes else Reply(413)


def _poison(healthy, word):
    return lambda request: Reply(400, b"{}", JSON) if word.encode() in request.body else healthy(request)


def action(sink, stored, name, *arguments):
    """The action `name` of a sink whose documents end up in `stored`."""
    healthy = elasticsearch(stored) if sink == "elasticsearch" else honeycomb(stored)
    items = elasticsearch_items if sink == "elasticsearch" else honeycomb_items
    made = {
        "healthy": lambda: healthy,
        "items": lambda codes: items(codes),
        "status": lambda code, headers=None: status(code, b"", headers),
        "html": html,
        "json": _json,
        "brackets": lambda n: _json("[" * n),
        "redirect": redirect,
        "drop": drop,
        "silence": silence,
        "taken, then drop": lambda: lambda request: (healthy(request), Reply(drop="after"))[1],
        "taken, then status": lambda code: lambda request: (healthy(request), Reply(code))[1],
        "drip": lambda rate: drip(rate, healthy),
        "truncated": lambda keep: truncated(keep, healthy),
        "wrong length": lambda length: wrong_length(length, healthy),
        "spaced": lambda: _spaced(healthy),
        "changed": lambda old, new: _changed(healthy, old, new),
        "reordered": lambda: _reordered,
        "limit": lambda n_bytes: _limit(healthy, n_bytes),
        "poison": lambda word: _poison(healthy, word),
    }
    return made[name](*arguments)
