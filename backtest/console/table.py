"""The metrics of a run as a table for a terminal."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from backtest.metrics import Metric
from backtest.metrics.catalogue import by_group
from backtest.metrics.metric import Format
from backtest.plural import counted
from backtest.run.request import RunRequest

_LABEL, _VALUE = 30, 18

_FORMATS: Final[Mapping[Format, Callable[[float], str]]] = {
    "percent": "{:,.2%}".format,
    "points": "{:,.2f}%".format,
    "ratio": "{:,.3f}".format,
    "currency": "{:,.2f}".format,
    "days": lambda value: counted(round(value), "day"),
    "bars": lambda value: counted(value, "bar") if isinstance(value, int) else f"{value:,.1f} bars",
    "count": "{:,.0f}".format,
}


def table(request: RunRequest, summary: Mapping[str, Any]) -> str:
    """The request, the warnings, and every metric by group in two columns."""
    lines = [_title(request, summary), ""]
    lines += [f"! {warning['message']}" for warning in summary["warnings"]]
    adjusted = summary["conventions"]["adjusted"]
    lines += [f"  Prices of {symbol} are adjusted: {scales}." for symbol, scales in adjusted.items()]
    for title, metrics in by_group():
        cells = [_cell(metric, summary["metrics"]) for metric in metrics]
        lines += ["", title, *_in_two_columns(cells)]
    return "\n".join([*lines, "", _identity(summary)])


def shown(metric: Metric, value: float | None) -> str:
    """A value in the unit of its metric; a dash where it is undefined."""
    return "–" if value is None else _FORMATS[metric.format](value)


def _title(request: RunRequest, summary: Mapping[str, Any]) -> str:
    params = ", ".join(f"{name}={value}" for name, value in request.params.items())
    span = f"{summary['first_bar'][:10]} to {summary['last_bar'][:10]}, {counted(summary['bars'], 'bar')}"
    return f"{request.rule_type}({params}) on {', '.join(request.symbols)}, {span}"


def _identity(summary: Mapping[str, Any]) -> str:
    result, data = summary["result_hash"][:12], summary["data_hash"][:12]
    return f"engine {summary['engine_version']}, result {result}, data {data}"


def _cell(metric: Metric, values: Mapping[str, Any]) -> str:
    return f"  {metric.label:<{_LABEL}.{_LABEL}}{shown(metric, values[metric.name]):>{_VALUE}}"


def _in_two_columns(cells: list[str]) -> list[str]:
    left = (len(cells) + 1) // 2
    pairs = zip(cells[:left], [*cells[left:], ""], strict=False)
    return ["  ".join(pair).rstrip() for pair in pairs]
