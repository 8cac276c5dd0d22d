"""Returns by year and month, rolling metrics, and the distribution of returns."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from backtest.arrays import Floats, Indices, Ints, Times
from backtest.metrics.account import NO_VARIATION, Account

BINS: Final = 41


def yearly_returns(account: Account) -> list[dict[str, Any]]:
    """Return of account and benchmark in each calendar year; the first and last may be partial."""
    starts, months = _months(account.period_times)
    years = months // 12
    first = np.flatnonzero(years != np.concatenate((years[:1] - 1, years[:-1])))
    return [
        {"year": 1970 + year, "return": own, "benchmark_return": market}
        for year, own, market in zip(years[first].tolist(), *_returns(account, starts[first]), strict=True)
    ]


def monthly_returns(account: Account) -> list[dict[str, Any]]:
    """Return of account and benchmark in each calendar month; the first and last may be partial."""
    starts, months = _months(account.period_times)
    return [
        {"year": 1970 + month // 12, "month": 1 + month % 12, "return": own, "benchmark_return": market}
        for month, own, market in zip(months.tolist(), *_returns(account, starts), strict=True)
    ]


@dataclass(frozen=True, slots=True)
class Rolling:
    """Metrics of the last `window` returns at each close that ends a period; NaN before there are enough."""

    times: Times
    window: int
    sharpe_ratio: Floats
    volatility: Floats
    total_return: Floats
    beta: Floats


def rolling(account: Account, *, window: int | None = None) -> Rolling:
    """Return, volatility, Sharpe ratio and beta of the last half year, at each close that ends a period.

    The window is P / 2 returns (126 of daily equities), the six months that tear sheets commonly use;
    ddof 1, volatility and Sharpe ratio annualised by √P. Where returns do not vary the Sharpe ratio is NaN,
    where those of the benchmark do not, or there is none, beta; after ruin there are no returns, and all is NaN.
    """
    length = window or max(2, account.periods_per_year // 2)
    volatility, ratio, grown, beta = np.full((4, account.periods + 1), np.nan)
    rolled = Rolling(account.period_times, length, ratio, volatility, grown, beta)
    if account.periods < length or not account.period_equity[:-1].min() > 0:
        return rolled
    scale, centre = math.sqrt(account.periods_per_year), account.mean_excess
    mean, variance = _moments(account.excess - centre, length)
    deviation = np.sqrt(variance)
    deviation[deviation < 1e-9] = 0.0  # what running sums leave of no variation at all
    varies = deviation > NO_VARIATION
    volatility[length:] = deviation * scale
    ratio[length:][varies] = (mean + centre)[varies] / deviation[varies] * scale
    grown[length:] = account.period_equity[length:] / account.period_equity[:-length] - 1
    beta[length:] = _rolling_beta(account, length)
    return rolled


def _moments(values: Floats, length: int, others: Floats | None = None) -> tuple[Floats, Floats]:
    """Mean and variance (covariance with others) of each window; values near zero keep running sums exact."""
    other = values if others is None else others
    total, product = _sums(values, length), _sums(values * other, length)
    mean, mean_of_other = total / length, _sums(other, length) / length
    spread = (product - length * mean * mean_of_other) / (length - 1)
    return mean, np.maximum(spread, 0.0) if others is None else spread


def _sums(values: Floats, length: int) -> Floats:
    """The sum of each window of a length."""
    running = np.cumsum(np.concatenate(((0.0,), values)))
    sums: Floats = running[length:] - running[:-length]
    return sums


def _rolling_beta(account: Account, length: int) -> Floats:
    """cov(r, b) / var(b) of each window; NaN without a benchmark or where it does not vary."""
    if account.benchmark is None:
        return np.full(account.periods - length + 1, np.nan)
    moves, _ = account.benchmark_moves
    _, variance = _moments(moves, length)
    _, covariance = _moments(account.centred, length, moves)
    unknown: Floats = np.full(len(variance), np.nan)
    return np.divide(covariance, variance, out=unknown, where=variance > 1e-18)


def return_distribution(account: Account, *, bins: int = BINS) -> dict[str, Any]:
    """Histogram of the returns, ready for JSON: `edges` (bins + 1) and `counts` (bins), and the `idle` left out.

    A return of exactly zero is that of a period in cash; counted, it would make a bar beside which none is seen.
    """
    moved = account.returns[account.returns != 0]
    counts, edges = np.histogram(moved, bins=bins) if len(moved) else (np.empty(0), np.zeros(1))
    return {
        "edges": [float(edge) for edge in edges],
        "counts": [int(count) for count in counts],
        "idle": len(account.returns) - len(moved),
    }


def _months(times: Times) -> tuple[Indices, Ints]:
    """First place of each month that occurs after the first close, and its number from January 1970."""
    if len(times) < 2:
        return np.empty(0, np.intp), np.empty(0, np.int64)
    first, last = (int(time.astype("datetime64[M]").astype(np.int64)) for time in (times[1], times[-1]))
    months = np.arange(first, last + 1)
    places = np.searchsorted(times[1:], months.astype("datetime64[M]").astype(times.dtype)) + 1
    occurs = np.append(places[1:], len(times)) > places
    return places[occurs], months[occurs]


def _returns(account: Account, starts: Indices) -> tuple[list[float | None], list[float | None]]:
    """Return from the close before each start to the close before the next."""
    if len(starts) == 0:
        return [], []
    ends = np.append(starts[1:], len(account.period_times)) - 1
    own = _growth(account.period_equity, starts - 1, ends)
    benchmark = account.benchmark
    if benchmark is None:
        return own, [None] * len(own)
    return own, _growth(benchmark if account.rows is None else benchmark[account.rows], starts - 1, ends)


def _growth(values: Floats, before: Indices, after: Indices) -> list[float | None]:
    pairs = zip(values[before].tolist(), values[after].tolist(), strict=True)
    grown = [end / begin - 1.0 if begin > 0 else math.nan for begin, end in pairs]
    return [value if math.isfinite(value) else None for value in grown]
