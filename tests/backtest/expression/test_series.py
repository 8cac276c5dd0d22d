"""Formulas written from their trees."""

import pytest

from backtest.expression import Formula
from backtest.expression.series import written


@pytest.mark.parametrize(
    "formula",
    [
        "close > sma(close, 5) and rsi(close, 2) < 10",
        "(close - open) * 2 > -atr(14) and not (volume > 1.5 * sma(volume, 20))",
        "close - (open - 1) < 2 and 30 < rsi(close) <= 70",
        "(close > open or close > 5) and high > low",
        "close / (open * 2) > 1 and close ^ (2 ^ 3) > 1 and (close ^ 2) ^ 3 > 1",
        "-(close - open) ^ 2 < 2 ^ -1",
        "(-close) ^ 2 > 1 and close - -open > 1 and not not close > 1",
    ],
)
def test_a_formula_that_is_written_again_means_the_same(formula):
    tree = Formula.read(formula).tree

    assert Formula.read(written(tree)).tree == tree


def test_no_parentheses_are_written_that_are_not_needed():
    formula = "close > sma(close, 5) and (rsi(close, 2) < 10 or close > 2 * open)"

    assert written(Formula.read(formula).tree) == formula
