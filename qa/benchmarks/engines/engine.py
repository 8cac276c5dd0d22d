"""What the benchmark asks of an engine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from qa.benchmarks.market import Market
from qa.benchmarks.plan import FAST, SLOW

Table = NDArray[np.float64]
"""A row a run: return, Sharpe, max. drawdown (positive), trades."""


class Figures(NamedTuple):
    """What every run delivers. `final_equity` counts the fee of selling what is still open at the end."""

    total_return: float
    sharpe: float
    max_drawdown: float
    trades: int
    final_equity: float


@dataclass(frozen=True, slots=True)
class Prices:
    """One symbol in the engine's own form, with the fee of the work, and as it was given."""

    own: Any
    fee_rate: float
    market: Market | None = None


class Engine:
    """The rule of the benchmarks in an engine's own words; what it cannot do at once is done one by one.

    The rule: hold all the account in whole shares from the open after the fast average of the close crosses
    above the slow one to the open after it crosses below.
    """

    name = ""
    package = ""

    def prepare(self, market: Market, fee_rate: float) -> Any:
        """Bring prices into the engine's own form; not timed."""
        raise NotImplementedError

    def single(self, prices: Any, fast: int = FAST, slow: int = SLOW) -> Figures:
        """Run one pair of windows on one symbol."""
        raise NotImplementedError

    def trade_bars(self, prices: Any) -> list[tuple[int, int]] | None:
        """Entry and exit bar of each trade closed before the last bar, None without a list; not timed."""
        return None

    def sweep(self, prices: Any, pairs: NDArray[np.int64]) -> Table:
        """Run every pair of windows on one symbol."""
        return np.array([self.single(prices, int(fast), int(slow))[:4] for fast, slow in pairs], float)

    def prepare_many(self, market: Market, fee_rate: float) -> Any:
        """Bring the prices of all symbols into the engine's own form; not timed."""
        columns = range(market.close.shape[1])
        parts = (market.part(slice(None), slice(column, column + 1)) for column in columns)
        return [self.prepare(part, fee_rate) for part in parts]

    def many(self, prices: Any) -> Table:
        """Run the default windows on every symbol, each with an account of its own."""
        return np.array([self.single(one)[:4] for one in prices], float)

    def sweep_rule(self, prices: Any, rule: str) -> Table:
        """Run every trial of `grids.GRIDS` of a rule on one symbol."""
        raise NotImplementedError

    def optimize(self, prices: Any) -> Table:
        """Run every trial of `grids.OPTIMIZED` on one symbol."""
        raise NotImplementedError
