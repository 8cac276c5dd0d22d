"""What each rule holds, on prices small enough to work out, and what all rules have in common."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backtest import indicators, rules
from backtest.prices.bars import Bars
from backtest.signals.positions import any_in_window, positions, reversing

FORMULAS = {
    "entry": "crosses_above(close, ema(close, 10)) and within(rsi(close, 5) < 40, 5)",
    "exit": "close < shift(lowest(low, 5), 1) or not (volume > 0)",
    "short_entry": "close < bbands_lower(close, 10, 1.5) and adx(5) > 15 and macd(close, 3, 8, 4) < 0",
    "short_exit": "close > vwap(5) or atr(3) / close > 0.2",
}
SHORT_PERIODS = {
    "RSI": {"period": 4}, "MACD": {"fast": 3, "slow": 6, "signal": 3}, "BUY_AND_HOLD": {},
    "RSI_MACD": {"period": 4, "fast": 3, "slow": 6, "signal": 3, "window": 5},
    "MOVING_AVERAGE_CROSS": {"fast": 3, "slow": 8}, "BOLLINGER_BANDS": {"period": 6, "deviations": 1},
    "VOLUME_BREAKOUT": {"period": 5, "multiple": 1, "exit_period": 3},
    "TREND_FOLLOWING": {"period": 8, "adx_period": 4}, "MOMENTUM": {"period": 5, "threshold_pct": 1},
    "ATR_VOLATILITY": {"period": 4, "exit_period": 5, "exit_multiple": 2},
    "DONCHIAN_BREAKOUT": {"period": 5, "exit_period": 3}, "EXPRESSION": FORMULAS,
}  # fmt: skip


def bars_of(close, *, high=None, low=None, volume=None):
    close = np.asarray(close, dtype=np.float64).reshape(len(close), -1)
    high = close if high is None else np.asarray(high, dtype=np.float64).reshape(close.shape)
    low = close if low is None else np.asarray(low, dtype=np.float64).reshape(close.shape)
    volume = np.full_like(close, 1_000) if volume is None else np.asarray(volume, float).reshape(close.shape)
    times = np.datetime64("2024-01-01", "s") + np.arange(len(close)) * np.timedelta64(86_400, "s")
    symbols = tuple(f"S{column}" for column in range(close.shape[1]))
    return Bars(symbols, times, close.copy(), high, low, close, volume)


def random_bars(seed, count, width=1):
    random = np.random.default_rng(seed)
    steps = random.normal(0, 0.03, (count, width)) * random.choice([0, 1, 1, 1], (count, width))
    close = 50 * np.exp(np.cumsum(steps, axis=0))
    open_ = close * np.exp(random.normal(0, 0.01, (count, width)))
    high = np.maximum(open_, close) * (1 + random.exponential(0.01, (count, width)))
    low = np.minimum(open_, close) / (1 + random.exponential(0.01, (count, width)))
    volume = random.integers(0, 4, (count, width)) * 1_000.0
    times = np.datetime64("2024-01-01", "s") + np.arange(count) * np.timedelta64(86_400, "s")
    return Bars(tuple(f"S{column}" for column in range(width)), times, open_, high, low, close, volume)


def wanted_positions(name, params, bars):
    return rules.build(name, params).target(bars)[:, 0].tolist()


def test_rsi_buys_when_oversold_and_sells_when_overbought():
    close = [10, 9, 8, 9, 9, 12, 12, 8]

    strength = indicators.rsi(np.array(close, dtype=np.float64), 2)
    held = wanted_positions("RSI", {"period": 2}, bars_of(close))

    np.testing.assert_allclose(strength[2:], [0, 50, 50, 92.857, 92.857, 16.667], atol=0.001)
    assert held == [0, 0, 1, 1, 1, -1, -1, 1]


def test_bollinger_bands_hold_from_the_lower_band_to_the_middle():
    close = [10, 10, 10, 10, 7, 8, 10, 10]

    held = wanted_positions("BOLLINGER_BANDS", {"period": 4, "deviations": 1}, bars_of(close))

    # bar 4: mean 9.25, deviation 1.30, 7 < 7.95 buys; bar 5: middle 8.75; bar 6: middle 8.75, leaves
    assert held == [0, 0, 0, 0, 1, 1, 0, 0]


def test_donchian_breaks_the_channel_of_the_bars_before():
    close = [10, 11, 10, 12, 11, 9, 8, 12]

    held = wanted_positions("DONCHIAN_BREAKOUT", {"period": 3, "exit_period": 2}, bars_of(close))

    # bar 3: 12 > 11; bar 5: 9 < 10, the lowest of bars 2 to 4, reverses; bar 7: 12 > 11 reverses again
    assert held == [0, 0, 0, 1, 1, -1, -1, 1]


def test_donchian_leaves_at_the_shorter_channel_without_reversing():
    close = [10, 11, 9, 12, 13, 11.5, 11.6]

    held = wanted_positions("DONCHIAN_BREAKOUT", {"period": 3, "exit_period": 1}, bars_of(close))

    assert held == [0, 0, 0, 1, 1, 0, 0]


def test_a_volume_breakout_needs_the_volume():
    close, volume = [10, 11, 12, 13, 11], [100, 100, 150, 400, 100]

    held = wanted_positions(
        "VOLUME_BREAKOUT", {"period": 2, "multiple": 2, "exit_period": 2}, bars_of(close, volume=volume)
    )

    # bar 2: 150 is not above 2 × 100; bar 3: 400 is above 2 × 125; bar 4: 11 is below the lowest close, 12
    assert held == [0, 0, 0, 1, 0]


def test_trend_following_joins_a_trend_and_leaves_at_the_average():
    close = [*np.linspace(20, 10, 30), *np.linspace(10, 30, 40), 15.0]
    bars = bars_of(close, high=np.array(close) + 0.1, low=np.array(close) - 0.1)

    held = wanted_positions("TREND_FOLLOWING", {"period": 10, "adx_period": 5}, bars)

    assert (held[25], held[60]) == (-1, 1)
    assert held[-1] != 1


def test_trend_following_stays_out_of_a_market_without_trend():
    close = 20 + np.arange(60) % 2
    bars = bars_of(close, high=close + 0.1, low=close - 0.1)

    choosy = wanted_positions("TREND_FOLLOWING", {"period": 10, "adx_period": 5, "adx_threshold": 60}, bars)
    careless = wanted_positions("TREND_FOLLOWING", {"period": 10, "adx_period": 5, "adx_threshold": 0}, bars)

    assert set(choosy) == {0}
    assert set(careless) == {-1, 0, 1}


def test_atr_volatility_enters_on_an_unusual_move_and_leaves_far_below_the_highest_high():
    close = [10, 10, 10, 13, 13, 9]
    high, low = np.array(close) + 0.5, np.array(close) - 0.5

    held = wanted_positions(
        "ATR_VOLATILITY",
        {"period": 2, "entry_multiple": 2, "exit_period": 3, "exit_multiple": 1},
        bars_of(close, high=high, low=low),
    )

    # bar 3: the move 3 > 2 × 1, and 13 is above 13.5 - 2.25; bar 5: the move -4 < -2 × 1.625
    assert held == [0, 0, 0, 1, 1, -1]


def test_momentum_compares_with_the_close_some_bars_ago():
    close = [100, 100, 105, 101, 100, 98]

    held = wanted_positions("MOMENTUM", {"period": 2, "threshold_pct": 2}, bars_of(close))

    # changes: +5 %, +1 %, -4.8 %, -3.0 %
    assert held == [0, 0, 1, 0, -1, -1]


def test_rsi_with_macd_enters_on_the_turn_only_after_the_extreme():
    close = 100 + 10 * np.cos(np.arange(120) * 2 * np.pi / 40)
    params = {"period": 5, "fast": 3, "slow": 6, "signal": 3}

    turning = wanted_positions("RSI_MACD", params, bars_of(close))
    too_strict = wanted_positions("RSI_MACD", params | {"oversold": 0, "overbought": 100}, bars_of(close))

    assert [turning[bar] for bar in (30, 50, 70, 90, 110)] == [1, -1, 1, -1, 1]
    assert set(too_strict) == {0}


def test_buy_and_hold_is_long_from_the_first_bar():
    assert wanted_positions("BUY_AND_HOLD", {}, bars_of([3, 2, 1])) == [1, 1, 1]


def test_a_formula_without_exit_holds_while_it_is_true():
    held = wanted_positions("EXPRESSION", {"entry": "close > 2"}, bars_of([1, 3, 4, 2, 3]))

    assert held == [0, 1, 1, 0, 1]


def test_a_formula_with_exit_holds_until_it_is_true():
    held = wanted_positions(
        "EXPRESSION", {"entry": "close == 3", "exit": "close == 1"}, bars_of([1, 3, 4, 2, 1, 4])
    )

    assert held == [0, 1, 1, 1, 0, 0]


def test_formulas_for_both_sides_reverse():
    params = {"entry": "close > 3", "exit": "false", "short_entry": "close < 2", "short_exit": "close == 2"}

    held = wanted_positions("EXPRESSION", params, bars_of([3, 4, 3, 1, 2, 1, 5, 2]))

    assert held == [0, 1, 1, -1, 0, -1, 1, 1]


def test_the_crossing_of_averages_can_be_written_as_formulas():
    bars = random_bars(3, 400)
    fast, slow = "sma(close, 5)", "sma(close, 12)"
    above, below = f"crosses_above({fast}, {slow})", f"crosses_below({fast}, {slow})"

    written = wanted_positions(
        "EXPRESSION", {"entry": above, "exit": "false", "short_entry": below, "short_exit": "false"}, bars
    )

    assert written == wanted_positions("MOVING_AVERAGE_CROSS", {"fast": 5, "slow": 12}, bars)
    assert {1, -1} <= set(written)


def state_machine(enter_long, leave_long, enter_short, leave_short):
    state, states = 0, []
    for bar in range(len(enter_long)):
        long = enter_long[bar] and not leave_long[bar]
        short = enter_short[bar] and not leave_short[bar]
        if long != short:
            state = 1 if long else -1
        elif (state == 1 and leave_long[bar]) or (state == -1 and leave_short[bar]):
            state = 0
        states.append(state)
    return states


@given(st.lists(st.tuples(*[st.booleans()] * 4), min_size=1, max_size=60))
def test_holding_agrees_with_a_plain_state_machine(events):
    columns = np.array(events).T

    states = positions(*columns)

    assert states.tolist() == state_machine(*columns)


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=60))
def test_reversing_is_holding_without_leaving(events):
    long, short = np.array(events).T
    never = np.zeros(len(events), dtype=np.bool_)

    assert reversing(long.copy(), short.copy()).tolist() == positions(long, never, short, never).tolist()


@given(st.lists(st.booleans(), min_size=1, max_size=40), st.integers(1, 45))
def test_what_happened_lately_agrees_with_looking_back(events, window):
    flags = any_in_window(np.array(events), window)

    assert flags.tolist() == [any(events[max(0, bar - window + 1) : bar + 1]) for bar in range(len(events))]


@pytest.mark.parametrize("name", rules.BUILT_IN)
@given(seed=st.integers(0, 10_000), count=st.integers(2, 90), data=st.data())
@settings(max_examples=60, deadline=None)
def test_cutting_the_future_never_changes_the_past(name, seed, count, data):
    bars, rule = random_bars(seed, count, width=2), rules.build(name, SHORT_PERIODS[name])
    cut = data.draw(st.integers(1, count))

    full, past = rule.target(bars), rule.target(bars.cut(0, cut))

    np.testing.assert_array_equal(past, full[:cut])


@pytest.mark.parametrize("name", rules.BUILT_IN)
def test_each_symbol_is_judged_alone(name):
    bars, rule = random_bars(5, 120, width=3), rules.build(name, SHORT_PERIODS[name])

    together = rule.target(bars)

    assert together.shape == (120, 3)
    assert together.flags.c_contiguous
    for column in range(3):
        np.testing.assert_array_equal(together[:, [column]], rule.target(bars.of(column)))


@pytest.mark.parametrize("name", rules.BUILT_IN)
def test_targets_are_long_flat_or_short_and_every_side_occurs(name):
    targets = [rules.build(name, SHORT_PERIODS[name]).target(random_bars(seed, 400)) for seed in range(8)]

    values = set(np.concatenate(targets).ravel().tolist())

    assert values == ({1.0} if name == "BUY_AND_HOLD" else {1.0, 0.0, -1.0})


@pytest.mark.parametrize("name", rules.BUILT_IN)
@pytest.mark.parametrize("periods", ["short", "default"])
def test_nothing_is_held_before_the_warm_up_is_over(name, periods):
    params = SHORT_PERIODS[name] if periods == "short" or name == "EXPRESSION" else {}
    rule = rules.build(name, params)

    targets = [rule.target(random_bars(seed, 300))[: rule.warmup] for seed in range(40)]

    assert not np.any(targets)


@pytest.mark.parametrize("name", rules.BUILT_IN)
@pytest.mark.parametrize("count", [1, 2, 3])
def test_a_few_bars_are_flat_and_no_error(name, count):
    params = {"entry": "close > sma(close, 20)"} if name == "EXPRESSION" else {}

    target = rules.build(name, params).target(random_bars(1, count))

    assert set(target.ravel().tolist()) == ({1.0} if name == "BUY_AND_HOLD" else {0.0})


@pytest.mark.parametrize("name", rules.BUILT_IN)
@pytest.mark.parametrize("price", [1e-300, 1.0, 1e300])
def test_still_and_extreme_prices_are_no_error(name, price):
    still = bars_of(np.full(60, price), volume=np.full(60, 0.0))

    target = rules.build(name, SHORT_PERIODS[name]).target(still)

    assert set(target.ravel().tolist()) == ({1.0} if name == "BUY_AND_HOLD" else {0.0})
