import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backtest.metrics import CATALOGUE, compute_metrics
from backtest.metrics.trade_statistics import by_exit_reason, by_side
from tests.backtest.metric_accounts import account, trades

PNL = [200.0, -100.0, 0.0, 50.0, -50.0, -50.0]


def figure(name, pnl, **rest):
    return CATALOGUE[name](account([100, 101], closed=trades(pnl, **rest)))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("num_trades", 6),
        ("win_rate", 2 / 6),
        ("loss_rate", 3 / 6),
        ("breakeven_rate", 1 / 6),
        ("profit_factor", 250 / 200),
        ("expectancy", 50 / 6),
        ("avg_win", 125),
        ("avg_loss", -200 / 3),
        ("payoff_ratio", 1.875),
        ("expectancy_ratio", 2.875 / 3 - 1),
        ("kelly", 1 / 3 - 2 / 3 / 1.875),
        ("max_consecutive_losses", 2),
    ],
)
def test_trade_figures_of_two_wins_three_losses_and_one_draw(name, expected):
    assert figure(name, PNL) == pytest.approx(expected)


def test_system_quality_is_mean_over_deviation_times_the_root_of_the_number():
    value = figure("sqn", [1.0, 2.0, 3.0])  # mean 2, deviation 1

    assert value == pytest.approx(2 * math.sqrt(3))


@pytest.mark.parametrize(
    ("pnl", "name", "reason"),
    [
        ([5.0], "sqn", "undefined: fewer than 2 trades"),
        ([5.0, 5.0], "sqn", "undefined: zero variance of trade profits"),
        ([5.0, 6.0], "profit_factor", "undefined: no losing trades"),
        ([5.0, 0.0], "avg_loss", "undefined: no losing trades"),
        ([-5.0, 0.0], "avg_win", "undefined: no winning trades"),
        ([-5.0], "kelly", "undefined: no winning trades"),
    ],
)
def test_what_the_trades_cannot_tell_has_a_reason(pnl, name, reason):
    metrics = compute_metrics(account([100, 101], pnl=pnl))

    assert (metrics.values[name], metrics.reasons[name]) == (None, reason)


def test_only_losses_are_a_profit_factor_of_zero():
    assert figure("profit_factor", [-5.0, -1.0]) == 0


def test_percent_figures_are_of_the_trades_percent():
    percents = [10.0, -4.0, 3.0]

    values = {name: figure(name, [1, -1, 1], pnl_pct=percents) for name in
              ("best_trade_pct", "worst_trade_pct", "avg_trade_pct")}  # fmt: skip

    assert values == {"best_trade_pct": 10, "worst_trade_pct": -4, "avg_trade_pct": pytest.approx(3)}


def test_costs_are_summed_over_both_sides():
    closed = {"entry_fee": [1.0, 2.0], "exit_fee": [0.5, 0.5], "slippage": [3.0, 4.0], "borrow": [0.1, 0.2]}

    assert figure("total_fees", [1, 1], **closed) == 4
    assert figure("total_slippage", [1, 1], **closed) == 7
    assert figure("total_borrow", [1, 1], **closed) == pytest.approx(0.3)


def test_turnover_counts_buying_and_selling_the_whole_account_once_as_one():
    closed = trades([0.0], size=[10.0], entry_fill=[10.0], exit_fill=[10.0])

    value = CATALOGUE["turnover"](account([100] * 253, closed=closed))  # 252 returns are one year

    assert value == pytest.approx(1)


def test_exposure_is_the_share_of_bars_with_a_position():
    held = np.array([False, True, True, False])

    assert CATALOGUE["exposure"](account([100, 101, 102, 102], held=held)) == 0.5


def test_trades_are_split_by_how_they_ended():
    closed = trades([10, -5, 20], exit_reason=[0, 1, 0], pnl_pct=[1.0, -2.0, 3.0], bars_held=[4, 1, 6])

    rows = by_exit_reason(closed, {0: "signal", 1: "stop_loss", 2: "take_profit"})

    assert rows == [
        {"exit_reason": "signal", "trades": 2, "win_rate": 1, "pnl": 30, "avg_trade_pct": 2,
         "avg_bars_held": 5},
        {"exit_reason": "stop_loss", "trades": 1, "win_rate": 0, "pnl": -5, "avg_trade_pct": -2,
         "avg_bars_held": 1},
    ]  # fmt: skip


def test_trades_are_split_by_side_and_a_side_without_trades_is_left_out():
    assert [row["side"] for row in by_side(trades([1, 2], side=[-1, -1]))] == ["short"]
    assert by_side(trades()) == []


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=50))
def test_the_rates_of_wins_losses_and_draws_add_up_to_one(pnl):
    rates = [figure(name, pnl) for name in ("win_rate", "loss_rate", "breakeven_rate")]

    assert sum(rates) == pytest.approx(1)
    assert all(0 <= rate <= 1 for rate in rates)


@given(st.lists(st.integers(-100, 100), min_size=1, max_size=50))
def test_the_longest_losing_run_is_that_of_a_walk_over_the_trades(pnl):
    longest = current = 0
    for value in pnl:
        current = current + 1 if value < 0 else 0
        longest = max(longest, current)

    assert figure("max_consecutive_losses", pnl) == longest
