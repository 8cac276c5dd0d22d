"""Prices without volume: rules that read it are refused by symbol, all others run."""

from dataclasses import dataclass

import numpy as np
import pytest

from backtest import rules
from backtest.errors import InvalidRequest
from backtest.expression import Formula
from backtest.rules.rule import Prices, Rule
from backtest.run.outcome import run
from backtest.run.request import RunRequest
from tests.backtest.price_bars import bars, dataset, walk

LATE = {"start_date": "2024-03-01"}


def request(rule_type="BUY_AND_HOLD", symbols=("AAA",), **fields):
    basic = {
        "symbols": list(symbols), "rule_type": rule_type, "start_date": "2024-01-02", "end_date": "2030-12-31",
    }  # fmt: skip
    return RunRequest.parse(basic | fields)


def without_volume(count=80, *, first=0, last=None, symbol="AAA"):
    volume = np.full(count, 1_000.0)
    volume[first:last] = np.nan
    return dataset(walk(count), volume=volume, symbol=symbol)


@pytest.mark.parametrize(
    ("formula", "reads"),
    [
        ("volume > 0", True),
        ("close > 1 and not (sma(VOLUME, 3) > 2)", True),
        ("obv() > 0", True),
        ("crosses_above(close, vwap(20))", True),
        ("close > sma(close, 20)", False),
        ("atr(14) > 1", False),
    ],
)
def test_a_formula_knows_whether_it_reads_the_volume(formula, reads):
    assert Formula.read(formula).needs_volume is reads


def test_of_the_built_in_rules_one_reads_the_volume_and_formulas_as_they_are_written():
    fixed = [name for name in rules.BUILT_IN if name != "EXPRESSION"]

    assert [name for name in fixed if rules.build(name, {}).needs_volume] == ["VOLUME_BREAKOUT"]
    assert rules.build("EXPRESSION", {"entry": "close > 1", "exit": "volume < 1"}).needs_volume
    assert not rules.build("EXPRESSION", {"entry": "close > 1"}).needs_volume


def test_a_rule_that_reads_no_volume_has_the_same_result_with_and_without():
    known, unknown = dataset(walk(80)), without_volume()

    results = [run(request("MOMENTUM"), {"AAA": prices}).summary for prices in (known, unknown)]

    assert results[0]["metrics"] == results[1]["metrics"]
    assert results[1]["certificate"][0]["unknown_volume"]["count"] == 80


def test_a_rule_that_reads_volume_is_refused_with_the_symbol_and_what_to_do():
    prices = {"AAA": dataset(walk(80)), "KRW=X": without_volume(symbol="KRW=X")}

    with pytest.raises(InvalidRequest) as refused:
        run(request("VOLUME_BREAKOUT", symbols=prices), prices)

    (error,) = refused.value.errors
    assert error.field == "symbols"
    assert error.message == (
        "the volume of KRW=X is unknown on all of its 80 bars, and the rule reads volume; choose a rule or a formula "
        "without volume, or import prices of KRW=X that have it"
    )


def test_a_gap_in_the_volume_counts_from_the_warm_up_of_the_first_traded_bar_on():
    # trading starts on bar 43, and ten bars before it warm up
    breakout = request("VOLUME_BREAKOUT", params={"period": 10, "exit_period": 5}, **LATE)

    run(breakout, {"AAA": without_volume(first=0, last=33)})
    with pytest.raises(InvalidRequest, match="on 1 of the 47 bars that it reads, first on 2024-02-16"):
        run(breakout, {"AAA": without_volume(first=0, last=34)})


@dataclass(frozen=True, slots=True)
class Undeclared(Rule):
    name = "UNDECLARED"

    @property
    def warmup(self):
        return 0

    def exposure(self, prices):
        return (prices.volume > 0).astype(float)


def test_a_rule_that_does_not_say_so_is_refused_when_it_reads_the_volume():
    with pytest.raises(InvalidRequest, match="the volume of AAA is unknown on all of its 2 bars"):
        Undeclared().exposure(Prices(bars([1, 2], volume=np.nan), 0))
