"""Figures of a run: `compute_metrics` for all of them, `CATALOGUE` for what each one means."""

from backtest.metrics.account import Account, ClosedTrades, Undefined
from backtest.metrics.catalogue import CATALOGUE, METRICS, Metrics, compute_metrics
from backtest.metrics.metric import Metric

__all__ = [
    "CATALOGUE",
    "METRICS",
    "Account",
    "ClosedTrades",
    "Metric",
    "Metrics",
    "Undefined",
    "compute_metrics",
]
