"""When one line crosses another: the definition that rules and expressions share, in NumPy."""

from __future__ import annotations

import numpy as np

from backtest.arrays import Flags, Floats, Indices, Sides, Signs
from backtest.signals import compiled, sweeping
from backtest.signals.cross_kernel import TIE
from backtest.signals.positions import held_since

_BLOCK = 8_192  # bars whose intermediate arrays stay in the processor's cache


def ordering(first: Floats, second: Floats) -> Signs:
    """Tell at each bar which line is higher: 1 `first`, -1 `second`, 0 a tie or unknown.

    Parameters
    ----------
    first, second : (T,) arrays
        A NaN in either is 0. ``|first - second| <= 1e-11 * |second|`` is a tie.
    """
    signs = np.empty(len(first), dtype=np.int8)
    for start in range(0, len(first), _BLOCK):
        block = slice(start, start + _BLOCK)
        gap = first[block] - second[block]
        tolerance = np.abs(second[block])
        tolerance *= TIE
        above = gap > tolerance
        np.negative(tolerance, out=tolerance)
        np.subtract(above.view(np.int8), (gap < tolerance).view(np.int8), out=signs[block])
    return signs


def crossovers(first: Floats, second: Floats) -> tuple[Indices, Signs]:
    """Find every bar at which `first` crosses `second`, and to which side.

    The lines cross at the first bar at which their strict order is the opposite of the last
    strict order before it; ties and unknown bars in between do not matter. The first order
    ever seen is no crossing.

    Returns
    -------
    (K,) bar indices, ascending, and (K,) signs: 1 `first` is now above, -1 below; they alternate
    """
    signs = ordering(first, second)
    starts = np.concatenate(([0], np.flatnonzero(signs[1:] != signs[:-1]) + 1))
    starts = starts[signs[starts] != 0]
    strict = signs[starts]
    turned = np.flatnonzero(strict[1:] != strict[:-1]) + 1
    return starts[turned], strict[turned]


def side_since_crossing(first: Floats, second: Floats) -> Sides:
    """1 from each bar on which `first` crosses above `second`, -1 from each below, 0 before the first.

    Returns
    -------
    (T,) array of 1, 0, -1
    """
    if sweeping.is_on():
        held = np.empty(len(first), np.int8)
        compiled.kernel().hold_cross(first, second, held)
        return held
    return held_since(*crossovers(first, second), len(first))


def crosses(first: Floats, second: Floats, side: int) -> Flags:
    """True at each bar on which `first` crosses to `side` (1 above, -1 below) of `second`."""
    if sweeping.is_on():
        crossed = np.empty(len(first), dtype=np.bool_)
        compiled.kernel().mark_crosses(first, second, side, crossed)
        return crossed
    bars, sides = crossovers(first, second)
    crossed = np.zeros(len(first), dtype=np.bool_)
    crossed[bars[sides == side]] = True
    return crossed
