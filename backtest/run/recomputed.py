"""What a result says about itself, computed again from its tables alone."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any, Final, TypeGuard, cast

import numpy as np

from backtest.arrays import Flags, Times
from backtest.comparison.holding import metrics_of_benchmark
from backtest.metrics import Account, ClosedTrades, compute_metrics
from backtest.metrics.drawdown import drawdown_table
from backtest.metrics.other_tools import values_of_other_tools
from backtest.metrics.periods import monthly_returns, yearly_returns
from backtest.metrics.trade_statistics import by_exit_reason, by_side
from backtest.run.request import RunRequest
from backtest.run.result_tables import Column, ResultTables
from backtest.run.span import Span
from backtest.simulation.simulate import EXIT_REASONS

TOLERANCE: Final = 1e-9
"""Relative; the last bits of a logarithm differ between processors."""


class _Trades:
    """Columns of stored trades under the names that metrics read."""

    def __init__(self, columns: Mapping[str, Any]) -> None:
        self.__dict__.update(columns)
        self.side = np.array([1 if side == "long" else -1 for side in columns["side"]], np.int64)
        codes = {name: code for code, name in enumerate(EXIT_REASONS)}
        self.exit_reason = np.array([codes[name] for name in columns["exit_reason"]], np.int8)


def account(tables: ResultTables, span: Span, request: RunRequest) -> Account:
    """The account whose metrics a result has: curves and trades, read with the conventions of its run."""
    equity = tables.curves["equity"].copy()
    equity[0] = request.config.initial_capital
    return Account(
        times=tables.times,
        equity=equity,
        trades=cast(ClosedTrades, _Trades(tables.trades)),
        held=held(tables.times, tables.trades, same_bar_fill=request.config.fill == "close"),
        benchmark=tables.curves["benchmark"],
        risk_free_rate=request.risk_free_rate,
        timeframe=span.calendars[0].timeframe,
        year=span.year.periods,
        sessions=span.year.sessions,
    )


def held(times: Times, trades: Mapping[str, Column], *, same_bar_fill: bool) -> Flags:
    """(T,) whether a position was carried through each bar, as its trades say.

    A trade is carried from its entry to the bar before its exit, and through the exit too where it left by anything
    but a signal, which fills at the open. With fills at the close it is carried from the bar after its entry.
    """
    first, after = (
        np.searchsorted(times, cast(Any, trades[name])).astype(np.int64)
        for name in ("entry_time", "exit_time")
    )
    if same_bar_fill:
        first, after = first + 1, after + 1
    else:
        after = after + np.array([reason != "signal" for reason in trades["exit_reason"]], np.int64)
    edges = np.zeros(len(times) + 1, np.int64)
    np.add.at(edges, np.minimum(first, after), 1)
    np.add.at(edges, after, -1)
    carried: Flags = np.cumsum(edges[:-1]) > 0
    return carried


def derived(account: Account) -> dict[str, Any]:
    """All of a summary that follows from curves and trades alone."""
    metrics = compute_metrics(account)
    return {
        "metrics": metrics.values,
        "metric_reasons": metrics.reasons,
        "metrics_elsewhere": values_of_other_tools(account),
        "benchmark_metrics": metrics_of_benchmark(account).values,
        "drawdowns": drawdown_table(account),
        "yearly": yearly_returns(account),
        "monthly": monthly_returns(account),
        "exit_reasons": by_exit_reason(account.trades, dict(enumerate(EXIT_REASONS))),
        "sides": by_side(account.trades),
    }


def differences(stated: Mapping[str, Any], computed: Mapping[str, Any]) -> Iterator[str]:
    """Where a summary states something else than was computed again, in words; other keys of it are not looked at."""
    for name, value in computed.items():
        yield from _apart(name, stated.get(name), value)


def _apart(path: str, stated: object, computed: object) -> Iterator[str]:
    if isinstance(computed, Mapping) and isinstance(stated, Mapping) and stated.keys() == computed.keys():
        for name, value in computed.items():
            yield from _apart(f"{path}.{name}", stated[name], value)
    elif isinstance(computed, list) and isinstance(stated, list) and len(stated) == len(computed):
        for place, (left, right) in enumerate(zip(stated, computed, strict=True)):
            yield from _apart(f"{path}[{place}]", left, right)
    elif not is_same(stated, computed):
        yield f"{path} is stated as {_short(stated)}, the tables give {_short(computed)}"


def _short(value: object) -> str:
    return repr(value)[:60] if isinstance(value, str | int | float | None) else f"a {type(value).__name__}"


def is_same(left: object, right: object) -> bool:
    """Whether two values of a result are equal, numbers but for their last bits."""
    if _is_number(left) and _is_number(right):
        return math.isclose(left, right, rel_tol=TOLERANCE, abs_tol=1e-12)
    return type(left) is type(right) and left == right


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)
