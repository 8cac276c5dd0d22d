"""Does the best of all trials beat the benchmark, or is it the best of many by luck? Reality Check and SPA."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import numpy as np

from backtest import jit
from backtest.arrays import Flags, Floats, Singles
from backtest.metrics.account import Undefined
from backtest.metrics.block_length import optimal_block_length

PATHS: Final = 500
_PANEL: Final = 32
"""Paths that are summed together: as few as BLAS adds in one thread, since a second one would wait for most of the time."""
GROUPS: Final = 126
"""Groups of neighbouring periods that are drawn: longer ranges draw longer groups, so that a trial costs the same."""
FEWEST: Final = 16


@cache
def kernel() -> ModuleType:
    """`backtest.studies.statistics.reality_kernel` compiled."""
    return jit.load(Path(__file__).with_name("reality_kernel.py"), outlined={"resample", "raise_by"})


@dataclass(frozen=True, slots=True)
class BeatsBenchmark:
    """How likely the best trial's lead over the benchmark is luck: p-values of no trial being better.

    `reality_check` is White's; `spa` Hansen's consistent one, `spa_lower` and `spa_upper` its bounds.
    """

    paths: int
    groups: int
    reality_check: float
    spa_lower: float
    spa: float
    spa_upper: float

    def as_json(self) -> dict[str, Any]:
        """The p-values by name."""
        return asdict(self)


class Maxima:
    """Collects the bootstrapped maxima of trials; those of several collectors of one seed are put together.

    The stationary bootstrap draws groups of neighbouring periods, at most `GROUPS`: sums over a group keep the
    mean, and what depends on the past within it. The mean block is that of the benchmark's returns, at least a
    group.
    """

    def __init__(self, benchmark: Floats, *, seed: int, paths: int = PATHS) -> None:
        self._groups = min(GROUPS, len(benchmark))
        self._benchmark = self._sums(benchmark[None])[0] if self._groups else np.empty(0)
        drawn = weights(self._groups, _block(benchmark, self._groups), seed=seed, paths=paths)
        self._panels = _panels(drawn)
        self._threshold = math.sqrt(2.0 * math.log(math.log(max(self._groups, 3))))
        self._means = np.empty(paths, np.float32)
        self.table: Floats = kernel().nothing(paths)

    def add(self, returns: Floats, eligible: Flags) -> None:
        """Raise the maxima by trials with these (K, n) returns."""
        if self._groups < FEWEST:
            return
        leads = self._sums(returns) - self._benchmark
        wholes, observed, scales = np.empty(leads.shape, np.float32), *np.empty((2, len(leads)))
        taken = kernel().centre(leads, eligible, wholes, observed, scales)
        sums = np.matmul(wholes[:taken], self._panels)  # whole numbers below 2^24: exact in any order
        kernel().update(sums, observed[:taken], scales[:taken], self._threshold, self.table, self._means)

    def _sums(self, returns: Floats) -> Floats:
        """(K, groups) the sums of (K, n) returns over groups of neighbouring periods."""
        sums = np.empty((len(returns), self._groups))
        kernel().grouped(returns, sums)
        return sums


def beats_benchmark(table: Floats, periods: int) -> BeatsBenchmark:
    """The p-values of maxima, (4, 1 + B).

    White, A Reality Check for Data Snooping, Econometrica 68 (2000); Hansen, A Test for Superior Predictive
    Ability, Journal of Business & Economic Statistics 23 (2005), with the bootstrapped variance of each trial.

    Raises
    ------
    Undefined
        If no trial was eligible, or there were too few periods.
    """
    if not np.isfinite(table[:, 0]).all():
        raise Undefined(
            f"needs an eligible trial whose returns differ from the benchmark's over {FEWEST} periods"
        )
    reality, *spa = table
    shares = [float(np.mean(np.maximum(row[1:], 0.0) >= max(row[0], 0.0))) for row in spa]
    share = float(np.mean(reality[1:] >= reality[0]))
    return BeatsBenchmark(table.shape[1] - 1, min(GROUPS, periods), share, *shares)


def weights(groups: int, block: float, *, seed: int, paths: int) -> Singles:
    """(groups, paths) how often each group is drawn in each path of a stationary bootstrap."""
    generator = np.random.default_rng(seed)
    begins = generator.random((paths, groups)) < 1.0 / block
    begins[:, 0] = True
    flat = np.flatnonzero(begins)
    starts = generator.integers(0, groups, size=len(flat))
    lengths = np.diff(flat, append=paths * groups)
    drawn = (np.arange(paths * groups) + np.repeat(starts - flat, lengths)) % groups
    path = np.repeat(np.arange(paths), groups)
    counts = np.bincount(drawn * paths + path, minlength=groups * paths)
    return counts.reshape(groups, paths).astype(np.float32)


def _panels(drawn: Singles) -> Singles:
    """(panels, groups, `_PANEL`) the columns of (groups, paths), the last panel filled up with columns of zeros."""
    groups, paths = drawn.shape
    padded = np.pad(drawn, ((0, 0), (0, -paths % _PANEL)))
    return np.ascontiguousarray(padded.reshape(groups, -1, _PANEL).transpose(1, 0, 2))


def _block(benchmark: Floats, groups: int) -> float:
    """Mean block in groups."""
    try:
        return max(1.0, optimal_block_length(benchmark) * groups / len(benchmark))
    except Undefined:
        return 1.0
