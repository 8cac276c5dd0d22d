"""What to hold from a bar's close on: targets, written down once and handed alike to every engine.

A target is 1 (long), 0 (flat), -1 (short) or a fraction; NaN is no target. The first bar never holds one, since
some engines do not look at it; the last target is to be flat, so that all engines end without a position; and no
target is repeated on the very next bar, since a target that stays the same is no new signal to us.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from backtest.prices.bars import Bars

Targets = NDArray[np.float64]


def crossings(prices: Bars, fast: int, slow: int, *, below: float) -> Targets:
    """1 where the fast average of the close crosses above the slow one, `below` where it crosses below."""
    targets = np.full(prices.close.shape, np.nan)
    for column in range(prices.close.shape[1]):
        side = np.sign(_average(prices.close[:, column], fast) - _average(prices.close[:, column], slow))
        known = np.flatnonzero(np.isfinite(side) & (side != 0))
        turned = known[1:][side[known[1:]] != side[known[:-1]]]
        targets[turned, column] = np.where(side[turned] > 0, 1.0, below)
    return ending_flat(targets)


def dips(prices: Bars, *, drop: float, rest: int) -> Targets:
    """1 on the close of a day that lost more than `drop`, 0 after `rest` bars, whatever happened between."""
    change = np.full(prices.close.shape, np.nan)
    change[1:] = prices.close[1:] / prices.close[:-1] - 1
    targets = np.where(change < -drop, 1.0, np.nan)
    for row, column in np.argwhere(targets == 1.0):
        until = min(row + rest, len(targets) - 1)
        if not np.any(targets[row + 1 : until + 1, column] == 1.0):
            targets[until, column] = 0.0
    return ending_flat(targets)


def random_steps(prices: Bars, levels: tuple[float, ...], *, every: int, seed: int) -> Targets:
    """A level drawn anew about every `every` bars for each symbol on its own."""
    draw = np.random.default_rng(seed)
    targets = draw.choice(levels, size=prices.close.shape)
    targets[draw.random(targets.shape) > 1 / every] = np.nan
    return ending_flat(targets)


def ending_flat(targets: Targets) -> Targets:
    """The same without repetitions and without a target on the first bar, flat from the last but one on."""
    repeated = np.vstack([np.full((1, targets.shape[1]), False), targets[1:] == targets[:-1]])
    targets = np.where(repeated, np.nan, targets)
    targets[0] = np.nan
    targets[-2] = 0.0
    targets[-1] = np.nan
    return targets


def _average(close: NDArray[np.float64], period: int) -> NDArray[np.float64]:
    average = np.full(len(close), np.nan)
    average[period - 1 :] = np.lib.stride_tricks.sliding_window_view(close, period).mean(axis=1)
    return average
