"""A sweep and a batch give for each combination what a run of its own gives."""

import numpy as np
import pytest

from backtest.errors import InvalidRequest
from backtest.rules import build
from backtest.simulation.simulate import simulate
from backtest.studies import sweep as sweeps
from backtest.studies.sweep import batch, sweep
from tests.backtest.markets import random_config, random_market


def figures(done, config):
    """Return, volatility, Sharpe ratio, drawdown and trades of one simulation, by the book."""
    equity = np.concatenate(([done.initial_capital], done.equity[1:]))
    returns = equity[1:] / equity[:-1] - 1.0
    spread = returns.std(ddof=1)
    year = np.sqrt(config.periods_per_year)
    sharpe = returns.mean() / spread * year if spread > 0 else np.nan
    fall = (equity / np.maximum.accumulate(equity) - 1.0).min()
    return [equity[-1] / equity[0] - 1.0, spread * year, sharpe, fall, len(done.trades)]


def columns(result, index):
    names = ("total_return", "volatility", "sharpe_ratio", "max_drawdown", "num_trades")
    return [getattr(result, name)[index] for name in names]


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("kind", ["sma", "ema"])
def test_a_grid_of_averages_gives_the_figures_of_single_runs(seed, kind):
    random = np.random.default_rng(seed)
    market = random_market(random, 160, 1)
    config = random_config(random, initial_capital=1e6)
    grid = {"fast": [1, 3, 8], "slow": [4, 8, 20], "kind": [kind]}

    result = sweep(market, "MOVING_AVERAGE_CROSS", grid, config, start=10)

    assert (len(result), result.refused) == (7, 2)
    for index in range(len(result)):
        chosen = {name: values[index].item() for name, values in result.params.items()}
        target = build("MOVING_AVERAGE_CROSS", chosen).target(market)
        single = simulate(market, target, config, start=10)
        assert result.final_equity[index] == single.equity[-1]
        assert result.ruined[index] == single.ruined
        if not single.ruined:
            expected = figures(single, config)
            np.testing.assert_allclose(columns(result, index), expected, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("seed", range(6))
def test_any_rule_over_several_symbols_gives_the_figures_of_single_runs(seed, monkeypatch):
    monkeypatch.setattr(sweeps, "TARGETS_BYTES", 8 * 120 * 2 * 2)  # two targets at a time
    random = np.random.default_rng(seed)
    market = random_market(random, 120, 2)
    config = random_config(random, initial_capital=1e6, borrow_rate=0.0)

    result = sweep(market, "RSI", {"period": [2, 5, 9]}, config)

    for index, period in enumerate((2, 5, 9)):
        single = simulate(market, build("RSI", {"period": period}).target(market), config)
        assert result.final_equity[index] == single.equity[-1]
        if not single.ruined:
            expected = figures(single, config)
            np.testing.assert_allclose(columns(result, index), expected, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("name", ["MOVING_AVERAGE_CROSS", "RSI"])
def test_a_batch_gives_each_market_an_account_of_its_own(name):
    random = np.random.default_rng(1)
    markets = [random_market(random, 150, 1) for _ in range(5)]
    config = random_config(random, initial_capital=1e6)
    rule = build(name, {})

    result = batch(markets, rule, config, start=40)

    singles = [simulate(market, rule.target(market), config, start=40) for market in markets]
    assert result.final_equity.tolist() == [single.equity[-1] for single in singles]
    assert result.num_trades.tolist() == [len(single.trades) for single in singles]


@pytest.mark.parametrize(
    ("grid", "field"),
    [({"fast": [0]}, "grid.fast"), ({"quick": [1]}, "grid.quick"), ({"fast": []}, "grid.fast"),
     ({"fast": [50], "slow": [20]}, "grid")],
)  # fmt: skip
def test_a_wrong_grid_is_refused_by_name(grid, field):
    random = np.random.default_rng(0)

    with pytest.raises(InvalidRequest) as refused:
        sweep(random_market(random, 30, 1), "MOVING_AVERAGE_CROSS", grid, random_config(random))

    assert field in [error.field for error in refused.value.errors]


def test_markets_of_different_length_are_no_batch():
    random = np.random.default_rng(0)
    markets = [random_market(random, count, 1) for count in (30, 31)]

    with pytest.raises(InvalidRequest):
        batch(markets, build("RSI", {}), random_config(random))
