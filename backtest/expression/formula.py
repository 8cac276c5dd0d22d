"""A condition written as text, read and checked once, evaluated on any prices."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType

from backtest.arrays import Flags, Floats
from backtest.expression import checker, evaluator
from backtest.expression.errors import InvalidExpression, Problem
from backtest.expression.evaluator import Side
from backtest.expression.functions import CONSTANTS, FUNCTIONS, SERIES, Prices
from backtest.expression.parser import parse
from backtest.expression.series import compared
from backtest.expression.tokens import WORDS
from backtest.expression.tree import Node


@dataclass(frozen=True, slots=True)
class Formula:
    """A condition over the bars of one symbol, free of mistakes."""

    source: str
    tree: Node
    lookback: int
    constants: Mapping[str, float]
    needs_volume: bool = False

    @classmethod
    def read(cls, source: str, constants: Mapping[str, float] = checker.NO_CONSTANTS) -> Formula:
        """The formula of a text, or `InvalidExpression` with every mistake found.

        `constants` are numbers that the text may call by their names; `taken` says which names they cannot have.
        """
        return _read(source, tuple(sorted(constants.items())))

    def holds(self, prices: Prices) -> Flags:
        """Tell at each bar whether the condition is true; the value at bar t uses bars <= t alone."""
        return evaluator.holds(self.tree, prices, self.constants)

    def function(self, prices: Prices) -> Side:
        """`holds` as a function of the constants; in a sweep for other values of theirs, which are not checked."""
        return evaluator.function_of(self.tree, prices, self.constants)

    def series(self, prices: Prices) -> Iterator[tuple[str, str, Floats | float]]:
        """What it compares: text, pane, and the values at each bar, or the one number of a constant."""
        for side in compared(self.tree, self.constants):
            values = evaluator.values(side.node, prices, self.constants)
            constant = checker.is_constant(side.node, self.constants)
            yield side.text, side.pane, float(values[0]) if constant else values


def check(source: str, constants: Mapping[str, float] = checker.NO_CONSTANTS) -> list[Problem]:
    """Every mistake in a formula with its line and column; empty where it can be used."""
    try:
        Formula.read(source, constants)
    except InvalidExpression as invalid:
        return list(invalid.problems)
    return []


def fitting(source: str, constants: Mapping[str, float | Floats]) -> Flags | bool:
    """For which of many values of the constants, (K,) arrays, the numbers in a formula are within their bounds.

    True or false for all of them alike where none of the arrays is in its place, or the text cannot be read.
    """
    try:
        return checker.fitting(_parsed(source), constants)
    except InvalidExpression:
        return False


def taken(name: str) -> str:
    """What a name stands for in every formula, so that no constant can have it; empty where it is free."""
    if name in WORDS or name in CONSTANTS:
        return "a word of the language"
    return "a series" if name in SERIES else "a function" if name in FUNCTIONS else ""


@lru_cache(maxsize=256)
def _read(source: str, named: tuple[tuple[str, float], ...]) -> Formula:
    tree, constants = _parsed(source), MappingProxyType(dict(named))
    if found := checker.problems(source, tree, constants):
        raise InvalidExpression(source, found)
    return Formula(source, tree, checker.lookback(tree, constants), constants, checker.needs_volume(tree))


@lru_cache(maxsize=256)
def _parsed(source: str) -> Node:
    return parse(source)
