import json
import math
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backtest.metrics import Undefined
from backtest.metrics.probability import (
    bootstrap,
    deflated_sharpe_ratio,
    expected_best_sharpe,
    overfitting_probability,
    probabilistic_sharpe_ratio,
)
from tests.backtest.metric_accounts import account, golden


def random_returns(*shape, seed=3, mean=0.0005):
    return np.random.default_rng(seed).normal(mean, 0.01, shape)


def test_a_threshold_at_the_measured_ratio_is_a_coin_toss():
    run = golden()
    ratio = run.returns.mean() / run.returns.std(ddof=1)

    assert probabilistic_sharpe_ratio(run, ratio) == pytest.approx(0.5)


def test_a_higher_threshold_is_less_likely_to_be_exceeded():
    run = golden()

    found = [probabilistic_sharpe_ratio(run, threshold) for threshold in (-0.1, 0.0, 0.1, 0.2)]

    assert found == sorted(found, reverse=True)


def test_a_single_trial_deflates_nothing():
    assert deflated_sharpe_ratio(golden(), trials=1, deviation=0.05) == probabilistic_sharpe_ratio(golden())


def test_more_trials_raise_the_bar():
    found = [expected_best_sharpe(trials, 0.05) for trials in (1, 2, 10, 100, 10_000)]

    assert found[0] == 0
    assert found == sorted(found)


@pytest.mark.parametrize(("trials", "deviation"), [(0, 0.1), (5, -0.1), (5, math.nan)])
def test_trials_that_cannot_be_are_refused(trials, deviation):
    with pytest.raises(ValueError, match="need at least 1 trial"):
        expected_best_sharpe(trials, deviation)


def slow_overfitting(returns, blocks):
    """The definition, written down as loops."""
    size = len(returns) // blocks
    parts = np.split(returns[len(returns) - size * blocks :], blocks)
    bad = 0
    picks = list(combinations(range(blocks), blocks // 2))
    for pick in picks:
        inside = np.concatenate([parts[i] for i in pick])
        outside = np.concatenate([parts[i] for i in range(blocks) if i not in pick])
        winner = int((inside.mean(0) / inside.std(0, ddof=1)).argmax())
        scores = outside.mean(0) / outside.std(0, ddof=1)
        omega = (scores < scores[winner]).sum() + 1
        omega = omega / (returns.shape[1] + 1)
        bad += math.log(omega / (1 - omega)) <= 0
    return bad / len(picks)


@pytest.mark.parametrize("seed", range(5))
def test_the_overfitting_probability_is_that_of_its_definition(seed):
    returns = random_returns(67, 5, seed=seed)

    assert overfitting_probability(returns, blocks=6) == pytest.approx(slow_overfitting(returns, 6))


def test_one_truly_better_configuration_is_hardly_overfitted():
    returns = random_returns(1600, 10)
    returns[:, 4] += 0.01

    assert overfitting_probability(returns) == 0


def test_configurations_that_are_all_the_same_tell_nothing():
    returns = np.repeat(random_returns(64, 1), 5, axis=1)

    assert overfitting_probability(returns) == 1


@pytest.mark.parametrize(("shape", "blocks"), [((100, 1), 16), ((31, 3), 16), ((100, 3), 5)])
def test_too_little_for_a_split_is_undefined(shape, blocks):
    with pytest.raises(Undefined, match="needs"):
        overfitting_probability(np.zeros(shape), blocks=blocks)


def test_the_bootstrap_is_the_same_for_the_same_seed_and_another_for_another():
    returns = random_returns(250)

    first, again, other = (bootstrap(returns, periods_per_year=252, seed=seed) for seed in (1, 1, 2))

    assert first == again
    assert first.sharpe_ratio != other.sharpe_ratio
    assert first.as_json()["seed"] == 1


def test_the_bootstrap_brackets_the_figures_of_the_series_itself():
    returns = random_returns(1000)

    found = bootstrap(returns, periods_per_year=252, seed=11)

    ratio = returns.mean() / returns.std(ddof=1) * math.sqrt(252)
    growth = np.prod(1 + returns) ** (252 / 1000) - 1
    assert found.sharpe_ratio[0] < ratio < found.sharpe_ratio[2]
    assert found.annual_return[0] < growth < found.annual_return[2]
    assert found.sharpe_ratio[1] == pytest.approx(ratio, abs=0.15)
    # of a mean of 1000 returns: deviation 1.96 / 1.645 less than of 90 %, √(252 / 1000) a ratio
    assert found.sharpe_ratio[2] - found.sharpe_ratio[0] == pytest.approx(
        2 * 1.645 * math.sqrt(0.252), rel=0.2
    )


def test_the_bootstrap_draws_blocks_of_the_mean_length_asked_for():
    from backtest.metrics.probability import _block_indices

    places = _block_indices(np.random.default_rng(5), 200, 500, 10.0)

    follows = (np.diff(places, axis=1) % 500) == 1
    assert places.min() >= 0
    assert places.max() == 499
    assert 1 - follows.mean() == pytest.approx(1 / 10, rel=0.05)


def test_the_bootstrap_of_returns_that_do_not_vary_has_no_sharpe_ratio():
    found = bootstrap(np.full(50, 0.01), periods_per_year=252, seed=1)

    assert found.sharpe_ratio == (None, None, None)
    assert found.max_drawdown == (0, 0, 0)
    assert found.annual_return == pytest.approx((1.01**252 - 1,) * 3)


def test_a_path_that_loses_everything_stays_at_nothing():
    found = bootstrap(np.array([-1.5, 0.1, 0.1, 0.1]), periods_per_year=252, seed=1)

    assert found.annual_return[0] == -1
    assert found.max_drawdown[0] == -1


@given(st.lists(st.floats(-0.5, 0.5), min_size=2, max_size=60), st.integers(0, 2**32))
@settings(deadline=None, max_examples=40)
def test_any_returns_give_a_bootstrap_in_order(returns, seed):
    found = bootstrap(np.array(returns), periods_per_year=252, seed=seed, paths=50)

    json.dumps(found.as_json(), allow_nan=False)
    for low, middle, high in (found.annual_return, found.max_drawdown):
        assert -1 <= low <= middle <= high


def test_fewer_than_two_returns_cannot_be_resampled():
    with pytest.raises(Undefined, match="fewer than 2 returns"):
        bootstrap(np.array([0.1]), periods_per_year=252, seed=1)


def test_the_probability_of_a_run_without_variation_is_undefined():
    with pytest.raises(Undefined, match="zero variance"):
        probabilistic_sharpe_ratio(account([100, 100, 100, 100, 100]))
