"""Bootstrapped maxima over many trials; compiled by `backtest.studies.statistics.reality`.

Everything is added in one order on any machine, trial by trial, so that the maxima of chunks put together are
those of all trials at once. Paths are drawn in single precision, in half the time: a p-value is a share of 500
paths, and their means are right to seven digits.
"""

from __future__ import annotations

import math

import numpy as np

from backtest.arrays import Flags, Floats, Singles

(REALITY, LOWER, CONSISTENT, UPPER) = range(4)
TINY = 1e-15
AT_ONCE = 4
"""Trials that are resampled together."""


def update(
    differences: Floats, eligible: Flags, weights: Singles, threshold: float, maxima: Floats, means: Singles
) -> None:
    """Raise the maxima by the trials in the rows of `differences`.

    Parameters
    ----------
    differences : (K, m) returns of each trial less those of the benchmark, summed over groups of periods
    eligible : (K,) whether a trial is one of those among which the best is chosen
    weights : (m, B) how often each group is drawn in each path
    threshold : √(2 log log m), below which a trial is too poor to matter for the consistent test
    maxima : (4, 1 + B) column 0 as observed, the others of the paths; rows of `REALITY` … `UPPER`
    means : (AT_ONCE, B) room for the centred means of trials
    """
    groups = len(weights)
    centred, averages = np.zeros((AT_ONCE, groups), np.float32), np.empty(AT_ONCE)
    taken = 0
    for index in range(len(differences)):
        if eligible[index] and math.isfinite(differences[index, groups - 1]):
            averages[taken] = centre(differences[index], centred[taken])
            taken += 1
        if taken == AT_ONCE or (taken > 0 and index == len(differences) - 1):
            resample(centred, weights, means)
            for place in range(taken):
                observed = math.sqrt(groups) * averages[place]
                raise_by(observed, means[place], threshold, maxima)
            taken = 0


def centre(row: Floats, centred: Singles) -> float:
    """Write the row less its mean over √m, whose sum over m drawn groups is √m times their mean; return the mean."""
    mean = 0.0
    for group in range(len(row)):
        mean += row[group]
    mean /= len(row)
    root = math.sqrt(len(row))
    for group in range(len(row)):
        centred[group] = (row[group] - mean) / root
    return mean


def resample(centred: Floats | Singles, weights: Floats | Singles, means: Floats | Singles) -> None:
    """Write the sum of each centred row in each path; of four rows, so that weights are read once."""
    groups, paths = weights.shape
    means[:] = 0.0
    first, second, third, fourth = means[0], means[1], means[2], means[3]
    for group in range(0, groups - 3, 4):
        a, b, c, d = weights[group], weights[group + 1], weights[group + 2], weights[group + 3]
        k, m, n, o = centred[0, group], centred[0, group + 1], centred[0, group + 2], centred[0, group + 3]
        p, q, r, s = centred[1, group], centred[1, group + 1], centred[1, group + 2], centred[1, group + 3]
        t, u, v, w = centred[2, group], centred[2, group + 1], centred[2, group + 2], centred[2, group + 3]
        e, f, g, h = centred[3, group], centred[3, group + 1], centred[3, group + 2], centred[3, group + 3]
        for path in range(paths):
            first[path] += (k * a[path] + m * b[path]) + (n * c[path] + o * d[path])
            second[path] += (p * a[path] + q * b[path]) + (r * c[path] + s * d[path])
            third[path] += (t * a[path] + u * b[path]) + (v * c[path] + w * d[path])
            fourth[path] += (e * a[path] + f * b[path]) + (g * c[path] + h * d[path])
    for group in range(groups // 4 * 4, groups):
        for row in range(AT_ONCE):
            for path in range(paths):
                means[row, path] += centred[row, group] * weights[group, path]


def raise_by(observed: float, means: Singles, threshold: float, maxima: Floats) -> None:
    """Raise every row of maxima to what a trial shows."""
    spread = math.sqrt(mean_square(means))
    raise_to(maxima[REALITY], observed, means)
    if spread > TINY:
        poor = observed if observed < -threshold * spread else 0.0
        raise_scaled(maxima, observed, means, spread, min(observed, 0.0), poor)


def mean_square(values: Singles) -> float:
    """The mean of the squares, of four partial sums in one order."""
    a = b = c = d = 0.0
    for place in range(0, len(values) - 3, 4):
        a += values[place] * values[place]
        b += values[place + 1] * values[place + 1]
        c += values[place + 2] * values[place + 2]
        d += values[place + 3] * values[place + 3]
    for place in range(len(values) // 4 * 4, len(values)):
        a += values[place] * values[place]
    return ((a + b) + (c + d)) / len(values)


def raise_to(maxima: Floats, observed: float, means: Singles) -> None:
    """Raise the maxima of White's test."""
    maxima[0] = max(maxima[0], observed)
    for path in range(len(means)):
        maxima[path + 1] = max(maxima[path + 1], means[path])


def raise_scaled(
    maxima: Floats, observed: float, means: Singles, spread: float, lower: float, poor: float
) -> None:
    """Raise the maxima of Hansen's three tests, which shift the means of a poor trial by more or less."""
    low, consistent, high = maxima[LOWER], maxima[CONSISTENT], maxima[UPPER]
    scale = 1.0 / spread  # once: a division takes as long as eight products
    for row in (low, consistent, high):
        row[0] = max(row[0], observed * scale)
    for path in range(len(means)):
        low[path + 1] = max(low[path + 1], (means[path] + lower) * scale)
        consistent[path + 1] = max(consistent[path + 1], (means[path] + poor) * scale)
        high[path + 1] = max(high[path + 1], means[path] * scale)


def grouped(returns: Floats, benchmark: Floats, groups: int, sums: Floats) -> None:
    """Write the sums of returns less benchmark over `groups` runs of periods; the first runs are longer by one."""
    periods = returns.shape[1]
    size, more = periods // groups, periods % groups
    for index in range(len(returns)):
        row = returns[index]
        begin = 0
        for group in range(groups):
            end = begin + size + (1 if group < more else 0)
            sums[index, group] = lead(row, benchmark, begin, end)
            begin = end


def lead(row: Floats, benchmark: Floats, begin: int, end: int) -> float:
    """The sum of returns less benchmark over some periods, of four partial sums in one order."""
    a = b = c = d = 0.0
    together = begin + (end - begin) // 4 * 4
    for period in range(begin, together, 4):
        a += row[period] - benchmark[period]
        b += row[period + 1] - benchmark[period + 1]
        c += row[period + 2] - benchmark[period + 2]
        d += row[period + 3] - benchmark[period + 3]
    for period in range(together, end):
        a += row[period] - benchmark[period]
    return (a + b) + (c + d)


def nothing(paths: int) -> Floats:
    """Maxima of no trial at all."""
    return np.full((4, 1 + paths), -np.inf)
