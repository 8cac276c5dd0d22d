"""What the account earned and how its returns scatter."""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from backtest.metrics.account import NO_VARIATION, Account, Undefined, dot
from backtest.metrics.metric import metric

SHORTEST_CAGR_DAYS: Final = 90
DAYS_PER_YEAR: Final = 365.25


@metric("Final equity", "return", "currency", better="higher", formula="E_n",
        conventions="After all costs; positions open at the last bar are closed at its close.")  # fmt: skip
def final_equity(account: Account) -> float:
    """Money in the account after the last bar: E_n."""
    return float(account.equity[-1])


@metric("Total return", "return", "percent", better="higher", formula="E_n / E_0 - 1",
        conventions="E_0 is the initial capital; net of all costs.")  # fmt: skip
def total_return(account: Account) -> float:
    """Gain over the whole run: E_n / E_0 - 1."""
    return account.growth - 1.0


@metric("CAGR", "return", "percent", better="higher", formula="(E_n / E_0)^(365.25 / days) - 1",
        conventions="days = calendar days from the first to the last close; undefined below 90 days.",
        other_tools="empyrical, vectorbt and QuantStats use P / n for the exponent (as Annual return here); "
              "LEAN and freqtrade use a year of 365 days.")  # fmt: skip
def cagr(account: Account) -> float:
    """Growth a year by the calendar: (E_n / E_0)^(365.25 / days) - 1; none below 90 days."""
    _require_days(account)
    return _compounded(account, DAYS_PER_YEAR / account.days, "CAGR")


@metric("Annual return", "return", "percent", better="higher", formula="(E_n / E_0)^(P / n) - 1",
        conventions="P periods a year: 252, or 365 where weekends are traded; n returns. Undefined below 90 days, as "
                    "the CAGR.",
        other_tools="LEAN: (1 + mean r)^P - 1. backtesting.py reports this value as Return (Ann.), however short the "
              "run.")  # fmt: skip
def annual_return(account: Account) -> float:
    """Growth a year by trading periods: (E_n / E_0)^(P / n) - 1; none below 90 days."""
    grown = by_trading_periods(account)
    _require_days(account)
    return grown


@metric("Volatility", "risk", "percent", better="lower", formula="s(r) · √P",
        conventions="s = sample standard deviation, ddof 1; arithmetic returns.",
        other_tools="backtesting.py: √((s² + (1+g)²)^P - (1+g)^(2P)) with g the geometric mean; the difference "
              "grows with return and deviation.")  # fmt: skip
def volatility(account: Account) -> float:
    """Yearly standard deviation of returns: s(r) · √P, ddof 1."""
    return account.spread * math.sqrt(account.periods_per_year)


@metric("Sharpe ratio", "risk", "ratio", better="higher", formula="mean(x) / s(x) · √P",
        conventions="x = r - rf_p, rf_p = (1 + rf)^(1/P) - 1; ddof 1.",
        source="Sharpe, The Sharpe Ratio, Journal of Portfolio Management 21 (1994)",
        other_tools="vectorbt assumes a year of 365 days by default (1.20 times as much on stocks); backtesting.py "
              "(annual return - rf) / its own volatility; backtrader yearly bars, ddof 0, rf 1%; freqtrade "
              "deviation per trade, √365; PyBroker does not annualise.")  # fmt: skip
def sharpe_ratio(account: Account) -> float:
    """Mean excess return in units of its deviation, a year: mean(x) / s(x) · √P (Sharpe 1994)."""
    return account.mean_excess / account.deviation * math.sqrt(account.periods_per_year)


@metric("Sortino ratio", "risk", "ratio", better="higher", formula="mean(x) / √(mean(min(x, 0)²)) · √P",
        conventions="The mean of the squares runs over all n returns, not only the negative ones.",
        source="Sortino and Price, Journal of Investing 3 (1994)",
        other_tools="LEAN uses the deviation of the negative returns alone; backtesting.py a geometric numerator "
              "and no rf in the denominator.")  # fmt: skip
def sortino_ratio(account: Account) -> float:
    """Mean excess return in units of its downside, a year: mean(x) / √(mean(min(x, 0)²)) · √P."""
    below = np.minimum(account.excess, 0.0)
    downside = math.sqrt(dot(below, below) / account.periods)
    if not downside > NO_VARIATION:
        raise Undefined("undefined: no returns below the risk-free rate")
    return account.mean_excess / downside * math.sqrt(account.periods_per_year)


@metric("Skewness", "risk", "ratio", better="higher", formula="γ3 = g1 · √(n(n-1)) / (n-2), g1 = m3 / m2^1.5",
        conventions="Corrected for small samples, as pandas does; m_k = mean((x - mean x)^k).",
        source="Joanes and Gill, The Statistician 47 (1998), G1",
        other_tools="SciPy returns g1 by default.")  # fmt: skip
def skewness(account: Account) -> float:
    """Asymmetry of returns, 0 for a normal distribution: γ3 = g1 · √(n(n-1)) / (n-2)."""
    return account.moments[0]


@metric("Kurtosis", "risk", "ratio", better="lower",
        formula="γ4 = (n-1) / ((n-2)(n-3)) · ((n+1) · g2 + 6) + 3, g2 = m4 / m2² - 3",
        conventions="Raw: 3 for a normal distribution. Corrected for small samples, as pandas does.",
        source="Joanes and Gill, The Statistician 47 (1998), G2",
        other_tools="pandas, QuantStats and SciPy report excess kurtosis (3 less).")  # fmt: skip
def kurtosis(account: Account) -> float:
    """Weight of the tails of returns, 3 for a normal distribution: γ4 = G2 + 3."""
    return account.moments[1]


@metric("Value at risk 95%", "risk", "percent", better="higher", formula="5th percentile of r",
        conventions="Historical, linear interpolation between order statistics; per period, not annualised.",
        other_tools="QuantStats fits a normal distribution; LEAN as well, over the last P days.")  # fmt: skip
def var_95(account: Account) -> float:
    """Return that 5 % of the periods fall short of: the 5th percentile of r, linear interpolation."""
    return account.worst_returns[1]


@metric("Conditional VaR 95%", "risk", "percent", better="higher", formula="mean(r where r ≤ VaR 95)",
        conventions="Also called expected shortfall; per period, not annualised.",
        source="Rockafellar and Uryasev, Journal of Risk 2 (2000)",
        other_tools="QuantStats (from 0.0.83 on) takes it from the normal distribution of its VaR: "
                    "mean(r) - s(r) · φ(z) / 5%.")  # fmt: skip
def cvar_95(account: Account) -> float:
    """Mean of the worst returns: mean(r where r <= VaR 95)."""
    worst, value_at_risk = account.worst_returns
    return _mean_up_to(account, value_at_risk) if worst.max() >= value_at_risk else float(worst.mean())


@metric("Best day", "return", "percent", better="higher", formula="max(r)",
        conventions="Per day for daily and intraday bars; per bar for weekly and longer bars.")  # fmt: skip
def best_period(account: Account) -> float:
    """Highest return of a period: max(r)."""
    return float(account.returns.max())


@metric("Worst day", "return", "percent", better="higher", formula="min(r)",
        conventions="Per day for daily and intraday bars; per bar for weekly and longer bars.")  # fmt: skip
def worst_period(account: Account) -> float:
    """Lowest return of a period: min(r)."""
    return float(account.returns.min())


@metric("% up days", "return", "percent", better="higher", formula="count(r > 0) / n",
        conventions="Unchanged days do not count as up days. Per bar for weekly and longer bars.",
        other_tools="QuantStats excludes days of zero return.")  # fmt: skip
def positive_periods(account: Account) -> float:
    """Share of periods with a gain: count(r > 0) / n."""
    return float(np.count_nonzero(account.returns > 0)) / account.periods


@metric("Exposure", "risk", "percent", formula="bars in which a position was held / bars",
        conventions="A bar counts if a position was carried through it: held at its close, or closed in it "
                    "by a stop, a take-profit or the end of data. With fills at the close: held before it.",
        other_tools="backtesting.py also counts the bar at whose open a position is closed; QuantStats counts "
              "days of non-zero return, rounded up to 1%.")  # fmt: skip
def exposure(account: Account) -> float:
    """Share of bars in which a position was held."""
    if account.held is None:
        return 0.0
    return float(np.count_nonzero(account.held)) / len(account.held)


def by_trading_periods(account: Account) -> float:
    """Growth a year by trading periods, of a run of any length: (E_n / E_0)^(P / n) - 1."""
    if account.periods < 1:
        raise Undefined("undefined: only one close")
    return _compounded(account, account.periods_per_year / account.periods, "Annual return")


def _require_days(account: Account) -> None:
    """A few days compounded to a year say nothing: one good day makes 10¹² %."""
    if account.days < SHORTEST_CAGR_DAYS:
        raise Undefined(f"undefined: {account.days:.0f} days, at least {SHORTEST_CAGR_DAYS} needed")


def _compounded(account: Account, exponent: float, label: str) -> float:
    if account.growth <= 0:
        raise Undefined(f"{label} undefined: equity ≤ 0")
    return math.expm1(math.log(account.growth) * exponent)


def _mean_up_to(account: Account, limit: float) -> float:
    """Mean of the returns that are at most `limit`, those equal to it included."""
    return float(account.returns[account.returns <= limit].mean())
