"""Several symbols in one run: each is judged on its own bars, and trades on the common ones."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backtest.run.outcome import run
from backtest.run.request import RunRequest
from backtest.run.targets import on_common_calendar
from tests.backtest.metric_accounts import weekdays
from tests.backtest.price_bars import dataset, walk

SETTINGS = {"size_type": "shares", "size": 10, "fee_rate": 0.001, "initial_capital": 1_000_000}
CROSS = {"rule_type": "MOVING_AVERAGE_CROSS", "params": {"fast": 5, "slow": 60}}


def request(*symbols, **fields):
    chosen = {"start_date": "2024-06-03", "end_date": "2026-12-31", **SETTINGS, **CROSS, **fields}
    return RunRequest.parse({"symbols": symbols, **chosen})


def older(count=500, *, symbol="OLD"):
    return dataset(walk(count), symbol=symbol)


def younger(*, first=100, count=400):
    return dataset(walk(count, seed=2), symbol="NEW", times=weekdays(first + count)[first:])


def warned(outcome):
    return {warning["code"]: warning["message"] for warning in outcome.summary["warnings"]}


def trades_of(outcome, column=0):
    trades = outcome.trades
    own = trades.symbol == column
    names = ("side", "size", "entry_bar", "exit_bar", "entry_fill", "exit_fill", "pnl", "exit_reason")
    return {name: getattr(trades, name)[own].tolist() for name in names}


def test_a_younger_symbol_changes_no_trade_of_an_older_one():
    alone = run(request("OLD"), {"OLD": older()})

    pair = run(request("OLD", "NEW"), {"OLD": older(), "NEW": younger()})

    assert len(trades_of(alone)["pnl"]) == 5
    assert trades_of(pair) == trades_of(alone)


@given(first=st.integers(0, 108), seed=st.integers(0, 50))
def test_no_second_symbol_changes_a_trade_of_the_first(first, seed):
    times = weekdays(300)
    own = dataset(walk(300, seed=seed), symbol="OLD")
    other = dataset(walk(300 - first, seed=99), symbol="NEW", times=times[first:])

    alone = run(request("OLD"), {"OLD": own})
    pair = run(request("OLD", "NEW"), {"OLD": own, "NEW": other})

    assert trades_of(pair) == trades_of(alone)


def test_the_order_of_the_symbols_changes_no_trade():
    prices = {"OLD": older(), "NEW": younger()}

    one, other = run(request("OLD", "NEW"), prices), run(request("NEW", "OLD"), prices)

    assert trades_of(one, 0) == trades_of(other, 1)
    assert trades_of(one, 1) == trades_of(other, 0)


def test_a_wish_that_was_stated_on_a_bar_of_its_own_stands_on_the_next_common_one():
    own = np.array([0.0, 1.0, np.nan, np.nan, 0.5, np.nan]).reshape(-1, 1)
    other = np.zeros((3, 1))

    target = on_common_calendar([own, other], [np.array([0, 3, 5]), np.arange(3)])

    np.testing.assert_array_equal(target[:, 0], [0.0, 1.0, 0.5])


def test_what_was_wanted_before_the_first_traded_bar_is_not_carried_into_it():
    own = np.array([1.0, np.nan, np.nan, 0.0]).reshape(-1, 1)

    target = on_common_calendar([own, own], [np.array([1, 3]), np.array([1, 3])])

    np.testing.assert_array_equal(target[:, 0], [np.nan, 0.0])


def test_a_symbol_with_too_few_bars_to_warm_up_is_named_with_its_first_possible_signal():
    prices = {"OLD": older(), "NEW": younger()}  # NEW begins on 2024-05-21

    outcome = run(request("OLD", "NEW"), prices)

    assert warned(outcome)["short_warmup"] == (
        "NEW has 9 bars before trading starts, but the rule needs 60 to warm up: its first possible signal is "
        "on 2024-08-13."
    )
    assert outcome.summary["warmup_bars"] == 9


def test_a_range_that_ends_before_the_rule_is_warm_says_that_nothing_can_happen():
    outcome = run(request("NEW", end_date="2024-07-01"), {"NEW": younger()})

    assert warned(outcome)["short_warmup"].endswith("60 to warm up: no signal is possible in this range.")


def test_enough_bars_to_warm_up_are_not_mentioned():
    assert "short_warmup" not in warned(run(request("OLD"), {"OLD": older()}))


def test_a_symbol_that_ends_early_is_named_and_so_is_what_it_does_to_the_others():
    ended = dataset(walk(200, seed=2), symbol="DEAD")

    said = warned(run(request("OLD", "DEAD"), {"OLD": older(), "DEAD": ended}))

    assert said["early_end"] == (
        "Trading of all symbols ends on 2024-10-07, before the end date 2026-12-31: DEAD has no later price."
    )


def test_a_symbol_that_begins_late_is_named():
    said = warned(run(request("OLD", "NEW"), {"OLD": older(), "NEW": younger(first=200, count=300)}))

    assert said["late_start"] == (
        "Trading of all symbols starts on 2024-10-08, not on 2024-06-03: NEW has no earlier price."
    )


def test_a_gap_is_reported_of_the_symbol_that_has_it():
    times = np.delete(weekdays(500), slice(300, 320))
    paused = dataset(walk(480, seed=2), symbol="PAUSED", times=times)

    outcome = run(request("OLD", "PAUSED"), {"OLD": older(), "PAUSED": paused})

    gaps = {report["symbol"]: report["gaps"]["count"] for report in outcome.summary["certificate"]}
    assert gaps == {"OLD": 0, "PAUSED": 1}
    assert "PAUSED lacks 20 bars from 2025-02-25 to 2025-03-24" in warned(outcome)["bars_dropped"]


def test_a_trade_held_over_a_wrong_print_on_a_day_that_is_left_out_is_listed():
    close = walk(200)
    close[100] *= 2
    own = dataset(close, symbol="OLD")
    other = dataset(walk(199, seed=2), symbol="NEW", times=np.delete(weekdays(200), 100))
    holding = {"rule_type": "BUY_AND_HOLD", "params": {}, "start_date": "2024-01-02"}

    outcome = run(request("OLD", "NEW", **holding), {"OLD": own, "NEW": other})

    assert {found["symbol"] for found in outcome.summary["suspect_trades"]["listed"]} == {"OLD"}


@pytest.mark.parametrize("symbols", [("OLD",), ("OLD", "NEW")])
def test_no_built_in_rule_is_said_to_look_ahead_where_calendars_differ(symbols):
    outcome = run(request(*symbols), {"OLD": older(), "NEW": younger()})

    assert outcome.summary["lookahead"]["at_random"] > 18 * len(symbols)
    assert not outcome.summary["lookahead"]["peeks"]
