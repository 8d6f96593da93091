"""One scenario: what went in, and in a few words all that came out of it."""

import json
from collections import Counter

from oracle import manifest_of

EMF = '{"_aws":'
"""What the lines of our own log begin with that are metrics; a sink called stdout shares it with them."""
SINKS = ("elasticsearch", "honeycomb", "sqlite", "stdout")
KINDS = ("dead", "returned", "undecoded", "unbalanced")


def fates(deployed, sink):
    """The fates at a sink, each with its reasons: `{"delivered": 2, "quarantined:json_depth": 1}`."""
    counts, total = deployed.reasons(sink), Counter(deployed.fates(sink))
    for reason, n in counts.items():
        total[reason.partition(":")[0]] -= n
    return dict(sorted((+total + Counter(counts)).items()))


def documents(deployed):
    """What Elasticsearch holds, by dataset, name or reason, and flags, counted."""
    return dict(sorted(Counter(map(_named, deployed.stored["elasticsearch"].values())).items()))


def _named(document):
    dataset = document["_index"].removeprefix("logs-").removesuffix("-test")
    name = document.get("error", {}).get("type") or document["event"].get("action", "(no name)")
    flags = document["logharbor"].get("flags", []) + (["drift"] if "drift" in document["logharbor"] else [])
    return " ".join([dataset, name, *flags])


def kept(deployed):
    """How many entries the store has of each kind."""
    return {kind: n for kind in KINDS if (n := len(deployed.kept(kind)))}


def seen(deployed, stdout):
    """The ids that each sink has, as often as it has them."""
    return {
        "elasticsearch": list(deployed.stored["elasticsearch"]),
        "honeycomb": [event["data"]["logharbor.id"] for event in deployed.stored["honeycomb"]],
        "sqlite": [row["id"] for row in deployed.rows()],
        "stdout": [json.loads(line)["id"] for line in stdout.splitlines() if not line.startswith(EMF)],
    }


def issued(envelope):
    """The manifest of a payload that an outsider can read; None for one that he cannot."""
    try:
        return manifest_of(envelope)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
