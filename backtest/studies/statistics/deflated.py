"""The deflated Sharpe ratio of a study's best trial: everything that was tried is counted."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from backtest.arrays import Floats
from backtest.metrics.account import NO_VARIATION, Undefined
from backtest.metrics.probability import expected_best_sharpe, normal_cdf
from backtest.studies.statistics.reality import kernel

SAMPLED: Final = 200
"""Trials whose returns are correlated; the effective number is that of all by their mean squared correlation."""


@dataclass(frozen=True, slots=True)
class Tried:
    """Trials and the mean and variance of their Sharpe ratios a period, as the ledger holds them."""

    trials: int
    mean: float
    variance: float

    @classmethod
    def of(cls, ratios: Floats) -> Tried:
        """The trials with these ratios; undefined ones count as trials with a ratio of 0."""
        known = np.where(np.isnan(ratios), 0.0, ratios)
        return cls(len(known), float(known.mean()), float(known.var(ddof=1)) if len(known) > 1 else 0.0)

    def with_more(self, other: Tried) -> Tried:
        """These trials and others: pooled mean and variance (Chan, Golub and LeVeque 1983)."""
        count = self.trials + other.trials
        if not self.trials or not other.trials:
            return self if self.trials else other
        apart = other.mean - self.mean
        mean = self.mean + apart * other.trials / count
        squares = self.variance * (self.trials - 1) + other.variance * (other.trials - 1)
        squares += apart * apart * self.trials * other.trials / count
        return Tried(count, mean, squares / (count - 1))


@dataclass(frozen=True, slots=True)
class Deflated:
    """A Sharpe ratio a period beside what luck would show.

    Parameters
    ----------
    trials, deviation : N, and σ of the trials' ratios a period
    expected : ratio a period that the best of N worthless trials is expected to show
    probability : DSR, the probability that the true ratio is above `expected`
    effective : effective N of correlated trials; `effective_probability` is the DSR with it
    """

    ratio: float
    returns: int
    trials: int
    deviation: float
    expected: float
    probability: float
    effective: float
    effective_probability: float

    def as_json(self) -> dict[str, Any]:
        """The figures by name."""
        return {name: getattr(self, name) for name in self.__slots__}


def deflated(returns: Floats, tried: Tried, effective: float) -> Deflated:
    """The deflated Sharpe ratio of a trial.

    Bailey and López de Prado, The Deflated Sharpe Ratio, Journal of Portfolio Management 40 (2014). σ over the
    trials, 1 / √(n - 1) where there is only one.

    Parameters
    ----------
    returns : (n,) excess returns a period of the trial
    effective : effective number of trials, as `effective_trials` finds it

    Raises
    ------
    Undefined
        With fewer than 4 returns, or without variation.
    """
    ratio, skew, tail = _moments(returns)
    deviation = math.sqrt(tried.variance) if tried.trials > 1 else 1.0 / math.sqrt(len(returns) - 1)
    expected = expected_best_sharpe(tried.trials, deviation)
    variance = 1.0 - skew * ratio + (tail - 1.0) / 4.0 * ratio * ratio
    if not variance > 0:
        raise Undefined("undefined: variance of the Sharpe ratio ≤ 0")
    root = math.sqrt((len(returns) - 1) / variance)
    fewer = expected_best_sharpe(max(1, round(effective)), deviation)
    return Deflated(
        ratio, len(returns), tried.trials, deviation, expected, normal_cdf((ratio - expected) * root),
        effective, normal_cdf((ratio - fewer) * root),
    )  # fmt: skip


def effective_trials(returns: Floats, trials: int) -> float:
    """How many independent trials scatter as much as these correlated ones.

    (Σ λ)² / Σ λ² of the eigenvalues λ of the correlation matrix of their returns: Bretherton, Widmann, Dymnikov,
    Wallace and Bladé, Journal of Climate 12 (1999). Since Σ λ = N and Σ λ² is the sum of all squared
    correlations, it is N / (1 + (N - 1) · mean ρ²) without finding an eigenvalue, and a sample of trials tells
    mean ρ²; 1 / (n - 1), what independent returns show by chance, is taken off it.

    Parameters
    ----------
    returns : (S, n) returns of a sample of the trials; rows without variation are left out
    trials : N
    """
    spread = returns.std(axis=1)
    varying = returns[spread > NO_VARIATION]
    count, length = varying.shape
    if count < 2 or length < 3:
        return float(min(trials, max(count, 1)))
    scaled = varying - varying.mean(axis=1, keepdims=True)
    scaled /= np.sqrt(np.einsum("ij,ij->i", scaled, scaled))[:, None]
    mean = (_squared_products(scaled) - count) / (count * (count - 1))
    chance = 1.0 / (length - 1)
    genuine = max(0.0, (mean - chance) / (1.0 - chance))
    return float(trials / (1.0 + (trials - 1) * genuine))


def _squared_products(rows: Floats) -> float:
    """The sum of the squares of the products of each row with each, added in one order on any machine."""
    at_once = kernel().AT_ONCE
    columns, products = np.ascontiguousarray(rows.T), np.empty((at_once, len(rows)))
    total = 0.0
    for first in range(0, len(rows), at_once):
        part = np.zeros((at_once, rows.shape[1]))
        part[: len(rows) - first] = rows[first : first + at_once]
        kernel().resample(part, columns, products)
        total += float((products * products).sum())
    return total


def _moments(returns: Floats) -> tuple[float, float, float]:
    """Sharpe ratio a period, skewness and raw kurtosis as the metrics of a run have them."""
    count = len(returns)
    if count < 4:
        raise Undefined("undefined: fewer than 4 returns")
    centred = returns - returns.mean()
    second = float(np.mean(centred**2))
    deviation = math.sqrt(second * count / (count - 1))
    if not deviation > NO_VARIATION:
        raise Undefined("undefined: zero variance")
    skew = float(np.mean(centred**3)) / second**1.5 * math.sqrt(count * (count - 1)) / (count - 2)
    excess = float(np.mean(centred**4)) / second**2 - 3.0
    excess = (count - 1) / ((count - 2) * (count - 3)) * ((count + 1) * excess + 6.0)
    return float(returns.mean()) / deviation, skew, excess + 3.0
