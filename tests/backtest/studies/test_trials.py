"""Every trial is its ordinary run, whatever the rule and the options; so are series longer than a buffer of NumPy."""

import numpy as np
import pytest

from backtest import rules
from backtest.errors import InvalidTarget
from backtest.metrics.account import dot
from backtest.prices.bars import PRICES
from backtest.rules.rule import Rule
from backtest.rules.volume import UnknownVolume
from backtest.run.outcome import run
from backtest.simulation.simulate import settings_of, simulate
from backtest.studies.compute import compute_chunk
from backtest.studies.execution import trials
from backtest.studies.execution.trials import kernel
from backtest.studies.objective import FIGURES
from backtest.studies.plan import plan
from tests.backtest.markets import random_config, random_market, random_target
from tests.backtest.price_bars import dataset
from tests.backtest.studies.random_trials import bits, differences
from tests.backtest.studies.study_requests import study, walks


@pytest.mark.parametrize("part", range(4))
def test_trials_of_random_studies_are_their_runs_to_the_last_bit(part):
    compared = 0
    for seed in range(1_000 + part, 1_120, 4):
        count, found = differences(seed)
        assert found == []
        compared += count

    assert compared > 60


@pytest.mark.parametrize("bars", [8_191, 8_193, 20_000])
def test_figures_over_many_bars_are_added_as_the_metrics_add(bars):
    request, prices = study(space={"params.fast": [5], "params.slow": [20, 40]}), walks(bars=bars)
    planned = plan(request)

    chunk = compute_chunk(request, prices, 0, 1)

    for trial in range(2):
        metrics = run(request.run_with(planned.values(trial)), prices).summary["metrics"]
        assert [bits(chunk.columns[name][trial, 0]) for name in FIGURES] == [
            bits(metrics[name]) for name in FIGURES
        ]


@pytest.mark.parametrize("periods", [1, 2, 3, 9, 100, 2_519, 8_191])
def test_deviations_are_added_as_the_metrics_add_whether_compiled_or_not(periods, monkeypatch):
    returns = np.random.default_rng(periods).normal(0.0, 0.01, (6, periods))
    means = returns.mean(axis=1)
    expected = [dot(row, row) for row in returns - means[:, None]]

    assert trials._squares(returns.copy(), means).tolist() == expected
    monkeypatch.setattr(trials, "_adds_as_numpy", lambda: False)
    assert trials._squares(returns.copy(), means).tolist() == expected


class Loud(Rule):
    """Wants more than the account holds."""

    name = "LOUD"
    label = help = "Wants too much."
    params = rules.get("MOMENTUM").params[:1]
    __slots__ = ("period",)

    def __init__(self, period):
        self.period = period

    @property
    def warmup(self):
        return 0

    def exposure(self, prices):
        return np.full(len(prices), 1.0 if self.period < 5 else 2.0)


def test_a_target_out_of_bounds_is_refused_as_in_a_run(monkeypatch):
    monkeypatch.setattr(rules, "get", lambda name: Loud)
    request = study(rule_type="LOUD", space={"params.period": [3, 6]})

    with pytest.raises(InvalidTarget, match="between -1 and 1"):
        compute_chunk(request, walks(), 0, 1)


@pytest.mark.parametrize(
    "rule",
    [
        {"rule_type": "VOLUME_BREAKOUT", "space": {"params.period": [5, 9]}},
        {"rule_type": "EXPRESSION", "params": {"entry": "volume > n * sma(volume, 5)"},
         "space": {"params.constants.n": [0.5, 1]}},
    ],
)  # fmt: skip
def test_a_study_of_a_rule_that_reads_volume_is_refused_where_a_bar_has_none_as_its_runs_are(rule):
    (prices,) = walks(bars=80).values()
    volume = np.where(np.arange(80) == 60, np.nan, 1_000.0)
    known = {"AAA": dataset(prices.bars.close[:, 0], symbol="AAA", volume=volume)}
    request = study(**rule)

    with pytest.raises(UnknownVolume, match="on 1 of the"):
        run(request.run_with(plan(request).values(0)), known)
    with pytest.raises(UnknownVolume, match="on 1 of the"):
        compute_chunk(request, known, 0, 1)


@pytest.mark.parametrize("seed", range(40))
def test_the_kernel_of_one_symbol_is_the_engine(seed):
    random = np.random.default_rng(seed)
    market, count = random_market(random, 150, 1), 8
    prices = [np.ascontiguousarray(getattr(market, name)).reshape(-1) for name in PRICES]
    targets = np.array([random_target(random, 150, 1).reshape(-1) for _ in range(count)])
    configs = [random_config(random, initial_capital=10_000.0) for _ in range(count)]
    settings = np.array([settings_of(config, 1) for config in configs])
    returns, facts, equity = np.empty((count, 149)), np.empty((count, kernel().FACTS)), np.empty(150)

    kernel().simulate_rows(
        0,
        150,
        1,
        *prices,
        targets,
        np.arange(count),
        settings,
        10_000.0,
        np.empty(0, np.intp),
        equity,
        returns,
        facts,
    )

    for row, config in enumerate(configs):
        done = simulate(market, targets[row], config)
        worth = np.concatenate(([10_000.0], done.equity[1:]))
        assert facts[row, 0].hex() == float(done.equity[-1]).hex()
        assert (facts[row, 2], facts[row, 3] > 0) == (done.num_trades, done.ruined)
        with np.errstate(all="ignore"):
            np.testing.assert_array_equal(returns[row], worth[1:] / worth[:-1] - 1.0)
