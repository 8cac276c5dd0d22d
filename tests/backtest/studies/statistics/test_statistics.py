"""The statistics of studies against definitions, other tools and worked-out numbers."""

import math

import numpy as np
import pytest
from arch.bootstrap import SPA
from arch.bootstrap import optimal_block_length as arch_block_length

from backtest.metrics.account import Undefined
from backtest.metrics.block_length import optimal_block_length
from backtest.metrics.probability import overfitting_probability
from backtest.studies.chunk import BLOCKS
from backtest.studies.space import Axis
from backtest.studies.statistics import reality
from backtest.studies.statistics.deflated import Tried, deflated, effective_trials
from backtest.studies.statistics.landscape import importance, marginals, plateau
from backtest.studies.statistics.overfitting import overfitting
from backtest.studies.statistics.reality import Maxima, beats_benchmark, kernel, weights


def noise(*shape, seed=1, scale=0.01):
    return np.random.default_rng(seed).normal(0.0, scale, shape)


def autoregressive(count, weight, seed):
    values = noise(count, seed=seed)
    for place in range(1, count):
        values[place] += weight * values[place - 1]
    return values


@pytest.mark.parametrize("weight", [-0.5, 0.0, 0.3, 0.8])
@pytest.mark.parametrize("count", [50, 300, 2_520])
def test_the_block_length_is_that_of_arch(weight, count):
    values = autoregressive(count, weight, seed=count)

    expected = float(arch_block_length(values)["stationary"].iloc[0])

    assert optimal_block_length(values) == pytest.approx(max(1.0, expected), rel=1e-9)


def test_a_block_length_needs_returns_that_vary():
    for values in (noise(15), np.zeros(100)):
        with pytest.raises(Undefined):
            optimal_block_length(values)


def block_sums(returns):
    """(N, 16) sums and squares of (T, N) returns, and the length of a block."""
    size = len(returns) // BLOCKS
    cut = returns[len(returns) - size * BLOCKS :].reshape(BLOCKS, size, -1)
    return cut.sum(axis=1).T, (cut * cut).sum(axis=1).T, size


@pytest.mark.parametrize("seed", range(3))
def test_overfitting_from_block_sums_is_that_of_the_returns(seed):
    returns = noise(403, 30, seed=seed)
    returns[:, 3] = returns[:, 4]
    returns[:, 5] = 0.0

    found = overfitting(*block_sums(returns))

    assert found.probability == overfitting_probability(returns)
    assert len(found.logits) == 12_870


def test_overfitting_tells_an_edge_from_noise():
    returns = noise(1_600, 40)
    luck = overfitting(*block_sums(returns))
    returns[:, 7] += 0.003

    edge = overfitting(*block_sums(returns))

    assert edge.probability == 0.0
    assert edge.loss == 0.0
    assert 0.2 < luck.probability < 0.9
    assert luck.slope < 0.0  # what is better in one half is worse in the other where all have one mean


def test_overfitting_leaves_undefined_trials_out_and_needs_two():
    sums, squares, size = block_sums(noise(320, 3))
    sums[0] = np.nan

    assert overfitting(sums, squares, size).trials == 2
    sums[1] = np.nan
    with pytest.raises(Undefined, match="at least 2 trials"):
        overfitting(sums, squares, size)


def test_many_trials_are_judged_by_some_of_the_splits(monkeypatch):
    from backtest.studies.statistics import overfitting as module

    monkeypatch.setattr(module, "MOST_RATIOS", 12_870 * 30 // 4)

    found = overfitting(*block_sums(noise(403, 30)))

    assert len(found.logits) == 2 * math.ceil(6_435 / 4)
    monkeypatch.setattr(module, "MOST_RATIOS", 1)
    assert len(overfitting(*block_sums(noise(403, 30))).logits) == 2 * math.ceil(6_435 / 32)


def table_of(returns, benchmark, *, parts=1, seed=3):
    tables = []
    for part in np.array_split(returns.T, parts):
        collected = Maxima(benchmark, seed=seed)
        collected.add(np.ascontiguousarray(part), np.ones(len(part), np.bool_))
        tables.append(collected.table)
    return np.maximum.reduce(tables)


def test_the_maxima_of_chunks_are_those_of_all_trials_at_once():
    returns, benchmark = noise(500, 60), noise(500, seed=9)

    whole = table_of(returns, benchmark)

    for parts in (2, 7, 60):
        np.testing.assert_array_equal(table_of(returns, benchmark, parts=parts), whole)


@pytest.mark.parametrize("lead", [0.0, 0.0008, 0.0015])
def test_the_test_of_superior_ability_is_that_of_arch(lead, monkeypatch):
    monkeypatch.setattr(reality, "optimal_block_length", lambda values: 1.0)
    returns, benchmark = noise(126, 20), noise(126, seed=9)
    returns[:, 4] += lead

    found = beats_benchmark(table_of(returns, benchmark), 126)

    spa = SPA(-benchmark, -returns, block_size=1, reps=2_000, seed=1)
    spa.compute()
    ours = (found.spa_lower, found.spa, found.spa_upper)
    np.testing.assert_allclose(ours, spa.pvalues.to_numpy(), atol=0.06)


def test_a_reality_check_is_the_share_of_paths_whose_best_mean_is_higher():
    differences = noise(20, 5)  # 20 periods are 20 groups
    drawn = weights(20, 1.0, seed=3, paths=500)

    table = table_of(differences, np.zeros(20), seed=3)

    best = math.sqrt(20) * differences.mean(axis=0).max()
    paths = (drawn.T @ (differences - differences.mean(axis=0))).max(axis=1) / math.sqrt(20)
    np.testing.assert_allclose(table[0], [best, *paths], rtol=1e-4, atol=1e-6)
    assert beats_benchmark(table, 20).reality_check == np.mean(paths >= best)


@pytest.mark.parametrize("scale", [1e-12, 0.01, 1e6])
def test_resampled_sums_are_exact_whole_numbers_that_any_order_adds_alike(scale):
    differences, groups = noise(40, 126, scale=scale), 126
    wholes, observed, scales = np.empty((40, groups), np.float32), np.empty(40), np.empty(40)
    drawn = weights(groups, 3.0, seed=1, paths=300)

    taken = kernel().centre(differences, np.arange(40) % 3 > 0, wholes, observed, scales)

    assert taken == 26
    exact = wholes[:taken].astype(np.int64) @ drawn.astype(np.int64)
    np.testing.assert_array_equal(wholes[:taken] @ drawn, exact)
    assert np.abs(exact).max() < 2**24
    kept = differences[np.arange(40) % 3 > 0]
    means = (kept - kept.mean(axis=1, keepdims=True)) @ drawn / math.sqrt(groups)
    np.testing.assert_allclose(exact * scales[:taken, None], means, atol=1e-4 * scale)


def test_trials_whose_returns_are_undefined_or_that_never_differ_raise_no_maximum():
    returns, benchmark = noise(300, 3), noise(300, seed=9)
    returns[7, 0] = np.nan
    returns[:, 1] = benchmark

    table = table_of(returns[:, :2], benchmark)

    assert (table[0] == 0.0).all()
    assert (table[1:] == -np.inf).all()


def test_a_planted_lead_is_seen_and_noise_is_not():
    returns, benchmark = noise(2_520, 50), noise(2_520, seed=9)
    luck = beats_benchmark(table_of(returns, benchmark), 2_520)
    returns[:, 3] = benchmark + 0.001 + noise(2_520, seed=4, scale=0.002)

    lead = beats_benchmark(table_of(returns, benchmark), 2_520)

    assert lead.spa == 0.0
    assert lead.reality_check < 0.02
    assert min(luck.spa, luck.reality_check) > 0.05


def test_every_path_draws_as_many_groups_as_there_are():
    drawn = weights(126, 4.0, seed=1, paths=200)

    assert (drawn.sum(axis=0) == 126).all()


def test_the_deflated_ratio_is_that_of_the_published_example():
    """Bailey and López de Prado (2014), section "A numerical example": 0.9004 of 100 trials over 1,250 days."""
    tried = Tried(100, 0.0, 0.5 / 250)  # variance 1/2 of annual ratios
    ratio, skew, tail, count = 2.5 / math.sqrt(250), -3.0, 10.0, 1_250

    from backtest.metrics.probability import expected_best_sharpe, normal_cdf

    threshold = expected_best_sharpe(tried.trials, math.sqrt(tried.variance))
    variance = 1.0 - skew * ratio + (tail - 1.0) / 4.0 * ratio**2

    assert threshold == pytest.approx(0.1132, abs=5e-5)
    assert normal_cdf((ratio - threshold) * math.sqrt((count - 1) / variance)) == pytest.approx(
        0.9004, abs=1e-4
    )


def test_more_trials_deflate_more_and_an_effective_number_less():
    returns = noise(1_000, seed=2) + 0.0008

    few, many = (deflated(returns, Tried(count, 0.0, 0.001), 2.0) for count in (10, 1_000))

    assert many.probability < few.probability < 1.0
    assert many.effective_probability == pytest.approx(few.effective_probability)
    assert many.effective_probability > few.probability


def test_one_trial_is_not_deflated():
    returns = noise(500, seed=2) + 0.0005

    alone = deflated(returns, Tried(1, 0.0, 0.0), 1.0)

    assert alone.expected == 0.0
    assert alone.deviation == pytest.approx(1 / math.sqrt(499))


def test_pooled_trials_have_the_mean_and_variance_of_all():
    ratios = noise(70, seed=5)
    parts = [Tried.of(part) for part in (ratios[:1], ratios[1:30], ratios[30:])]

    pooled = parts[0].with_more(parts[1]).with_more(parts[2])

    assert pooled.trials == 70
    assert pooled.mean == pytest.approx(ratios.mean())
    assert pooled.variance == pytest.approx(ratios.var(ddof=1))


def test_effective_trials_are_the_participation_ratio_of_the_eigenvalues():
    basis = noise(8, 4_000)
    returns = np.vstack([basis, basis + noise(8, 4_000, seed=3) * 0.1])

    found = effective_trials(returns, 16)

    eigenvalues = np.linalg.eigvalsh(np.corrcoef(returns))
    assert found == pytest.approx(eigenvalues.sum() ** 2 / (eigenvalues**2).sum(), rel=0.01)
    assert effective_trials(noise(50, 300), 50) == pytest.approx(50, rel=0.02)
    assert effective_trials(np.repeat(noise(1, 300), 50, axis=0), 50) == pytest.approx(1.0)


AXES = (Axis("params.a", (1, 2, 3), None), Axis("params.b", (10, 20, 30), None))
SCORES = np.array([1.0, 2.0, 3.0, 4.0, 9.0, 6.0, 7.0, 8.0, np.nan])


def test_a_plateau_is_the_median_of_a_trial_and_its_neighbours():
    found = plateau(AXES, np.arange(9), SCORES)

    assert found[0] == np.median([1, 2, 4, 9])
    assert found[4] == np.median([1, 2, 3, 4, 9, 6, 7, 8])
    assert found[8] == np.median([9, 6, 8])


def test_a_plateau_of_a_grid_with_refused_combinations_skips_them():
    numbers = np.array([0, 1, 4])

    assert plateau(AXES, numbers, np.array([1.0, 2.0, 9.0])).tolist() == [2.0, 2.0, 2.0]


def test_an_input_that_explains_everything_has_an_importance_of_one():
    params = {"params.a": np.repeat([1, 2, 3], 3), "params.b": np.tile([10, 20, 30], 3)}

    found = importance(AXES, params, np.repeat([1.0, 5.0, 2.0], 3))

    assert found == {"params.a": pytest.approx(1.0), "params.b": pytest.approx(0.0)}


def test_a_marginal_counts_the_trials_of_a_value():
    values, known = np.repeat([1, 2, 3], 3), np.ones(9, np.bool_)
    known[0] = False

    first, _, last = marginals(AXES[0], values, SCORES, SCORES - 2.5, known)

    assert (first.trials, first.best, first.median, first.profitable) == (2, 3.0, 2.5, 0.5)
    assert (last.trials, last.best, last.mean) == (3, 8.0, 7.5)
