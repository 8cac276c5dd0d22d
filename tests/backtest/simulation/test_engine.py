"""Every sentence of docs/engine.md, worked out by hand on a handful of bars."""

import numpy as np
import pytest

from backtest.simulation.simulate import EXIT_REASONS
from tests.backtest.markets import NAN, bars, flat, portfolio, traded

RISE = (*flat(10.0, 10.0), (10.0, 12.0, 9.0, 11.0), (11.0, 13.0, 10.0, 12.0))


def reasons(done):
    return [EXIT_REASONS[code] for code in done.trades.exit_reason]


def test_a_signal_fills_at_the_next_open_with_what_the_capital_buys():
    done = traded(bars(*RISE), [NAN, 1, 1, 1])

    assert done.equity.tolist() == [1000.0, 1000.0, 1100.0, 1200.0]
    assert done.position[:, 0].tolist() == [0.0, 0.0, 100.0, 0.0]
    assert (done.trades.entry_bar[0], done.trades.entry_price[0], done.trades.pnl[0]) == (2, 10.0, 200.0)


def test_a_close_fill_happens_at_the_signal_bar_and_marks_the_result():
    done = traded(bars(*RISE), [NAN, NAN, 1, 0], fill="close")

    assert done.same_bar_fill
    assert done.trades.size[0] == 90.0  # 1000 // 11
    assert (done.trades.entry_bar[0], done.trades.exit_bar[0], done.trades.pnl[0]) == (2, 3, 90.0)
    assert reasons(done) == ["signal"]


def test_slippage_moves_each_fill_against_the_order_and_stands_in_a_column_of_its_own():
    done = traded(bars(*flat(100.0, 100.0, 100.0, 100.0)), [1, 1, 0, 0], slippage_bps=100)

    trades = done.trades
    assert trades.size[0] == 9.0  # 1000 // 101
    assert (trades.entry_price[0], trades.entry_fill[0]) == (100.0, 101.0)
    assert (trades.exit_price[0], trades.exit_fill[0]) == (100.0, 99.0)
    assert trades.slippage[0] == pytest.approx(18.0)
    assert done.equity[-1] == pytest.approx(982.0)


@pytest.mark.parametrize(
    ("costs", "fee"),
    [({"fee_rate": 0.01}, 9.0), ({"fee_per_share": 0.5}, 4.5), ({"fee_min": 20.0}, 20.0),
     ({"fee_rate": 0.01, "fee_per_share": 0.5, "fee_min": 20.0}, 20.0)],
)  # fmt: skip
def test_the_fee_is_rate_and_shares_together_at_least_the_minimum(costs, fee):
    done = traded(bars(*flat(100.0, 100.0, 100.0, 100.0)), [1, 1, 0, 0], **costs)

    assert done.trades.size[0] == 9.0
    assert (done.trades.entry_fee[0], done.trades.exit_fee[0]) == (fee, fee)
    assert done.equity[-1] == pytest.approx(1000.0 - 2 * fee)


def test_fees_lie_within_the_budget_so_that_cash_is_never_negative():
    done = traded(bars(*flat(100.0, 100.0, 100.0)), [1, 1, 1], fee_rate=0.001)

    assert done.position[1, 0] == 9.0  # ten shares would cost 1001
    assert done.cash[1] == pytest.approx(99.1)


def test_fractional_shares_spend_the_budget_and_never_more():
    done = traded(bars(*flat(100.0, 100.0, 100.0)), [1, 1, 1], fee_rate=0.001, fractional=True)

    assert done.position[1, 0] == pytest.approx(1000.0 / 100.1, rel=1e-15)
    assert 0.0 <= done.cash[1] < 1e-12


def test_percent_of_equity_at_the_fill_sizes_the_position():
    done = traded(bars(*flat(10.0, 10.0, 10.0)), [0.5, 0.5, 0.5], size=40.0)

    assert done.position[1, 0] == 20.0  # 1000 * 40 % * 0.5 / 10


def test_a_value_in_currency_sizes_the_position():
    done = traded(bars(*flat(10.0, 10.0, 10.0)), [1, 1, 1], size_type="value", size=255.0)

    assert done.position[1, 0] == 25.0


def test_a_number_of_shares_sizes_the_position():
    done = traded(bars(*flat(10.0, 10.0, 10.0)), [-0.5, NAN, NAN], size_type="shares", size=25.0)

    assert done.position[1, 0] == -12.0


def test_a_buy_beyond_the_cash_is_cut_to_what_is_affordable_and_counted():
    done = traded(bars(*flat(10.0, 10.0, 10.0)), [1, 1, 1], size_type="shares", size=500.0, fee_min=5.0)

    assert done.position[1, 0] == 99.0
    assert (done.order_statistics.fills, done.order_statistics.cut) == (1, 1)


def test_a_budget_below_one_share_is_rejected_as_too_small():
    done = traded(bars(*flat(5000.0, 5000.0, 5000.0)), [1, 1, 1])

    assert len(done.trades) == 0
    assert done.order_statistics.as_dict() == {
        "signals": 1, "unchanged": 0, "orders": 1, "cut": 0, "fills": 0,
        "rejected": {"direction": 0, "no_next_bar": 0, "too_small": 1, "no_cash": 0, "ruined": 0},
    }  # fmt: skip


def test_an_order_for_which_another_symbol_left_no_money_is_rejected_for_cash():
    market = portfolio(A=flat(10.0, 10.0, 10.0), B=flat(10.0, 10.0, 10.0))

    done = traded(market, [[1, 1], [NAN, NAN], [NAN, NAN]], size_type="shares", size=100.0)

    assert done.position[1].tolist() == [100.0, 0.0]
    assert done.order_statistics.rejected["no_cash"] == 1


def test_the_last_cent_buys_no_dust_of_fractional_shares():
    market = portfolio(A=flat(7.0, 7.0, 7.0), B=flat(10.0, 10.0, 10.0))

    done = traded(
        market, [[1, 1], [NAN, NAN], [NAN, NAN]],
        size_type="value", size=1000.0, fractional=True, fee_rate=0.003,
    )  # fmt: skip

    assert done.position[1, 1] == 0.0
    assert done.order_statistics.rejected["no_cash"] == 1


def test_a_third_of_the_money_for_each_of_three_is_no_cut():
    market = portfolio(**{name: flat(7.0, 7.0, 7.0) for name in "ABC"})

    done = traded(market, [[1, 1, 1]] * 3, fractional=True, fee_rate=0.003)

    assert (done.order_statistics.fills, done.order_statistics.cut) == (3, 0)


def test_a_signal_on_the_last_bar_has_no_next_bar():
    done = traded(bars(*flat(10.0, 10.0, 10.0)), [NAN, NAN, 1])

    assert done.order_statistics.rejected["no_next_bar"] == 1
    assert done.equity.tolist() == [1000.0] * 3


def test_a_side_that_may_not_be_held_is_rejected_when_flat_and_closes_when_not():
    done = traded(bars(*flat(10.0, 10.0, 10.0, 10.0, 10.0)), [-1, 1, -1, -1, -1], direction="long_only")

    assert done.position[:, 0].tolist() == [0.0, 0.0, 100.0, 0.0, 0.0]
    assert (
        done.order_statistics.signals,
        done.order_statistics.rejected["direction"],
        done.order_statistics.fills,
    ) == (3, 1, 2)


def test_short_only_holds_no_longs():
    done = traded(bars(*flat(10.0, 10.0, 10.0)), [1, -1, -1], direction="short_only")

    assert done.position[:, 0].tolist() == [0.0, 0.0, 0.0]
    assert done.trades.side.tolist() == [-1]


def test_an_unchanged_target_does_not_rebalance_the_drift():
    done = traded(bars(*flat(10.0, 10.0, 20.0, 40.0)), [0.5, 0.5, 0.5, 0.5])

    assert done.position[:3, 0].tolist() == [0.0, 50.0, 50.0]
    assert done.order_statistics.signals == 1


def test_nan_is_no_change_and_the_same_target_after_it_is_counted_unchanged():
    done = traded(bars(*flat(10.0, 10.0, 10.0, 10.0, 10.0)), [1, NAN, 1, NAN, NAN])

    assert done.position[1:4, 0].tolist() == [100.0] * 3
    assert (done.order_statistics.signals, done.order_statistics.unchanged, done.order_statistics.orders) == (
        2,
        1,
        1,
    )


def test_a_first_zero_is_no_signal_and_minus_zero_is_zero():
    done = traded(bars(*flat(10.0, 10.0, 10.0)), [0.0, -0.0, 0.0])

    assert done.order_statistics.signals == 0


def test_a_reduction_sells_the_surplus_with_its_part_of_the_entry_fee():
    done = traded(bars(*flat(10.0, 10.0, 20.0, 20.0, 20.0)), [1, 0.5, 0.5, 0, 0], fee_min=10.0)

    trades = done.trades
    assert trades.size.tolist() == [50.0, 49.0]  # 99 held, equity 1990, half of it 49 shares of 20
    assert trades.entry_fee.tolist() == pytest.approx([10.0 * 50 / 99, 10.0 * 49 / 99])
    assert trades.exit_fee.tolist() == [10.0, 10.0]
    assert trades.pnl.sum() == pytest.approx(done.equity[-1] - 1000.0)


def test_an_increase_averages_the_entry():
    market = bars(*flat(10.0, 10.0, 10.0, 20.0, 20.0))

    done = traded(market, [0.5, 0.5, 1, 1, 1], size_type="shares", size=60.0)

    assert (done.trades.size[0], done.trades.entry_price[0]) == (60.0, 15.0)  # 30 at 10, 30 at 20
    assert (done.trades.entry_bar[0], done.trades.pnl[0]) == (1, 300.0)


def test_a_reversal_closes_and_opens_the_other_side_at_the_same_open():
    done = traded(bars(*flat(10.0, 10.0, 20.0, 10.0)), [1, -1, -1, -1])

    assert done.position[:3, 0].tolist() == [0.0, 100.0, -100.0]
    assert done.trades.side.tolist() == [1, -1]
    assert done.trades.pnl.tolist() == [1000.0, 1000.0]
    assert (done.order_statistics.orders, done.order_statistics.fills) == (2, 2)


def test_a_reversal_whose_new_side_comes_to_nothing_is_a_cut_fill_and_leaves_the_symbol_flat():
    done = traded(bars(*flat(10.0, 10.0, 4.0, 4.0)), [1, -0.001, -0.001, -0.001])

    assert done.position[2, 0] == 0.0
    assert (
        done.order_statistics.fills,
        done.order_statistics.cut,
        done.order_statistics.rejected["too_small"],
    ) == (2, 1, 0)


def test_a_short_is_bound_by_equity_and_earns_when_the_price_falls():
    done = traded(bars(*flat(10.0, 10.0, 8.0, 8.0)), [-1, -1, -1, -1])

    assert (done.position[1, 0], done.cash[1], done.equity[2]) == (-100.0, 2000.0, 1200.0)
    assert done.trades.pnl.tolist() == [200.0]


def test_proceeds_of_a_short_buy_nothing():
    market = portfolio(A=flat(10.0, 10.0, 10.0), B=flat(10.0, 10.0, 10.0))

    done = traded(market, [[-1, 1], [NAN, NAN], [NAN, NAN]], size_type="shares", size=60.0)

    assert done.position[1].tolist() == [-60.0, 40.0]  # free: 1600 - 2 * 600


def test_borrow_is_charged_at_each_close_on_the_market_value():
    done = traded(
        bars(*flat(10.0, 10.0, 20.0, 20.0)), [-0.5, 0, 0, 0], borrow_rate=0.1, periods_per_year=10.0
    )

    assert done.trades.borrow.tolist() == [5.0]  # 50 * 10 * 1 %, once: closed at the open of bar 2
    assert done.equity.tolist() == [1000.0, 995.0, 495.0, 495.0]


def test_a_stop_within_the_bar_fills_at_its_level():
    market = bars(*flat(100.0, 100.0), (100.0, 101.0, 94.0, 99.0), *flat(99.0))

    done = traded(market, [1, 1, 1, 1], stop_loss_pct=5)

    assert (done.trades.exit_bar[0], done.trades.exit_price[0], reasons(done)) == (2, 95.0, ["stop_loss"])


def test_a_gap_through_the_stop_fills_at_the_open():
    market = bars(*flat(100.0, 100.0), (90.0, 92.0, 88.0, 91.0), *flat(91.0))

    done = traded(market, [1, 1, 1, 1], stop_loss_pct=5)

    assert (done.trades.exit_price[0], reasons(done)) == (90.0, ["stop_loss"])


def test_a_gap_through_the_target_fills_at_the_open():
    market = bars(*flat(100.0, 100.0), (110.0, 112.0, 104.0, 111.0), *flat(111.0))

    done = traded(market, [1, 1, 1, 1], take_profit_pct=5)

    assert (done.trades.exit_price[0], reasons(done)) == (110.0, ["take_profit"])


def test_when_stop_and_target_lie_in_one_bar_the_stop_wins_and_the_bar_is_ambiguous():
    market = bars(*flat(100.0, 100.0), (100.0, 106.0, 94.0, 100.0), *flat(100.0))

    done = traded(market, [1, 1, 1, 1], stop_loss_pct=5, take_profit_pct=5)

    assert (done.trades.exit_price[0], reasons(done), done.ambiguous_bars) == (95.0, ["stop_loss"], 1)


def test_the_stop_is_active_on_the_bar_of_the_fill():
    market = bars(*flat(100.0), (100.0, 100.0, 94.0, 99.0), *flat(99.0))

    done = traded(market, [1, 1, 1], stop_loss_pct=5)

    assert (done.trades.entry_bar[0], done.trades.exit_bar[0], done.trades.bars_held[0]) == (1, 1, 0)


def test_after_a_close_fill_the_stop_is_active_from_the_next_bar():
    market = bars((100.0, 120.0, 80.0, 100.0), (100.0, 100.0, 94.0, 99.0), *flat(99.0))

    done = traded(market, [1, 1, 1], stop_loss_pct=5, fill="close")

    assert (done.trades.entry_bar[0], done.trades.exit_bar[0]) == (0, 1)


def test_levels_count_from_the_fill_after_slippage():
    market = bars(*flat(100.0), (100.0, 101.0, 96.0, 99.0), *flat(99.0))

    done = traded(market, [1, 1, 1], stop_loss_pct=5, slippage_bps=200)

    assert done.trades.exit_price[0] == pytest.approx(96.9)  # 102 less 5 %
    assert done.trades.exit_fill[0] == pytest.approx(96.9 * 0.98)


def test_the_trail_moves_only_after_a_bar_has_closed():
    market = bars(*flat(100.0), (100.0, 120.0, 100.0, 119.0), (119.0, 119.0, 105.0, 110.0), *flat(110.0))

    done = traded(market, [1, 1, 1, 1], trailing_stop_pct=10)

    assert (done.trades.exit_bar[0], done.trades.exit_price[0]) == (2, 108.0)
    assert reasons(done) == ["trailing_stop"]


def test_the_trail_starts_at_the_fill_with_its_slippage_where_no_raw_price_was_better():
    market = bars(*flat(100.0), (100.0, 100.5, 90.8, 99.0), *flat(99.0))

    done = traded(market, [1, 1, 1], trailing_stop_pct=10, slippage_bps=100)

    assert done.trades.exit_price[0] == pytest.approx(90.9)  # 101 less 10 %; from 100.5 it would be 90.45
    assert reasons(done) == ["trailing_stop"]


def test_a_signal_to_leave_on_the_last_bar_finds_what_the_end_of_data_has_closed():
    done = traded(bars(*flat(100.0, 100.0, 100.0)), [1, 1, 0])

    assert reasons(done) == ["end_of_data"]
    statistics = done.order_statistics
    assert (statistics.signals, statistics.unchanged, statistics.rejected["no_next_bar"]) == (2, 1, 0)


def test_a_size_in_shares_is_taken_times_the_target():
    done = traded(bars(*flat(10.0, 10.0, 10.0)), [0.5, 0.5, 0.5], size_type="shares", size=20)

    assert done.trades.size[0] == 10.0


def test_the_tighter_of_stop_and_trail_counts_and_names_the_exit():
    market = bars(*flat(100.0), (100.0, 101.0, 94.0, 95.0), *flat(95.0))

    done = traded(market, [1, 1, 1], trailing_stop_pct=10, stop_loss_pct=5)

    assert (done.trades.exit_price[0], reasons(done)) == (95.0, ["stop_loss"])


def test_a_short_mirrors_stop_target_and_trail():
    up = bars(*flat(100.0), (100.0, 106.0, 99.0, 105.0), *flat(105.0))
    down = bars(*flat(100.0), (100.0, 101.0, 94.0, 95.0), *flat(95.0))
    back = bars(*flat(100.0), (100.0, 100.0, 80.0, 81.0), (81.0, 89.0, 81.0, 85.0), *flat(85.0))

    stopped = traded(up, [-1, -1, -1], stop_loss_pct=5)
    paid = traded(down, [-1, -1, -1], take_profit_pct=5)
    trailed = traded(back, [-1, -1, -1, -1], trailing_stop_pct=10)

    assert stopped.trades.exit_price.tolist() == [105.0]
    assert paid.trades.exit_price.tolist() == [95.0]
    assert trailed.trades.exit_price.tolist() == [88.0]


def test_a_pending_order_executes_at_the_open_before_the_stop_is_looked_at():
    market = bars(*flat(100.0, 100.0), (90.0, 92.0, 88.0, 91.0), *flat(91.0))

    done = traded(market, [1, 0, 0, 0], stop_loss_pct=5)

    assert (done.trades.exit_price[0], reasons(done)) == (90.0, ["signal"])


def test_after_a_stop_the_same_target_does_not_reenter_but_one_stated_anew_does():
    market = bars(*flat(100.0), (100.0, 100.0, 94.0, 99.0), *flat(99.0, 99.0, 99.0, 99.0))

    silent = traded(market, [1, 1, 1, 1, 1, 1], stop_loss_pct=5)
    anew = traded(market, [1, 1, NAN, 1, 1, 1], stop_loss_pct=5)

    assert len(silent.trades) == 1
    assert anew.trades.entry_bar.tolist() == [1, 4]


def test_a_rejected_order_leaves_the_current_target_as_it_was():
    market = portfolio(A=flat(10.0, 10.0, 10.0, 10.0, 10.0), B=flat(10.0, 10.0, 10.0, 10.0, 10.0))
    targets = [[1, NAN], [NAN, 1], [0, NAN], [NAN, 1], [NAN, NAN]]

    done = traded(market, targets, size_type="shares", size=100.0)

    assert done.order_statistics.rejected["no_cash"] == 1
    assert done.position[4 - 1].tolist() == [0.0, 0.0]
    assert done.trades.symbol.tolist() == [0, 1]


def test_reductions_come_before_increases_so_that_their_money_is_there():
    market = portfolio(A=flat(10.0, 10.0, 10.0, 10.0), B=flat(10.0, 10.0, 10.0, 10.0))

    done = traded(market, [[NAN, 1], [1, 0], [NAN, NAN], [NAN, NAN]], size_type="shares", size=100.0)

    assert done.position[1].tolist() == [0.0, 100.0]
    assert done.position[2].tolist() == [100.0, 0.0]


def test_percent_is_split_evenly_over_the_symbols():
    market = portfolio(A=flat(10.0, 10.0, 10.0), B=flat(20.0, 20.0, 20.0))

    done = traded(market, [[1, 1], [1, 1], [1, 1]])

    assert done.position[1].tolist() == [50.0, 25.0]
    assert done.cash[1] == 0.0


def test_ruin_closes_everything_at_that_close_and_the_run_stays_flat():
    market = bars(*flat(10.0, 10.0, 25.0, 10.0, 10.0))

    done = traded(market, [-1, -1, 1, -1, -1])

    assert done.ruined
    assert reasons(done) == ["ruin"]
    assert done.equity.tolist() == [1000.0, 1000.0, -500.0, -500.0, -500.0]
    assert done.order_statistics.rejected["ruined"] == 2


def test_what_is_open_at_the_last_bar_is_closed_at_its_close_with_costs():
    done = traded(bars(*RISE), [1, 1, 1, 1], fee_min=7.0)

    assert (done.trades.exit_bar[0], done.trades.exit_price[0], reasons(done)) == (3, 12.0, ["end_of_data"])
    assert done.trades.exit_fee[0] == 7.0
    assert done.equity[-1] == done.cash[-1] == 1000.0 + 99 * 2 - 14.0


def test_mae_and_mfe_are_the_worst_and_best_raw_price_while_held():
    market = bars(*flat(100.0), (100.0, 108.0, 97.0, 105.0), (105.0, 130.0, 60.0, 105.0), *flat(105.0))

    done = traded(market, [1, 0, 0, 0])

    assert done.trades.mae_pct[0] == pytest.approx(-3.0)  # of bar 2 only the open was seen
    assert done.trades.mfe_pct[0] == pytest.approx(8.0)


def test_the_order_statistics_add_up():
    random = np.random.default_rng(4)
    targets = random.choice([-1.0, 0.0, 1.0, NAN], size=40)

    order_statistics = traded(bars(*flat(*random.uniform(5.0, 15.0, 40))), targets.tolist()).order_statistics

    assert order_statistics.signals == order_statistics.unchanged + order_statistics.orders
    assert order_statistics.orders == order_statistics.fills + sum(order_statistics.rejected.values())
