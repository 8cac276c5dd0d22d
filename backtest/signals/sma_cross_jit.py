"""The cross of two simple averages of long or many series, compiled; it equals the NumPy one to the last bit."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from types import ModuleType

import numpy as np

from backtest import jit
from backtest.arrays import Floats


def side_since_sma_cross(closes: Floats, fast: int, slow: int) -> Floats:
    """`crossings.side_since_crossing` of the averages of each column of (T, M) closes."""
    closes = np.ascontiguousarray(closes)
    held = np.empty(closes.shape)
    if closes.shape[1] == 1:
        kernel().hold_average_cross(closes[:, 0], fast, slow, held[:, 0])
    else:
        kernel().hold_average_crosses(closes, fast, slow, held)
    return held


@cache
def kernel() -> ModuleType:
    """`backtest.signals.cross_kernel` compiled."""
    return jit.load(Path(__file__).with_name("cross_kernel.py"))
