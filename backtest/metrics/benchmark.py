"""The account beside what simply holding would have earned."""

from __future__ import annotations

import math

from backtest.arrays import Floats
from backtest.metrics.account import NO_VARIATION, Account, Undefined, dot
from backtest.metrics.metric import metric
from backtest.metrics.returns import DAYS_PER_YEAR, SHORTEST_CAGR_DAYS
from backtest.simulation import curves

CONVENTION = "b_t = returns of the benchmark over the same periods; no costs on the benchmark."


def buy_and_hold(close: Floats, capital: float) -> Floats:
    """Value of `capital` spread evenly over the symbols at the first close and then left alone.

    Parameters
    ----------
    close : (T, M) prices > 0, from the first trading bar on
    capital : currency

    Returns
    -------
    (T,) capital · mean over symbols of close[t] / close[0]
    """
    grown = close / close[0]
    mean: Floats = grown[:, 0] if grown.shape[1] == 1 else grown.mean(axis=1)
    return mean * capital


@metric("Benchmark return", "benchmark", "percent", formula="B_n / B_0 - 1", conventions=CONVENTION)
def benchmark_return(account: Account) -> float:
    """Gain of the benchmark over the whole run: B_n / B_0 - 1."""
    return _benchmark_growth(account) - 1.0


@metric("Benchmark CAGR", "benchmark", "percent", formula="(B_n / B_0)^(365.25 / days) - 1",
        conventions="Undefined below 90 days.")  # fmt: skip
def benchmark_cagr(account: Account) -> float:
    """Growth a year of the benchmark by the calendar; none below 90 days."""
    if account.days < SHORTEST_CAGR_DAYS:
        raise Undefined(f"undefined: {account.days:.0f} days, at least {SHORTEST_CAGR_DAYS} needed")
    return math.expm1(math.log(_benchmark_growth(account)) * DAYS_PER_YEAR / account.days)


@metric("Benchmark volatility", "benchmark", "percent", formula="s(b) · √P", conventions="ddof 1.")
def benchmark_volatility(account: Account) -> float:
    """Yearly standard deviation of the benchmark's returns: s(b) · √P."""
    return math.sqrt(account.benchmark_variance * account.periods_per_year)


@metric("Benchmark max drawdown", "benchmark", "percent", formula="min(B / cummax(B) - 1)",
        conventions="At every bar's close.")  # fmt: skip
def benchmark_max_drawdown(account: Account) -> float:
    """Deepest fall of the benchmark from a peak: min(B / cummax(B) - 1)."""
    if account.benchmark is None:
        raise Undefined("undefined: no benchmark")
    return float(curves.below_peak(account.benchmark).min())


@metric("Excess return", "benchmark", "percent", better="higher", formula="total return - benchmark return",
        conventions="Over the whole run; a difference, not a ratio.")  # fmt: skip
def excess_return(account: Account) -> float:
    """What the run earned beyond the benchmark: E_n / E_0 - B_n / B_0."""
    return account.growth - _benchmark_growth(account)


@metric("Beta", "benchmark", "ratio", formula="cov(r, b) / var(b)", conventions="ddof 1; arithmetic returns.",
        source="Sharpe, Journal of Finance 19 (1964)",
        other_tools="backtesting.py uses logarithmic returns.")  # fmt: skip
def beta(account: Account) -> float:
    """Return for each unit of the benchmark's: cov(r, b) / var(b), ddof 1."""
    return _covariance(account) / _varying(account.benchmark_variance, "benchmark returns")


@metric("Alpha", "benchmark", "percent", better="higher", formula="P · (mean(x) - β · mean(b - rf_p))",
        conventions="Annualised by simple multiplication.",
        source="Jensen, Journal of Finance 23 (1968)",
        other_tools="empyrical, vectorbt and nautilus compound: (1 + α_p)^P - 1; QuantStats ignores rf; "
              "backtesting.py covers the whole run.")  # fmt: skip
def alpha(account: Account) -> float:
    """Yearly return that beta does not explain: P · (mean(x) - β · mean(b - rf_p))."""
    market = account.benchmark_moves[1] - account.risk_free_period
    return account.periods_per_year * (account.mean_excess - beta(account) * market)


@metric("Correlation", "benchmark", "ratio", formula="cov(r, b) / (s(r) · s(b))", conventions="Pearson.")
def correlation(account: Account) -> float:
    """How much returns move with the benchmark's, -1 to 1: cov(r, b) / (s(r) · s(b))."""
    market = math.sqrt(_varying(account.benchmark_variance, "benchmark returns"))
    return max(-1.0, min(1.0, _covariance(account) / account.deviation / market))


@metric("Tracking error", "benchmark", "percent", better="lower", formula="s(r - b) · √P",
        conventions="ddof 1.")  # fmt: skip
def tracking_error(account: Account) -> float:
    """Yearly deviation from the benchmark's returns: s(r - b) · √P."""
    return _difference(account)[1] * math.sqrt(account.periods_per_year)


@metric("Information ratio", "benchmark", "ratio", better="higher", formula="mean(r - b) / s(r - b) · √P",
        conventions="ddof 1; annualised.",
        source="Goodwin, Financial Analysts Journal 54 (1998)",
        other_tools="QuantStats and vectorbt do not annualise; LEAN: (annual performance - benchmark) / tracking "
              "error.")  # fmt: skip
def information_ratio(account: Account) -> float:
    """Mean return beyond the benchmark in units of its deviation: mean(r - b) / s(r - b) · √P."""
    mean, deviation = _difference(account)
    if not deviation > NO_VARIATION:
        raise Undefined("undefined: zero tracking error")
    return mean / deviation * math.sqrt(account.periods_per_year)


def _benchmark_growth(account: Account) -> float:
    if account.benchmark is None:
        raise Undefined("undefined: no benchmark")
    return float(account.benchmark[-1]) / float(account.benchmark[0])


def _covariance(account: Account) -> float:
    """cov(r, b), ddof 1."""
    moves, _ = account.benchmark_moves
    return dot(account.centred, moves) / (account.periods - 1)


def _varying(variance: float, what: str) -> float:
    if not variance > NO_VARIATION**2:
        raise Undefined(f"undefined: zero variance of {what}")
    return variance


def _difference(account: Account) -> tuple[float, float]:
    """Mean and deviation (ddof 1) of r - b."""
    moves, mean = account.benchmark_moves
    difference = account.centred - moves
    deviation = math.sqrt(dot(difference, difference) / (account.periods - 1))
    return account.mean_excess + account.risk_free_period - mean, deviation
