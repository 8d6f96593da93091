"""The account as an outsider makes it, from what was issued, captured, stored and said. Imports nothing of the product.

Issued: the manifest of the generator, `{"source", "container", "position", "text"}` for each record. Captured: one line
for each document that a sink acknowledged. Stored: the entries under dead/ and returned/. Said: the receipts in the log.
docs/decisions/0001 says how an id is made, docs/delivery.md what a fate is; both are done again here.
"""

import base64
import json
from collections import Counter, defaultdict

import xxhash

MODULUS = 1 << 128


def event_id(source, container, position):
    """The documented id: XXH3-128 of kind of source, container and position, with a zero byte between them."""
    return xxhash.xxh3_128_hexdigest(f"{source}\0{container}\0{position}".encode("utf-8", "surrogatepass"))


def manifest_of(envelope):
    """What a CloudWatch payload issues: one entry for each log event of its (decompressed) JSON."""
    payload = json.loads(envelope)
    container = f"{payload['owner']}:{payload['logGroup']}:{payload['logStream']}"
    return [
        {"source": "cloudwatch", "container": container, "position": event["id"], "text": event["message"]}
        for event in payload["logEvents"]
    ]


def audit(manifest, captured, dead, returned, receipts, sinks, text_of=None):
    """What is wrong, as sentences; empty when every issued record is in exactly one place for each of `sinks`.

    `captured`: {sink: lines}, each `{"id", "document", "invocation"}`, in the order in which the sink took them.
    `dead`: dead letters `{"id", "sink"}`. `returned`: stored batches `{"wanted": {sink: [id]}}` that have not come again.
    `receipts`: each with its `invocation`. A record that a receipt calls filtered or sampled is nowhere, and only
    counted. `text_of(sink, document)`: what of a captured document must be the manifest's text.
    """
    issued = {event_id(entry["source"], entry["container"], entry["position"]): entry["text"] for entry in manifest}
    wrong = []
    for sink in sinks:
        lines = captured.get(sink, [])
        wrong += _places(sink, issued, lines, dead, returned, receipts)
        if text_of is not None:
            wrong += _corrupted(sink, issued, lines, text_of)
        wrong += _duplicates(sink, lines, receipts)
        wrong += _claims(sink, lines, receipts)
    for receipt in receipts:
        wrong += _sums(receipt, sinks)
    return wrong


def _places(sink, issued, lines, dead, returned, receipts):
    """Each issued id in one place: captured, dead or waiting; what is nowhere must be counted as filtered or sampled."""
    there = {line["id"] for line in lines}
    buried = {letter["id"] for letter in dead if letter["sink"] == sink}
    waiting = {id for batch in returned for id in (batch["wanted"] or {}).get(sink, ())}
    wrong = [f"{sink}: invented {id}" for id in sorted((there | buried | waiting) - issued.keys())]
    wrong += [f"{sink}: captured and dead {id}" for id in sorted(there & buried)]
    nowhere = issued.keys() - there - buried - waiting
    counted = sum(
        receipt["accounts"].get(sink, {}).get("fates", {}).get(fate, {}).get("n", 0)
        for receipt in receipts
        for fate in ("filtered", "sampled")
    )
    if len(nowhere) != counted:
        wrong.append(f"{sink}: {len(nowhere)} of {len(issued)} records are nowhere, {counted} may be")
    return wrong


def _corrupted(sink, issued, lines, text_of):
    return [
        f"{sink}: corrupted {line['id']}"
        for line in lines
        if line["id"] in issued and text_of(sink, line["document"]) != issued[line["id"]]
    ]


def _duplicates(sink, lines, receipts):
    """Within an invocation a sink has a record once, but for the records that its receipts call ambiguous."""
    copies = Counter((line["invocation"], line["id"]) for line in lines)
    extra = Counter()
    for (invocation, _), n in copies.items():
        extra[invocation] += n - 1
    allowed = Counter()
    for receipt in receipts:
        allowed[receipt["invocation"]] += receipt["accounts"].get(sink, {}).get("ambiguous", 0) * MOST_COPIES
    return [
        f"{sink}: {n} unexplained duplicates in invocation {invocation}"
        for invocation, n in extra.items()
        if n > allowed[invocation]
    ]


MOST_COPIES = 30
"""An ambiguous record was sent again until an answer came: so often at most, by docs/sinks.md."""


def _claims(sink, lines, receipts):
    """What the receipts of an invocation claim to be delivered is there: as many, and with that sum, or more."""
    by_invocation = defaultdict(set)
    for line in lines:
        by_invocation[line["invocation"]].add(line["id"])
    known = set()
    wrong = []
    for invocation in sorted({receipt["invocation"] for receipt in receipts}):
        of_it = [receipt for receipt in receipts if receipt["invocation"] == invocation]
        n, total, ambiguous, repeated = 0, 0, 0, 0
        for receipt in of_it:
            account = receipt["accounts"].get(sink, {"fates": {}})
            for fate in ("delivered", "quarantined"):
                tally = account["fates"].get(fate, {"n": 0, "sum": "0"})
                n, total = n + tally["n"], (total + int(tally["sum"], 16)) % MODULUS
            ambiguous += account.get("ambiguous", 0)
            repeated += sum(n for reason, n in account.get("reasons", {}).items() if reason.endswith(":already_present"))
        new = by_invocation[invocation]
        exact = (len(new), sum(int(id, 16) for id in new) % MODULUS) == (n, total)
        if not exact and not (ambiguous or repeated):
            wrong.append(f"{sink}: invocation {invocation} claims {n} delivered, {len(new)} were captured")
        known |= new
        if n > len(known):
            wrong.append(f"{sink}: {n} claimed in invocation {invocation}, the sink holds {len(known)}")
    return wrong


def _sums(receipt, sinks):
    """A receipt adds up: for each sink the fates are what was taken in, by count and by sum of ids."""
    wrong = []
    taken = receipt["taken"]["n"], int(receipt["taken"]["sum"], 16)
    for sink in sinks:
        fates = receipt["accounts"].get(sink, {"fates": {}})["fates"].values()
        found = sum(tally["n"] for tally in fates), sum(int(tally["sum"], 16) for tally in fates) % MODULUS
        if found != taken:
            wrong.append(f"{sink}: receipt of {receipt['batch']} does not add up: {taken[0]} in, {found[0]} out")
    if not receipt["balanced"]:
        wrong.append(f"receipt of {receipt['batch']} says itself that it does not balance")
    return wrong


def raw_of(stored):
    """The payload in an entry under returned/, as its invoker sent it."""
    return base64.b64decode(stored["raw"])
