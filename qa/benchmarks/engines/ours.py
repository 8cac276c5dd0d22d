"""Our engine: the rule by its name, the whole simulation, the figures by their definitions."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from backtest.metrics import Account
from backtest.metrics.drawdown import max_drawdown
from backtest.metrics.returns import sharpe_ratio
from backtest.prices.bars import Bars
from backtest.rules.averages import MovingAverageCross
from backtest.simulation.backends import Backend
from backtest.simulation.config import EngineConfig
from backtest.simulation.simulate import Simulation, simulate
from backtest.studies.sweep import Batch, SweepResult, sweep
from qa.benchmarks.engines.engine import Engine, Figures, Table
from qa.benchmarks.market import Market
from qa.benchmarks.plan import CASH, FAST, SLOW, WINDOWS


class Interpreted(Engine):
    """The kernel as plain Python."""

    name = "ours, interpreted"
    backend: ClassVar[Backend] = "interpreted"

    def prepare(self, market: Market, fee_rate: float) -> Any:
        symbols = tuple(f"S{column}" for column in range(market.close.shape[1]))
        columns = (market.open, market.high, market.low, market.close, market.volume)
        bars = Bars(symbols, market.times, *columns)
        return bars, EngineConfig(initial_capital=CASH, fee_rate=fee_rate, slippage_bps=0.0)

    def single(self, prices: Any, fast: int = FAST, slow: int = SLOW) -> Figures:
        done = self._run(prices, fast, slow)
        account = Account(done.times, done.equity, trades=(), year=252)  # figures of the curve alone
        figures = account.growth - 1.0, sharpe_ratio(account), -max_drawdown(account)
        return Figures(*figures, done.num_trades, float(done.equity[-1]))

    def trade_bars(self, prices: Any) -> list[tuple[int, int]]:
        trades, last = self._run(prices, FAST, SLOW).trades, len(prices[0]) - 1
        bars = zip(trades.entry_bar.tolist(), trades.exit_bar.tolist(), strict=True)
        return [(enter, leave) for enter, leave in bars if leave < last]

    def _run(self, prices: Any, fast: int, slow: int) -> Simulation:
        bars, config = prices
        target = MovingAverageCross(fast=fast, slow=slow).target(bars)
        return simulate(bars, target, config, backend=self.backend)


class Compiled(Interpreted):
    """The same kernel, compiled; sweeps and batches run it on all cores."""

    name = "ours, compiled"
    backend: ClassVar[Backend] = "jit"

    def sweep(self, prices: Any, pairs: NDArray[np.int64]) -> Table:
        bars, config = prices
        low, high = WINDOWS
        grid = {"fast": range(low, high), "slow": range(low + 1, high + 1)}
        return _table(sweep(bars, MovingAverageCross.name, grid, config))

    def prepare_many(self, market: Market, fee_rate: float) -> Any:
        columns = range(market.close.shape[1])
        parts = (market.part(slice(None), slice(column, column + 1)) for column in columns)
        markets = [self.prepare(part, fee_rate)[0] for part in parts]
        return Batch(markets), EngineConfig(initial_capital=CASH, fee_rate=fee_rate, slippage_bps=0.0)

    def many(self, prices: Any) -> Table:
        batch, config = prices
        return _table(batch.run(MovingAverageCross(fast=FAST, slow=SLOW), config))


def _table(found: SweepResult) -> Table:
    return np.column_stack((found.total_return, found.sharpe_ratio, -found.max_drawdown, found.num_trades))
