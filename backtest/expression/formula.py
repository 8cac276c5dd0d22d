"""A condition written as text, read and checked once, evaluated on any prices."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from backtest.arrays import Flags, Floats
from backtest.expression import checker, evaluator
from backtest.expression.errors import InvalidExpression, Problem
from backtest.expression.functions import Prices
from backtest.expression.parser import parse
from backtest.expression.series import compared
from backtest.expression.tree import Node


@dataclass(frozen=True, slots=True)
class Formula:
    """A condition over the bars of one symbol, free of mistakes."""

    source: str
    tree: Node
    lookback: int
    needs_volume: bool = False

    @classmethod
    def read(cls, source: str) -> Formula:
        """The formula of a text, or `InvalidExpression` with every mistake found."""
        return _read(source)

    def holds(self, prices: Prices) -> Flags:
        """Tell at each bar whether the condition is true; the value at bar t uses bars <= t alone."""
        return evaluator.holds(self.tree, prices)

    def series(self, prices: Prices) -> Iterator[tuple[str, str, Floats | float]]:
        """What it compares: text, pane, and the values at each bar, or the one number of a constant."""
        for side in compared(self.tree):
            values = evaluator.values(side.node, prices)
            yield side.text, side.pane, float(values[0]) if checker.is_constant(side.node) else values


def check(source: str) -> list[Problem]:
    """Every mistake in a formula with its line and column; empty where it can be used."""
    try:
        _read(source)
    except InvalidExpression as invalid:
        return list(invalid.problems)
    return []


@lru_cache(maxsize=256)
def _read(source: str) -> Formula:
    tree = parse(source)
    if found := checker.problems(source, tree):
        raise InvalidExpression(source, found)
    return Formula(source, tree, checker.lookback(tree), checker.needs_volume(tree))
