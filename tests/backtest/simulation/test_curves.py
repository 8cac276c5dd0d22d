"""Curves come out of the compiled passes as they come out of NumPy, bit by bit."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backtest import jit
from backtest.simulation import backends, curves

SHAPES = st.tuples(st.integers(0, 2**32 - 1), st.integers(1, 60), st.integers(0, 30))


@pytest.fixture
def loaded():
    backends.compiled_engine()
    return jit._loaded


def both_ways(made, loaded):
    compiled = made()
    kept = loaded[:]
    loaded.clear()
    try:
        return compiled, made()
    finally:
        loaded.extend(kept)


def test_a_curve_holds_each_value_until_the_next_row_says_another(loaded):
    rows = np.array([[1.0, 10.0], [3.0, 30.0], [3.0, 31.0]])

    compiled, plain = both_ways(lambda: curves.steps(rows, 1, first=5.0, bars=5), loaded)

    assert compiled.tolist() == plain.tolist() == [5.0, 10.0, 10.0, 31.0, 31.0]


def test_a_curve_without_rows_is_its_first_value(loaded):
    compiled, plain = both_ways(lambda: curves.steps(np.empty((0, 2)), 1, first=5.0, bars=2), loaded)

    assert compiled.tolist() == plain.tolist() == [5.0, 5.0]


def test_below_peak_is_zero_at_a_peak_and_a_negative_fraction_below(loaded):
    values = np.array([100.0, 80.0, 100.0, 125.0, 100.0])

    compiled, plain = both_ways(lambda: curves.below_peak(values), loaded)

    np.testing.assert_allclose(plain, [0.0, -0.2, 0.0, 0.0, -0.2], rtol=1e-15)
    assert compiled.tobytes() == plain.tobytes()


@given(shape=SHAPES)
@settings(max_examples=200, deadline=None)
def test_both_ways_give_the_same_bytes(shape):
    seed, bars, count = shape
    random = np.random.default_rng(seed)
    rows = np.column_stack((np.sort(random.integers(0, bars, count)), random.normal(size=(count, 2))))
    values = 1_000.0 + np.cumsum(random.normal(size=bars)) * 400.0
    values[0] = 1_000.0
    backends.compiled_engine()

    steps = both_ways(lambda: curves.steps(rows, 2, first=7.0, bars=bars), jit._loaded)
    below = both_ways(lambda: curves.below_peak(values), jit._loaded)

    assert steps[0].tobytes() == steps[1].tobytes()
    assert below[0].tobytes() == below[1].tobytes()
