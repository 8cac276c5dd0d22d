"""A run laid out once, to be simulated again with something changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np

from backtest.arrays import Floats
from backtest.metrics import Account, compute_metrics
from backtest.prices.bars import Bars
from backtest.prices.dataset import Dataset
from backtest.run.alignment import Aligned, align, check_volume
from backtest.run.outcome import account_of
from backtest.run.request import RunRequest
from backtest.run.result_tables import trade_columns
from backtest.run.targets import on_common_calendar, own_targets
from backtest.simulation.config import EngineConfig
from backtest.simulation.simulate import Simulation, simulate

SHOWN: Final = (
    "final_equity", "total_return", "annual_return", "sharpe_ratio", "max_drawdown", "num_trades", "excess_return",
)  # fmt: skip
"""The figures that each variation shows."""


@dataclass(frozen=True, slots=True, eq=False)
class Basis:
    """What a run computes on, its target, (T, M), and its settings."""

    request: RunRequest
    aligned: Aligned
    target: Floats
    config: EngineConfig

    @classmethod
    def of(cls, request: RunRequest, datasets: Mapping[str, Dataset]) -> Basis:
        """Align the prices of a run and compute its target; raises as the run does."""
        aligned, rule = align(request, datasets), request.rule()
        check_volume(rule, aligned)
        target = on_common_calendar(own_targets(rule, aligned.histories), aligned.span.rows)
        return cls(request, aligned, target, replace(request.config, periods_per_year=aligned.span.year.bars))

    def simulated(self, *, config: EngineConfig | None = None, bars: Bars | None = None) -> Simulation:
        """The run with other settings or other prices."""
        return simulate(bars or self.aligned.bars, self.target, config or self.config)

    def begun(self, bar: int) -> tuple[Simulation, Account]:
        """The run begun some bars later, beside a benchmark bought then."""
        cut = self.aligned.bars.cut(bar, len(self.aligned.bars))
        done = simulate(cut, np.ascontiguousarray(self.target[bar:]), self.config)
        values = self.aligned.benchmark[bar:]
        part = replace(self.aligned, bars=cut, benchmark=values / values[0] * self.config.initial_capital)
        return done, self._account(done, part)

    def account(self, done: Simulation) -> Account:
        """The account of a simulation of all bars, for the metrics."""
        return self._account(done, self.aligned)

    def figures(self, done: Simulation) -> dict[str, Any]:
        """What a variation shows; None where a figure is undefined."""
        return shown(self.account(done))

    def _account(self, done: Simulation, aligned: Aligned) -> Account:
        columns = trade_columns(done, self.request.symbols)
        return account_of(done, aligned, columns, self.request.risk_free_rate)


def shown(account: Account) -> dict[str, Any]:
    """The figures of `SHOWN` by name."""
    values = compute_metrics(account).values
    return {name: values[name] for name in SHOWN}
