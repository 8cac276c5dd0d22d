"""Every statistic of one account of a study, each with the reason where it is undefined."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from backtest.arrays import Floats, Ints
from backtest.metrics.account import Undefined
from backtest.studies.chunk import BLOCKS
from backtest.studies.execution.trials import Trials
from backtest.studies.statistics.deflated import SAMPLED, Tried, deflated, effective_trials
from backtest.studies.statistics.landscape import importance, marginals, plateau
from backtest.studies.statistics.overfitting import overfitting
from backtest.studies.statistics.reality import beats_benchmark
from backtest.studies.table import TrialTable


class Judgement:
    """What the statistics say of the best trial of one account.

    Parameters
    ----------
    sums, squares, maxima : of its rows, as the chunks hold them
    before : what was tried on the same rule and prices before
    """

    def __init__(
        self, table: TrialTable, account: Trials, sums: Floats, squares: Floats, maxima: Floats, before: Tried | None
    ) -> None:  # fmt: skip
        self.table = table
        self._account = account
        self._sums, self._squares, self._maxima = sums, squares, maxima
        self._before = before

    @property
    def tried(self) -> Tried:
        """The trials of this study with their Sharpe ratios a period, for the ledger."""
        return Tried.of(self.table.figures["sharpe_ratio"][self.table.known] / self._account.root)

    def as_json(self) -> dict[str, Any]:
        """Every statistic by name, None where it is undefined, and then the reason in `reasons`."""
        found: dict[str, Any] = {}
        reasons: dict[str, str] = {}
        statistics: dict[str, Callable[[], dict[str, Any]]] = {
            "deflated": self._deflated, "overfitting": self._overfitting,
            "beats_benchmark": self._beats_benchmark, "plateau": self._plateau,
        }  # fmt: skip
        for name, statistic in statistics.items():
            try:
                found[name] = statistic()
            except Undefined as undefined:
                found[name], reasons[name] = None, str(undefined)
        tried = self.tried
        return {
            **found,
            "parameters": self._parameters(),
            "tried": {"trials": tried.trials, "mean": tried.mean, "variance": tried.variance},
            "reasons": reasons,
        }

    def _best(self) -> int:
        best = self.table.best
        if best is None:
            raise Undefined("undefined: no trial may be chosen")
        return best

    def _deflated(self) -> dict[str, Any]:
        excess = self._account.returns(np.array([self._best()]))[0] - self._account.risk_free
        tried = self.tried.with_more(self._before) if self._before else self.tried
        fraction = effective_trials(self._sampled_returns(), self.tried.trials) / self.tried.trials
        return deflated(excess, tried, fraction * tried.trials).as_json()

    def _sampled_returns(self) -> Floats:
        known = np.flatnonzero(self.table.known & ~np.isnan(self._sums).any(axis=1))
        places: Ints = np.unique(np.linspace(0, len(known) - 1, min(SAMPLED, len(known))).astype(np.int64))
        return self._account.returns(known[places])

    def _overfitting(self) -> dict[str, Any]:
        return overfitting(self._sums, self._squares, self._account.periods // BLOCKS).as_json()

    def _beats_benchmark(self) -> dict[str, Any]:
        return beats_benchmark(self._maxima, self._account.periods).as_json()

    def _plateau(self) -> dict[str, Any]:
        best, planned = self._best(), self._account.planned
        if planned.request.sampler != "grid":
            raise Undefined("undefined: a random sample has no neighbours")
        around = plateau(planned.request.axes, planned.numbers, self.table.scores)
        highest = int(np.nanargmax(np.where(self.table.eligible, around, -np.inf)))
        return {
            "score": float(self.table.scores[best]),
            "around": float(around[best]),
            "best_plateau": {
                "trial": highest,
                "values": planned.values(highest),
                "around": float(around[highest]),
            },
        }

    def _parameters(self) -> list[dict[str, Any]]:
        table, axes = self.table, self._account.planned.request.axes
        shares = importance(axes, table.params, table.scores)
        returns = table.figures["total_return"]
        return [
            {
                "name": axis.name,
                "importance": shares[axis.name],
                "values": [
                    part.as_json()
                    for part in marginals(axis, table.params[axis.name], table.scores, returns, table.known)
                ],
            }
            for axis in axes
        ]
