"""Rules that compare a series with an average of itself, on prices small enough to work out."""

import numpy as np
import pytest

from backtest import rules
from backtest.prices.bars import Bars
from backtest.rules.averages import MovingAverageCross
from backtest.signals.crossings import crosses, side_since_crossing


def bars_of(*closes):
    close = np.column_stack([np.asarray(values, dtype=np.float64) for values in closes])
    times = np.datetime64("2024-01-01", "s") + np.arange(len(close)) * np.timedelta64(86_400, "s")
    volume = np.full_like(close, 1_000.0)
    symbols = tuple(f"S{column}" for column in range(close.shape[1]))
    return Bars(symbols, times, close.copy(), close.copy(), close.copy(), close, volume)


def target_of(name, params, *closes):
    return rules.build(name, params).target(bars_of(*closes))


def test_the_order_in_which_the_averages_start_is_no_entry():
    rising = [1, 2, 3, 4, 5, 6, 7]

    target = target_of("MOVING_AVERAGE_CROSS", {"fast": 1, "slow": 2}, rising)

    assert target[:, 0].tolist() == [0, 0, 0, 0, 0, 0, 0]


def test_a_cross_above_is_long_until_the_cross_below_is_short():
    close = [10, 9, 8, 9, 10, 9, 8]

    target = target_of("MOVING_AVERAGE_CROSS", {"fast": 1, "slow": 2}, close)

    assert target[:, 0].tolist() == [0, 0, 0, 1, 1, -1, -1]


def test_averages_that_touch_and_part_again_to_the_same_side_have_not_crossed():
    close = [10, 9, 8, 9, 9, 10, 9]

    target = target_of("MOVING_AVERAGE_CROSS", {"fast": 1, "slow": 2}, close)

    assert target[:, 0].tolist() == [0, 0, 0, 1, 1, 1, -1]


def test_a_difference_of_rounding_alone_is_a_tie():
    slow = np.array([100.0, 100.0, 100.0, 100.0])
    fast = slow + np.array([1.0, -1e-10, -1e-8, 1e-10])

    state = side_since_crossing(fast, slow)

    assert state.tolist() == [0, 0, -1, -1]


def test_a_crossing_is_marked_on_its_bar_alone():
    first, second = np.array([1.0, 3.0, 3.0, 1.0]), np.full(4, 2.0)

    above, below = crosses(first, second, 1), crosses(first, second, -1)

    assert above.tolist() == [False, True, False, False]
    assert below.tolist() == [False, False, False, True]


def test_each_symbol_is_judged_by_its_own_prices():
    falls_then_rises, rises_then_falls = [3, 2, 1, 2, 3], [1, 2, 3, 2, 1]

    target = target_of("MOVING_AVERAGE_CROSS", {"fast": 1, "slow": 2}, falls_then_rises, rises_then_falls)

    assert target.T.tolist() == [[0, 0, 0, 1, 1], [0, 0, 0, -1, -1]]
    assert target.flags.c_contiguous


@pytest.mark.parametrize(
    ("kind", "average"),
    [("sma", [np.nan, 1.5, 4, 8]), ("ema", [np.nan, 1.5, 4.5, 4.5 + (10 - 4.5) * 2 / 3])],
)
def test_a_line_is_the_average_of_its_kind(kind, average):
    line = MovingAverageCross.line(np.array([1.0, 2.0, 6.0, 10.0]), 2, kind)

    np.testing.assert_allclose(line, average)


def test_macd_is_long_after_the_turn_upwards_and_short_after_the_turn_downwards():
    close = 100 + 10 * np.cos(np.arange(120) * 2 * np.pi / 40)  # highest at 0, 40, 80; lowest at 20, 60, 100

    target = target_of("MACD", {"fast": 3, "slow": 6, "signal": 3}, close)

    assert target[[25, 45, 65, 85, 105], 0].tolist() == [1, -1, 1, -1, 1]


@pytest.mark.parametrize("name", ["MOVING_AVERAGE_CROSS", "MACD"])
def test_a_series_shorter_than_the_averages_is_flat(name):
    target = target_of(name, {}, [1, 2, 3])

    assert target[:, 0].tolist() == [0, 0, 0]
