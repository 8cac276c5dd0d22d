"""The trials of a study as pages, the API and exports show them: read from the chunks that are there, and kept."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from cachetools import LRUCache
from numpy.typing import NDArray
from sqlalchemy.orm import Session

from backtest.arrays import Flags, Floats, Ints
from backtest.errors import FieldError, InvalidRequest
from backtest.run.span import find_span
from backtest.studies.objective import FIGURES, OBJECTIVES, Span, best_of
from backtest.studies.plan import Plan
from backtest.studies.space import Axis
from backtest.studies.statistics.landscape import plateau
from backtest.studies.table import defined
from store.models import Study
from store.queries import calendars, datasets
from store.queries.studies import chunks, studies
from workflows.studies.submission import selected_times

CELL_VALUES: Final = ("best", "median", "profitable", "plateau")
MOST_BYTES: Final = 256 << 20

_kept: LRUCache[tuple[str, int, int], Shown] = LRUCache(MOST_BYTES, getsizeof=lambda shown: shown.nbytes)
_lock = threading.Lock()


@dataclass(frozen=True, slots=True, eq=False)
class Shown:
    """The trials of one account of a study.

    Parameters
    ----------
    figures : (N,) of each of `FIGURES`; NaN where a trial is not known or the figure is undefined
    objective : (N,) the metric that the study ranks by; `scores` is the same with the best one highest
    """

    planned: Plan
    symbols: tuple[str, ...]
    params: Mapping[str, NDArray[Any]]
    figures: Mapping[str, Floats]
    objective: Floats
    scores: Floats
    known: Flags
    eligible: Flags

    @property
    def axes(self) -> tuple[Axis, ...]:
        """The searched inputs."""
        return self.planned.request.axes

    @property
    def best(self) -> int | None:
        """The trial with the best objective."""
        return best_of(self.scores, self.eligible)

    @property
    def nbytes(self) -> int:
        """What it takes in memory, about."""
        return int(self.scores.nbytes) * (5 + len(self.figures) + len(self.params))

    def column(self, name: str) -> NDArray[Any]:
        """(N,) what the table is sorted by: trial, objective, a figure, or a searched input."""
        if name == "trial":
            return np.arange(self.planned.trials)
        if name == "objective":
            return self.objective
        return self.params[name] if name in self.params else self.figures[name]

    def around(self) -> Floats:
        """(N,) of each trial the median of the objective among its neighbours on the grid."""
        return plateau(self.axes, self.planned.numbers, self.scores)

    def trial_json(self, trial: int) -> dict[str, Any]:
        """One trial, ready for JSON."""
        figures = {name: defined(values[trial]) for name, values in self.figures.items()}
        return {
            "trial": trial,
            "values": self.planned.values(trial),
            "figures": figures,
            "objective": defined(self.objective[trial]),
            "eligible": bool(self.eligible[trial]),
        }


def read(session: Session, study: Study, symbol: str = "") -> Shown:
    """The trials of the account of a symbol; the first account where none is named."""
    planned = studies.plan_of(session, study.study_id)
    place = account_of(planned, symbol)
    key = (study.study_id, study.done_chunks, place)
    with _lock:
        found = _kept.get(key)
    if found is None:
        found = _read(session, study, planned, place)
        with _lock:
            if found.nbytes <= MOST_BYTES:
                _kept[key] = found
    return found


def account_of(planned: Plan, symbol: str) -> int:
    """The place of the account that trades a symbol, or `InvalidRequest`."""
    if not symbol:
        return 0
    for place, symbols in enumerate(planned.accounts):
        if symbol in symbols:
            return place
    raise InvalidRequest([FieldError("symbol", "must be a symbol of the study", symbol)])


def _read(session: Session, study: Study, planned: Plan, place: int) -> Shown:
    table = np.full((len(chunks.SHOWN), planned.rows), np.nan)
    known = np.zeros(planned.rows, np.bool_)
    for number, part in chunks.figures(session, study.study_id):
        share = planned.share(number, study.chunks)
        table[:, share.start : share.stop] = part
        known[share.start : share.stop] = True
    rows = slice(place * planned.trials, (place + 1) * planned.trials)
    figures = {name: table[row, rows] for row, name in enumerate(FIGURES)}
    objective = OBJECTIVES[planned.request.objective]
    scores = objective.scores(figures, _span(session, study, planned, place))
    traded = figures["num_trades"] >= planned.request.minimum_trades
    return Shown(
        planned=planned,
        symbols=planned.accounts[place],
        params=planned.columns(_all(planned)),
        figures=figures,
        objective=-scores if objective.better == "lower" else scores,
        scores=scores,
        known=known[rows],
        eligible=known[rows] & traded & (table[-1, rows] == 0.0),
    )


def _all(planned: Plan) -> Ints:
    return np.arange(planned.trials)


def _span(session: Session, study: Study, planned: Plan, place: int) -> Span:
    """What the figures are measured by: the same as `table.span_of` finds with the prices at hand."""
    request = planned.request
    run = replace(request.run, symbols=planned.accounts[place])
    own = calendars.of(session, datasets.described(session, list(study.data_hashes.values())))
    span = find_span(run, own)
    times = selected_times(replace(request, run=run), span)
    closes = len(times) if span.year.sessions is None else len(span.year.sessions.closes(times))
    days = float((times[-1] - times[0]).astype(np.int64)) / 86_400
    return Span(run.config.initial_capital, closes - 1, span.year.periods, days)
