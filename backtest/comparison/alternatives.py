"""What a run would have come to at other costs and without its stops: the settings, and the figures to compare."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

import numpy as np

from backtest.errors import InvalidRequest
from backtest.metrics import drawdown, returns
from backtest.metrics.account import Account
from backtest.metrics.metric import Metric
from backtest.simulation.config import EngineConfig

COSTS: Final = ("fee_rate", "fee_per_share", "fee_min", "slippage_bps", "borrow_rate")
STOPS: Final = ("stop_loss_pct", "take_profit_pct", "trailing_stop_pct")
FIGURES: Final[tuple[Metric, ...]] = (
    returns.final_equity,
    returns.total_return,
    returns.cagr,
    returns.sharpe_ratio,
    drawdown.max_drawdown,
)


def alternatives(config: EngineConfig) -> dict[str, EngineConfig]:
    """The settings without costs, at twice the costs and without stops and target, by name.

    Only what differs from `config` is among them, and nothing whose costs were beyond their bounds.
    """
    costs = {name: getattr(config, name) for name in COSTS}
    changes: dict[str, Mapping[str, float | None]] = {}
    if any(costs.values()):
        changes["without_costs"] = dict.fromkeys(COSTS, 0.0)
        changes["double_costs"] = {name: 2.0 * value for name, value in costs.items()}
    if any(getattr(config, name) is not None for name in STOPS):
        changes["without_stops"] = dict.fromkeys(STOPS)
    made = {name: _changed(config, change) for name, change in changes.items()}
    return {name: changed for name, changed in made.items() if changed is not None}


def _changed(config: EngineConfig, change: Mapping[str, float | None]) -> EngineConfig | None:
    try:
        return replace(config, **change)  # type: ignore[arg-type]
    except InvalidRequest:
        return None


def figures(account: Account) -> dict[str, float | int | None]:
    """The figures by which a run and its alternatives are compared; None where one is undefined."""
    with np.errstate(all="ignore"):
        return {metric.name: metric.evaluate(account)[0] for metric in FIGURES}
