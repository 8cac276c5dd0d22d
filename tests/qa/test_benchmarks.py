"""The sweeps of the benchmarks compare the same trials: a peer's arrays hold what the rule of the product holds."""

import pytest

from backtest import rules
from backtest.prices.bars import Bars
from qa.benchmarks.engines.array_rules import Arrays
from qa.benchmarks.grids import FORMULAS, GRIDS, combinations
from qa.benchmarks.market import walk
from qa.benchmarks.plan import RULES

MARKET = walk(600, 1, drift=3e-4, spread=0.012, seconds=86_400, seed=5)


def held_long(enter, leave):
    """Whether a long account holds the symbol after each close."""
    holds, found = False, []
    for entered, left in zip(enter, leave, strict=True):
        holds = entered or (holds and not left)
        found.append(holds)
    return found


def wanted(rule, params):
    named = {"constants": params} | FORMULAS if rule == "EXPRESSION" else params
    columns = (MARKET.open, MARKET.high, MARKET.low, MARKET.close, MARKET.volume)
    target = rules.build(rule, named).target(Bars(("AAA",), MARKET.times, *columns))
    return (target[:, 0] > 0).tolist()


@pytest.mark.parametrize("rule", RULES)
def test_the_arrays_of_a_rule_hold_what_its_rule_holds(rule):
    chosen = combinations(rule, GRIDS[rule])

    for params in chosen[:: max(1, len(chosen) // 12)]:
        assert held_long(*Arrays(MARKET).signals(rule, params)) == wanted(rule, params), params


def test_every_rule_with_inputs_is_measured():
    assert set(RULES) == set(GRIDS) == {name for name in rules.BUILT_IN if rules.get(name).params}
