"""Exponential averages side by side; compiled by `backtest.signals.side_by_side` for sweeps.

In an average each bar waits for the one before, while the processor could compute several: four averages take little
longer than one.
"""

from __future__ import annotations

from backtest.arrays import Floats, Ints

FOUR = 4


def write_averages(values: Floats, begins: Ints, periods: Ints, averages: Floats) -> None:
    """Write the exponential averages of TA-Lib, each in the order in which it computes.

    Parameters
    ----------
    values : (T,) without NaN from the earliest of `begins` on
    begins, periods : (K,) each is seeded by the mean of its first `period` values from bar `begin` on, and known
        from the last of these on
    averages : (K, T), written from there on
    """
    count = len(periods)
    if count < FOUR:
        for place in range(count):
            lead_in(values, begins[place], periods[place], len(values) - 1, averages[place])
        return
    for index in range(0, count, FOUR):
        first = min(index, count - FOUR)  # the last four may have some of those before among them
        known = 0
        for place in range(first, first + FOUR):
            known = max(known, begins[place] + periods[place] - 1)
        for place in range(first, first + FOUR):
            lead_in(values, begins[place], periods[place], known, averages[place])
        go_on(values, known, periods[first : first + FOUR], averages[first : first + FOUR])


def lead_in(values: Floats, begin: int, period: int, last: int, averaged: Floats) -> None:
    """Write an average up to the bar `last`."""
    total, first = 0.0, begin + period - 1
    for bar in range(begin, first + 1):
        total += values[bar]
    before, factor = total / period, smoothing(period)
    averaged[first] = before
    for bar in range(first + 1, last + 1):
        before = (values[bar] - before) * factor + before
        averaged[bar] = before


def go_on(values: Floats, known: int, periods: Ints, averages: Floats) -> None:
    """Write four averages that are known up to a bar from there to the end."""
    a, b, c, d = averages[0, known], averages[1, known], averages[2, known], averages[3, known]
    first, second, third, fourth = averages[0], averages[1], averages[2], averages[3]
    k, m, n, o = smoothing(periods[0]), smoothing(periods[1]), smoothing(periods[2]), smoothing(periods[3])
    for bar in range(known + 1, len(values)):
        value = values[bar]
        a = (value - a) * k + a
        b = (value - b) * m + b
        c = (value - c) * n + c
        d = (value - d) * o + d
        first[bar], second[bar], third[bar], fourth[bar] = a, b, c, d


def smoothing(period: int) -> float:
    """The weight of the newest value."""
    return 2.0 / (period + 1.0)
