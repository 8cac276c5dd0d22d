"""The headline metrics of a result."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_WITH_BENCHMARK = (
    ("total_return", "benchmark_return"),
    ("cagr", "benchmark_cagr"),
    ("sharpe_ratio", None),
    ("max_drawdown", "benchmark_max_drawdown"),
    ("volatility", "benchmark_volatility"),
    ("num_trades", None),
)


def kpis(metrics: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The six headline metrics, each with its benchmark's value where there is one."""
    return [_kpi(metrics, name, benchmark) for name, benchmark in _WITH_BENCHMARK]


def _kpi(metrics: Mapping[str, Any], name: str, benchmark: str | None) -> dict[str, Any]:
    value, other = metrics.get(name), metrics.get(benchmark) if benchmark else None
    difference = value - other if value is not None and other is not None else None
    return {"name": name, "value": value, "benchmark": other, "difference": difference}
