"""The metrics of a result, computed again from its tables alone."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final, cast

import numpy as np

from backtest.arrays import Flags, Times
from backtest.metrics import Account, ClosedTrades, compute_metrics
from backtest.prices.calendar import Sessions
from backtest.run.result_tables import Column, ResultTables
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


def account(tables: ResultTables, summary: Mapping[str, Any], initial_capital: float) -> Account:
    """The account whose metrics a result has: curves and trades, read with the result's own conventions."""
    equity = tables.curves["equity"].copy()
    equity[0] = initial_capital
    conventions = summary["conventions"]
    return Account(
        times=tables.times,
        equity=equity,
        trades=cast(ClosedTrades, _Trades(tables.trades)),
        held=held(tables.times, tables.trades, same_bar_fill=summary["flags"]["same_bar_fill"]),
        benchmark=tables.curves["benchmark"],
        risk_free_rate=conventions["risk_free_rate"],
        timeframe=summary["timeframe"],
        year=conventions["periods_per_year"],
        sessions=Sessions.from_json(conventions.get("sessions")),
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


def differences(tables: ResultTables, summary: Mapping[str, Any], initial_capital: float) -> list[str]:
    """The metrics that the summary states otherwise than the tables do, in words."""
    stated = summary["metrics"]
    computed = compute_metrics(account(tables, summary, initial_capital)).values
    if stated.keys() != computed.keys():
        return [f"metrics are {', '.join(sorted(stated.keys() ^ computed.keys()))[:200]} apart"]
    return [
        f"{name} is stated as {stated[name]!r}, the tables give {value!r}"
        for name, value in computed.items()
        if not is_same(stated[name], value)
    ]


def is_same(left: object, right: object) -> bool:
    """Whether two values of a metric are equal but for their last bits; None equals None alone."""
    if isinstance(left, int | float) and isinstance(right, int | float):
        return math.isclose(left, right, rel_tol=TOLERANCE, abs_tol=1e-12)
    return left is None and right is None
