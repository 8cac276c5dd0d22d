"""A span with its middle and the run's own value on one line, in units of a picture that is 1000 wide."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

WIDTH: Final = 1_000.0
_MARGIN: Final = 0.05


@dataclass(frozen=True, slots=True)
class Strip:
    """Where low, middle, high, zero and the own value stand, and their texts; None where one is not in the picture."""

    low: float
    middle: float
    high: float
    own: float | None
    zero: float | None
    texts: Mapping[str, str]


def strip_of(
    span: Mapping[str, float | None], own: float | None, style: Callable[[float | None], str]
) -> Strip | None:
    """The strip of a span from 5 to 95 %; None where an end of it is undefined."""
    low, middle, high = (span[name] for name in ("p5", "p50", "p95"))
    if low is None or middle is None or high is None:
        return None
    ends = [low, high, *([own] if own is not None else [])]
    reach = (max(ends) - min(ends)) or abs(ends[0]) or 1.0
    left, right = min(ends) - _MARGIN * reach, max(ends) + _MARGIN * reach

    def place(value: float) -> float:
        return round(WIDTH * (value - left) / (right - left), 1)

    return Strip(
        place(low), place(middle), place(high), None if own is None else place(own),
        place(0.0) if left < 0.0 < right else None,
        {"low": style(low), "middle": style(middle), "high": style(high), "own": style(own)},
    )  # fmt: skip
