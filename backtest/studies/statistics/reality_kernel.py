"""Bootstrapped maxima over many trials; compiled by `backtest.studies.statistics.reality`.

Everything is added in one order on any machine, trial by trial, so that the maxima of chunks put together are
those of all trials at once.
"""

from __future__ import annotations

import math

import numpy as np

from backtest.arrays import Flags, Floats

(REALITY, LOWER, CONSISTENT, UPPER) = range(4)
TINY = 1e-15


def update(
    differences: Floats, eligible: Flags, weights: Floats, threshold: float, maxima: Floats, means: Floats
) -> None:
    """Raise the maxima by the trials in the rows of `differences`.

    Parameters
    ----------
    differences : (K, m) returns of each trial less those of the benchmark, summed over groups of periods
    eligible : (K,) whether a trial is one of those among which the best is chosen
    weights : (m, B) how often each group is drawn in each path
    threshold : √(2 log log m), below which a trial is too poor to matter for the consistent test
    maxima : (4, 1 + B) column 0 as observed, the others of the paths; rows of `REALITY` … `UPPER`
    means : (B,) room for the centred means of a trial
    """
    groups, paths = weights.shape
    root = math.sqrt(groups)
    for index in range(len(differences)):
        row = differences[index]
        if not eligible[index] or not math.isfinite(row[groups - 1]):
            continue
        mean = 0.0
        for group in range(groups):
            mean += row[group]
        mean /= groups
        resample(row, mean, weights, root, means)
        observed = root * mean
        variance = 0.0
        for path in range(paths):
            variance += means[path] * means[path]
        spread = math.sqrt(variance / paths)
        raise_to(maxima[REALITY], observed, means, 1.0, 0.0)
        if spread > TINY:
            poor = observed if observed < -threshold * spread else 0.0
            raise_to(maxima[LOWER], observed, means, spread, min(observed, 0.0))
            raise_to(maxima[CONSISTENT], observed, means, spread, poor)
            raise_to(maxima[UPPER], observed, means, spread, 0.0)


def resample(row: Floats, mean: float, weights: Floats, root: float, means: Floats) -> None:
    """Write √m times the mean of the centred row in each path."""
    groups, paths = weights.shape
    means[:] = 0.0
    for group in range(0, groups - 3, 4):
        a, b, c, d = row[group] - mean, row[group + 1] - mean, row[group + 2] - mean, row[group + 3] - mean
        first, second, third, fourth = (
            weights[group],
            weights[group + 1],
            weights[group + 2],
            weights[group + 3],
        )
        for path in range(paths):
            means[path] += (a * first[path] + b * second[path]) + (c * third[path] + d * fourth[path])
    for group in range(groups // 4 * 4, groups):
        rest, last = row[group] - mean, weights[group]
        for path in range(paths):
            means[path] += rest * last[path]
    for path in range(paths):
        means[path] /= root


def raise_to(maxima: Floats, observed: float, means: Floats, spread: float, shift: float) -> None:
    """Raise one row of maxima to what a trial shows."""
    maxima[0] = max(maxima[0], observed / spread)
    for path in range(len(means)):
        maxima[path + 1] = max(maxima[path + 1], (means[path] + shift) / spread)


def grouped(returns: Floats, benchmark: Floats, groups: int, sums: Floats) -> None:
    """Write the sums of returns less benchmark over `groups` runs of periods; the first runs are longer by one."""
    periods = returns.shape[1]
    size, more = periods // groups, periods % groups
    for index in range(len(returns)):
        row = returns[index]
        begin = 0
        for group in range(groups):
            end = begin + size + (1 if group < more else 0)
            total = 0.0
            for period in range(begin, end):
                total += row[period] - benchmark[period]
            sums[index, group] = total
            begin = end


def nothing(paths: int) -> Floats:
    """Maxima of no trial at all."""
    return np.full((4, 1 + paths), -np.inf)
