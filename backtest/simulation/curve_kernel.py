"""Curves of an account in one pass over its bars; compiled by `backtest.simulation.curves`."""

from __future__ import annotations

from backtest.arrays import Floats


def fill_steps(rows: Floats, column: int, first: float, curve: Floats) -> None:
    """Write the curve of `curves.steps`."""
    value, done = first, 0
    for row in range(len(rows)):
        bar = int(rows[row, 0])
        for index in range(done, bar):
            curve[index] = value
        done, value = bar, rows[row, column]
    for index in range(done, len(curve)):
        curve[index] = value


def fill_below_peak(values: Floats, below: Floats) -> None:
    """Write the curve of `curves.below_peak`."""
    peak = values[0] if len(values) else 0.0
    for index in range(len(values)):
        if values[index] > peak:
            peak = values[index]
        below[index] = peak
    for index in range(len(values)):  # a loop of its own, so that the divisions are vectorised
        below[index] = values[index] / below[index] - 1.0
