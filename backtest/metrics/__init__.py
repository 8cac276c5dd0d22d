"""Metrics of a run: `compute_metrics` computes all of them, `CATALOGUE` describes each one."""

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
