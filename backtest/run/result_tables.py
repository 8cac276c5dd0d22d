"""The tables of a result, and the hash that names them together with their metrics."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from backtest.arrays import Floats, Times
from backtest.simulation.simulate import EXIT_REASONS, Simulation

HASH_VERSION: Final = 2
"""1, of older releases, named curves and trades of the engine; 2 names metrics and every stored column too."""
CURVES: Final = ("equity", "cash", "exposure", "drawdown", "benchmark")
TRADE_COLUMNS: Final = (
    "symbol", "side", "size", "entry_time", "exit_time", "entry_price", "entry_fill", "exit_price", "exit_fill",
    "entry_fee", "exit_fee", "slippage", "borrow", "pnl", "pnl_pct", "bars_held", "mae_pct", "mfe_pct", "exit_reason",
)  # fmt: skip
SIDES: Final = ("long", "short")

Column = NDArray[Any] | Sequence[str]


@dataclass(frozen=True, slots=True)
class ResultTables:
    """What is stored of a result beside its summary.

    Parameters
    ----------
    times : (T,) datetime64[s]
    curves : (T,) float64 by the names of `CURVES`
    trades : (N,) columns by the names of `TRADE_COLUMNS`: texts, float64, int64, datetime64[s]
    """

    times: Times
    curves: Mapping[str, Floats]
    trades: Mapping[str, Column]


def trade_columns(simulation: Simulation, symbols: Sequence[str]) -> dict[str, Column]:
    """The trades of a simulation by the names of `TRADE_COLUMNS`: names and times in place of codes and indices."""
    trades, times = simulation.trades, simulation.times
    named: dict[str, Column] = {
        "symbol": [symbols[index] for index in trades.symbol],
        "side": ["long" if side > 0 else "short" for side in trades.side],
        "entry_time": times[trades.entry_bar],
        "exit_time": times[trades.exit_bar],
        "exit_reason": [EXIT_REASONS[code] for code in trades.exit_reason],
    }
    return {name: named[name] if name in named else getattr(trades, name) for name in TRADE_COLUMNS}


def result_hash(tables: ResultTables, summary: Mapping[str, Any]) -> str:
    """SHA-256 over every column, the metrics and how the orders fared, in a canonical form.

    Metrics count to ten digits: the last bits of a logarithm differ between processors.
    """
    flags = summary["flags"]
    head = {
        "version": HASH_VERSION,
        **{name: summary[name] for name in ("engine_version", "data_hash", "funnel")},
        **{name: flags[name] for name in ("ambiguous_bars", "ruined", "same_bar_fill")},
        "metrics": {name: _digits(value) for name, value in summary["metrics"].items()},
    }
    digest = hashlib.sha256(json.dumps(head, sort_keys=True, allow_nan=False).encode())
    for name, column in (("times", tables.times), *tables.curves.items(), *tables.trades.items()):
        content = _bytes(column)
        digest.update(f"{name}:{len(column)}:{len(content)}\n".encode())
        digest.update(content)
    return digest.hexdigest()


def _digits(value: float | int | None) -> str | None:
    return None if value is None else f"{value:.9e}"


def _bytes(column: Column) -> bytes | memoryview:
    if not isinstance(column, np.ndarray):
        return json.dumps(list(column)).encode()
    kind = {"M": "<i8", "f": "<f8"}.get(column.dtype.kind, "<i8")
    plain = column.astype("datetime64[s]") if column.dtype.kind == "M" else column
    return np.ascontiguousarray(plain).astype(kind, copy=False).data.cast("B")
