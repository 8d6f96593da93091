"""The account as an outsider makes it: from what was issued, captured, stored and said. Imports nothing of the product.

docs/decisions/0001 says how an id is made, docs/delivery.md what a fate is; both are done again here. What goes in:

* the manifest of the generator, `{"payload", "source", "container", "position", "text"}` for each record;
* the runs, one for each invocation in order: `{"payload", "receipts", "returned": {sink: [id]}, "dead": {sink: [id]}}`,
  from our log and the store;
* the captured lines of each sink, `{"run", "id", "line"}` for each document that it has taken, as the bytes said.
"""

import json
from collections import Counter

import xxhash

MODULUS = 1 << 128
ONCE = ("elasticsearch", "sqlite")
"""Sinks that know ids: nothing is there twice."""


def event_id(source, container, position):
    """The documented id: XXH3-128 of kind of source, container and position, with a zero byte between them."""
    return xxhash.xxh3_128_hexdigest(f"{source}\0{container}\0{position}".encode("utf-8", "surrogatepass"))


def manifest_of(envelope, payload=0):
    """What a CloudWatch payload issues: one entry for each log event of its (decompressed) JSON."""
    said = json.loads(envelope)
    container = f"{said['owner']}:{said['logGroup']}:{said['logStream']}"
    return [
        {
            "payload": payload,
            "source": "cloudwatch",
            "container": container,
            "position": event["id"],
            "text": event["message"],
        }
        for event in said["logEvents"]
    ]


def audit(manifest, runs, captured, sinks, holds=None):
    """What is wrong, as sentences; empty when the account holds for each of `sinks`.

    `holds(sink, line, text)`: whether a captured line says what the record's text says; None: not asked.
    """
    texts = {}
    payloads = {}
    for entry in manifest:
        id = event_id(entry["source"], entry["container"], entry["position"])
        texts[id] = entry["text"]
        payloads.setdefault(entry["payload"], set()).add(id)
    wrong = [what for run in runs for receipt in run["receipts"] for what in _adds_up(receipt, sinks)]
    wrong += [f"payload {payload} was never taken" for payload in payloads.keys() - {run["payload"] for run in runs}]
    for sink in sinks:
        lines = captured.get(sink, ())
        wrong += [f"{sink}: {what}" for what in _arrivals(sink, runs, payloads, lines)]
        if holds is not None:
            wrong += [
                f"{sink}: corrupted {line['id']}"
                for line in lines
                if line["id"] in texts and not holds(sink, line["line"], texts[line["id"]])
            ]
    return wrong


def _arrivals(sink, runs, payloads, lines):
    copies = [Counter() for _ in runs]
    for line in lines:
        if line["run"] >= len(runs):
            yield f"captured {line['id']} in no run"
        else:
            copies[line["run"]][line["id"]] += 1
    earlier = Counter()
    for number, run in enumerate(runs):
        there = copies[number].keys() | (earlier.keys() & payloads[run["payload"]] if sink in ONCE else set())
        yield from (
            f"run {number}: {what}" for what in _run(sink, run, payloads[run["payload"]], copies[number], there)
        )
        earlier.update(copies[number])
    if sink in ONCE:
        yield from (f"twice {id}" for id, n in earlier.items() if n > 1)


def _run(sink, run, issued, copies, there):
    """One invocation: what its receipts claim is what the sink has, and the rest is in the store."""
    returned, dead = set(run["returned"].get(sink, ())), set(run["dead"].get(sink, ()))
    yield from (f"invented {id}" for id in sorted((copies.keys() | returned | dead) - issued))
    if returned & dead:
        yield f"{len(returned & dead)} records are returned and dead"
    settled = issued - returned - dead
    claimed = _claimed(run, sink, ("delivered", "quarantined"))
    if claimed != _tally(settled & there):
        yield f"{claimed[0]} claimed to have arrived, {len(settled & there)} have, or others"
    nowhere, dropped = settled - there, _claimed(run, sink, ("filtered", "sampled"))
    if dropped != _tally(nowhere):
        yield f"{len(nowhere)} records are nowhere, {dropped[0]} may be"
    for fate, ids in (("returned", returned), ("dead", dead)):
        said = _claimed(run, sink, (fate,))
        if said != _tally(ids):
            yield f"{said[0]} claimed to be {fate}, {len(ids)} are in the store, or others"
    doubtful = ({id for id, n in copies.items() if n > 1} - dead) | (returned & copies.keys())
    ambiguous = sum(receipt["accounts"][sink]["ambiguous"] for receipt in run["receipts"])
    if len(doubtful) > ambiguous:
        yield f"{len(doubtful)} records are there twice, or there and returned, {ambiguous} were said to be ambiguous"
    elif len(doubtful | (dead & copies.keys())) > ambiguous:
        yield f"{len(dead & copies.keys())} records are there and dead, {ambiguous} were said to be ambiguous"


def waiting(runs, sink):
    """The ids that the last run of their payload has left in the store to come again."""
    last = {run["payload"]: run for run in runs}
    return {id for run in last.values() for id in run["returned"].get(sink, ())}


def _claimed(run, sink, fates):
    n, total = 0, 0
    for receipt in run["receipts"]:
        for fate in fates:
            tally = receipt["accounts"][sink]["fates"].get(fate)
            if tally:
                n, total = n + tally["n"], (total + int(tally["sum"], 16)) % MODULUS
    return n, total


def _tally(ids):
    return len(ids), sum(int(id, 16) for id in ids) % MODULUS


def _adds_up(receipt, sinks):
    """For each sink the fates of a receipt are what was taken in, by count and by sum of ids."""
    taken = receipt["taken"]["n"], int(receipt["taken"]["sum"], 16)
    for sink in sinks:
        fates = receipt["accounts"][sink]["fates"].values()
        found = sum(tally["n"] for tally in fates), sum(int(tally["sum"], 16) for tally in fates) % MODULUS
        if found != taken:
            yield f"{sink}: the receipt {receipt['batch']} does not add up: {taken[0]} in, {found[0]} out"
    if not receipt["balanced"]:
        yield f"the receipt {receipt['batch']} says itself that it does not balance"


def holds(sink, line, text):
    """Whether a document has the record's text: Elasticsearch verbatim, Honeycomb field by field.

    The field `user`, which not every sink may show as it came, is not asked for.
    """
    if sink == "elasticsearch":
        quoted = json.dumps(text, ensure_ascii=False)
        return line.endswith(f',"data":{text}}}') or f'"message":{quoted}' in line
    data = json.loads(line)["data"]
    fields = _fields(text)
    if "message" in data:
        return data["message"] == text or (fields is not None and _fields(data["message"]) == fields)
    return fields is not None and all(name in data and data[name] == value for name, value in fields.items())


def _fields(text):
    """The fields of an event by dotted name, without the one that may not be shown; None for what is no event."""
    try:
        return {name: value for name, value in _flat("", json.loads(text)) if name != "user"}
    except (ValueError, AttributeError):
        return None


def _flat(prefix, value):
    for name, item in value.items():
        if isinstance(item, dict):
            yield from _flat(f"{prefix}{name}.", item)
        else:
            yield prefix + name, item
