"""Our engine: the rule by its name, the whole simulation, the figures by their definitions."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from backtest.metrics import Account
from backtest.metrics.drawdown import max_drawdown
from backtest.metrics.returns import sharpe_ratio
from backtest.prices.bars import Bars
from backtest.prices.dataset import Dataset
from backtest.rules.averages import MovingAverageCross
from backtest.simulation.backends import Backend
from backtest.simulation.config import EngineConfig
from backtest.simulation.simulate import Simulation, simulate
from backtest.studies.compute import compute_chunk
from backtest.studies.execution.processors import available
from backtest.studies.plan import Plan, plan
from backtest.studies.request import StudyRequest
from qa.benchmarks.engines.engine import Engine, Figures, Table
from qa.benchmarks.grids import GRIDS, OPTIMIZED, request_of
from qa.benchmarks.market import Market
from qa.benchmarks.plan import CASH, FAST, SLOW, WINDOWS

CROSS = MovingAverageCross.name
Study = tuple[StudyRequest, Plan, dict[str, Dataset]]


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
    """The same kernel, compiled; a sweep is a study, whose chunks are executed on all cores."""

    name = "ours, compiled"
    backend: ClassVar[Backend] = "jit"

    def sweep(self, prices: Any, pairs: NDArray[np.int64]) -> Table:
        low, high = WINDOWS
        return _executed(prices, CROSS, {"fast": [*range(low, high)], "slow": [*range(low + 1, high + 1)]})

    def sweep_rule(self, prices: Any, rule: str) -> Table:
        return _executed(prices, rule, GRIDS[rule])

    def optimize(self, prices: Any) -> Table:
        return _executed(prices, CROSS, OPTIMIZED)


_STUDY: list[Study] = []
"""What the processes of a sweep compute on."""


def _executed(prices: Any, rule: str, axes: dict[str, list[float]]) -> Table:
    study = _study(*prices, rule, axes)
    request, planned, datasets = study
    compute_chunk(
        request, datasets, 0, planned.rows, planned=planned
    )  # what it compiles, the processes inherit
    processes = available()
    with ProcessPoolExecutor(processes, get_context("fork"), _share, (study,)) as pool:
        parts = list(pool.map(_chunk, range(processes), [processes] * processes))
    return np.concatenate(parts)


def _study(bars: Bars, config: EngineConfig, rule: str, axes: dict[str, list[float]]) -> Study:
    """All combinations of these inputs as a study of the product."""
    days = {"start_date": str(bars.times[0])[:10], "end_date": str(bars.times[-1])[:10]}
    settings = {name: getattr(config, name) for name in ("initial_capital", "fee_rate", "slippage_bps")}
    symbol = bars.symbols[0]
    request = request_of(rule, axes, {"symbols": [symbol]} | days | settings)
    return request, plan(request), {symbol: Dataset(symbol, "1d", "benchmark", bars)}


def _share(study: Study) -> None:
    _STUDY[:] = [study]


def _chunk(number: int, chunks: int) -> Table:
    request, planned, datasets = _STUDY[0]
    columns = compute_chunk(request, datasets, number, chunks, planned=planned).columns
    names = ("total_return", "sharpe_ratio", "max_drawdown", "num_trades")
    table = np.column_stack([columns[name][:, 0] for name in names])
    table[:, 2] *= -1.0
    return table
