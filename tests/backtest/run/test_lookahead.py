from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backtest import rules
from backtest.errors import InvalidTarget
from backtest.run.cuts import choose_cuts
from backtest.run.lookahead import FREE_BARS, LONGEST, check_lookahead
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


def check(rule, prices, *, start=0):
    return check_lookahead(rule, [prices], [rule.target(prices)], seed=SEED, starts=[start])


@pytest.mark.parametrize("rule", [Tomorrow(), WholeSampleMean()])
def test_a_rule_that_peeks_is_found_with_the_first_date_and_symbol(rule):
    prices = bars(walk(500))

    found = check(rule, prices)

    assert found.checked
    assert found.peeks
    difference = found.as_json()["first_difference"]
    assert difference["symbol"] == "AAA"
    assert np.datetime64(difference["date"]) in prices.times
    assert {difference["known"], difference["cut"]} == {0.0, 1.0}


def test_a_rule_that_answers_in_one_dimension_is_checked_as_well():
    class Flat(Tomorrow):
        def target(self, prices):
            return super().target(prices)[:, 0]

    prices = bars(walk(200))

    found = check_lookahead(Flat(), [prices], [Tomorrow().target(prices)], seed=SEED, starts=[0])

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
    assert found.at_random >= 18  # a few may end on a change as well, and count once
    assert found.at_random + found.at_changes + found.at_extremes == len(found.cuts) <= 44


def cuts(close, target, *, seed=SEED, first=2, budget=FREE_BARS):
    return choose_cuts(np.asarray(close), np.asarray(target, float), first=first, budget=budget, seed=seed)


def test_the_same_data_is_cut_at_the_same_bars_and_other_data_at_others():
    close, target = walk(1000), np.arange(1000) // 30 % 2

    chosen = [cuts(close, target, seed=seed) for seed in (SEED, SEED, "cd" * 32)]

    assert chosen[0] == chosen[1]
    assert chosen[0] != chosen[2]


def test_random_cuts_are_spread_over_all_bars_one_in_each_twentieth():
    lengths = [cut.length for cut in cuts(walk(2002), np.zeros(2002)) if cut.kind == "random"]

    assert [(length - 2) // 100 for length in lengths] == list(range(20))


def test_the_other_cuts_end_on_bars_on_which_the_target_changes():
    target = np.arange(1000) // 25 % 2

    at_changes = [cut.length for cut in cuts(walk(1000), target) if cut.kind == "change"]

    assert len(at_changes) == 20
    assert all(target[length - 1] != target[length - 2] for length in at_changes)


def test_a_few_more_end_on_the_lowest_and_the_highest_close_of_all_and_of_the_last_third():
    close = np.full(900, 100.0)
    close[[10, 200, 300, 700, 800, 899]] = 1.0, 90.0, 120.0, 95.0, 110.0, 500.0

    at_extremes = [cut.length - 1 for cut in cuts(close, np.zeros(900), first=100) if cut.kind == "extreme"]

    assert at_extremes == [200, 300, 700, 800]  # behind the first, and before the last bar


def test_changes_that_the_next_close_rewards_are_cut_first():
    close, target = np.full(1000, 100.0), np.ones(1000)
    target[::4] = 0.0  # 500 changes, of which these ten escape a fall
    falls = [41, 121, 241, 321, 441, 521, 641, 721, 841, 921]
    for bar in falls:
        close[bar:] *= 0.9

    lengths = {cut.length for cut in cuts(close, target)}

    assert lengths >= set(falls)


@dataclass
class OutBeforeFalls:
    """Long above the average of 20 closes, but out on the eve of a fall of more than 3 %."""

    warmup: int = 20

    def target(self, prices):
        close = prices.close[:, 0]
        average = np.convolve(close, np.full(20, 1 / 20))[: len(close)]
        target = (close > average).astype(float)
        target[:-1][close[1:] < 0.97 * close[:-1]] = 0.0
        target[:20] = 0.0
        return target.reshape(-1, 1)


def test_a_rule_that_peeks_on_a_few_bars_alone_is_found_in_every_run():
    found = [check(OutBeforeFalls(), bars(walk(2500, seed=seed, step=0.012))) for seed in range(10)]

    assert all(check.peeks for check in found)


def test_cuts_lie_behind_the_first_trading_bar_and_behind_the_warm_up():
    prices = bars(walk(300))

    found = check(Tomorrow(warmup=100), prices, start=250)

    assert all(np.datetime64(day) > prices.times[250] for day in found.cuts)


def test_every_symbol_is_cut_on_its_own_bars():
    class SecondPeeks(Tomorrow):
        def target(self, prices):
            return super().target(prices) * (prices.symbols == ("BBB",))

    histories = [bars(walk(300)), bars(walk(120, seed=2), symbol="BBB")]
    rule = SecondPeeks()

    found = check_lookahead(
        rule, histories, [rule.target(history) for history in histories], seed=SEED, starts=[200, 20]
    )

    assert found.difference.symbol == "BBB"
    assert found.at_random > 32  # of both symbols; one that is a cut of another kind too counts once


def test_too_few_bars_are_not_checked_and_that_is_said():
    found = check(Tomorrow(), bars([100, 101]))

    assert found.as_json() == {
        "checked": False,
        "cuts": [],
        "at_random": 0,
        "at_changes": 0,
        "at_extremes": 0,
        "peeks": False,
        "first_difference": None,
    }


@given(st.integers(3, 50_000), st.integers(0, 2**64), st.integers(1, 400))
def test_the_bars_computed_again_are_bounded_and_the_last_twentieth_is_cut(count, seed, held):
    budget = LONGEST * count

    chosen = cuts(np.full(count, 100.0), np.arange(count) // held % 2, seed=f"{seed:x}", budget=budget)

    assert all(2 <= cut.length < count for cut in chosen)
    assert sum(cut.length for cut in chosen) <= budget
    assert max(cut.length for cut in chosen if cut.kind == "random") >= 2 + (count - 2) * 19 // 20
