"""The cross of two simple averages of a long series, compiled; it equals the NumPy one to the last bit."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from types import ModuleType

import numpy as np

from backtest import jit
from backtest.arrays import Floats


def side_since_sma_cross(close: Floats, fast: int, slow: int) -> Floats:
    """`crossings.side_since_crossing` of the averages of a contiguous (T,) close."""
    held = np.empty(len(close))
    kernel().hold_average_cross(close, fast, slow, held)
    return held


@cache
def kernel() -> ModuleType:
    """`backtest.signals.cross_kernel` compiled."""
    return jit.load(Path(__file__).with_name("cross_kernel.py"))
