"""The columns of the list of runs that can be chosen."""

from __future__ import annotations

from typing import Any

from werkzeug.datastructures import MultiDict

from backtest.errors import FieldError, InvalidRequest
from backtest.metrics.catalogue import METRICS
from backtest.metrics.metric import Metric
from store.models import SORTED_METRICS, Run

USUAL = ("sharpe_ratio", "max_drawdown", "num_trades")
_OFFERED = (
    *USUAL, "cagr", "excess_return", "benchmark_return", "volatility", "sortino_ratio", "calmar_ratio", "psr",
    "win_rate", "profit_factor", "avg_trade_pct", "exposure", "turnover", "total_fees", "final_equity",
)  # fmt: skip
_BY_NAME = {metric.name: metric for metric in METRICS}
OFFERED: tuple[Metric, ...] = tuple(_BY_NAME[name] for name in _OFFERED)
SHORT = {"sharpe_ratio": "Sharpe", "max_drawdown": "Drawdown", "psr": "PSR"}


def chosen(arguments: MultiDict[str, str]) -> list[Metric]:
    """The metrics that `column=` names, in the order offered; the usual ones where it names none."""
    asked = [name for name in arguments.getlist("column") if name] or list(USUAL)
    if unknown := [name for name in asked if name not in _OFFERED]:
        allowed = f"must be one of {', '.join(_OFFERED)}, got {unknown[0][:60]!r}"
        raise InvalidRequest([FieldError("column", allowed, unknown[0][:60])])
    return [metric for metric in OFFERED if metric.name in asked]


def read_from_the_row(columns: list[Metric]) -> bool:
    """Whether the columns that are indexed hold all of them, so that no row's other metrics need be read."""
    return all(metric.name in SORTED_METRICS for metric in columns)


def value(run: Run, name: str) -> Any:
    """A metric of a run; None where it has no result."""
    return getattr(run, name) if name in SORTED_METRICS else (run.metrics or {}).get(name)
