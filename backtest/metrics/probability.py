"""How likely a result is more than luck: probabilistic and deflated Sharpe ratio, PBO, bootstrap."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import combinations
from typing import Any, Final

import numpy as np

from backtest.arrays import Floats, Indices
from backtest.metrics.account import NO_VARIATION, Account, Undefined
from backtest.metrics.metric import metric

EULER_GAMMA: Final = 0.577_215_664_901_532_9
BLOCKS: Final = 16
PATHS: Final = 1_000
PERCENTS: Final = (5, 50, 95)
SAME_RATIO: Final = 1e-9
"""Sharpe ratios a period closer than this are a tie: rounding must not rank equal configurations."""


@metric("Probabilistic Sharpe ratio", "risk", "percent", better="higher",
        formula="Φ((SR - SR*) · √(n - 1) / √(1 - γ3 · SR + (γ4 - 1)/4 · SR²)), SR* = 0",
        conventions="SR per period, not annualised; γ3 and γ4 corrected for small samples, γ4 raw (3 for a "
                    "normal distribution).",
        source="Bailey and López de Prado, The Sharpe Ratio Efficient Frontier, Journal of Risk 15 (2012)",
        other_tools="QuantStats before 0.0.83 and earlier vectorbt use excess kurtosis; earlier LEAN versions omit "
                    "rf.")  # fmt: skip
def psr(account: Account) -> float:
    """Probability that the true Sharpe ratio is above zero."""
    return probabilistic_sharpe_ratio(account)


def probabilistic_sharpe_ratio(account: Account, threshold: float = 0.0) -> float:
    """Probability that the true Sharpe ratio a period is above `threshold`.

    Φ((SR - SR*) · √(n - 1) / √(1 - γ3 · SR + (γ4 - 1)/4 · SR²)), SR a period, γ4 raw. Bailey and
    López de Prado (2012).
    """
    return sharpe_probability(account, threshold, *account.moments)


def sharpe_probability(account: Account, threshold: float, skew: float, tail: float) -> float:
    """The formula of `probabilistic_sharpe_ratio` with any skewness and kurtosis in it."""
    ratio = account.mean_excess / account.deviation
    variance = 1.0 - skew * ratio + (tail - 1.0) / 4.0 * ratio * ratio
    if not variance > 0:
        raise Undefined("undefined: variance of the Sharpe ratio ≤ 0")
    return normal_cdf((ratio - threshold) * math.sqrt((account.periods - 1) / variance))


def expected_best_sharpe(trials: int, deviation: float) -> float:
    """Sharpe ratio a period that the best of `trials` worthless rules is expected to show.

    σ · [(1 - γ) · Φ⁻¹(1 - 1/N) + γ · Φ⁻¹(1 - 1/(N e))], γ = 0.5772…; 0 for a single trial. Bailey and
    López de Prado (2014).

    Parameters
    ----------
    trials : N, every configuration that was tried
    deviation : σ of the trials' Sharpe ratios a period
    """
    from statistics import NormalDist  # costs start-up time, and a single run does not need it

    if trials < 1 or not deviation >= 0:
        raise ValueError(f"need at least 1 trial and a deviation of at least 0, got {trials}, {deviation}")
    if trials == 1:
        return 0.0
    inverse = NormalDist().inv_cdf
    return deviation * (
        (1.0 - EULER_GAMMA) * inverse(1.0 - 1.0 / trials)
        + EULER_GAMMA * inverse(1.0 - 1.0 / (trials * math.e))
    )


def deflated_sharpe_ratio(account: Account, *, trials: int, deviation: float) -> float:
    """Probability that the true Sharpe ratio is above what the best of `trials` shows by luck.

    The probabilistic Sharpe ratio with `expected_best_sharpe` as threshold. Bailey and López de Prado,
    The Deflated Sharpe Ratio, Journal of Portfolio Management 40 (2014).
    """
    return probabilistic_sharpe_ratio(account, expected_best_sharpe(trials, deviation))


def overfitting_probability(returns: Floats, *, blocks: int = BLOCKS) -> float:
    """Share of splits in which the best configuration in sample is no better than the median out of it.

    Combinatorially symmetric cross-validation: rows are cut into contiguous blocks (what does not
    divide evenly is left off the start); in every choice of half of them the configuration with the
    highest Sharpe ratio is ranked on the other half: ω = rank / (N + 1), and splits with
    ln(ω / (1 - ω)) <= 0 are counted. Bailey, Borwein, López de Prado and Zhu, The Probability of
    Backtest Overfitting, Journal of Computational Finance 20 (2017). Ties share their mean rank; a
    configuration without variation has a ratio of 0.

    Parameters
    ----------
    returns : (T, N) returns a period of N >= 2 configurations, T >= 2 · blocks
    blocks : even number of blocks

    Raises
    ------
    Undefined
        If there are too few configurations or returns.
    """
    length, width = returns.shape
    if width < 2:
        raise Undefined(f"needs at least 2 configurations, got {width}")
    if blocks < 2 or blocks % 2 or length < 2 * blocks:
        raise Undefined(f"needs an even number of blocks of 2 returns or more, got {length} in {blocks}")
    size = length // blocks
    cut = returns[length - size * blocks :].reshape(blocks, size, width)
    chosen = _halves(blocks)
    inside = _sharpe_of_blocks(cut, chosen)
    outside = _sharpe_of_blocks(cut, 1.0 - chosen)
    winner = inside.argmax(axis=1)
    score = np.take_along_axis(outside, winner[:, None], axis=1)
    below = (outside < score - SAME_RATIO).sum(axis=1)
    level = (np.abs(outside - score) <= SAME_RATIO).sum(axis=1)
    rank = below + (level + 1) / 2
    return float((rank / (width + 1) <= 0.5).mean())


@dataclass(frozen=True, slots=True)
class Bootstrap:
    """Percentiles 5, 50 and 95 of metrics over resampled paths, and the seed that makes them again."""

    seed: int
    paths: int
    block: float
    annual_return: tuple[float, float, float]
    max_drawdown: tuple[float, float, float]
    sharpe_ratio: tuple[float | None, float | None, float | None]

    def as_json(self) -> dict[str, Any]:
        """The percentiles by metric, ready for JSON."""
        names = ("annual_return", "max_drawdown", "sharpe_ratio")
        bands = {name: dict(zip(("p5", "p50", "p95"), getattr(self, name), strict=True)) for name in names}
        return {"seed": self.seed, "paths": self.paths, "block": self.block, **bands}


def bootstrap(
    returns: Floats, *, periods_per_year: int, seed: int, paths: int = PATHS, block: float | None = None
) -> Bootstrap:
    """Resample returns in blocks of random length and see how the metrics scatter.

    The stationary bootstrap of Politis and Romano, Journal of the American Statistical Association 89
    (1994): blocks start anywhere with equal chance, have geometric lengths of mean `block` (default
    n^(1/3)), and wrap round the end. Growth is annualised as (E_n / E_0)^(P / n) - 1, and falls to
    -100 % on a path that loses everything. Sharpe is without a risk-free rate.

    Parameters
    ----------
    returns : (n,) returns a period, n >= 2, finite
    seed : of the random numbers; the same seed gives the same result
    """
    count = len(returns)
    if count < 2:
        raise Undefined("undefined: fewer than 2 returns")
    mean_length = max(1.0, count ** (1 / 3)) if block is None else block
    generator = np.random.default_rng(seed)
    growth, deepest, ratio = np.empty(paths), np.empty(paths), np.empty(paths)
    chunk = max(1, min(paths, 2_000_000 // count))  # bounds memory: 16 MB an array
    for start in range(0, paths, chunk):
        part = slice(start, min(start + chunk, paths))
        drawn = returns[_block_indices(generator, part.stop - start, count, mean_length)]
        growth[part], deepest[part], ratio[part] = _path_metrics(drawn, periods_per_year)
    return Bootstrap(seed, paths, mean_length, _band(growth), _band(deepest), _known_band(ratio))


def normal_cdf(value: float) -> float:
    """Φ, the probability of a standard normal variable up to `value`."""
    return 0.5 * math.erfc(-value / math.sqrt(2.0))


def _halves(blocks: int) -> Floats:
    """Every choice of half of the blocks as rows of 1 and 0."""
    picks = list(combinations(range(blocks), blocks // 2))
    chosen = np.zeros((len(picks), blocks))
    chosen[np.arange(len(picks))[:, None], np.array(picks)] = 1.0
    return chosen


def _sharpe_of_blocks(cut: Floats, chosen: Floats) -> Floats:
    """(S, N) Sharpe ratio a period of each configuration over the chosen blocks, from sums of blocks."""
    count = chosen[0].sum() * cut.shape[1]
    centre = cut.mean(axis=(0, 1))  # keeps the sums of squares from cancelling
    shifted = cut - centre
    mean = chosen @ shifted.sum(axis=1) / count
    square = chosen @ (shifted * shifted).sum(axis=1)
    variance = np.maximum((square - count * mean * mean) / (count - 1), 0.0)
    deviation = np.sqrt(variance)
    varies = deviation > NO_VARIATION
    return np.where(varies, (mean + centre) / np.where(varies, deviation, 1.0), 0.0)


def _block_indices(generator: np.random.Generator, paths: int, count: int, mean_length: float) -> Indices:
    """(paths, count) places in the series: each the one after its left neighbour unless a block begins."""
    begins = generator.random((paths, count), dtype=np.float32) < 1.0 / mean_length
    begins[:, 0] = True
    flat = np.flatnonzero(begins)
    starts = generator.integers(0, count, size=len(flat))
    lengths = np.diff(flat, append=paths * count)
    places = np.arange(paths * count) + np.repeat(starts - flat, lengths)
    return (places % count).reshape(paths, count)


def _path_metrics(drawn: Floats, periods_per_year: int) -> tuple[Floats, Floats, Floats]:
    """Annual return, max drawdown and Sharpe ratio of each path; a Sharpe ratio of NaN is undefined."""
    count = drawn.shape[1]
    mean, deviation = drawn.mean(axis=1), drawn.std(axis=1, ddof=1)
    varies = deviation > NO_VARIATION
    ratio = np.where(varies, mean / np.where(varies, deviation, 1.0), np.nan) * math.sqrt(periods_per_year)
    equity = np.cumprod(np.maximum(1.0 + drawn, 0.0), axis=1)
    growth = equity[:, -1] ** (periods_per_year / count) - 1.0
    peak = np.maximum(np.maximum.accumulate(equity, axis=1), 1.0)
    return growth, (equity / peak).min(axis=1) - 1.0, ratio


def _band(values: Floats) -> tuple[float, float, float]:
    low, middle, high = (float(value) for value in np.percentile(values, PERCENTS))
    return low, middle, high


def _known_band(values: Floats) -> tuple[float | None, float | None, float | None]:
    known = values[np.isfinite(values)]
    return _band(known) if len(known) else (None, None, None)
