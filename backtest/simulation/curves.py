"""Curves of an account from the engine's rows: by NumPy, or by a compiled kernel where one is loaded already.

Both give the same bytes: they only copy, compare and divide, each value by itself.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from types import ModuleType

import numpy as np

from backtest import jit
from backtest.arrays import Floats


def steps(rows: Floats, column: int, *, first: float, bars: int) -> Floats:
    """The value that holds at each bar: `first`, then the value of the last row up to that bar.

    Parameters
    ----------
    rows : (K, C) array, column 0 the bar, ascending; of several rows of a bar the last one remains
    column : where a row has its value
    bars : T

    Returns
    -------
    (T,) array
    """
    if jit.is_loaded():
        curve = np.empty(bars)
        _kernel().fill_steps(rows, column, first, curve)
        return curve
    edges = np.concatenate(([0], rows[:, 0].astype(np.int64), [bars]))
    return np.repeat(np.concatenate(([first], rows[:, column])), np.diff(edges))


def below_peak(values: Floats) -> Floats:
    """How far each value is below the highest up to it, as a fraction: (T,), 0 or negative."""
    if jit.is_loaded() and values.flags.c_contiguous:
        below = np.empty(len(values))
        _kernel().fill_below_peak(values, below)
        return below
    below = np.maximum.accumulate(values)
    np.divide(values, below, out=below)
    below -= 1.0
    return below


@cache
def _kernel() -> ModuleType:
    return jit.load(Path(__file__).with_name("curve_kernel.py"))
