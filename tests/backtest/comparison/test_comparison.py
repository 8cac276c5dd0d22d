"""The same settings without costs, at twice the costs and without stops; and holding by the same definitions."""

import numpy as np
import pytest

from backtest.comparison.alternatives import alternatives
from backtest.comparison.holding import GROUPS, HELD, metrics_of_benchmark
from backtest.metrics import Account, compute_metrics
from backtest.simulation.config import EngineConfig


def test_costs_are_left_out_and_doubled_and_nothing_else_changes():
    config = EngineConfig(fee_rate=0.001, fee_min=1.0, slippage_bps=5.0, size=50.0)

    found = alternatives(config)

    assert found.keys() == {"without_costs", "double_costs"}
    assert found["without_costs"] == EngineConfig(fee_rate=0.0, fee_min=0.0, slippage_bps=0.0, size=50.0)
    assert found["double_costs"] == EngineConfig(fee_rate=0.002, fee_min=2.0, slippage_bps=10.0, size=50.0)


def test_stops_and_target_are_left_out_together():
    config = EngineConfig(fee_rate=0.0, slippage_bps=0.0, stop_loss_pct=5.0, trailing_stop_pct=3.0)

    assert alternatives(config) == {"without_stops": EngineConfig(fee_rate=0.0, slippage_bps=0.0)}


def test_costs_beyond_their_bounds_are_not_tried():
    assert alternatives(EngineConfig(fee_rate=0.3)).keys() == {"without_costs"}


def test_nothing_is_tried_where_nothing_can_be_left_out():
    assert alternatives(EngineConfig(fee_rate=0.0, slippage_bps=0.0)) == {}


class NoTrades:
    """Columns without a row."""

    def __getattr__(self, name):
        return np.empty(0)


def account(equity, benchmark):
    """An account of days with these closes."""
    times = np.arange("2024-01-01", len(equity), dtype="datetime64[D]").astype("datetime64[s]")
    return Account(times, np.array(equity), NoTrades(), benchmark=np.array(benchmark))


def test_an_account_that_is_its_benchmark_has_the_metrics_of_its_benchmark():
    curve = 100.0 * np.cumprod([1, 1.01, 0.98, 1.03, 0.995, 1.002, 0.97, 1.05])
    own = account(curve, curve)

    held, metrics = metrics_of_benchmark(own).values, compute_metrics(own).values

    assert held["exposure"] == 1.0
    assert {name: value for name, value in held.items() if name != "exposure"} == {
        metric.name: metrics[metric.name] for metric in HELD if metric.name != "exposure"
    }


def test_the_benchmark_is_measured_by_its_own_curve():
    """50, 55, 49.5: a gain of 10 %, then a fall of 10 %, 1 % lost in all."""
    held = metrics_of_benchmark(account([100.0, 100.0, 100.0], [50.0, 55.0, 49.5])).values

    assert held["total_return"] == pytest.approx(-0.01)
    assert held["max_drawdown"] == pytest.approx(-0.1)
    assert {metric.group for metric in HELD} == set(GROUPS)
