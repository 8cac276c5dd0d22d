"""Among how many pods of a cluster a study is shared: enough to be quick, each long enough to be worth its start."""

from __future__ import annotations

import math
from typing import Final

SECONDS_A_POD: Final = 120.0
"""A pod takes some five seconds to start, which is little of this."""
MOST_PODS: Final = 200
"""Of one workflow: its status is one object of at most 1 MiB. What is left is for the next workflow."""


def pods_of(seconds: float, chunks: int) -> int:
    """How many pods execute so many chunks that take these seconds on one processor."""
    return max(1, min(math.ceil(seconds / SECONDS_A_POD), chunks))


def part_of(numbers: list[int], pods: int) -> tuple[list[int], int]:
    """The chunks of the next workflow and its pods: all of them, or as many as one workflow is for."""
    if pods <= MOST_PODS:
        return numbers, pods
    return numbers[: len(numbers) * MOST_PODS // pods], MOST_PODS
