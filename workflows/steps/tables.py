"""A result as tables: trades and curves to Parquet and back, every bit of every number kept."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from backtest.run.outcome import Outcome
from backtest.simulation.simulate import EXIT_REASONS
from store.queries.results import CURVES, TRADE_COLUMNS, RunResult
from workflows.steps import arrow

arrow.settle()
_MOMENT = pa.timestamp("s", tz="UTC")
_AS_THEY_ARE = (
    "size", "entry_price", "entry_fill", "exit_price", "exit_fill", "entry_fee", "exit_fee", "slippage",
    "borrow", "pnl", "pnl_pct", "bars_held", "mae_pct", "mfe_pct",
)  # fmt: skip


def trades_to_parquet(outcome: Outcome, symbols: tuple[str, ...]) -> bytes:
    """The trades, one row each, with names and moments in place of codes and indices."""
    trades, times = outcome.trades, outcome.simulation.times
    columns: dict[str, pa.Array[Any]] = {
        "symbol": pa.array([symbols[index] for index in trades.symbol], pa.string()),
        "side": pa.array(["long" if side > 0 else "short" for side in trades.side], pa.string()),
        "entry_time": _moments(times[trades.entry_bar]),
        "exit_time": _moments(times[trades.exit_bar]),
        "exit_reason": pa.array([EXIT_REASONS[code] for code in trades.exit_reason], pa.string()),
        **{name: pa.array(getattr(trades, name)) for name in _AS_THEY_ARE},
    }
    return _write(pa.table({name: columns[name] for name in TRADE_COLUMNS}))


def curves_to_parquet(outcome: Outcome) -> bytes:
    """The curves, one row a bar."""
    columns = {name: pa.array(np.ascontiguousarray(outcome.curves[name])) for name in CURVES}
    return _write(pa.table({"times": _moments(outcome.simulation.times), **columns}))


def to_result(summary: Mapping[str, Any], trades: bytes, curves: bytes) -> RunResult:
    """What the record stores, from the files of a bundle."""
    lines = _read(curves)
    times = lines["times"].to_numpy().astype("datetime64[s]")
    named = {name: lines[name].to_numpy() for name in CURVES}
    return RunResult(summary=summary, times=times, curves=named, trades=_read(trades).to_pylist())


def _moments(times: Any) -> pa.Array[Any]:
    moments: pa.Array[Any] = pa.array(times.astype("datetime64[s]").astype(np.int64), _MOMENT)
    return moments


def _write(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd", use_dictionary=False)
    return sink.getvalue().to_pybytes()


def _read(content: bytes) -> pa.Table:
    return pq.ParquetFile(pa.BufferReader(content)).read(use_threads=False)
