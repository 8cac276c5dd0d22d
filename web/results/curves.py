"""The curves that a chart can show: those stored with the result, and those that follow from it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from backtest.errors import FieldError, InvalidRequest
from backtest.metrics import Account
from backtest.metrics.periods import rolling
from backtest.prices.calendar import Sessions
from backtest.run import result_tables
from backtest.simulation.curves import below_peak
from store.models import Run
from store.queries import results
from web.presentation.decimation import Floats, Times
from web.results.stored_curves import Curves, closes, require
from web.services import database

STORED = result_tables.CURVES
DERIVED = (
    "cumulative_return",
    "benchmark_return",
    "benchmark_drawdown",
    "rolling_sharpe",
    "price",
    "trade_pnl",
)
NAMES = (*STORED, *DERIVED)


def curve(run: Run, stored: Curves, name: str, symbol: str | None = None) -> Floats:
    """One of `NAMES` on the bars of the run; `symbol` says whose price, the first one's by default."""
    if name in STORED:
        return stored.by_name[name]
    if name in ("cumulative_return", "benchmark_return"):
        of = stored.by_name["equity" if name == "cumulative_return" else "benchmark"]
        return of / run.initial_capital - 1
    if name == "benchmark_drawdown":
        return below_peak(stored.by_name["benchmark"])
    if name == "rolling_sharpe":
        return _rolling_sharpe(run, stored)
    return (
        _price(run, stored.times, symbol or run.symbols[0])
        if name == "price"
        else _trade_pnl(run, stored.times)
    )


def _rolling_sharpe(run: Run, stored: Curves) -> Floats:
    with database().read() as session:
        summary = require(session, run.run_id).summary
    rolled = rolling(account_of(stored, summary, run.initial_capital))
    return _at(stored.times, rolled.times, rolled.sharpe_ratio)


def _price(run: Run, times: Times, symbol: str) -> Floats:
    data_hash = (run.data_hashes or {}).get(symbol)
    if data_hash is None:
        allowed = ", ".join(run.symbols)
        raise InvalidRequest(
            [FieldError("symbol", f"must be one of {allowed}, got {symbol[:32]!r}", symbol[:32])]
        )
    return _at(times, *closes(data_hash))


def _trade_pnl(run: Run, times: Times) -> Floats:
    """At each bar the profit of the trades that were closed in it, else 0."""
    with database().read() as session:
        closed = results.closed_pnl(session, run.run_id)
    pnl = np.zeros(len(times))
    bars = np.searchsorted(times, closed.times)
    np.add.at(pnl, np.minimum(bars, len(times) - 1), closed.pnl)
    return pnl


def _at(times: Times, known: NDArray[Any], values: Floats) -> Floats:
    """The values at these times; NaN where none is known."""
    places = np.minimum(np.searchsorted(known, times), len(known) - 1)
    return np.where(known[places] == times, values[places], np.nan)


def account_of(stored: Curves, summary: Mapping[str, Any], initial_capital: float) -> Account:
    """The account as the rolling metrics read it, without trades."""
    equity = stored.by_name["equity"].copy()
    equity[0] = initial_capital
    return Account(
        times=stored.times,
        equity=equity,
        trades=cast(Any, None),
        benchmark=stored.by_name["benchmark"],
        risk_free_rate=summary["conventions"]["risk_free_rate"],
        timeframe=summary["timeframe"],
        year=summary["conventions"]["periods_per_year"],
        sessions=Sessions.from_json(summary["conventions"].get("sessions")),
    )
