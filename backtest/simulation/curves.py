"""Curves of an account from the engine's rows: NumPy's way, or one compiled pass where that is loaded already.

Both ways give the same bytes: they only copy, compare and divide, each value by itself.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backtest.simulation import backends

Floats = NDArray[np.float64]

_STEPS, _BELOW = "void(f8[:,:], i8, f8, f8[::1])", "void(f8[::1], f8[::1])"


def steps(rows: Floats, column: int, *, first: float, bars: int) -> Floats:
    """The value that holds at each bar: `first`, then what the last row until that bar says.

    Parameters
    ----------
    rows : (K, C) array, column 0 the bar, ascending; of several rows of a bar the last one remains
    column : where a row has its value
    bars : T

    Returns
    -------
    (T,) array
    """
    if backends.is_loaded():
        curve = np.empty(bars)
        _compiled()[0](rows, column, first, curve)
        return curve
    edges = np.concatenate(([0], rows[:, 0].astype(np.int64), [bars]))
    return np.repeat(np.concatenate(([first], rows[:, column])), np.diff(edges))


def below_peak(values: Floats) -> Floats:
    """How far each value is below the highest up to it, as a fraction: (T,), 0 or negative."""
    if backends.is_loaded() and values.flags.c_contiguous:
        below = np.empty(len(values))
        _compiled()[1](values, below)
        return below
    below = np.maximum.accumulate(values)
    np.divide(values, below, out=below)
    below -= 1.0
    return below


def fill_steps(rows: Floats, column: int, first: float, curve: Floats) -> None:
    """Write the curve of `steps`."""
    value, done = first, 0
    for row in range(len(rows)):
        bar = int(rows[row, 0])
        for index in range(done, bar):
            curve[index] = value
        done, value = bar, rows[row, column]
    for index in range(done, len(curve)):
        curve[index] = value


def fill_below_peak(values: Floats, below: Floats) -> None:
    """Write the curve of `below_peak`; the peaks first, so that the divisions go side by side."""
    peak = values[0] if len(values) else 0.0
    for index in range(len(values)):
        if values[index] > peak:
            peak = values[index]
        below[index] = peak
    for index in range(len(values)):
        below[index] = values[index] / below[index] - 1.0


@cache
def _compiled() -> tuple[Callable[..., Any], ...]:
    """Both passes as machine code, kept on disk where Numba can write."""
    from numba import njit

    passes = {_STEPS: fill_steps, _BELOW: fill_below_peak}
    try:
        return tuple(njit(types, cache=True, error_model="numpy")(one) for types, one in passes.items())
    except RuntimeError:  # no folder for the cache: compile for this process alone
        return tuple(njit(types, error_model="numpy")(one) for types, one in passes.items())
