import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backtest.metrics.benchmark import buy_and_hold
from backtest.metrics.periods import monthly_returns, return_distribution, rolling, yearly_returns
from tests.backtest.metric_accounts import account

ACROSS = ["2023-12-28", "2023-12-29", "2024-01-02", "2024-02-01", "2024-02-29", "2025-01-02"]


def test_the_year_begins_at_the_last_close_of_the_year_before():
    rows = yearly_returns(account([100, 110, 121, 121, 99, 198], times=ACROSS))

    assert [(row["year"], pytest.approx(row["return"])) for row in rows] == [
        (2023, 0.1),
        (2024, -0.1),
        (2025, 1),
    ]


def test_months_without_a_close_are_left_out_and_the_next_one_takes_their_return():
    rows = monthly_returns(account([100, 110, 121, 121, 99, 198], times=ACROSS, benchmark=[1, 1, 2, 2, 2, 1]))

    assert [(row["year"], row["month"]) for row in rows] == [(2023, 12), (2024, 1), (2024, 2), (2025, 1)]
    assert [row["return"] for row in rows] == pytest.approx([0.1, 0.1, -2 / 11, 1])
    assert [row["benchmark_return"] for row in rows] == pytest.approx([0, 1, 0, -0.5])


def test_a_single_close_has_no_period():
    assert (yearly_returns(account([100])), monthly_returns(account([100]))) == ([], [])


def test_a_year_that_begins_with_nothing_has_no_return():
    rows = yearly_returns(account([100, 0, 0, 0, 0, 0], times=ACROSS))

    assert [row["return"] for row in rows] == [-1, None, None]


def test_a_run_that_begins_on_new_years_day_has_no_extra_year():
    rows = yearly_returns(account([100, 110], times=["2024-01-01", "2024-01-02"]))

    assert [(row["year"], row["benchmark_return"]) for row in rows] == [(2024, None)]


@given(st.lists(st.floats(-0.2, 0.25), min_size=1, max_size=400))
@settings(deadline=None)
def test_the_returns_of_months_and_of_years_each_compound_to_the_total(moves):
    equity = 1000 * np.cumprod([1.0, *(1 + move for move in moves)])
    whole = account(equity)

    for rows in (monthly_returns(whole), yearly_returns(whole)):
        assert np.prod([1 + row["return"] for row in rows]) == pytest.approx(equity[-1] / equity[0])


def test_rolling_figures_are_those_of_the_last_window():
    moves = np.random.default_rng(7).normal(0.001, 0.01, 200)
    equity = 1000 * np.cumprod(np.concatenate(([1.0], 1 + moves)))

    found = rolling(account(equity))

    last = moves[-126:]
    assert found.window == 126
    assert np.isnan(found.volatility[:126]).all()
    assert found.volatility[-1] == pytest.approx(last.std(ddof=1) * np.sqrt(252))
    assert found.sharpe_ratio[-1] == pytest.approx(last.mean() / last.std(ddof=1) * np.sqrt(252))
    assert found.sharpe_ratio[126] == pytest.approx(
        moves[:126].mean() / moves[:126].std(ddof=1) * np.sqrt(252)
    )


def test_the_return_and_beta_of_a_chosen_window_are_those_of_its_returns():
    random = np.random.default_rng(3)
    market = random.normal(0.0005, 0.01, 120)
    moves = 0.7 * market + random.normal(0, 0.004, 120)
    equity, benchmark = (1000 * np.cumprod(np.concatenate(([1.0], 1 + part))) for part in (moves, market))

    found = rolling(account(equity, benchmark=benchmark), window=20)

    assert np.isnan(found.beta[:20]).all()
    assert np.isnan(found.total_return[:20]).all()
    assert found.total_return[50] == pytest.approx(np.prod(1 + moves[30:50]) - 1)
    covariance = np.cov(moves[30:50], market[30:50], ddof=1)
    assert found.beta[50] == pytest.approx(covariance[0, 1] / covariance[1, 1])
    assert found.beta[-1] == pytest.approx(0.7, abs=0.5)


def test_beta_is_unknown_where_the_benchmark_stands_still_and_without_one():
    equity, still = 100 * np.cumprod(np.tile([1.01, 0.995], 30)), np.full(60, 7.0)

    assert np.isnan(rolling(account(equity, benchmark=still), window=10).beta).all()
    assert np.isnan(rolling(account(equity), window=10).beta).all()


def test_a_window_in_which_nothing_moves_has_no_sharpe_ratio():
    equity = np.concatenate((np.full(130, 100.0), [110.0, 90.0], np.full(130, 95.0)))

    found = rolling(account(equity))

    assert np.isnan(found.sharpe_ratio[[126, -1]]).all()
    assert found.volatility[-1] == 0
    assert np.isfinite(found.sharpe_ratio[131])


def test_a_run_shorter_than_the_window_has_no_rolling_figure():
    found = rolling(account([100, 101, 102]))

    assert np.isnan(found.sharpe_ratio).all()
    assert len(found.times) == 3


def test_the_distribution_counts_every_return_once():
    moves = np.random.default_rng(7).normal(0, 0.01, 300)

    found = return_distribution(account(1000 * np.cumprod(np.concatenate(([1.0], 1 + moves)))))

    assert sum(found["counts"]) == 300
    assert len(found["edges"]) == len(found["counts"]) + 1
    json.dumps(found, allow_nan=False)


def test_periods_in_cash_are_left_out_of_the_distribution_and_counted():
    equity = [100.0] * 50 + [101.0, 99.0, 99.0, 102.0] + [102.0] * 20

    found = return_distribution(account(equity))

    assert (sum(found["counts"]), found["idle"]) == (3, 70)
    assert return_distribution(account([100.0] * 9)) == {"edges": [0.0], "counts": [], "idle": 8}


def test_the_benchmark_spreads_the_capital_evenly_and_leaves_it_alone():
    close = np.array([[10.0, 100.0], [20.0, 100.0], [20.0, 50.0]])

    np.testing.assert_allclose(buy_and_hold(close, 1000), [1000, 1500, 1250])
