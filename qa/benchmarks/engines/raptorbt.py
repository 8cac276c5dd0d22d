"""raptorbt: a compiled engine over entry and exit arrays."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

os.environ["RAPTORBT_NO_VERSION_CHECK"] = "1"  # it would look for a newer release from a thread
import raptorbt

from qa.benchmarks.engines.array_rules import Arrays, crossings
from qa.benchmarks.engines.engine import Engine, Figures, Prices, Table
from qa.benchmarks.grids import GRIDS, combinations
from qa.benchmarks.market import Market
from qa.benchmarks.plan import CASH, FAST, SLOW

BATCH = 500  # each result holds whole curves
LOT = raptorbt.InstrumentConfig(lot_size=1.0)


class Raptorbt(Engine):
    name = "raptorbt"
    package = "raptorbt"

    def prepare(self, market: Market, fee_rate: float) -> Prices:
        columns = (market.open, market.high, market.low, market.close, market.volume)
        times = market.times.astype("datetime64[ns]").astype(np.int64)
        return Prices((times, *(column[:, 0].copy() for column in columns)), fee_rate, market)

    def single(self, prices: Prices, fast: int = FAST, slow: int = SLOW) -> Figures:
        metrics = self._run(prices, fast, slow).metrics
        return self._figures(metrics)

    def trade_bars(self, prices: Prices) -> list[tuple[int, int]]:
        last = len(prices.own[0]) - 1
        trades = self._run(prices, FAST, SLOW).trades()
        return [(trade.entry_idx, trade.exit_idx) for trade in trades if trade.exit_idx < last]

    def sweep(self, prices: Prices, pairs: NDArray[np.int64]) -> Table:
        close = prices.own[4]
        averages = {window: raptorbt.sma(close, window) for window in np.unique(pairs).tolist()}
        return self._batches(
            prices, [lambda f=f, s=s: crossings(averages[f], averages[s]) for f, s in pairs.tolist()]
        )

    def sweep_rule(self, prices: Prices, rule: str) -> Table:
        own = Arrays(prices.market)
        chosen = combinations(rule, GRIDS[rule])
        return self._batches(prices, [partial(own.signals, rule, params) for params in chosen])

    def _batches(self, prices: Prices, signals: list[Callable[[], tuple[Any, Any]]]) -> Table:
        settings, table = self._settings(prices), []
        for start in range(0, len(signals), BATCH):
            items = [
                raptorbt.BatchSingleItem(str(row), *found(), config=settings, instrument_config=LOT)
                for row, found in enumerate(signals[start : start + BATCH])
            ]
            results = raptorbt.batch_single_backtest(*prices.own, items, settings)
            table += [self._figures(result.metrics)[:4] for _, result in results]
        return np.array(table, float)

    def _run(self, prices: Prices, fast: int, slow: int) -> Any:
        close = prices.own[4]
        signals = crossings(raptorbt.sma(close, fast), raptorbt.sma(close, slow))
        return raptorbt.run_single_backtest(
            *prices.own, *signals, config=self._settings(prices), instrument_config=LOT
        )

    @staticmethod
    def _settings(prices: Prices) -> Any:
        return raptorbt.BacktestConfig(
            initial_capital=CASH, fees=prices.fee_rate, fill_timing="next_bar_open", periods_per_year=252.0
        )

    @staticmethod
    def _figures(metrics: Any) -> Figures:
        share, drawdown = metrics.total_return_pct / 100, metrics.max_drawdown_pct / 100
        return Figures(share, metrics.sharpe_ratio, drawdown, metrics.total_trades, metrics.end_value)
