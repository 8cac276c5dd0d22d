"""What a sweep compiles gives the bits of what a single run computes."""

from inspect import unwrap

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backtest import indicators
from backtest.expression import Formula
from backtest.signals import side_by_side
from backtest.signals.bands import outside
from backtest.signals.crossings import crosses, side_since_crossing
from backtest.signals.positions import any_in_window, long_positions, positions, reversing
from backtest.signals.sweeping import key_of, sweeping
from tests.backtest.markets import random_market

SEEDS = {"seed": st.integers(0, 2**32 - 1), "count": st.integers(1, 150)}


def same(function, *given_):
    alone = function(*given_)
    with sweeping():
        np.testing.assert_array_equal(function(*given_), alone)


@given(**SEEDS, share=st.sampled_from([0.02, 0.2, 0.6]))
@settings(max_examples=150, deadline=None)
def test_positions_of_any_flags_are_those_of_a_run(seed, count, share):
    flags = np.random.default_rng(seed).random((4, count)) < share

    same(positions, *flags)
    same(long_positions, *flags[:2])
    never = np.zeros_like(flags[0])
    np.testing.assert_array_equal(long_positions(*flags[:2]), positions(*flags[:2], never, never))
    same(reversing, *flags[:2])
    same(any_in_window, flags[0], 1 + seed % 20)


@given(**SEEDS, levels=st.sampled_from([2, 3, 40]))
@settings(max_examples=150, deadline=None)
def test_crossings_of_lines_with_ties_and_gaps_are_those_of_a_run(seed, count, levels):
    random = np.random.default_rng(seed)
    first, second = random.integers(1, levels + 1, (2, count)).astype(np.float64)
    first[random.random(count) < 0.1] = np.nan

    same(side_since_crossing, first, second)
    same(crosses, first, second, 1)
    same(crosses, first, second, -1)


@given(**SEEDS, multiple=st.sampled_from([0.5, 1.0, 2.5, 1e308]))
@settings(max_examples=100, deadline=None)
def test_values_outside_of_bands_are_those_of_a_run(seed, count, multiple):
    random = np.random.default_rng(seed)
    values, upper, lower, width = random.integers(0, 4, (4, count)).astype(np.float64)
    width[random.random(count) < 0.1] = np.nan

    with np.errstate(all="ignore"):
        same(outside, values, upper, lower, width, multiple)


@given(**SEEDS, signals=st.lists(st.integers(2, 12), min_size=1, max_size=9, unique=True))
@settings(max_examples=60, deadline=None)
def test_macd_lines_side_by_side_are_those_of_ta_lib(seed, count, signals):
    random = np.random.default_rng(seed)
    close = 100.0 * np.exp(random.normal(0, 0.02, count).cumsum())
    windows = [(fast, fast + more, signal) for fast, more in ((2, 1), (5, 8), (3, 30)) for signal in signals]
    alone = {window: indicators.macd_and_signal(close, *window) for window in windows}

    with sweeping() as memory:
        side_by_side.keep_macd(close, windows)
        for fast, slow, signal in windows:
            known = memory.known(key_of(unwrap(indicators.macd_and_signal), (close, fast, slow, signal), 1))
            assert (known is not None) is (slow + signal <= count)
            for line, expected in zip(
                indicators.macd_and_signal(close, fast, slow, signal), alone[fast, slow, signal], strict=True
            ):
                np.testing.assert_array_equal(line, expected)
        memory.forget()
        for fast, slow, signal in windows:
            known = memory.known(key_of(unwrap(indicators.macd_and_signal), (close, fast, slow, signal), 1))
            assert (known is None) is (slow + signal <= count)


def test_macd_lines_are_left_to_ta_lib_where_the_compiler_rounds_otherwise(monkeypatch):
    monkeypatch.setattr(side_by_side, "is_exact", lambda: False)
    close = np.arange(1.0, 100.0)

    with sweeping() as memory:
        side_by_side.keep_macd(close, [(3, 9, 4)])

        assert memory.known(key_of(unwrap(indicators.macd_and_signal), (close, 3, 9, 4), 1)) is None


FORMULAS = (
    "close < ema(close, n) - k",
    "high * k >= sma(open, n)",
    "k + sma(close, n) > low",
    "k - close < sma(close, n)",
    "sma(close, n) / k <= close",
    "not (close > k * sma(close, n)) and close != ema(close, n) + k",
    "close * 1e300 * k > sma(close, n) and close < 1e300 * close * k",
    "low < sma(close, n) + k < high",
    "sma(close, n) + k > k * n",
)


@pytest.mark.parametrize("formula", FORMULAS)
@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=15, deadline=None)
def test_a_formula_of_a_sweep_holds_where_it_holds_alone(formula, seed):
    random = np.random.default_rng(seed)
    market = random_market(random, 60, 1)

    class Held:
        def __len__(self):
            return 60

        def __getattr__(self, name):
            return held[name]

    held = {
        name: np.ascontiguousarray(getattr(market, name)[:, 0]) for name in ("open", "high", "low", "close")
    }
    prices = Held()
    with np.errstate(all="ignore"), sweeping():
        function = Formula.read(formula, {"n": 3, "k": 1.0}).function(prices)
        found = [
            (constants, function(constants))
            for constants in ({"n": n, "k": k} for n in (2, 5) for k in (0.5, 1.5, 90.0))
        ]
    for constants, holds in found:
        np.testing.assert_array_equal(holds, Formula.read(formula, constants).holds(prices))
