"""All trials of one account side by side."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backtest.arrays import Flags, Floats, Ints
from backtest.studies.objective import FIGURES, OBJECTIVES, Span, best_of
from backtest.studies.plan import Plan
from backtest.studies.request import StudyRequest
from backtest.studies.segments import AccountRange


@dataclass(frozen=True, slots=True, eq=False)
class TrialTable:
    """Every trial of one account.

    Parameters
    ----------
    request : the study
    symbols : of the account
    params : (N,) values of each searched input
    figures : (N,) of each name of `FIGURES`
    scores : (N,) of the objective, the highest is the best; NaN where it is undefined
    known : (N,) whether the chunk of the trial is there
    eligible : (N,) whether the trial may be chosen: known, not ruined, with enough trades
    """

    request: StudyRequest
    symbols: tuple[str, ...]
    params: Mapping[str, NDArray[Any]]
    figures: Mapping[str, Floats]
    scores: Floats
    known: Flags
    eligible: Flags

    @property
    def best(self) -> int | None:
        """The trial with the best objective, the first in grid order of equal ones; None where none may be chosen."""
        return best_of(self.scores, self.eligible)


def span_of(own: AccountRange, segment: int = 0) -> Span:
    """What the figures of a segment are measured by."""
    part = own.segments[segment]
    times = own.selection.bars.times[part.start : part.stop]
    year = own.selection.span.year
    closes = len(times) if year.sessions is None else len(year.sessions.closes(times))
    days = float((times[-1] - times[0]).astype(np.int64)) / 86_400
    return Span(own.run.config.initial_capital, closes - 1, year.periods, days)


def table_of(
    planned: Plan, own: AccountRange, columns: Mapping[str, NDArray[Any]], known: Flags
) -> TrialTable:
    request = planned.request
    figures = {name: columns[name][:, 0].astype(np.float64, copy=False) for name in FIGURES}
    scores = OBJECTIVES[request.objective].scores(figures, span_of(own))
    traded: Ints = columns["num_trades"][:, 0]
    eligible = known & ~columns["ruined"][:, 0] & (traded >= request.minimum_trades)
    params = planned.columns(np.arange(planned.trials))
    return TrialTable(
        request, own.run.symbols, params, figures, np.where(known, scores, np.nan), known, eligible
    )


def trial_json(planned: Plan, table: TrialTable, trial: int) -> dict[str, Any]:
    """One trial, ready for JSON: number, searched values, figures, and the request of its ordinary run."""
    chosen = planned.values(trial)
    figures = {name: defined(values[trial]) for name, values in table.figures.items()}
    return {
        "trial": trial,
        "values": chosen,
        "figures": figures | {"num_trades": int(figures["num_trades"] or 0)},
    }


def defined(value: float) -> float | None:
    """The number, or None for what is undefined."""
    return float(value) if np.isfinite(value) else None
