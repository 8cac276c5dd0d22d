"""The work that every engine does: on which prices, at what cost, and how many times."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qa.benchmarks.market import Market, sp500, walk
from qa.benchmarks.plan import RULES, WINDOWS


@dataclass(frozen=True, slots=True)
class Work:
    """One kind of work: its prices, and the fee as a fraction of each order's value."""

    title: str
    market: Callable[[], Market]
    fee_rate: float = 0.001


WORKS = {
    "single": Work("one run, 5,000 bars, warm", lambda: sp500(5_000)),
    "cold": Work("one run, 5,000 bars, from a cold process", lambda: sp500(5_000)),
    "million": Work(
        "one run, 1,000,000 bars",
        lambda: walk(1_000_000, 1, drift=1e-6, spread=0.001, seconds=60, seed=7),
        fee_rate=1e-6,  # some 19,000 trades: a tenth of a percent each would leave nothing of the account
    ),
    "sweep": Work("all 4,851 pairs of windows, 5,000 bars", lambda: sp500(5_000)),
    "many": Work(
        "500 symbols, 2,500 bars each",
        lambda: walk(2_500, 500, drift=3e-4, spread=0.012, seconds=86_400, seed=11),
    ),
    "optimize": Work("64 pairs of windows, backtesting.py's `optimize`, 5,000 bars", lambda: sp500(5_000)),
    **{rule: Work(f"trials of {rule}, 5,000 bars", lambda: sp500(5_000)) for rule in RULES},
}


def window_pairs() -> NDArray[np.int64]:
    """All (fast, slow) with 2 <= fast < slow <= 100: shape (4851, 2), fast slowest to change."""
    low, high = WINDOWS
    return np.array([(fast, slow) for fast in range(low, high) for slow in range(fast + 1, high + 1)])
