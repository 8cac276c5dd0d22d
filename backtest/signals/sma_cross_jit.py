"""The cross of two simple averages as one pass over the prices, compiled for long or many series.

It gives the very target that the averages of TA-Lib and `backtest.signals.crossings` give: the same sums in the
same order, the same ties.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
from numpy.typing import NDArray

from backtest.simulation import backends

Table = NDArray[np.float64]
Loop = Callable[[Table, int, int, Table], None]

TIE = 1e-11  # as in backtest.signals.crossings; compiled code cannot import it
_SIGNATURE = "void(f8[:,::1], i8, i8, f8[:,::1])"


def cross_one(closes: Table, fast: int, slow: int, target: Table) -> None:
    """Write the side since the last crossing of two simple averages, for a single column.

    Parameters
    ----------
    closes, target : (T, 1) arrays, C-contiguous
    fast, slow : bars, 1 <= fast < slow
    """
    fast_sum = slow_sum = last = side = 0.0
    for bar in range(min(slow - 1, len(closes))):
        fast_sum += closes[bar, 0]
        slow_sum += closes[bar, 0]
        if bar >= fast - 1:
            fast_sum -= closes[bar - fast + 1, 0]
        target[bar, 0] = 0.0
    for bar in range(slow - 1, len(closes)):
        fast_sum += closes[bar, 0]
        slow_sum += closes[bar, 0]
        average = slow_sum / slow
        gap = fast_sum / fast - average
        tolerance = abs(average) * TIE
        fast_sum -= closes[bar - fast + 1, 0]
        slow_sum -= closes[bar - slow + 1, 0]
        sign = 1.0 if gap > tolerance else -1.0 if gap < -tolerance else 0.0
        if sign != 0.0 and sign != last:
            side, last = sign if last != 0.0 else 0.0, sign
        target[bar, 0] = side


def cross_many(closes: Table, fast: int, slow: int, target: Table) -> None:
    """Do the same for the columns of (T, M) arrays, each by itself, bar by bar."""
    bars, width = closes.shape
    fast_sum, slow_sum = np.zeros(width), np.zeros(width)
    last, side = np.zeros(width), np.zeros(width)
    for bar in range(bars):
        for column in range(width):
            close = closes[bar, column]
            fast_total, slow_total = fast_sum[column] + close, slow_sum[column] + close
            fast_sum[column] = fast_total
            if bar >= fast - 1:
                fast_sum[column] = fast_total - closes[bar - fast + 1, column]
            if bar < slow - 1:
                slow_sum[column] = slow_total
                target[bar, column] = 0.0
                continue
            slow_sum[column] = slow_total - closes[bar - slow + 1, column]
            average = slow_total / slow
            gap = fast_total / fast - average
            tolerance = abs(average) * TIE
            sign = 1.0 if gap > tolerance else -1.0 if gap < -tolerance else 0.0
            if sign != 0.0 and sign != last[column]:
                if last[column] != 0.0:
                    side[column] = sign
                last[column] = sign
            target[bar, column] = side[column]


def target_of(closes: Table, fast: int, slow: int) -> Table:
    """The side since the last crossing for each column of (T, M) closes, C-contiguous."""
    target = np.empty(closes.shape)
    one, many = compiled()
    (one if closes.shape[1] == 1 else many)(closes, fast, slow, target)
    return target


def is_worth_it(size: int) -> bool:
    """Tell whether `size` bars times symbols are enough, or the compiled engine is loaded already."""
    return size >= backends.LONG_SERIES or backends.is_loaded()


@cache
def compiled() -> tuple[Loop, Loop]:
    """Both loops as machine code, kept on disk where Numba can write."""
    from numba import njit

    try:
        return njit(_SIGNATURE, cache=True)(cross_one), njit(_SIGNATURE, cache=True)(cross_many)
    except RuntimeError:  # no folder for the cache: compile for this process alone
        return njit(_SIGNATURE)(cross_one), njit(_SIGNATURE)(cross_many)
