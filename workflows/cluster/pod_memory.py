"""The memory of a pod that computes: an allocation fails in Python before the kernel kills the container."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from workflows import process

_SHARE_FOR_DATA: Final = 0.85
"""The share of the container's memory that the step's own data may fill; the rest is code and stacks."""


def limit(env: Mapping[str, str]) -> None:
    """Keep this process to its share of MEMORY_MIB, so that it can still report that it ran out."""
    if limit_mib := int(env.get("MEMORY_MIB", "0")):
        process.limit_memory(int(limit_mib * _SHARE_FOR_DATA))
