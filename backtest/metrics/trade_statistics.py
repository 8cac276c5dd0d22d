"""Statistics of the closed trades: how often they win, how much, at what cost."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backtest.arrays import Flags
from backtest.metrics.account import Account, ClosedTrades, Undefined, dot
from backtest.metrics.metric import metric

FEW_TRADES = 30
"""Below this number of trades, trade statistics are mostly chance."""


@metric("Trades", "trades", "count", formula="N",
        conventions="Each full or partial close of a position; positions open at the last bar are closed "
                    "there and counted.")  # fmt: skip
def num_trades(account: Account) -> int:
    """Number of closed trades: N."""
    return len(account.trades.pnl)


@metric("Win rate", "trades", "percent", better="higher", formula="count(PnL > 0) / N",
        conventions="PnL net of fees, slippage and borrow cost.",
        other_tools="jesse and QuantStats exclude break-even trades from N.")  # fmt: skip
def win_rate(account: Account) -> float:
    """Share of trades with a profit: count(PnL > 0) / N."""
    pnl = _pnl(account)
    return float(np.count_nonzero(pnl > 0)) / len(pnl)


@metric("Loss rate", "trades", "percent", better="lower", formula="count(PnL < 0) / N")
def loss_rate(account: Account) -> float:
    """Share of trades with a loss: count(PnL < 0) / N."""
    pnl = _pnl(account)
    return float(np.count_nonzero(pnl < 0)) / len(pnl)


@metric("Break-even rate", "trades", "percent", formula="count(PnL = 0) / N",
        conventions="Neither won nor lost; counted separately.")  # fmt: skip
def breakeven_rate(account: Account) -> float:
    """Share of trades with neither profit nor loss: count(PnL = 0) / N."""
    pnl = _pnl(account)
    return float(np.count_nonzero(pnl == 0)) / len(pnl)


@metric("Profit factor", "trades", "ratio", better="higher", formula="Σ wins / |Σ losses|",
        conventions="In currency, net of costs; undefined without a losing trade.",
        other_tools="backtesting.py sums trade percents; QuantStats daily returns; LEAN reports 10 without "
              "losses.")  # fmt: skip
def profit_factor(account: Account) -> float:
    """Money won for each unit lost: Σ wins / |Σ losses|."""
    pnl = _pnl(account)
    return float(pnl[pnl > 0].sum()) / -_sum_of_losses(pnl)


@metric("Expectancy", "trades", "currency", better="higher", formula="mean(PnL)",
        conventions="In currency, net of costs.",
        other_tools="backtesting.py reports the mean trade percent; LEAN w · R - loss rate.")  # fmt: skip
def expectancy(account: Account) -> float:
    """Mean profit of a trade: mean(PnL)."""
    return float(_pnl(account).mean())


@metric("Expectancy ratio", "trades", "ratio", better="higher", formula="(1 + R) · w - 1",
        conventions="R = mean win / mean loss, w = win rate: expected profit per unit risked.",
        source="Tharp, Trade Your Way to Financial Freedom (1998)",
        other_tools="LEAN: w · R - loss rate, the same without break-even trades.")  # fmt: skip
def expectancy_ratio(account: Account) -> float:
    """Profit expected for each unit risked: (1 + R) · w - 1."""
    return (1.0 + _payoff(account)) * win_rate(account) - 1.0


@metric("Payoff ratio", "trades", "ratio", better="higher", formula="R = mean(win) / |mean(loss)|",
        conventions="In currency, net of costs.")  # fmt: skip
def payoff_ratio(account: Account) -> float:
    """Mean win in units of the mean loss: R."""
    return _payoff(account)


@metric("SQN", "trades", "ratio", better="higher", formula="√N · mean(PnL) / s(PnL)",
        conventions="ddof 1; not meaningful with fewer than 30 trades.",
        source="Tharp, Definitive Guide to Position Sizing (2008)",
        other_tools="backtrader: ddof 0.")  # fmt: skip
def sqn(account: Account) -> float:
    """System quality number: √N · mean(PnL) / s(PnL), ddof 1."""
    pnl = _pnl(account)
    if len(pnl) < 2:
        raise Undefined("undefined: fewer than 2 trades")
    mean, deviation = float(pnl.mean()), float(pnl.std(ddof=1))
    if not deviation > 1e-12 * abs(mean):
        raise Undefined("undefined: zero variance of trade profits")
    return math.sqrt(len(pnl)) * mean / deviation


@metric("Kelly criterion", "trades", "percent", better="higher", formula="w - (1 - w) / R",
        conventions="Per trade: w = win rate, R = payoff ratio. Negative means no edge.",
        source="Kelly, Bell System Technical Journal 35 (1956)",
        other_tools="QuantStats computes it from daily returns.")  # fmt: skip
def kelly(account: Account) -> float:
    """Share of capital that grows fastest if the trades are typical: w - (1 - w) / R."""
    won = win_rate(account)
    return won - (1.0 - won) / _payoff(account)


@metric("Avg win", "trades", "currency", better="higher", formula="mean(PnL where PnL > 0)")
def avg_win(account: Account) -> float:
    """Mean profit of the winning trades."""
    return _mean_win(_pnl(account))


@metric("Avg loss", "trades", "currency", better="higher", formula="mean(PnL where PnL < 0)",
        conventions="A negative number.")  # fmt: skip
def avg_loss(account: Account) -> float:
    """Mean loss of the losing trades, negative."""
    pnl = _pnl(account)
    return _sum_of_losses(pnl) / float(np.count_nonzero(pnl < 0))


@metric("Best trade", "trades", "points", better="higher", formula="max(PnL %)",
        conventions="PnL net of costs in percent of the entry cost.")  # fmt: skip
def best_trade_pct(account: Account) -> float:
    """Highest result of a trade in percent of its entry cost."""
    return float(_column(account, account.trades.pnl_pct).max())


@metric("Worst trade", "trades", "points", better="higher", formula="min(PnL %)",
        conventions="PnL net of costs in percent of the entry cost.")  # fmt: skip
def worst_trade_pct(account: Account) -> float:
    """Lowest result of a trade in percent of its entry cost."""
    return float(_column(account, account.trades.pnl_pct).min())


@metric("Avg trade", "trades", "points", better="higher", formula="mean(PnL %)",
        conventions="Arithmetic mean; PnL net of costs in percent of the entry cost.",
        other_tools="backtesting.py uses the geometric mean.")  # fmt: skip
def avg_trade_pct(account: Account) -> float:
    """Mean result of a trade in percent of its entry cost."""
    return float(_column(account, account.trades.pnl_pct).mean())


@metric("Avg holding period", "trades", "bars", formula="mean(bars held)")
def avg_bars_held(account: Account) -> float:
    """Mean number of bars from entry to exit."""
    return float(_column(account, account.trades.bars_held).mean())


@metric("Avg MAE", "trades", "points", better="higher", formula="mean(MAE %)",
        conventions="Maximum adverse excursion: worst open result of each trade, in percent of the entry fill.",
        source="Sweeney, Maximum Adverse Excursion (1996)")  # fmt: skip
def avg_mae_pct(account: Account) -> float:
    """Mean of the worst open results of the trades, in percent."""
    return float(_column(account, account.trades.mae_pct).mean())


@metric("Avg MFE", "trades", "points", better="higher", formula="mean(MFE %)",
        conventions="Maximum favourable excursion: best open result of each trade, in percent of the entry fill.",
        source="Sweeney, Maximum Adverse Excursion (1996)")  # fmt: skip
def avg_mfe_pct(account: Account) -> float:
    """Mean of the best open results of the trades, in percent."""
    return float(_column(account, account.trades.mfe_pct).mean())


@metric("Max consecutive losses", "trades", "count", better="lower", formula="longest run of PnL < 0",
        conventions="Trades in the order in which they were closed.")  # fmt: skip
def max_consecutive_losses(account: Account) -> int:
    """Length of the longest run of losing trades."""
    pnl = _pnl(account)
    not_lost = np.flatnonzero(np.concatenate(((True,), pnl >= 0, (True,))))
    return int(np.diff(not_lost).max()) - 1


@metric("Fees", "costs", "currency", better="lower", formula="Σ entry and exit fees")
def total_fees(account: Account) -> float:
    """Fees paid in currency."""
    return float(account.trades.entry_fee.sum() + account.trades.exit_fee.sum())


@metric("Slippage", "costs", "currency", better="lower", formula="Σ |fill - price| · shares",
        conventions="Cost of fills at worse than the bar's price, entries and exits.")  # fmt: skip
def total_slippage(account: Account) -> float:
    """Slippage paid in currency."""
    return float(account.trades.slippage.sum())


@metric("Borrow cost", "costs", "currency", better="lower", formula="Σ shares · close · borrow rate / P")
def total_borrow(account: Account) -> float:
    """Cost of borrowed shares in currency."""
    return float(account.trades.borrow.sum())


@metric("Turnover", "costs", "ratio", better="lower", formula="Σ fill value / (2 · mean E) · P / n",
        conventions="Times per year that the whole account is bought and sold.",
        other_tools="LEAN reports the mean share of the account traded per day.")  # fmt: skip
def turnover(account: Account) -> float:
    """How often a year the account is bought and sold over: Σ fill value / (2 · mean E) · P / n."""
    if account.periods < 1:
        raise Undefined("undefined: only one close")
    mean_equity = float(account.equity.mean())
    if not mean_equity > 0:
        raise Undefined("undefined: mean equity ≤ 0")
    trades = account.trades
    traded = dot(trades.size, trades.entry_fill) + dot(trades.size, trades.exit_fill)
    return traded / (2.0 * mean_equity) * account.periods_per_year / account.periods


def by_exit_reason(trades: ClosedTrades, reasons: Mapping[int, str]) -> list[dict[str, Any]]:
    """Number, win rate, profit and mean result of the trades of each exit reason that occurs."""
    codes = sorted(set(trades.exit_reason.tolist()))
    return [{"exit_reason": reasons[code], **_summary(trades, trades.exit_reason == code)} for code in codes]


def by_side(trades: ClosedTrades) -> list[dict[str, Any]]:
    """Number, win rate, profit and mean result of the long and of the short trades that occur."""
    sides = [(name, trades.side == sign) for name, sign in (("long", 1), ("short", -1))]
    return [{"side": name, **_summary(trades, chosen)} for name, chosen in sides if chosen.any()]


def _summary(trades: ClosedTrades, chosen: Flags) -> dict[str, Any]:
    pnl = trades.pnl[chosen]
    return {
        "trades": len(pnl),
        "win_rate": float(np.count_nonzero(pnl > 0)) / len(pnl),
        "pnl": float(pnl.sum()),
        "avg_trade_pct": float(trades.pnl_pct[chosen].mean()),
        "avg_bars_held": float(trades.bars_held[chosen].mean()),
    }


def _pnl(account: Account) -> NDArray[Any]:
    return _column(account, account.trades.pnl)


def _column(account: Account, column: NDArray[Any]) -> NDArray[Any]:
    if len(column) == 0:
        raise Undefined("undefined: no trades")
    return column


def _sum_of_losses(pnl: NDArray[Any]) -> float:
    losses = pnl[pnl < 0]
    if len(losses) == 0:
        raise Undefined("undefined: no losing trades")
    return float(losses.sum())


def _mean_win(pnl: NDArray[Any]) -> float:
    wins = pnl[pnl > 0]
    if len(wins) == 0:
        raise Undefined("undefined: no winning trades")
    return float(wins.mean())


def _payoff(account: Account) -> float:
    pnl = _pnl(account)
    mean_win = _mean_win(pnl)
    mean_loss = -_sum_of_losses(pnl) / float(np.count_nonzero(pnl < 0))
    return mean_win / mean_loss
