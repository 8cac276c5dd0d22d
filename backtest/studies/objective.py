"""Metrics by which trials are ranked, from the figures that each trial keeps."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from backtest.arrays import Flags, Floats, Indices
from backtest.metrics.returns import DAYS_PER_YEAR, SHORTEST_CAGR_DAYS

FIGURES: Final = ("final_equity", "total_return", "volatility", "sharpe_ratio", "max_drawdown", "num_trades")
"""What is kept of every trial, under the names of the metrics of a run."""


@dataclass(frozen=True, slots=True)
class Span:
    """What a segment of bars is to its figures: capital, returns n, periods a year P, calendar days."""

    capital: float
    periods: int
    periods_per_year: int
    days: float


@dataclass(frozen=True, slots=True)
class Objective:
    """A metric with the direction in which it is better; it equals the metric of the ordinary run."""

    name: str
    better: Literal["higher", "lower"]
    function: Callable[[Mapping[str, Floats], Span], Floats]

    def scores(self, figures: Mapping[str, Floats], span: Span) -> Floats:
        """(N,) values of which the highest is the best; NaN where the metric is undefined."""
        values = self.function(figures, span)
        return -values if self.better == "lower" else values


def best_of(scores: Floats, eligible: Flags) -> int | None:
    """The first trial with the highest score among the eligible ones; None where no score is defined."""
    allowed = eligible & ~np.isnan(scores)
    if not allowed.any():
        return None
    return int(np.argmax(np.where(allowed, scores, -np.inf)))


def ranking(scores: Floats) -> Indices:
    """Every trial, the best first; ties in grid order, undefined ones last."""
    return np.argsort(np.where(np.isnan(scores), np.inf, -scores), kind="stable")


def _figure(name: str) -> Callable[[Mapping[str, Floats], Span], Floats]:
    return lambda figures, span: figures[name]


def _compounded(figures: Mapping[str, Floats], span: Span, exponent: float) -> Floats:
    """(E_n / E_0)^exponent - 1 as the metrics of a run compute it, one by one."""
    growth = figures["final_equity"] / span.capital
    return np.array(
        [math.expm1(math.log(value) * exponent) if value > 0 else math.nan for value in growth.tolist()]
    )


def _annual_return(figures: Mapping[str, Floats], span: Span) -> Floats:
    if span.periods < 1 or span.days < SHORTEST_CAGR_DAYS:
        return np.full(len(figures["final_equity"]), np.nan)
    return _compounded(figures, span, span.periods_per_year / span.periods)


def _cagr(figures: Mapping[str, Floats], span: Span) -> Floats:
    if span.days < SHORTEST_CAGR_DAYS:
        return np.full(len(figures["final_equity"]), np.nan)
    return _compounded(figures, span, DAYS_PER_YEAR / span.days)


def _calmar(figures: Mapping[str, Floats], span: Span) -> Floats:
    deepest = figures["max_drawdown"]
    with np.errstate(all="ignore"):
        return np.where(deepest < 0, _cagr(figures, span) / -deepest, np.nan)


OBJECTIVES: Final[Mapping[str, Objective]] = {
    objective.name: objective
    for objective in (
        Objective("sharpe_ratio", "higher", _figure("sharpe_ratio")),
        Objective("total_return", "higher", _figure("total_return")),
        Objective("annual_return", "higher", _annual_return),
        Objective("cagr", "higher", _cagr),
        Objective("calmar_ratio", "higher", _calmar),
        Objective("final_equity", "higher", _figure("final_equity")),
        Objective("max_drawdown", "higher", _figure("max_drawdown")),
        Objective("volatility", "lower", _figure("volatility")),
    )
}
