"""What a rule wants in each symbol, found on the symbol's own bars and put onto the common calendar."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np

from backtest.arrays import Floats, Indices
from backtest.prices.bars import Bars
from backtest.simulation.simulate import checked_target


class Targeting(Protocol):
    """The part of a rule that a run needs."""

    @property
    def warmup(self) -> int:
        """Bars before the first wanted position."""

    def target(self, bars: Bars) -> Floats:
        """Wanted exposure, (T, M)."""


def own_targets(
    rule: Targeting, histories: Sequence[Bars], *, passed: Callable[[int], None] | None = None
) -> list[Floats]:
    """The target of each symbol on all of its own bars, (T, 1) each; no symbol changes another's.

    Parameters
    ----------
    passed : called behind each symbol with the number of its bars

    Raises
    ------
    InvalidTarget
        If the rule returns a wrong shape or a value outside -1…1.
    """
    targets = []
    for history in histories:
        targets.append(checked_target(history, rule.target(history)))
        if passed:
            passed(len(history))
    return targets


def on_common_calendar(targets: Sequence[Floats], rows: Sequence[Indices]) -> Floats:
    """The targets of M symbols at the T bars that all of them have, shape (T, M).

    Parameters
    ----------
    targets : of each symbol on its own bars
    rows : of each symbol the own bar at each common one, ascending
    """
    columns = [_at(target[:, 0], row) for target, row in zip(targets, rows, strict=True)]
    if len(columns) == 1:
        return np.ascontiguousarray(columns[0]).reshape(-1, 1)
    return np.ascontiguousarray(np.column_stack(columns))


def _at(target: Floats, rows: Indices) -> Floats:
    """The target at these bars; where it says no change, what was last wanted since the row before.

    The bars between two rows are the symbol's own: a wish that was stated on one of them still stands.
    """
    if rows[-1] - rows[0] + 1 == len(rows):
        return target[rows[0] : rows[-1] + 1]
    before = np.concatenate((rows[:1] - 1, rows[:-1]))
    stated = np.maximum.accumulate(np.where(np.isnan(target), -1, np.arange(len(target))))[rows]
    return np.where(stated > before, target[stated], np.nan)
