"""Indicators: figures worked out by hand, missing values, and TA-Lib without its heavy friends."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backtest import indicators
from tests.fresh_python import loaded_by, run

NAN = np.nan
SINGLE = [
    indicators.sma, indicators.ema, indicators.rsi, indicators.standard_deviation, indicators.highest,
    indicators.lowest, indicators.rate_of_change, indicators.momentum,
]  # fmt: skip


def series(*values):
    return np.array(values, dtype=np.float64)


def random_prices(count=300, seed=7):
    return 100 * np.exp(np.cumsum(np.random.default_rng(seed).normal(0, 0.02, count)))


def test_the_simple_average_of_three():
    average = indicators.sma(series(1, 2, 6, 10), 3)

    np.testing.assert_allclose(average, [NAN, NAN, 3, 6])


def test_the_exponential_average_starts_with_the_simple_one():
    average = indicators.ema(series(1, 2, 6, 10, 2), 3)

    np.testing.assert_allclose(average, [NAN, NAN, 3, 6.5, 4.25])


@pytest.mark.parametrize("average", [indicators.sma, indicators.ema, indicators.highest, indicators.lowest])
def test_one_bar_is_its_own_average(average):
    values = average(series(3, 1, 2), 1)

    assert values.tolist() == [3, 1, 2]


def test_the_relative_strength_index_after_wilder():
    strength = indicators.rsi(series(10, 12, 11, 13), 2)

    # gains 2, 0, 2 and losses 0, 1, 0: first averages 1 and 0.5, then 1.5 and 0.25
    np.testing.assert_allclose(strength, [NAN, NAN, 100 * 1 / 1.5, 100 * 1.5 / 1.75])


def test_the_relative_strength_index_of_a_still_price_is_50():
    strength = indicators.rsi(series(5, 5, 5, 5, 4, 4), 2)

    np.testing.assert_allclose(strength, [NAN, NAN, 50, 50, 0, 0])


def test_bollinger_bands_use_the_population_deviation():
    upper, middle, lower = indicators.bollinger_bands(series(2, 4, 6), 3, 1.5)

    deviation = np.sqrt(8 / 3)
    np.testing.assert_allclose(middle[2], 4)
    np.testing.assert_allclose([upper[2], lower[2]], [4 + 1.5 * deviation, 4 - 1.5 * deviation])


def test_the_average_true_range_counts_gaps():
    high, low, close = series(11, 12, 20), series(9, 10, 18), series(10, 11, 19)

    atr = indicators.average_true_range(high, low, close, 2)

    # true ranges: 2 (against 10), 20 - 11 = 9
    np.testing.assert_allclose(atr, [NAN, NAN, 5.5])


def test_macd_is_the_difference_of_two_exponential_averages():
    close = random_prices()

    line, signal, histogram = indicators.macd(close, 12, 26, 9)

    difference = indicators.ema(close, 12) - indicators.ema(close, 26)
    assert np.isnan(line[:33]).all()
    np.testing.assert_allclose(line[200:], difference[200:], rtol=1e-6)
    np.testing.assert_allclose(histogram[33:], (line - signal)[33:])


def test_on_balance_volume_adds_on_rises_and_subtracts_on_falls():
    volume = indicators.on_balance_volume(series(10, 11, 11, 9), series(5, 7, 100, 2))

    assert volume.tolist() == [5, 12, 12, 10]


def test_momentum_and_rate_of_change_look_back_the_same_way():
    values = series(10, 11, 15)

    np.testing.assert_allclose(indicators.momentum(values, 2), [NAN, NAN, 5])
    np.testing.assert_allclose(indicators.rate_of_change(values, 2), [NAN, NAN, 50])


def test_shifted_values_come_from_the_past():
    assert indicators.shifted(series(1, 2, 3), 1).tolist()[1:] == [1, 2]
    assert np.isnan(indicators.shifted(series(1, 2), 5)).all()


@pytest.mark.parametrize("indicator", SINGLE)
def test_a_series_shorter_than_the_period_has_no_value(indicator):
    values = indicator(series(1, 2, 3), 4)

    assert np.isnan(values).tolist() == [True, True, True]


@pytest.mark.parametrize("indicator", SINGLE)
def test_an_empty_series_stays_empty(indicator):
    assert len(indicator(series(), 4)) == 0


@pytest.mark.parametrize("indicator", SINGLE)
def test_leading_gaps_shift_the_first_value_and_nothing_else(indicator):
    prices = random_prices(60)

    values = indicator(np.concatenate((np.full(7, NAN), prices)), 5)

    np.testing.assert_array_equal(values[7:], indicator(prices, 5))
    assert np.isnan(values[:7]).all()


@pytest.mark.parametrize("indicator", SINGLE)
def test_a_gap_within_starts_the_indicator_afresh(indicator):
    prices = random_prices(80)
    with_gap = prices.copy()
    with_gap[40] = NAN

    values = indicator(with_gap, 5)

    np.testing.assert_array_equal(values[:40], indicator(prices[:40], 5))
    np.testing.assert_array_equal(values[41:], indicator(prices[41:], 5))


def test_a_gap_in_one_of_several_inputs_is_a_gap():
    high, low, close = (random_prices(40) + offset for offset in (1, -1, 0))
    low[20] = NAN

    atr = indicators.average_true_range(high, low, close, 3)

    np.testing.assert_array_equal(atr[21:], indicators.average_true_range(high[21:], low[21:], close[21:], 3))
    assert np.isnan(atr[20])


def test_three_lines_of_nothing_are_three_lines():
    upper, middle, lower = indicators.bollinger_bands(series(1, NAN, 2), 3, 2)

    assert all(np.isnan(line).all() for line in (upper, middle, lower))


def test_a_column_of_a_table_is_as_good_as_a_contiguous_array():
    table = np.column_stack((random_prices(50), random_prices(50, seed=8)))

    np.testing.assert_array_equal(indicators.sma(table[:, 1], 5), indicators.sma(table[:, 1].copy(), 5))


@given(st.integers(1, 300), st.integers(2, 40), st.sampled_from(SINGLE))
def test_cutting_the_future_never_changes_the_past(cut, period, indicator):
    prices = random_prices()

    np.testing.assert_array_equal(indicator(prices[:cut], period), indicator(prices, period)[:cut])


def test_computing_an_indicator_loads_no_pandas():
    script = "import numpy; from backtest import indicators; indicators.rsi(numpy.arange(50.0), 14)"

    assert loaded_by(script, "pandas", "polars", "talib") == set()


@pytest.mark.parametrize("before", ["", "import pandas; ", "import talib; "])
def test_pandas_and_the_whole_of_talib_work_beside_the_indicators(before):
    script = (
        f"{before}import numpy; from backtest import indicators; prices = numpy.arange(50.0) % 7; "
        "ours = indicators.rsi(prices, 14); import pandas, talib, talib.stream, talib.abstract; "
        "theirs = talib.RSI(pandas.Series(prices), 14); assert isinstance(theirs, pandas.Series); "
        "assert numpy.array_equal(ours, theirs.to_numpy(), equal_nan=True); "
        "assert numpy.array_equal(ours, talib.abstract.RSI(prices, 14), equal_nan=True); "
        "assert numpy.array_equal(ours, indicators.rsi(prices, 14), equal_nan=True)"
    )

    run(script)


def test_several_threads_may_be_the_first_to_compute():
    script = (
        "import numpy; from concurrent.futures import ThreadPoolExecutor; from backtest import indicators; "
        "pool = ThreadPoolExecutor(16); prices = numpy.arange(50.0); "
        "done = list(pool.map(lambda period: indicators.sma(prices, period), [5] * 64)); "
        "assert all(numpy.array_equal(one, done[0], equal_nan=True) for one in done)"
    )

    run(script)


def test_macd_starts_later_than_its_averages_and_meets_their_difference_after_some_hundred_bars():
    close = 100 * np.exp(np.cumsum(np.random.default_rng(3).normal(0, 0.01, 300)))

    line, *_ = indicators.macd(close, 12, 26, 9)
    difference = indicators.ema(close, 12) - indicators.ema(close, 26)

    first_line, first_difference = (int(np.argmax(~np.isnan(values))) for values in (line, difference))
    assert (first_line, first_difference) == (33, 25)
    assert abs(line[40] - difference[40]) > 1e-3
    np.testing.assert_allclose(line[140:], difference[140:], atol=1e-6)


@pytest.mark.parametrize("seed", range(6))
def test_macd_and_bands_are_those_of_talib_to_the_last_bit(seed):
    import talib

    random = np.random.default_rng(seed)
    close = np.maximum(np.round(random_prices(500, seed), int(random.integers(0, 6))), 1.0)
    close[200:240] = close[200]
    fast, slow, signal = 2 + seed, 9 + 7 * seed, 2 + seed

    np.testing.assert_array_equal(
        indicators.macd(close, fast, slow, signal), talib.MACD(close, fast, slow, signal)
    )
    for deviations in (1.0, 1.7, 3.0):
        bands = talib.BBANDS(close, slow, deviations, deviations, 0)
        np.testing.assert_array_equal(indicators.bollinger_bands(close, slow, deviations), bands)
