"""How long something takes, more than once."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable
from typing import Any


def repeat(work: Callable[[], Any], *, seconds: float, most: int) -> tuple[Any, list[float]]:
    """The last result and the seconds of each repetition: one at least, then while `seconds` last."""
    taken: list[float] = []
    gc.collect()
    began = time.perf_counter()
    while not taken or (time.perf_counter() - began < seconds and len(taken) < most):
        start = time.perf_counter()
        result = work()
        taken.append(time.perf_counter() - start)
    return result, taken


def summary(taken: list[float], scale: float = 1.0) -> dict[str, float]:
    """Shortest and median seconds, and how many; `scale` extrapolates from a sample of the work."""
    return {
        "shortest": min(taken) * scale,
        "median": statistics.median(taken) * scale,
        "repetitions": len(taken),
    }
