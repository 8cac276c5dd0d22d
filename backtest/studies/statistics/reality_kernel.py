"""Bootstrapped maxima over many trials; compiled by `backtest.studies.statistics.reality`.

Everything is added in one order on any machine, trial by trial, so that the maxima of chunks put together are
those of all trials at once. What is summed over the drawn groups is whole numbers, whose sums are exact in any order.
"""

from __future__ import annotations

import math

import numpy as np

from backtest.arrays import Flags, Floats, Singles

(REALITY, LOWER, CONSISTENT, UPPER) = range(4)
TINY = 1e-15
AT_ONCE = 4
"""Rows that are resampled together."""
MOST = 2.0**17
"""The largest whole number: 127 of them add up to less than 2^24, below which single precision has every one."""


def centre(differences: Floats, eligible: Flags, wholes: Singles, observed: Floats, scales: Floats) -> int:
    """Write what is resampled of the trials in the rows of `differences`; return of how many.

    Parameters
    ----------
    differences : (K, m) returns of each trial less those of the benchmark, summed over groups of periods
    eligible : (K,) whether a trial is one of those among which the best is chosen
    wholes : (K, m) the differences less their mean in units of `scales`, rounded to whole numbers up to `MOST`
    observed : (K,) √m times the mean
    scales : (K,) by which a sum of m drawn `wholes` is √m times their mean
    """
    groups = differences.shape[1]
    taken, root = 0, math.sqrt(groups)
    for index in range(len(differences)):
        row = differences[index]
        mean = 0.0
        for group in range(groups):
            mean += row[group]
        mean /= groups
        if not eligible[index] or not math.isfinite(mean):
            continue
        largest = 0.0
        for group in range(groups):
            largest = max(largest, abs(row[group] - mean))
        unit = MOST / largest if largest > 0.0 else 0.0
        for group in range(groups):
            wholes[taken, group] = np.rint((row[group] - mean) * unit)
        observed[taken], scales[taken] = root * mean, largest / MOST / root
        taken += 1
    return taken


def update(
    sums: Singles, observed: Floats, scales: Floats, threshold: float, maxima: Floats, means: Singles
) -> None:
    """Raise the maxima by trials.

    Parameters
    ----------
    sums : (panels, K, width) of the drawn `wholes` of each path, those of the first `width` paths first
    observed, scales : (K,) as `centre` writes them
    threshold : √(2 log log m), below which a trial is too poor to matter for the consistent test
    maxima : (4, 1 + B) column 0 as observed, the others of the paths; rows of `REALITY` … `UPPER`
    means : (B,) room for the centred means of a trial
    """
    width = sums.shape[2]
    for index in range(sums.shape[1]):
        for panel in range(sums.shape[0]):
            row, first = sums[panel, index], panel * width
            for place in range(min(width, len(means) - first)):
                means[first + place] = row[place] * scales[index]
        raise_by(observed[index], means, threshold, maxima)


def resample(centred: Floats, weights: Floats, means: Floats) -> None:
    """Write the product of four rows and a matrix, added in one order; the matrix is read once."""
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


def grouped(returns: Floats, sums: Floats) -> None:
    """Write the sums of each row over as many runs of periods as `sums` has columns; the first runs are longer by one."""
    groups = sums.shape[1]
    size, more = returns.shape[1] // groups, returns.shape[1] % groups
    for index in range(len(returns)):
        row = returns[index]
        begin = 0
        for group in range(groups):
            end = begin + size + (1 if group < more else 0)
            sums[index, group] = total(row, begin, end)
            begin = end


def total(row: Floats, begin: int, end: int) -> float:
    """The sum of some periods, of four partial sums in one order.

    Places are unsigned: of a signed one each access would ask whether it counts from the end.
    """
    a = b = c = d = 0.0
    together = begin + (end - begin) // 4 * 4
    for place in range(begin, together, 4):
        period = np.uint64(place)
        a += row[period]
        b += row[period + np.uint64(1)]
        c += row[period + np.uint64(2)]
        d += row[period + np.uint64(3)]
    for place in range(together, end):
        a += row[np.uint64(place)]
    return (a + b) + (c + d)


def nothing(paths: int) -> Floats:
    """Maxima of no trial at all."""
    return np.full((4, 1 + paths), -np.inf)
