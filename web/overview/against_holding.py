"""A result against what holding would have earned: the benchmark's own metrics, the verdict, the table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from backtest.comparison.alternatives import STOPS
from backtest.comparison.holding import metrics_of_benchmark
from backtest.metrics.catalogue import CATALOGUE, METRICS
from backtest.metrics.metric import Metric
from store.models import Result, Run
from store.queries.studies import robustness
from web.overview.kpis import costs_ladder, kpis
from web.presentation.formatting import tone
from web.presentation.verdict import Facts, Figures, Verdict, costs_of, verdict_of
from web.results.curves import account_of
from web.results.stored_curves import curves_of
from web.services import database

FIRST: Final = (
    "total_return", "cagr", "volatility", "sharpe_ratio", "sortino_ratio", "calmar_ratio", "max_drawdown",
    "max_drawdown_days", "exposure", "excess_return", "alpha", "beta", "information_ratio", "psr", "num_trades",
    "win_rate", "profit_factor", "avg_trade_pct", "avg_bars_held", "turnover",
)  # fmt: skip
"""The metrics that are looked at first, in this order; the others are folded below them."""
_OF_HOLDING_ALREADY: Final = (
    "benchmark_return",
    "benchmark_cagr",
    "benchmark_volatility",
    "benchmark_max_drawdown",
)
"""Metrics that the column of the benchmark shows by their own names."""


@dataclass(frozen=True, slots=True)
class Row:
    """A metric of the run, of the benchmark where it has one, and the difference with its colour."""

    metric: Metric
    own: float | int | None
    held: float | int | None
    difference: float | None
    tone: str


def values(run: Run, result: Result) -> dict[str, Any]:
    """Verdict and headline figures, for every room and for the report."""
    summary = result.summary
    held = held_metrics(run, result)
    gross = None if summary["metrics"]["final_equity"] is None else _gross(run, summary["metrics"])
    return {
        "held": held,
        "verdict": _verdict(run, result, held),
        "kpis": kpis(summary["metrics"], held, summary["metric_reasons"], gross=gross),
    }


def table_values(run: Run, result: Result) -> dict[str, Any]:
    """The table of all metrics and what the costs did."""
    own, held = result.summary["metrics"], held_metrics(run, result)
    rest = [metric for metric in METRICS if metric.name not in (*FIRST, *_OF_HOLDING_ALREADY)]
    return {
        "first_rows": _rows([CATALOGUE[name] for name in FIRST], own, held),
        "more_rows": _rows(rest, own, held),
        "ladder": list(costs_ladder(own, result.summary.get("alternatives") or {})),
        "gross": _gross(run, own),
        "costs_total": costs_of(own),
        "break_even": _break_even(run.run_id),
    }


def _break_even(run_id: str) -> dict[str, Any]:
    """Costs a side at which nothing, and no lead over holding, is left; empty until they are computed."""
    with database().read() as session:
        found: dict[str, Any] = (robustness.answer_of(session, run_id) or {}).get("break_even", {})
    return found


def held_metrics(run: Run, result: Result) -> Figures:
    """The benchmark's metrics as stored; worked out from its curve where an older release stored none."""
    stored: Figures | None = result.summary.get("benchmark_metrics")
    if stored is not None:
        return stored
    curves = curves_of(run.run_id, str(run.result_hash))
    return metrics_of_benchmark(account_of(curves, result.summary, run.initial_capital)).values


def _verdict(run: Run, result: Result, held: Figures) -> Verdict:
    summary = result.summary
    conventions = summary["conventions"]
    stops = {name: getattr(run, name) for name in STOPS}
    facts = Facts(
        own=summary["metrics"],
        held=held,
        benchmark=conventions["benchmark"],
        is_own_symbols=conventions["benchmark_is_own_symbols"],
        alternatives=summary.get("alternatives") or {},
        flags=summary["flags"],
        stops={name: value for name, value in stops.items() if value is not None},
        initial_capital=run.initial_capital,
        periods=conventions["returns"],
        periods_per_year=conventions["periods_per_year"],
    )
    return verdict_of(facts)


def _gross(run: Run, own: Figures) -> float:
    """Profit before costs in currency, as the trades booked it."""
    return float(own["final_equity"] or 0.0) - run.initial_capital + costs_of(own)


def _rows(metrics: Sequence[Metric], own: Figures, held: Figures) -> list[Row]:
    return [_row(metric, own.get(metric.name), held.get(metric.name)) for metric in metrics]


def _row(metric: Metric, own: float | None, held: float | None) -> Row:
    difference = own - held if own is not None and held is not None else None
    sign = {"higher": 1, "lower": -1, None: 0}[metric.better]
    return Row(metric, own, held, difference, "" if difference is None else tone(sign * difference))
