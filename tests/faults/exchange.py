"""One scenario of a sink's answers, played: some events, a script, and what became of it in a few words."""

import json

from answers import action
from deployment import Deployment
from recipes import LOGIN, lines
from scenario import fates, kept


def played(case, folder):
    """Fates, entries in the store, copies at the sink, ambiguous records, and how many events each request had."""
    sink = case["sink"]
    stored = {} if sink == "elasticsearch" else []
    steps = [action(sink, stored, *answer) for answer in case["answers"]]
    then = action(sink, stored, *(case.get("forever") or ["healthy"]))
    with Deployment(folder, (sink,), {sink: steps}, otherwise={sink: then}) as deployed:
        event = lines(*(_text(case, number) for number in range(case["events"])))
        contexts = [deployed.invoke_with_context(event, case.get("remaining_ms", 10_000))]
        contexts += [deployed.invoke_with_context(event) for _ in range(case.get("again", 1) - 1)]
        requests = [_items(sink, request) for request in deployed.servers[sink].requests]
    receipts = deployed.receipts()
    assert all(receipt["balanced"] for receipt in receipts)
    return (
        {
            "fates": fates(deployed, sink),
            "kept": kept(deployed),
            "copies": len(stored),
            "ambiguous": sum(receipt["accounts"][sink]["ambiguous"] for receipt in receipts),
            "requests": requests,
        },
        contexts,
        deployed,
    )


def _text(case, number):
    if case.get("kind") == "unregistered":
        return json.dumps({"event": "cart.opened", "cart": f"cart-{number}"})
    at, chars = case.get("long", (-1, 0))
    return json.dumps(
        {
            **LOGIN,
            "user": f"user-{number}",
            **({"source": {"type": "x" * 60, "client": "y" * chars}} if number == at else {}),
        }
    )


def _items(sink, request):
    """How many events a request had."""
    if sink == "elasticsearch":
        return request.body.count(b"\n") // 2
    return len(json.loads(request.body)) if request.body else 0
