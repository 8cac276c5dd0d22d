"""What other tools would print for the same account by their own definitions, to compare results with.

The definitions are those of backtesting.py 0.6, QuantStats 0.0.86 and vectorbt 1.2 at their defaults. Tests
hold the first and the last against the tools themselves, QuantStats against worked numbers.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

import numpy as np

from backtest.arrays import Floats
from backtest.metrics import benchmark, drawdown, returns
from backtest.metrics.account import Account, Undefined, dot

MOST_RETURNS: Final = 100_000
"""Longer runs are not compared: it would cost as much again as our own metrics."""
VECTORBT_YEAR: Final = 365
NORMAL_5_PERCENT: Final = -1.6448536269514729
"""Φ⁻¹(0.05)."""
NORMAL_SHORTFALL: Final = math.exp(-(NORMAL_5_PERCENT**2) / 2.0) / math.sqrt(2.0 * math.pi) / 0.05
"""φ(Φ⁻¹(0.05)) / 0.05, 2.0627."""

BACKTESTING: Final = "backtesting.py"
QUANTSTATS: Final = "QuantStats"
VECTORBT: Final = "vectorbt"


def values_of_other_tools(account: Account) -> dict[str, dict[str, float]]:
    """Metrics as other tools define them, by our name and then by tool; undefined ones left out."""
    values: dict[str, dict[str, float]] = {}
    if account.periods > MOST_RETURNS:
        return values
    with np.errstate(all="ignore"):
        for name, tool, function in DEFINITIONS:
            try:
                value = float(function(account))
            except (Undefined, ArithmeticError):
                continue
            if math.isfinite(value):
                values.setdefault(name, {})[tool] = value
    return values


def compounded_volatility(account: Account) -> float:
    """backtesting.py: √((s² + (1 + g)²)^P - (1 + g)^(2P)), g the geometric mean return."""
    year = account.periods_per_year
    grown = (1.0 + returns.by_trading_periods(account)) ** (1.0 / year)
    return math.sqrt((account.spread**2 + grown**2) ** year - grown ** (2 * year))


def compounded_sharpe(account: Account) -> float:
    """backtesting.py: (annual return - rf) / its volatility."""
    return (returns.by_trading_periods(account) - account.risk_free_rate) / compounded_volatility(account)


def compounded_sortino(account: Account) -> float:
    """backtesting.py: (annual return - rf) / (√mean(min(r, 0)²) · √P)."""
    below = np.minimum(account.returns, 0.0)
    downside = math.sqrt(dot(below, below) / account.periods * account.periods_per_year)
    return (returns.by_trading_periods(account) - account.risk_free_rate) / downside


def annual_calmar(account: Account) -> float:
    """backtesting.py: annual return / |max drawdown|."""
    return returns.by_trading_periods(account) / -drawdown.max_drawdown(account)


def logarithmic_beta(account: Account) -> float:
    """backtesting.py: beta of logarithmic returns, bar by bar."""
    if account.benchmark is None or len(account.equity) < 3:
        raise Undefined("undefined: no benchmark")
    own, market = np.diff(np.log(account.equity)), np.diff(np.log(account.benchmark))
    market -= market.mean()
    return dot(own - own.mean(), market) / dot(market, market)


def whole_period_alpha(account: Account) -> float:
    """backtesting.py: total return - rf - β · (benchmark return - rf), over the whole run."""
    market = benchmark.benchmark_return(account) - account.risk_free_rate
    return account.growth - 1.0 - account.risk_free_rate - logarithmic_beta(account) * market


def percent_profit_factor(account: Account) -> float:
    """backtesting.py: Σ winning trade percents / |Σ losing trade percents|."""
    percents = account.trades.pnl_pct
    return float(percents[percents > 0].sum()) / -float(percents[percents < 0].sum())


def geometric_trade(account: Account) -> float:
    """backtesting.py: geometric mean of the trade percents, in percent."""
    if len(account.trades.pnl_pct) == 0:
        raise Undefined("undefined: no trades")
    return math.expm1(float(np.log1p(account.trades.pnl_pct / 100.0).mean())) * 100.0


def normal_var(account: Account) -> float:
    """QuantStats: 5 % quantile of a normal distribution with the mean and deviation of r."""
    return float(account.returns.mean()) + NORMAL_5_PERCENT * account.spread


def normal_cvar(account: Account) -> float:
    """QuantStats: mean of a normal distribution below its 5 % quantile, mean(r) - s(r) · φ(z) / 5 %."""
    return float(account.returns.mean()) - NORMAL_SHORTFALL * account.spread


def period_information_ratio(account: Account) -> float:
    """QuantStats and vectorbt: mean(r - b) / s(r - b), not annualised."""
    return benchmark.information_ratio(account) / math.sqrt(account.periods_per_year)


def period_profit_factor(account: Account) -> float:
    """QuantStats: Σ positive returns / |Σ negative returns|, of days."""
    gains, losses = _gains_and_losses(account)
    return float(gains.sum()) / -float(losses.sum())


def period_kelly(account: Account) -> float:
    """QuantStats: w - (1 - w) / R of days, days of zero return left out."""
    gains, losses = _gains_and_losses(account)
    if len(gains) == 0 or len(losses) == 0:
        raise Undefined("undefined: no gains or no losses")
    won = len(gains) / (len(gains) + len(losses))
    return won - (1.0 - won) * -float(losses.mean()) / float(gains.mean())


def period_win_rate(account: Account) -> float:
    """QuantStats: days with a gain / days with any change."""
    gains, losses = _gains_and_losses(account)
    return len(gains) / (len(gains) + len(losses))


def shorter_ulcer_index(account: Account) -> float:
    """QuantStats: √(Σ DD² / (n - 1)) of returns a day; bars within the day have other drawdowns."""
    if account.periods < 2 or account.periods != len(account.drawdown) - 1:
        raise Undefined("undefined: fewer than 2 returns, or bars within the day")
    return math.sqrt(dot(account.drawdown, account.drawdown) / (account.periods - 1))


def calendar_volatility(account: Account) -> float:
    """vectorbt: s(r) · √365."""
    return account.spread * math.sqrt(_vectorbt_year(account))


def calendar_sharpe(account: Account) -> float:
    """vectorbt: mean(r) / s(r) · √365, rf 0."""
    return float(account.returns.mean()) / account.deviation * math.sqrt(_vectorbt_year(account))


def calendar_sortino(account: Account) -> float:
    """vectorbt: mean(r) / √mean(min(r, 0)²) · √365."""
    below = np.minimum(account.returns, 0.0)
    downside = math.sqrt(dot(below, below) / account.periods)
    return float(account.returns.mean()) / downside * math.sqrt(_vectorbt_year(account))


def calendar_return(account: Account) -> float:
    """vectorbt: (E_n / E_0)^(365 / n) - 1."""
    if account.growth <= 0:
        raise Undefined("undefined: equity ≤ 0")
    return float(account.growth ** (_vectorbt_year(account) / account.periods)) - 1.0


def calendar_calmar(account: Account) -> float:
    """vectorbt: its annual return / |max drawdown|."""
    return calendar_return(account) / -drawdown.max_drawdown(account)


def compounded_alpha(account: Account) -> float:
    """vectorbt: (1 + mean(r - β b))^365 - 1, rf 0."""
    daily = float(account.returns.mean()) - benchmark.beta(account) * account.benchmark_moves[1]
    return float((1.0 + daily) ** _vectorbt_year(account)) - 1.0


def _gains_and_losses(account: Account) -> tuple[Floats, Floats]:
    moves = account.returns
    return moves[moves > 0], moves[moves < 0]


def _vectorbt_year(account: Account) -> int:
    if account.timeframe != "1d":
        raise Undefined("undefined: daily bars only")
    return VECTORBT_YEAR


DEFINITIONS: Final[tuple[tuple[str, str, Callable[[Account], float]], ...]] = (
    ("cagr", QUANTSTATS, returns.by_trading_periods),
    ("cagr", VECTORBT, calendar_return),
    ("annual_return", VECTORBT, calendar_return),
    ("volatility", BACKTESTING, compounded_volatility),
    ("volatility", VECTORBT, calendar_volatility),
    ("sharpe_ratio", BACKTESTING, compounded_sharpe),
    ("sharpe_ratio", VECTORBT, calendar_sharpe),
    ("sortino_ratio", BACKTESTING, compounded_sortino),
    ("sortino_ratio", VECTORBT, calendar_sortino),
    ("calmar_ratio", BACKTESTING, annual_calmar),
    ("calmar_ratio", VECTORBT, calendar_calmar),
    ("ulcer_index", QUANTSTATS, shorter_ulcer_index),
    ("var_95", QUANTSTATS, normal_var),
    ("cvar_95", QUANTSTATS, normal_cvar),
    ("win_rate", QUANTSTATS, period_win_rate),
    ("profit_factor", BACKTESTING, percent_profit_factor),
    ("profit_factor", QUANTSTATS, period_profit_factor),
    ("avg_trade_pct", BACKTESTING, geometric_trade),
    ("kelly", QUANTSTATS, period_kelly),
    ("beta", BACKTESTING, logarithmic_beta),
    ("alpha", BACKTESTING, whole_period_alpha),
    ("alpha", VECTORBT, compounded_alpha),
    ("information_ratio", QUANTSTATS, period_information_ratio),
    ("information_ratio", VECTORBT, period_information_ratio),
)
"""Our metric, the tool, and how the tool defines it; only where that differs from ours."""
