from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backtest import rules
from backtest.errors import InvalidTarget
from backtest.run.lookahead import FREE_BARS, check_lookahead, cut_lengths
from tests.backtest.price_bars import bars, walk

SEED = "ab" * 32


@dataclass
class Tomorrow:
    """Long where the next close is higher."""

    warmup: int = 0

    def target(self, prices):
        target = np.zeros((len(prices), 1))
        target[:-1] = prices.close[1:] > prices.close[:-1]
        return target


@dataclass
class WholeSampleMean:
    """Long below the mean of all closes, those to come included."""

    warmup: int = 0

    def target(self, prices):
        return (prices.close < prices.close.mean()).astype(float)


@dataclass
class NothingThenNaN:
    """Says nothing for the first bars, and then the same for ever."""

    warmup: int = 0

    def target(self, prices):
        target = np.full((len(prices), 1), np.nan)
        target[10:] = 0.5
        return target


def check(rule, prices, **rest):
    return check_lookahead(rule, prices, rule.target(prices), seed=SEED, **rest)


@pytest.mark.parametrize("rule", [Tomorrow(), WholeSampleMean()])
def test_a_rule_that_peeks_is_found_with_the_first_date_and_symbol(rule):
    prices = bars(walk(500))

    found = check(rule, prices)

    assert found.checked
    assert found.peeks
    assert found.symbol == "AAA"
    assert np.datetime64(found.date) in prices.times
    assert {found.known, found.cut} == {0.0, 1.0}
    assert found.as_json()["first_difference"]["date"] == found.date


def test_a_rule_that_answers_in_one_dimension_is_checked_as_well():
    class Flat(Tomorrow):
        def target(self, prices):
            return super().target(prices)[:, 0]

    prices = bars(walk(200))

    found = check_lookahead(Flat(), prices, Tomorrow().target(prices), seed=SEED)

    assert found.peeks


def test_a_rule_that_cannot_answer_on_fewer_bars_is_refused():
    class Longer(Tomorrow):
        def target(self, prices):
            return np.zeros((len(prices) + (len(prices) < 200), 1))

    with pytest.raises(InvalidTarget, match="target must have the shape"):
        check(Longer(), bars(walk(200)))


def test_silence_in_the_past_is_no_difference():
    found = check(NothingThenNaN(), bars(walk(200)))

    assert (found.checked, found.peeks, found.as_json()["first_difference"]) == (True, False, None)


@pytest.mark.parametrize("name", rules.BUILT_IN)
def test_no_built_in_rule_peeks(name):
    params = {"entry": "close > sma(close, 20)", "exit": "close < sma(close, 20)"}
    rule = rules.build(name, params if name == "EXPRESSION" else {})

    found = check(rule, bars(walk(900), volume=np.arange(900) % 37 + 1.0))

    assert (found.checked, found.peeks) == (True, False)
    assert len(found.cuts) == 5


def test_the_same_data_is_cut_at_the_same_bars_and_other_data_at_others():
    lengths = [cut_lengths(1000, first=2, seed=seed) for seed in (SEED, SEED, "cd" * 32)]

    assert lengths[0] == lengths[1]
    assert lengths[0] != lengths[2]


def test_cuts_lie_behind_the_first_trading_bar_and_behind_the_warm_up():
    prices = bars(walk(300))

    found = check(Tomorrow(warmup=100), prices, start=250)

    assert all(np.datetime64(day) > prices.times[250] for day in found.cuts)


def test_too_few_bars_are_not_checked_and_that_is_said():
    found = check(Tomorrow(), bars([100, 101]))

    assert found.as_json() == {"checked": False, "cuts": [], "peeks": False, "first_difference": None}


@given(st.integers(3, 2_000_000), st.integers(0, 2**64))
def test_the_bars_computed_again_are_bounded(count, seed):
    lengths = cut_lengths(count, first=2, seed=f"{seed:x}")

    assert len(lengths) >= 1
    assert all(2 <= length < count for length in lengths)
    assert sum(lengths) <= max(FREE_BARS, 2 * count)
