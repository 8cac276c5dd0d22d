"""The probability of backtest overfitting of a study, from the block sums that its trials keep."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from itertools import combinations
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import numpy as np

from backtest import jit
from backtest.arrays import Floats, Ints
from backtest.metrics.account import Undefined
from backtest.studies.chunk import BLOCKS

MOST_RATIOS: Final = 20_000_000
"""Ratios from which on every k-th split is taken instead of all 12,870, but no fewer than `FEWEST_SPLITS`."""
FEWEST_SPLITS: Final = 400
BARS: Final = 24
"""Bars of the distribution of logits."""
SHOWN: Final = 400
"""Splits whose pair of ratios is kept for a picture."""


@dataclass(frozen=True, slots=True, eq=False)
class Overfitting:
    """What combinatorially symmetric cross-validation found.

    Parameters
    ----------
    probability : share of splits whose winner is at most the median out of sample: ln(ω / (1 - ω)) <= 0
    slope, intercept : of the winner's ratio out of sample on its ratio in sample, over the splits; None where
        all winners have the same ratio in sample
    loss : share of splits whose winner has a ratio below 0 out of sample
    logits, inside, outside : (S,) of the splits
    """

    trials: int
    probability: float
    slope: float | None
    intercept: float | None
    loss: float
    logits: Floats
    inside: Floats
    outside: Floats

    def as_json(self) -> dict[str, Any]:
        """The figures, the distribution of the logits, and some splits for a picture."""
        reach = float(np.abs(self.logits).max()) or 1.0
        counts, edges = np.histogram(self.logits, BARS, (-reach, reach))
        shown = np.linspace(0, len(self.inside) - 1, min(SHOWN, len(self.inside))).astype(np.int64)
        return {
            "trials": self.trials,
            "splits": len(self.logits),
            "probability": self.probability,
            "slope": self.slope,
            "intercept": self.intercept,
            "loss": self.loss,
            "logits": {"edges": edges.tolist(), "counts": counts.tolist()},
            "pairs": np.column_stack((self.inside[shown], self.outside[shown])).tolist(),
        }


@cache
def _kernel() -> ModuleType:
    return jit.load(Path(__file__).with_name("overfitting_kernel.py"), outlined={"ratios", "rank"})


def overfitting(sums: Floats, squares: Floats, count: int) -> Overfitting:
    """Rank the best trial of every half of the blocks on the other half.

    Combinatorially symmetric cross-validation of Bailey, Borwein, López de Prado and Zhu, The Probability of
    Backtest Overfitting, Journal of Computational Finance 20 (2017), with the Sharpe ratio a period. It equals
    `backtest.metrics.probability.overfitting_probability` of the returns themselves.

    Parameters
    ----------
    sums, squares : (N, 16) sums of returns and of squared returns in blocks of one length; rows with NaN are
        left out
    count : returns in a block

    Raises
    ------
    Undefined
        If there are fewer than 2 trials, or fewer than 2 returns in a block.
    """
    known = ~np.isnan(sums).any(axis=1)
    trials = int(known.sum())
    if trials < 2:
        raise Undefined(f"needs at least 2 trials with defined returns, got {trials}")
    if count < 2:
        raise Undefined(f"needs at least {2 * BLOCKS} returns")
    halves = _halves(trials)
    found = np.empty((2 * len(halves), 3))
    whole = bool(known.all())  # then blocks that lie together are not copied
    columns = [np.ascontiguousarray((values if whole else values[known]).T) for values in (sums, squares)]
    _kernel().validate(
        *columns, halves, float(count * BLOCKS // 2), np.empty(trials), np.empty(trials), found
    )
    inside, outside, rank = np.ascontiguousarray(found.T)
    share = rank / (trials + 1)
    logits = np.log(share / (1.0 - share))
    slope, intercept = _line(inside, outside)
    return Overfitting(
        trials=trials, probability=float((share <= 0.5).mean()), slope=slope, intercept=intercept,
        loss=float((outside < 0.0).mean()), logits=logits, inside=inside, outside=outside,
    )  # fmt: skip


@cache
def _pairs() -> Ints:
    """Pairs of halves, each pair once: the first block is always in the first half."""
    chosen = [(0, *rest) for rest in combinations(range(1, BLOCKS), BLOCKS // 2 - 1)]
    return np.array([[*half, *(set(range(BLOCKS)) - set(half))] for half in chosen])


def _halves(trials: int) -> Ints:
    """The pairs of halves that are looked at for so many trials."""
    pairs = _pairs()
    step = min(-(-2 * len(pairs) * trials // MOST_RATIOS), 2 * len(pairs) // FEWEST_SPLITS)
    return np.ascontiguousarray(pairs[:: max(1, step)])


def _line(inside: Floats, outside: Floats) -> tuple[float | None, float | None]:
    centred = inside - inside.mean()
    spread = float(np.einsum("i,i->", centred, centred))
    if not spread > 1e-20:
        return None, None
    slope = float(np.einsum("i,i->", centred, outside)) / spread
    return slope, float(outside.mean() - slope * inside.mean())
