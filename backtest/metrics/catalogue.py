"""All metrics in the order of the pages, and their values for one account."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from backtest.metrics import benchmark, drawdown, probability, returns, trade_statistics
from backtest.metrics.account import Account
from backtest.metrics.metric import Metric

METRICS: Final[tuple[Metric, ...]] = (
    returns.final_equity,
    returns.total_return,
    returns.cagr,
    returns.annual_return,
    returns.best_period,
    returns.worst_period,
    returns.positive_periods,
    returns.volatility,
    returns.sharpe_ratio,
    returns.sortino_ratio,
    returns.skewness,
    returns.kurtosis,
    returns.var_95,
    returns.cvar_95,
    returns.exposure,
    probability.psr,
    drawdown.max_drawdown,
    drawdown.max_drawdown_days,
    drawdown.max_drawdown_bars,
    drawdown.avg_drawdown,
    drawdown.calmar_ratio,
    drawdown.ulcer_index,
    trade_statistics.num_trades,
    trade_statistics.win_rate,
    trade_statistics.loss_rate,
    trade_statistics.breakeven_rate,
    trade_statistics.profit_factor,
    trade_statistics.expectancy,
    trade_statistics.expectancy_ratio,
    trade_statistics.payoff_ratio,
    trade_statistics.sqn,
    trade_statistics.kelly,
    trade_statistics.avg_win,
    trade_statistics.avg_loss,
    trade_statistics.best_trade_pct,
    trade_statistics.worst_trade_pct,
    trade_statistics.avg_trade_pct,
    trade_statistics.avg_bars_held,
    trade_statistics.avg_mae_pct,
    trade_statistics.avg_mfe_pct,
    trade_statistics.max_consecutive_losses,
    trade_statistics.total_fees,
    trade_statistics.total_slippage,
    trade_statistics.total_borrow,
    trade_statistics.turnover,
    benchmark.benchmark_return,
    benchmark.benchmark_cagr,
    benchmark.benchmark_volatility,
    benchmark.benchmark_max_drawdown,
    benchmark.excess_return,
    benchmark.beta,
    benchmark.alpha,
    benchmark.correlation,
    benchmark.tracking_error,
    benchmark.information_ratio,
)

GROUPS: Final[Mapping[str, str]] = {
    "return": "Return",
    "risk": "Risk",
    "drawdown": "Drawdown",
    "trades": "Trades",
    "costs": "Costs",
    "benchmark": "Versus benchmark",
}
_FORMATS: Final = {
    "percent": "a fraction, shown as percent",
    "points": "percent",
    "ratio": "a number",
    "currency": "currency",
    "days": "days",
    "bars": "bars",
    "count": "a count",
}

CATALOGUE: Final[Mapping[str, Metric]] = {metric.name: metric for metric in METRICS}


@dataclass(frozen=True, slots=True)
class Metrics:
    """Every metric by name: `values` with None where it is undefined, and then the reason in `reasons`."""

    values: dict[str, float | int | None]
    reasons: dict[str, str]


def compute_metrics(account: Account) -> Metrics:
    """Every metric of the catalogue for this account; never NaN or infinite, never an exception."""
    return evaluate(METRICS, account)


def evaluate(metrics: Iterable[Metric], account: Account) -> Metrics:
    """These metrics for this account; never NaN or infinite, never an exception."""
    values: dict[str, float | int | None] = {}
    reasons: dict[str, str] = {}
    with np.errstate(all="ignore"):  # what overflows is reported as undefined
        for metric in metrics:
            values[metric.name], reason = metric.evaluate(account)
            if reason:
                reasons[metric.name] = reason
    return Metrics(values, reasons)


def as_json() -> list[dict[str, Any]]:
    """The catalogue without its functions, for pages that explain metrics."""
    names = ("name", "label", "group", "format", "formula", "conventions", "source")
    return [
        {name: getattr(metric, name) for name in names}
        | {"peers": metric.other_tools, "better": metric.better}
        for metric in METRICS
    ]


def by_group() -> list[tuple[str, list[Metric]]]:
    """The title of each group with its metrics, in order."""
    return [(title, [metric for metric in METRICS if metric.group == name]) for name, title in GROUPS.items()]


def as_markdown() -> str:
    """The catalogue as the documentation shows it: a section for each group, an item for each metric."""
    return "\n\n".join(_section(title, metrics) for title, metrics in by_group()) + "\n"


def _section(title: str, metrics: list[Metric]) -> str:
    return f"### {title}\n\n" + "\n\n".join(_item(metric) for metric in metrics)


def _item(metric: Metric) -> str:
    lines = [f"**{metric.label}** `{metric.name}` ({_FORMATS[metric.format]}): `{metric.formula}`"]
    lines += [metric.conventions] if metric.conventions else []
    lines += [f"Source: {metric.source}."]
    lines += [f"In other tools: {metric.other_tools}"] if metric.other_tools else []
    return "  \n".join(lines)
