"""How long the blocks of a stationary bootstrap should be: from the series itself."""

from __future__ import annotations

import math

import numpy as np

from backtest.arrays import Floats
from backtest.metrics.account import Undefined, dot


def optimal_block_length(values: Floats) -> float:
    """Mean length of the blocks of a stationary bootstrap that estimates the variance of the mean best.

    Politis and White, Econometric Reviews 23 (2004), with the correction of Patton, Politis and White,
    Econometric Reviews 28 (2009): b = (2 ĝ² / d̂)^(1/3) · n^(1/3), where d̂ = 2 σ̂⁴ of the long-run variance σ̂²;
    flat-top weights up to twice the lag after which autocorrelations are insignificant. At least 1.

    Parameters
    ----------
    values : (n,) finite

    Raises
    ------
    Undefined
        With fewer than 16 values or no variation.
    """
    count = len(values)
    if count < 16:
        raise Undefined(f"undefined: fewer than 16 returns, got {count}")
    centred = values - values.mean()
    if not dot(centred, centred) > 0.0:
        raise Undefined("undefined: zero variance")
    covariances, significant = _autocovariances(centred)
    lags = _lags(significant, len(covariances) - 1, max(5, int(math.log10(count))))
    weighted, long_run = 0.0, covariances[0]
    for lag in range(1, lags + 1):
        weight = 1.0 if lag / lags <= 0.5 else 2.0 * (1.0 - lag / lags)
        weighted += 2.0 * weight * lag * covariances[lag]
        long_run += 2.0 * weight * covariances[lag]
    if not long_run > 0.0:
        return 1.0
    length = (weighted**2 / long_run**2) ** (1 / 3) * count ** (1 / 3)
    return float(max(1.0, min(length, math.ceil(min(3.0 * math.sqrt(count), count / 3)))))


def _autocovariances(centred: Floats) -> tuple[list[float], list[bool]]:
    """Of lags 0 … M the autocovariance, and whether the autocorrelation is beyond 2 √(log10 n / n)."""
    count = len(centred)
    longest = min(math.ceil(math.sqrt(count)) + max(5, int(math.log10(count))), count - 2)
    limit = 2.0 * math.sqrt(math.log10(count) / count)
    products = [dot(centred[lag:], centred[: count - lag]) for lag in range(longest + 1)]
    squares = np.cumsum(centred * centred)
    sizes = [math.sqrt((squares[-1] - squares[lag]) * squares[count - lag - 2]) for lag in range(longest + 1)]
    significant = [not abs(product) < limit * size for product, size in zip(products, sizes, strict=True)]
    return [product / count for product in products], significant


def _lags(significant: list[bool], longest: int, run: int) -> int:
    """Twice the lag that is followed by a run of insignificant ones; the longest where there is none."""
    for lag in range(run, longest + 1):
        if not any(significant[lag - run : lag]):
            return min(2 * max(lag - run, 1), longest)
    return longest
