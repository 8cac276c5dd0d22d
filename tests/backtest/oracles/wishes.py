"""What to hold from a bar's close on: wishes, written down once and handed alike to every engine.

A wish is 1 (long), 0 (flat), -1 (short) or a fraction; NaN is no wish. The first bar never holds one, since
some peers do not look at it; the last wish is to be flat, so that all engines end without a position; and no
wish is repeated on the very next bar, since a target that stays the same is no new signal to us.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from backtest.prices.bars import Bars

Wishes = NDArray[np.float64]


def crossings(prices: Bars, fast: int, slow: int, *, below: float) -> Wishes:
    """1 where the fast average of the close crosses above the slow one, `below` where it crosses below."""
    wishes = np.full(prices.close.shape, np.nan)
    for column in range(prices.close.shape[1]):
        side = np.sign(_average(prices.close[:, column], fast) - _average(prices.close[:, column], slow))
        known = np.flatnonzero(np.isfinite(side) & (side != 0))
        turned = known[1:][side[known[1:]] != side[known[:-1]]]
        wishes[turned, column] = np.where(side[turned] > 0, 1.0, below)
    return ending_flat(wishes)


def dips(prices: Bars, *, drop: float, rest: int) -> Wishes:
    """1 on the close of a day that lost more than `drop`, 0 after `rest` bars, whatever happened between."""
    change = np.full(prices.close.shape, np.nan)
    change[1:] = prices.close[1:] / prices.close[:-1] - 1
    wishes = np.where(change < -drop, 1.0, np.nan)
    for row, column in np.argwhere(wishes == 1.0):
        until = min(row + rest, len(wishes) - 1)
        if not np.any(wishes[row + 1 : until + 1, column] == 1.0):
            wishes[until, column] = 0.0
    return ending_flat(wishes)


def random_steps(prices: Bars, levels: tuple[float, ...], *, every: int, seed: int) -> Wishes:
    """A level drawn anew about every `every` bars for each symbol on its own."""
    draw = np.random.default_rng(seed)
    wishes = draw.choice(levels, size=prices.close.shape)
    wishes[draw.random(wishes.shape) > 1 / every] = np.nan
    return ending_flat(wishes)


def ending_flat(wishes: Wishes) -> Wishes:
    """The same without repetitions and without a wish on the first bar, flat from the last but one on."""
    repeated = np.vstack([np.full((1, wishes.shape[1]), False), wishes[1:] == wishes[:-1]])
    wishes = np.where(repeated, np.nan, wishes)
    wishes[0] = np.nan
    wishes[-2] = 0.0
    wishes[-1] = np.nan
    return wishes


def _average(close: NDArray[np.float64], period: int) -> NDArray[np.float64]:
    average = np.full(len(close), np.nan)
    average[period - 1 :] = np.lib.stride_tricks.sliding_window_view(close, period).mean(axis=1)
    return average
