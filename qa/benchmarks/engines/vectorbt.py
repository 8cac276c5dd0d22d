"""vectorbt: crossings and portfolios as arrays, all columns at once."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pandas as pd

warnings.simplefilter("ignore")
import vectorbt  # noqa: E402

from qa.benchmarks.engines.array_rules import Arrays  # noqa: E402
from qa.benchmarks.engines.engine import Engine, Figures, Prices, Table  # noqa: E402
from qa.benchmarks.engines.frame import frame  # noqa: E402
from qa.benchmarks.grids import GRIDS, combinations  # noqa: E402
from qa.benchmarks.market import Market  # noqa: E402
from qa.benchmarks.plan import CASH, FAST, SLOW, WINDOWS  # noqa: E402

vectorbt.settings.returns["year_freq"] = "252 days"


class Vectorbt(Engine):
    name = "vectorbt"
    package = "vectorbt"

    def prepare(self, market: Market, fee_rate: float) -> Prices:
        data = frame(market)
        return Prices((data.Open, data.Close), fee_rate, market)

    def single(self, prices: Prices, fast: int = FAST, slow: int = SLOW) -> Figures:
        portfolio = self._run(prices, fast, slow)
        fee = float(portfolio.asset_value().iloc[-1]) * prices.fee_rate
        share, sharpe, drawdown, trades = (float(value) for value in _figures(portfolio))
        return Figures(share, sharpe, drawdown, int(trades), float(portfolio.final_value()) - fee)

    def trade_bars(self, prices: Prices) -> list[tuple[int, int]]:
        closed = self._run(prices, FAST, SLOW).exit_trades.closed.records
        return list(zip(closed["entry_idx"].tolist(), closed["exit_idx"].tolist(), strict=True))

    def sweep(self, prices: Prices, pairs: Any) -> Table:
        windows = np.arange(WINDOWS[0], WINDOWS[1] + 1)
        fast, slow = vectorbt.MA.run_combs(prices.own[1], window=windows, r=2, short_names=["fast", "slow"])
        return np.column_stack(_figures(self._portfolio(prices, fast, slow)))

    def sweep_rule(self, prices: Prices, rule: str) -> Table:
        own = Arrays(prices.market)
        found = [own.signals(rule, params) for params in combinations(rule, GRIDS[rule])]
        enter, leave = (
            pd.DataFrame(np.column_stack(side), prices.own[1].index) for side in zip(*found, strict=True)
        )
        return np.column_stack(_figures(self._filled(prices, enter, leave)))

    def prepare_many(self, market: Market, fee_rate: float) -> Prices:
        index = pd.DatetimeIndex(market.times)
        return Prices((pd.DataFrame(market.open, index), pd.DataFrame(market.close, index)), fee_rate)

    def many(self, prices: Prices) -> Table:
        return np.column_stack(_figures(self._run(prices, FAST, SLOW)))

    def _run(self, prices: Prices, fast: int, slow: int) -> Any:
        close = prices.own[1]
        return self._portfolio(prices, vectorbt.MA.run(close, fast), vectorbt.MA.run(close, slow))

    def _portfolio(self, prices: Prices, fast: Any, slow: Any) -> Any:
        close = prices.own[1]
        enter, leave = fast.ma_crossed_above(slow), fast.ma_crossed_below(slow)
        if isinstance(close, pd.DataFrame):
            enter.columns = leave.columns = close.columns
        return self._filled(prices, enter, leave)

    def _filled(self, prices: Prices, enter: Any, leave: Any) -> Any:
        opened, close = prices.own
        return vectorbt.Portfolio.from_signals(
            close, enter.vbt.signals.fshift(1), leave.vbt.signals.fshift(1), price=opened,
            fees=prices.fee_rate, init_cash=CASH, size_granularity=1.0, freq="1D",
        )  # fmt: skip


def _figures(portfolio: Any) -> tuple[Any, ...]:
    figures = portfolio.total_return(), portfolio.sharpe_ratio(), -portfolio.max_drawdown()
    return (*figures, portfolio.trades.count())
