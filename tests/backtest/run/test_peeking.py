"""Every way of looking ahead that cuts can show is found in at least nine of ten runs."""

import numpy as np
import pytest

from backtest import samples
from backtest.run.cuts import CUTS
from backtest.run.lookahead import SAME, check_lookahead
from tests.backtest.peeking_rules import HONEST, RULES
from tests.backtest.price_bars import bars

EXTREMES = 4
PARTS = [(0.0, 1.0), (0.0, 0.5), (0.3, 0.8), (0.5, 1.0)]


def market(seed, count=3000):
    """A market with calm and wild times, falls among them, and opens away from the close before."""
    random = np.random.default_rng(seed)
    wildness = 0.011 * np.exp(np.convolve(random.normal(0, 0.08, count), np.full(30, 0.5), "same"))
    close = 100 * np.exp(np.cumsum(random.standard_t(4, count) * wildness + 0.0003))
    opened = np.concatenate((close[:1], close[:-1])) * np.exp(random.normal(0, 0.006, count))
    return bars(close, opened=opened)


@pytest.fixture(scope="module")
def histories():
    """Bars and the first traded one: parts of the bundled prices, and markets."""
    whole = [samples.load(name).bars for name in ("SP500", "GOOG", "NASDAQ")]
    parts = [
        (each.cut(0, int(stop * len(each))), int(start * len(each)))
        for each in whole
        for start, stop in PARTS
    ]
    return [*parts, *((market(seed), 100) for seed in range(20))]


def check(rule, history, start):
    return check_lookahead(
        rule, [history], [rule.target(history)], seed=f"{start} {len(history)}", starts=[start]
    )


def can_be_caught(rule, history, start):
    """Whether the bars cut at any place at all show another target."""
    known = rule.target(history)
    lengths = range(max(start, rule.warmup) + 2, len(history))
    return any((abs(rule.target(history.cut(0, end)) - known[:end]) > SAME).any() for end in lengths)


@pytest.mark.parametrize("name", RULES)
def test_a_rule_that_looks_ahead_is_found_in_nine_of_ten_runs_in_which_it_can_be(name, histories):
    rule = RULES[name]

    found = [check(rule, *history).peeks for history in histories]
    missed = [
        history
        for history, peeks in zip(histories, found, strict=True)
        if not peeks and can_be_caught(rule, *history)
    ]

    assert sum(found) >= 15  # the data lets it peek
    assert sum(found) >= 0.9 * (sum(found) + len(missed))


def test_a_rule_that_does_not_look_ahead_is_never_accused(histories):
    checks = [check(HONEST, *history) for history in histories]

    assert not any(each.peeks for each in checks)
    assert all(each.checked and len(each.cuts) <= 2 * CUTS + EXTREMES for each in checks)


@pytest.mark.parametrize("sign", [1, -1])
def test_one_close_on_the_other_side_is_enough_to_find_a_rule_that_knows_how_the_sample_ends(sign):
    close = 100 * np.exp(sign * 0.001 * np.arange(2000))
    close[1234] = 100 * np.exp(-sign * 0.01)

    assert check(RULES["only_if_the_sample_ends_higher"], bars(close), 0).peeks
