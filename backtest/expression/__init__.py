"""Conditions as formulas over prices and indicators; `Formula.read` and `check` are the way in."""

from backtest.expression.errors import InvalidExpression, PlacedError, Problem
from backtest.expression.evaluator import Side
from backtest.expression.formula import Formula, check, fitting, taken
from backtest.expression.functions import FUNCTIONS, SERIES

__all__ = [
    "FUNCTIONS",
    "SERIES",
    "Formula",
    "InvalidExpression",
    "PlacedError",
    "Problem",
    "Side",
    "check",
    "fitting",
    "taken",
]
