"""The practical limit: a compiled loop that knows this one rule and nothing else."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit, prange

from qa.benchmarks.engines.engine import Engine, Figures, Prices, Table
from qa.benchmarks.market import Market
from qa.benchmarks.plan import CASH, FAST, SLOW

TIE = 1e-11  # averages closer than this fraction are equal: rounding is no crossing


@njit(cache=True)
def moving_average(close, window):
    average = np.full(close.size, np.nan)
    total = 0.0
    for bar in range(close.size):
        total += close[bar]
        if bar >= window:
            total -= close[bar - window]
        if bar >= window - 1:
            average[bar] = total / window
    return average


@njit(cache=True)
def cross(opened, close, fast, slow, first, capital, fee_rate, figures):
    """Trade one pair of averages from bar `first` on; fills `figures`."""
    cash, shares, side, order, trades = capital, 0.0, 0, 0, 0
    before, peak, deepest, total, squares = capital, capital, 0.0, 0.0, 0.0
    last = close.size - 1
    for bar in range(close.size):
        if order == 1:
            shares = np.floor(cash / (opened[bar] * (1.0 + fee_rate)))
            cash -= shares * opened[bar] * (1.0 + fee_rate)
            trades += 1
        elif order == -1:
            cash += shares * opened[bar] * (1.0 - fee_rate)
            shares = 0.0
        order = 0
        if bar >= first:
            gap = fast[bar] - slow[bar]
            now = int(gap > TIE * slow[bar]) - int(gap < -TIE * slow[bar])
            if now != 0:
                if side != 0 and now != side and (now > 0 or shares > 0.0):
                    order = now
                side = now
        if bar == last and shares > 0.0:
            cash += shares * close[bar] * (1.0 - fee_rate)
            shares = 0.0
        equity = cash + shares * close[bar]
        if bar > 0:
            change = equity / before - 1.0
            total += change
            squares += change * change
        before = equity
        peak = max(peak, equity)
        deepest = max(deepest, 1.0 - equity / peak)
    count = last
    mean = total / count
    deviation = np.sqrt((squares - count * mean * mean) / (count - 1))
    figures[0] = before / capital - 1.0
    figures[1] = mean / deviation * np.sqrt(252.0) if deviation > 0.0 else np.nan
    figures[2], figures[3], figures[4] = deepest, trades, before


@njit(cache=True)
def run_one(opened, close, fast, slow, capital, fee_rate):
    figures = np.empty(5)
    averages = moving_average(close, fast), moving_average(close, slow)
    cross(opened, close, averages[0], averages[1], slow - 1, capital, fee_rate, figures)
    return figures


@njit(cache=True, parallel=True)
def run_pairs(opened, close, pairs, capital, fee_rate):
    widest = pairs.max()
    averages = np.empty((widest + 1, close.size))
    for window in prange(1, widest + 1):
        averages[window] = moving_average(close, window)
    table = np.empty((len(pairs), 5))
    for row in prange(len(pairs)):
        fast, slow = pairs[row, 0], pairs[row, 1]
        cross(opened, close, averages[fast], averages[slow], slow - 1, capital, fee_rate, table[row])
    return table


@njit(cache=True, parallel=True)
def run_symbols(opened, close, fast, slow, capital, fee_rate):
    table = np.empty((len(close), 5))
    for row in prange(len(close)):
        table[row] = run_one(opened[row], close[row], fast, slow, capital, fee_rate)
    return table


class Loop(Engine):
    """All four figures in one pass over the bars, spread over the cores; no record of trades or equity."""

    name = "bare compiled loop"
    package = "numba"

    def prepare(self, market: Market, fee_rate: float) -> Prices:
        return Prices((market.open[:, 0].copy(), market.close[:, 0].copy()), fee_rate)

    def single(self, prices: Prices, fast: int = FAST, slow: int = SLOW) -> Figures:
        figures = run_one(*prices.own, fast, slow, CASH, prices.fee_rate)
        return Figures(figures[0], figures[1], figures[2], int(figures[3]), figures[4])

    def sweep(self, prices: Prices, pairs: Any) -> Table:
        return run_pairs(*prices.own, pairs, CASH, prices.fee_rate)[:, :4]

    def prepare_many(self, market: Market, fee_rate: float) -> Prices:
        own = np.ascontiguousarray(market.open.T), np.ascontiguousarray(market.close.T)
        return Prices(own, fee_rate)

    def many(self, prices: Prices) -> Table:
        return run_symbols(*prices.own, FAST, SLOW, CASH, prices.fee_rate)[:, :4]
