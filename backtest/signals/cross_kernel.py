"""Crossovers of two lines bar by bar; compiled for long series and sweeps.

The definition is that of `backtest.signals.crossings`, the averages are those of TA-Lib: the same sums in
the same order, the same ties.
"""

from __future__ import annotations

import numpy as np

from backtest.arrays import Floats, Signs

TIE = 1e-11
"""Two lines closer than this fraction of the second are equal: rounding is no crossing."""


def order(first: float, second: float) -> int:
    """Which line is higher: 1 `first`, -1 `second`, 0 a tie or unknown."""
    gap = first - second
    tolerance = abs(second) * TIE
    return 1 if gap > tolerance else -1 if gap < -tolerance else 0


def order_lines(first: Floats, second: Floats, signs: Signs) -> None:
    """Write at each bar which of two lines is higher."""
    for bar in range(len(first)):
        signs[bar] = order(first[bar], second[bar])


def sums_before(closes: Floats, fast: int, slow: int) -> tuple[float, float]:
    """What both averages have summed up before the first bar at which the slow one is known."""
    fast_sum = slow_sum = 0.0
    for bar in range(min(slow - 1, len(closes))):
        fast_sum += closes[bar]
        slow_sum += closes[bar]
        if bar >= fast - 1:
            fast_sum -= closes[bar - fast + 1]
    return fast_sum, slow_sum


def held_after(first: float, second: float, last: int, side: float) -> tuple[int, float]:
    """The last strict order of two lines and the side since their last crossover, given those of the bar before."""
    sign = order(first, second)
    if sign == 0 or sign == last:
        return last, side
    return sign, float(sign) if last != 0 else 0.0  # the first order ever seen is no crossover


def hold_average_cross(closes: Floats, fast: int, slow: int, held: Floats) -> None:
    """Write the side since the last crossover of two simple averages, 0 before the first.

    Parameters
    ----------
    closes, held : (T,) arrays
    fast, slow : bars, 1 <= fast < slow
    """
    known = min(slow - 1, len(closes))
    held[:known] = 0.0
    fast_sum, slow_sum = sums_before(closes, fast, slow)
    last, side = 0, 0.0
    for bar in range(known, len(closes)):
        fast_sum += closes[bar]
        slow_sum += closes[bar]
        last, side = held_after(fast_sum / fast, slow_sum / slow, last, side)
        fast_sum -= closes[bar - fast + 1]
        slow_sum -= closes[bar - slow + 1]
        held[bar] = side


def hold_average_crosses(closes: Floats, fast: int, slow: int, held: Floats) -> None:
    """As `hold_average_cross` for each column of (T, M) arrays, side by side: no sum waits for the one before."""
    bars, width = closes.shape
    known = min(slow - 1, bars)
    held[:known] = 0.0
    fast_sums, slow_sums = np.empty(width), np.empty(width)
    lasts, sides = np.zeros(width, np.int64), np.zeros(width)
    for column in range(width):
        fast_sums[column], slow_sums[column] = sums_before(closes[:, column], fast, slow)
    for bar in range(known, bars):
        for column in range(width):
            fast_sum = fast_sums[column] + closes[bar, column]
            slow_sum = slow_sums[column] + closes[bar, column]
            lasts[column], sides[column] = held_after(
                fast_sum / fast, slow_sum / slow, lasts[column], sides[column]
            )
            fast_sums[column] = fast_sum - closes[bar - fast + 1, column]
            slow_sums[column] = slow_sum - closes[bar - slow + 1, column]
            held[bar, column] = sides[column]
