"""Where values are outside of a band."""

from __future__ import annotations

import numpy as np

from backtest.arrays import Flags, Floats
from backtest.signals import compiled, sweeping


def outside(
    values: Floats, upper: Floats, lower: Floats, width: Floats, multiple: float
) -> tuple[Flags, Flags]:
    """Whether each value is above `upper` plus a multiple of `width`, and whether it is below `lower` minus it.

    Parameters
    ----------
    values, upper, lower, width : (T,) arrays; where one is NaN the value is inside

    Returns
    -------
    two (T,) arrays of bool
    """
    if sweeping.is_on():
        above, below = np.empty((2, len(values)), np.bool_)
        compiled.kernel().outside(values, upper, lower, width, multiple, above, below)
        return above, below
    distance = multiple * width
    return values > upper + distance, values < lower - distance
