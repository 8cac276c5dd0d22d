"""The compiled cross of averages gives the very target of the plain one."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backtest import indicators, rules
from backtest.prices.bars import Bars
from backtest.signals import sma_cross_jit
from backtest.signals.crossings import TIE, side_since_crossing

ROOT = Path(__file__).parents[3]


def plain(closes, fast, slow):
    columns = [np.ascontiguousarray(close) for close in closes.T]
    return np.column_stack(
        [side_since_crossing(indicators.sma(c, fast), indicators.sma(c, slow)) for c in columns]
    )


def bars_of(close):
    times = np.datetime64("2000-01-01", "s") + np.arange(len(close)) * np.timedelta64(60, "s")
    symbols = tuple(f"S{column}" for column in range(close.shape[1]))
    return Bars(symbols, times, close, close, close, close, np.ones_like(close))


@given(
    seed=st.integers(0, 2**32 - 1),
    shape=st.tuples(st.integers(1, 120), st.integers(1, 4)),
    periods=st.tuples(st.integers(1, 30), st.integers(1, 30)),
    scale=st.sampled_from([1.0, 0.1, 0.3, 1e-7, 1e9]),
)
@settings(max_examples=300, deadline=None)
def test_both_ways_agree_bit_by_bit_on_prices_full_of_ties(seed, shape, periods, scale):
    closes = np.random.default_rng(seed).integers(1, 5, shape) * scale
    fast, slow = periods[0], sum(periods)

    target = sma_cross_jit.target_of(closes, fast, slow)

    np.testing.assert_array_equal(target, plain(closes, fast, slow))


@pytest.mark.parametrize("shape", [(250_000, 1), (1_000, 250)])
def test_a_large_target_is_the_same_as_that_of_each_part(shape):
    closes = 100 * np.exp(np.cumsum(np.random.default_rng(5).normal(0, 0.01, shape), axis=0))

    target = rules.build("MOVING_AVERAGE_CROSS", {}).target(bars_of(closes))

    assert target.flags.c_contiguous
    np.testing.assert_array_equal(target, plain(closes, 10, 30))


def test_the_compiled_loop_knows_the_same_tie():
    assert sma_cross_jit.TIE == TIE


def test_the_loops_agree_as_plain_python_too():
    closes = np.random.default_rng(6).integers(1, 5, (60, 1)).astype(np.float64)
    one, many = np.empty((60, 1)), np.empty((60, 1))

    sma_cross_jit.cross_one(closes, 3, 8, one)
    sma_cross_jit.cross_many(closes, 3, 8, many)

    np.testing.assert_array_equal(one, plain(closes, 3, 8))
    np.testing.assert_array_equal(many, one)


def test_an_ordinary_run_loads_no_compiler():
    script = (
        "import sys, numpy as np; from backtest import rules; from backtest.prices.bars import Bars\n"
        "close = np.linspace(1, 2, 5000).reshape(-1, 1); times = np.arange(5000).astype('datetime64[s]')\n"
        "bars = Bars(('A',), times, close, close, close, close, close)\n"
        "rules.build('MOVING_AVERAGE_CROSS', {}).target(bars)\n"
        "sys.exit('numba' in sys.modules)"
    )

    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True)

    assert (done.returncode, done.stderr) == (0, "")
