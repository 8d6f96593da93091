"""CPU time of two functions in one run, in turn, so that a drifting machine slows both; and the memory of one."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable


def in_turn(first: Callable[[], object], second: Callable[[], object], rounds: int) -> tuple[float, float, float]:
    """Median CPU seconds of `first` and of `second`, and the median of their ratios pair by pair (second / first)."""
    pairs = []
    first(), second()
    for _ in range(rounds):
        gc.collect()
        begun = time.process_time()
        first()
        between = time.process_time()
        gc.collect()
        resumed = time.process_time()
        second()
        pairs.append((between - begun, time.process_time() - resumed))
    ours = statistics.median(pair[1] for pair in pairs)
    return statistics.median(pair[0] for pair in pairs), ours, statistics.median(b / a for a, b in pairs)
