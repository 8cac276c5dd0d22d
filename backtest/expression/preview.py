"""Where a formula is true: on how many bars, in which parts of a chart, and what each of its clauses says alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from backtest.arrays import Flags, Indices
from backtest.expression import evaluator
from backtest.expression.formula import Formula
from backtest.expression.functions import Prices
from backtest.expression.series import written
from backtest.expression.tree import Binary, Node

MOST_CLAUSES = 12


@dataclass(frozen=True, slots=True)
class Clause:
    """One of the conditions that `and` and `or` join: its text, and on how many bars it is true."""

    text: str
    true_on: int


@dataclass(frozen=True, slots=True)
class Preview:
    """A formula on a part of the bars.

    `ticks` counts the true bars of each part of a chart. `clauses` is empty where the formula is a single
    condition; of many, the first `MOST_CLAUSES` are counted.
    """

    true_on: int
    ticks: tuple[int, ...]
    clauses: tuple[Clause, ...]

    def as_json(self) -> Mapping[str, Any]:
        """Ready for JSON."""
        return asdict(self)


def clauses_of(node: Node) -> list[Node]:
    """The conditions that `and` and `or` join, in the order of the text."""
    if isinstance(node, Binary) and node.operator in ("and", "or"):
        return clauses_of(node.left) + clauses_of(node.right)
    return [node]


def parts(first: int, stop: int, most: int) -> Indices:
    """The first bar of each of at most `most` equal parts of the bars from `first` up to before `stop`."""
    return np.unique(np.linspace(first, stop, min(most, stop - first) + 1)[:-1].astype(np.intp))


def preview(formula: Formula, prices: Prices, first: int, stop: int, starts: Indices) -> Preview:
    """Evaluate the formula on all bars, and count the true ones from `first` up to before `stop`.

    Parameters
    ----------
    starts : first bar of each part of the chart, the first one being `first`
    """
    found = clauses_of(formula.tree)[:MOST_CLAUSES]
    true = formula.holds(prices)[:stop]
    return Preview(
        true_on=_count(true[first:]),
        ticks=tuple(np.add.reduceat(true, starts, dtype=np.int64).tolist()),
        clauses=tuple(_clause(node, formula, prices, slice(first, stop)) for node in found)
        if len(found) > 1
        else (),
    )


def _clause(node: Node, formula: Formula, prices: Prices, part: slice) -> Clause:
    return Clause(written(node), _count(evaluator.holds(node, prices, formula.constants)[part]))


def _count(flags: Flags) -> int:
    return int(np.count_nonzero(flags))
