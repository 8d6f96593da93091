"""What an invoker can be told about: a part of a payload, with the batches that are in it."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from forwarders.model import Batch


class Unit(msgspec.Struct):
    """The smallest part of a payload that its invoker can be told to bring again.

    `name` is what the invoker calls it (a sequence number); empty where it has no name of its own. `batches` are
    decoded while they are taken. `order` is what order is kept within (a shard): after a unit that must come again, no
    other of the same `order` is begun, because the invoker brings those again as well. None: there is no order.
    """

    name: str
    batches: Iterator[Batch]
    order: str | None = None
