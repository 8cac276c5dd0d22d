"""backtrader, with its own analyzers; "cheat on open" lets it size by the price of the fill."""

from __future__ import annotations

import math
from typing import Any

import backtrader as bt
import numpy as np

from qa.benchmarks.engines.engine import Figures, Prices
from qa.benchmarks.engines.frame import FrameEngine
from qa.benchmarks.plan import CASH, FAST, SLOW


class Cross(bt.Strategy):
    params = (("fast", FAST), ("slow", SLOW), ("fee_rate", 0.0))

    def __init__(self) -> None:
        averages = (bt.ind.SMA(self.data.close, period=period) for period in (self.p.fast, self.p.slow))
        self.crossing = bt.ind.CrossOver(*averages)
        self.target = 0.0
        self.bars: list[int] = []

    def next_open(self) -> None:
        if self.target > 0 and not self.position:
            price = self.data.open[0] * (1 + self.p.fee_rate)
            self.buy(size=math.floor(self.broker.getcash() / price))
        elif self.target < 0 and self.position:
            self.close()
        self.target = 0.0

    def next(self) -> None:
        self.target = self.crossing[0]

    def notify_order(self, order: Any) -> None:
        if order.status == order.Completed:
            self.bars.append(len(self.data) - 1)


class Backtrader(FrameEngine):
    name = "backtrader"
    package = "backtrader"

    def single(self, prices: Prices, fast: int = FAST, slow: int = SLOW) -> Figures:
        done, broker = self._run(prices, fast, slow)
        final = broker.getvalue()
        fee = (final - broker.getcash()) * prices.fee_rate
        returns = np.fromiter(done.analyzers.returns.get_analysis().values(), float)[1:]
        deviation = returns.std(ddof=1)
        sharpe = returns.mean() / deviation * math.sqrt(252) if deviation > 0 else math.nan
        drawdown = done.analyzers.drawdown.get_analysis().max.drawdown / 100
        trades = int(done.analyzers.trades.get_analysis().total.total)
        return Figures(final / CASH - 1, sharpe, drawdown, trades, final - fee)

    def trade_bars(self, prices: Prices) -> list[tuple[int, int]]:
        bars = self._run(prices, FAST, SLOW)[0].bars
        return list(zip(bars[0::2], bars[1::2], strict=False))

    def _run(self, prices: Prices, fast: int, slow: int) -> tuple[Any, Any]:
        cerebro = bt.Cerebro(stdstats=False, cheat_on_open=True)
        cerebro.adddata(bt.feeds.PandasData(dataname=prices.own))
        cerebro.addstrategy(Cross, fast=fast, slow=slow, fee_rate=prices.fee_rate)
        cerebro.broker.setcash(CASH)
        cerebro.broker.setcommission(commission=prices.fee_rate)
        cerebro.broker.set_coo(True)
        cerebro.broker.set_checksubmit(False)
        cerebro.addanalyzer(bt.analyzers.DrawDown, _name="drawdown")
        cerebro.addanalyzer(bt.analyzers.TradeAnalyzer, _name="trades")
        cerebro.addanalyzer(bt.analyzers.TimeReturn, _name="returns", timeframe=bt.TimeFrame.Days)
        return cerebro.run()[0], cerebro.broker
