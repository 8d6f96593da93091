"""Answers as Elasticsearch and Honeycomb give them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from forwarders.testing.script import Action, Received, Reply

JSON = {"content-type": "application/json"}


def elasticsearch(stored: dict[str, dict[str, Any]] | None = None) -> Action:
    """A healthy cluster: 201 for each new id, 409 for one that is there. Documents end up in `stored`, by id."""
    documents = {} if stored is None else stored

    def answer(request: Received) -> Reply:
        items = []
        for stream, id, document in bulk(request):
            if id in documents:
                items.append(_item(id, 409))
            else:
                documents[id] = {"_index": stream, **document}
                items.append(_item(id, 201))
        return _bulk_answer(items)

    return answer


def elasticsearch_items(statuses: Sequence[int] | Mapping[str, int], **members: Any) -> Action:
    """One `_bulk` answer with these statuses, by position or by id (201 for an id that is not named).

    `members` are added to each item that is not 201: `elasticsearch_items([400], error={"type": "…"})`.
    """

    def answer(request: Received) -> Reply:
        ids = [id for _, id, _ in bulk(request)]
        codes = [statuses.get(id, 201) for id in ids] if isinstance(statuses, Mapping) else statuses
        return _bulk_answer([_item(id, code, **members) for id, code in zip(ids, codes, strict=False)])

    return answer


def bulk(request: Received) -> list[tuple[str, str, dict[str, Any]]]:
    """Stream, id and document of each item of a `_bulk` request."""
    lines: list[Any] = request.lines()
    return [
        (action["create"]["_index"], action["create"]["_id"], document)
        for action, document in zip(lines[::2], lines[1::2], strict=True)
    ]


_ERRORS = {
    400: "document_parsing_exception",
    409: "version_conflict_engine_exception",
    429: "es_rejected_execution_exception",
}


def _item(id: str, code: int, **members: Any) -> dict[str, Any]:
    item: dict[str, Any] = {"_id": id, "status": code}
    if code != 201:
        item["error"] = {"type": _ERRORS.get(code, "exception")}
        item |= members
    return {"create": item}


def _bulk_answer(items: Sequence[Mapping[str, Any]]) -> Reply:
    errors = any(item["create"]["status"] >= 300 for item in items)
    return Reply(200, msgspec.json.encode({"errors": errors, "items": items}), JSON)


def honeycomb(stored: list[dict[str, Any]] | None = None) -> Action:
    """A healthy Honeycomb: 202 for each event. Events end up in `stored`, with their dataset."""

    def answer(request: Received) -> Reply:
        events: Any = request.json()
        if stored is not None:
            dataset = request.path.rpartition("/")[2]
            stored.extend({"dataset": dataset, **event} for event in events)
        return Reply(200, msgspec.json.encode([{"status": 202}] * len(events)), JSON)

    return answer


def honeycomb_items(statuses: Sequence[int], error: str = "Request body is malformed and cannot be read") -> Action:
    """One batch answer with these statuses."""
    items = [{"status": code} if code == 202 else {"status": code, "error": error} for code in statuses]
    body = msgspec.json.encode(items)
    return lambda request: Reply(200, body, JSON)
