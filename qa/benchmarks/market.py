"""The prices of the benchmarks: real ones that ship with the product, and seeded random walks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Market:
    """Prices of M symbols over T bars: `times` (T,) datetime64[s], the rest (T, M) float64."""

    times: NDArray[np.datetime64]
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats

    def part(self, bars: slice, symbols: slice) -> Market:
        """Some of the bars and symbols, contiguous."""
        columns = (self.open, self.high, self.low, self.close, self.volume)
        return Market(self.times[bars], *(np.ascontiguousarray(column[bars, symbols]) for column in columns))


def sp500(bars: int) -> Market:
    """The last `bars` days of the bundled S&P 500."""
    from backtest import samples

    prices = samples.load("SP500").bars
    columns = (prices.open, prices.high, prices.low, prices.close, prices.volume)
    return Market(prices.times[-bars:], *(column[-bars:].copy() for column in columns))


def walk(bars: int, symbols: int, *, drift: float, spread: float, seconds: int, seed: int) -> Market:
    """Geometric Brownian motion with gaps: log-normal steps of `drift` and `spread` a bar."""
    draw = np.random.default_rng(seed)
    shape = (bars, symbols)
    close = 100.0 * np.exp(np.cumsum(draw.normal(drift, spread, shape), axis=0))
    gap = np.exp(draw.normal(0.0, spread / 4, shape))
    opened = np.vstack([np.full((1, symbols), 100.0), close[:-1]]) * gap
    high = np.maximum(opened, close) * (1 + np.abs(draw.normal(0.0, spread / 6, shape)))
    low = np.minimum(opened, close) * (1 - np.abs(draw.normal(0.0, spread / 6, shape)))
    times = np.datetime64("2000-01-03", "s") + np.arange(bars) * np.timedelta64(seconds, "s")
    return Market(times, opened, high, low, close, draw.integers(10_000, 1_000_000, shape).astype(np.float64))
