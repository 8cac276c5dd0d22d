"""vectorbt in its own words: entry and exit arrays, or target amounts, for one account."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pandas as pd

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import vectorbt

from backtest.prices.bars import Bars
from backtest.simulation.config import EngineConfig
from tests.backtest.oracles.ledger import Ledger, Trade
from tests.backtest.oracles.targets import Targets


def from_signals(prices: Bars, targets: Targets, config: EngineConfig) -> Ledger:
    """Entries, exits, reversals; stops too when filling at the close, where both watch from the next bar."""
    stops = {
        "sl_stop": config.stop_loss_pct if config.trailing_stop_pct is None else config.trailing_stop_pct,
        "tp_stop": config.take_profit_pct,
    }
    guarded = {name: pct / 100 for name, pct in stops.items() if pct is not None}
    if guarded and config.fill == "next_open":
        raise ValueError("vectorbt does not look at stops on the bar of the entry")
    timely = _at_the_fill(targets, config)
    size = config.size if config.size_type == "shares" else np.inf
    portfolio = vectorbt.Portfolio.from_signals(
        _table(prices.close, prices), entries=timely > 0, exits=timely <= 0,
        short_entries=timely < 0, short_exits=timely >= 0, upon_opposite_entry="reverse",
        upon_long_conflict="entry", upon_short_conflict="entry",
        open=prices.open, high=prices.high, low=prices.low, size=size, lock_cash=True,
        sl_trail=config.trailing_stop_pct is not None,
        stop_entry_price="fillprice", stop_exit_price="stopmarket",
        **guarded, **_settings(prices, config),
    )  # fmt: skip
    return _ledger(portfolio)


def from_orders(prices: Bars, targets: Targets, config: EngineConfig) -> Ledger:
    """Orders for a target: a number of shares, or a share of the account when orders cost nothing."""
    share = config.size / 100 / len(prices.symbols)
    amount = config.size if config.size_type == "shares" else share
    portfolio = vectorbt.Portfolio.from_orders(
        _table(prices.close, prices), size=_at_the_fill(targets, config) * amount,
        size_type="targetamount" if config.size_type == "shares" else "targetpercent",
        call_seq="auto", **_settings(prices, config),
    )  # fmt: skip
    return _ledger(portfolio)


def _settings(prices: Bars, config: EngineConfig) -> dict[str, Any]:
    if config.fee_per_share or config.fee_min or config.borrow_rate:
        raise ValueError("vectorbt has no fee per share, no minimum fee and no borrow cost")
    price = prices.close if config.fill == "close" else prices.open
    return {
        "price": price, "val_price": price, "fees": config.fee_rate, "slippage": config.slippage_bps / 10_000,
        "size_granularity": np.nan if config.fractional else 1.0, "init_cash": config.initial_capital,
        "cash_sharing": True, "group_by": True, "freq": "1D",
    }  # fmt: skip


def _at_the_fill(targets: Targets, config: EngineConfig) -> Targets:
    if config.fill == "close":
        return targets
    return np.concatenate([np.full((1, targets.shape[1]), np.nan), targets[:-1]])


def _table(values: Targets, prices: Bars) -> pd.DataFrame:
    return pd.DataFrame(values, index=pd.DatetimeIndex(prices.times), columns=list(prices.symbols))


def _ledger(portfolio: Any) -> Ledger:
    columns = ["exit_idx", "col", "entry_idx", "direction", "size", "entry_price", "exit_price", "pnl"]
    rows = portfolio.exit_trades.records[columns].itertuples(index=False)
    trades = tuple(sorted(Trade(*row[:3], 1 - 2 * row[3], *row[4:]) for row in rows))
    equity = portfolio.value().to_numpy()
    return Ledger(trades, float(equity[-1]), equity)
