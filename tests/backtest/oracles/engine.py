"""Our own engine, as a ledger."""

from __future__ import annotations

from typing import Any

from backtest.prices.bars import Bars
from backtest.simulation.config import EngineConfig
from backtest.simulation.simulate import simulate
from tests.backtest.oracles.ledger import Ledger, Trade
from tests.backtest.oracles.targets import Targets


def run(prices: Bars, targets: Targets, config: EngineConfig, **options: Any) -> Ledger:
    """Simulate and read off the trades in the order of their exits."""
    done = simulate(prices, targets, config, **options)
    columns = ("exit_bar", "symbol", "entry_bar", "side", "size", "entry_fill", "exit_fill", "pnl")
    rows = zip(*(getattr(done.trades, name).tolist() for name in columns), strict=True)
    trades = tuple(sorted(Trade(*row) for row in rows))
    return Ledger(trades, float(done.equity[-1]), done.equity)
