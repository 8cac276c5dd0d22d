"""The compiled cross of averages gives the very target of the plain one."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backtest import indicators, rules
from backtest.prices.bars import Bars
from backtest.signals import cross_kernel
from backtest.signals.crossings import side_since_crossing
from backtest.signals.sma_cross_jit import side_since_sma_cross
from tests.fresh_python import loaded_by


def plain(close, fast, slow):
    return side_since_crossing(indicators.sma(close, fast), indicators.sma(close, slow))


def bars_of(close):
    times = np.datetime64("2000-01-01", "s") + np.arange(len(close)) * np.timedelta64(60, "s")
    symbols = tuple(f"S{column}" for column in range(close.shape[1]))
    return Bars(symbols, times, close, close, close, close, np.ones_like(close))


@given(
    seed=st.integers(0, 2**32 - 1),
    count=st.integers(1, 120),
    periods=st.tuples(st.integers(1, 30), st.integers(1, 30)),
    scale=st.sampled_from([1.0, 0.1, 0.3, 1e-7, 1e9]),
)
@settings(max_examples=300, deadline=None)
def test_both_ways_agree_bit_by_bit_on_prices_full_of_ties(seed, count, periods, scale):
    close = np.random.default_rng(seed).integers(1, 5, count) * scale
    fast, slow = periods[0], sum(periods)

    one = side_since_sma_cross(close[:, None], fast, slow)
    both = side_since_sma_cross(np.column_stack((close, close[::-1])), fast, slow)

    np.testing.assert_array_equal(one[:, 0], plain(close, fast, slow))
    np.testing.assert_array_equal(both[:, 0], plain(close, fast, slow))
    np.testing.assert_array_equal(both[:, 1], plain(close[::-1].copy(), fast, slow))


@pytest.mark.parametrize("shape", [(250_000, 1), (210_000, 3), (4_000, 50)])
def test_a_large_target_is_the_same_as_that_of_each_part(shape):
    closes = 100 * np.exp(np.cumsum(np.random.default_rng(5).normal(0, 0.01, shape), axis=0))

    target = rules.build("MOVING_AVERAGE_CROSS", {}).target(bars_of(closes))

    assert target.flags.c_contiguous
    for column in range(shape[1]):
        np.testing.assert_array_equal(target[:, column], plain(closes[:, column].copy(), 10, 30))


def test_the_kernel_gives_the_same_as_plain_python_too():
    close, held = np.random.default_rng(6).integers(1, 5, 60).astype(np.float64), np.empty(60)

    cross_kernel.hold_average_cross(close, 3, 8, held)

    np.testing.assert_array_equal(held, plain(close, 3, 8))


def test_the_kernel_of_many_columns_gives_the_same_as_plain_python_too():
    closes, held = np.random.default_rng(7).integers(1, 5, (60, 3)).astype(np.float64), np.empty((60, 3))

    cross_kernel.hold_average_crosses(closes, 3, 8, held)

    for column in range(3):
        np.testing.assert_array_equal(held[:, column], plain(closes[:, column].copy(), 3, 8))


@pytest.mark.parametrize(("symbols", "expected"), [(1, set()), (50, {"numba"})])
def test_a_compiler_is_loaded_for_many_symbols_and_not_for_an_ordinary_run(symbols, expected):
    script = (
        "import numpy as np; from backtest import rules; from backtest.prices.bars import Bars\n"
        f"close = np.tile(np.linspace(1, 2, 5000)[:, None], {symbols}); times = np.arange(5000).astype('datetime64[s]')\n"
        f"bars = Bars(tuple(map(str, range({symbols}))), times, close, close, close, close, close)\n"
        "rules.build('MOVING_AVERAGE_CROSS', {}).target(bars)"
    )

    assert loaded_by(script, "numba") == expected
