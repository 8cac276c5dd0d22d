"""A sweep and a batch give for each combination what a run of its own gives."""

import numpy as np
import pytest

from backtest.errors import InvalidRequest
from backtest.prices.calendar import Year
from backtest.rules import build
from backtest.run.outcome import run
from backtest.run.request import RunRequest
from backtest.simulation.simulate import simulate
from backtest.studies import sweep as sweeps
from backtest.studies.sweep import batch, sweep
from tests.backtest.markets import random_config, random_market
from tests.backtest.price_bars import bars, dataset, walk


def config_of(random, market, **fixed):
    """Any settings, with the periods a year that a run of the market takes."""
    return random_config(random, periods_per_year=Year.of(market.times, market.timeframe).bars, **fixed)


def figures(done, periods=365):
    """Return, volatility, Sharpe ratio, drawdown and trades of one simulation, by the book."""
    equity = np.concatenate(([done.initial_capital], done.equity[1:]))
    returns = equity[1:] / equity[:-1] - 1.0
    spread = returns.std(ddof=1)
    year = np.sqrt(periods)
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
    config = config_of(random, market, initial_capital=1e6)
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
            expected = figures(single)
            np.testing.assert_allclose(columns(result, index), expected, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("seed", range(6))
def test_any_rule_over_several_symbols_gives_the_figures_of_single_runs(seed, monkeypatch):
    monkeypatch.setattr(sweeps, "TARGETS_BYTES", 8 * 120 * 2 * 2)  # two targets at a time
    random = np.random.default_rng(seed)
    market = random_market(random, 120, 2)
    config = config_of(random, market, initial_capital=1e6)

    result = sweep(market, "RSI", {"period": [2, 5, 9]}, config)

    for index, period in enumerate((2, 5, 9)):
        single = simulate(market, build("RSI", {"period": period}).target(market), config)
        assert result.final_equity[index] == single.equity[-1]
        if not single.ruined:
            expected = figures(single)
            np.testing.assert_allclose(columns(result, index), expected, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("name", ["MOVING_AVERAGE_CROSS", "RSI"])
def test_a_batch_gives_each_market_an_account_of_its_own(name):
    random = np.random.default_rng(1)
    markets = [random_market(random, 150, 1) for _ in range(5)]
    config = config_of(random, markets[0], initial_capital=1e6)
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


MONTHS = np.arange("1990-01", "2020-01", dtype="datetime64[M]").astype("datetime64[s]")
HOURS = np.arange("2023-01-02", "2024-01-02", dtype="datetime64[h]").astype("datetime64[s]")
BUSY = HOURS[
    np.isin(HOURS.astype(int) // 3_600 % 24, range(9, 16)) & np.is_busday(HOURS.astype("datetime64[D]"))
]


@pytest.mark.parametrize(("times", "timeframe"), [(MONTHS, "1mo"), (BUSY, "1h"), (HOURS, "1h")])
def test_the_figures_of_a_combination_are_the_metrics_of_its_run(times, timeframe):
    close = walk(len(times), seed=4, step=0.01)
    market = bars(close, times=times, timeframe=timeframe)
    grid = {"fast": [5], "slow": [20, 40]}
    fields = {"direction": "long_short", "borrow_rate": 0.1, "fractional": True}
    request = {"symbols": ["AAA"], "rule_type": "MOVING_AVERAGE_CROSS", "params": {"fast": 5, "slow": 40}}
    whole = {"start_date": "1980-01-01", "end_date": "2030-01-01"}
    config = RunRequest.parse(request | whole | fields).config

    result = sweep(market, "MOVING_AVERAGE_CROSS", grid, config)
    many = batch([market, market], build("MOVING_AVERAGE_CROSS", {"fast": 5, "slow": 40}), config)

    prices = {"AAA": dataset(close, times=times, timeframe=timeframe)}
    metrics = run(RunRequest.parse(request | whole | fields), prices).summary["metrics"]
    for name in ("total_return", "volatility", "sharpe_ratio", "max_drawdown", "num_trades"):
        assert getattr(result, name)[1] == pytest.approx(metrics[name], rel=1e-9)
        assert getattr(many, name)[1] == pytest.approx(metrics[name], rel=1e-9)


def test_markets_of_a_batch_have_a_year_of_their_own():
    close = walk(400)
    daily, weekly = (
        bars(close),
        bars(
            close,
            times=np.datetime64("2000-01-03", "s") + np.arange(400) * np.timedelta64(7, "D"),
            timeframe="1w",
        ),
    )

    result = batch(
        [daily, weekly], build("RSI", {}), random_config(np.random.default_rng(3), borrow_rate=0.0)
    )

    assert result.sharpe_ratio[0] / result.sharpe_ratio[1] == pytest.approx(np.sqrt(252 / 52))
