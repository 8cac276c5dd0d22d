"""Among how many pods of a cluster a study is shared: enough to be quick, each long enough to be worth its start."""

from __future__ import annotations

import math
from typing import Final

MOST_PODS: Final = 200
"""Of one workflow: its status is one object of at most 1 MiB. What is left is for the next workflow."""


def pods_of(seconds: float, chunks: int, *, seconds_a_pod: float) -> int:
    """How many pods execute so many chunks that take these seconds on one processor."""
    return max(1, min(math.ceil(seconds / seconds_a_pod), chunks))


def part_of(numbers: list[int], pods: int) -> tuple[list[int], int]:
    """The chunks of the next workflow and its pods: all of them, or as many as one workflow is for."""
    if pods <= MOST_PODS:
        return numbers, pods
    return numbers[: len(numbers) * MOST_PODS // pods], MOST_PODS
