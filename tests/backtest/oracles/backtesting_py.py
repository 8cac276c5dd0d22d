"""backtesting.py in its own words: a Strategy that buys, sells and protects with its own orders."""

from __future__ import annotations

import contextlib
import io
import math
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

with contextlib.redirect_stderr(io.StringIO()):
    from backtesting import Backtest, Strategy
    from backtesting.lib import FractionalBacktest

from backtest.prices.bars import Bars
from backtest.simulation.config import EngineConfig
from tests.backtest.oracles.ledger import Ledger, Trade
from tests.backtest.oracles.prices import frame
from tests.backtest.oracles.targets import Targets

UNIT = 1e-6
"""Fractional shares are whole numbers of this one here."""

_ALL = 1 - np.finfo(float).eps


def run(prices: Bars, targets: Targets, config: EngineConfig) -> Ledger:
    """Trade one symbol; slippage, minimum fees and a size in currency have no equal here."""
    if config.slippage_bps or config.fee_min or config.size_type == "value":
        raise ValueError("backtesting.py has no slippage on exits, no minimum fee and no size in currency")
    unit = UNIT if config.fractional else 1.0
    settings: dict[str, Any] = {
        "cash": config.initial_capital,
        "commission": lambda size, price: abs(size) * (price * config.fee_rate + unit * config.fee_per_share),
        "trade_on_close": config.fill == "close",
    }
    if config.fractional:
        test: Backtest = FractionalBacktest(frame(prices), _Targeting, fractional_unit=UNIT, **settings)
    else:
        test = Backtest(frame(prices), _Targeting, **settings)
    fills = prices.close[:, 0] if config.fill == "close" else np.append(prices.open[1:, 0], np.nan)
    done = ledger(test.run(plan=_Plan(targets[:, 0], config, fills * unit, unit)))
    return done if config.fill == "next_open" else replace(done, equity=None)  # booked a bar later here


def ledger(stats: pd.Series) -> Ledger:
    """Read what `Backtest.run` returns."""
    names = ["ExitBar", "EntryBar", "Size", "EntryPrice", "ExitPrice", "PnL"]
    rows = stats["_trades"][names].itertuples(index=False)
    trades = tuple(
        sorted(
            Trade(leave, 0, enter, int(math.copysign(1, size)), abs(size), bought, sold, pnl)
            for leave, enter, size, bought, sold, pnl in rows
        )
    )
    equity = stats["_equity_curve"]["Equity"].to_numpy()
    return Ledger(trades, float(equity[-1]), equity)


class _Plan:
    """The targets with what it takes to carry them out: settings and the price at which an order will fill."""

    def __init__(self, targets: Targets, config: EngineConfig, fills: Targets, unit: float) -> None:
        self.targets, self.config, self.fills, self.unit = targets, config, fills, unit

    def size(self, target: float) -> float:
        if self.config.size_type == "shares":
            return round(self.config.size * abs(target) / self.unit)
        return min(self.config.size / 100 * abs(target), _ALL)

    def stops(self, fill: float, side: float) -> tuple[float | None, float | None]:
        """Stop and take-profit price of an entry at `fill`: the tighter of the stops counts."""
        config = self.config
        worse = [pct for pct in (config.stop_loss_pct, config.trailing_stop_pct) if pct is not None]
        better = config.take_profit_pct
        stop = fill * (1 - side * min(worse) / 100) if worse else None
        return stop, fill * (1 + side * better / 100) if better is not None else None


class _Targeting(Strategy):
    plan: Any = None

    def init(self) -> None:
        """Nothing to prepare: the targets are known."""

    def next(self) -> None:
        bar = len(self.data) - 1
        self._trail()
        target = self.plan.targets[bar]
        if math.isnan(target) or np.sign(target) == np.sign(self.position.size):
            return
        self.position.close()
        if target:
            self._enter(target, self.plan.fills[bar])

    def _enter(self, target: float, fill: float) -> None:
        stop, profit = self.plan.stops(fill, np.sign(target))
        order = (self.buy if target > 0 else self.sell)(size=self.plan.size(target))
        # Levels lie around the fill, which is still to come; buy(sl=…) wants them around the last close.
        order._replace(sl_price=stop, tp_price=profit)

    def _trail(self) -> None:
        pct = self.plan.config.trailing_stop_pct
        if pct is None:
            return
        for trade in self.trades:
            if trade.is_long:
                trade.sl = max(trade.sl, self.data.High[-1] * (1 - pct / 100))
            else:
                trade.sl = min(trade.sl, self.data.Low[-1] * (1 + pct / 100))
