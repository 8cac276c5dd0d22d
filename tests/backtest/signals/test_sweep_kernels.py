"""What a sweep compiles gives the bits of what a single run computes."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from backtest.signals.crossings import crosses, side_since_crossing
from backtest.signals.positions import any_in_window, positions, reversing
from backtest.signals.sweeping import sweeping

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
