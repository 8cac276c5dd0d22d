"""A result as tables: trades and curves to Parquet and back, every bit of every number kept.

Columns are made from buffers and read as buffers. `pyarrow.array`, `to_numpy` and the timestamps of `to_pylist`
import pandas where it is installed, to accept and return its types too: 0.8 s of processor time in each step.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from backtest.run.outcome import Outcome
from backtest.simulation.simulate import EXIT_REASONS
from store.queries.results import CURVES, TRADE_COLUMNS, RunResult

_TIME = pa.timestamp("s", tz="UTC")
_STORED_TIME = pa.timestamp("ms", tz="UTC")
"""Parquet has no timestamps in seconds."""
_TEXTS = ("symbol", "side", "exit_reason")
_TIMES = ("times", "entry_time", "exit_time")
_CURVE_COLUMNS = ("times", *CURVES)


def _schema(names: Iterable[str], time: pa.DataType) -> pa.Schema:
    types: dict[str, pa.DataType] = dict.fromkeys(_TEXTS, pa.string()) | dict.fromkeys(_TIMES, time)
    types["bars_held"] = pa.int64()
    return pa.schema([(name, types.get(name, pa.float64())) for name in names])


def trades_to_parquet(outcome: Outcome, symbols: tuple[str, ...]) -> bytes:
    """The trades, one row each, with names and times in place of codes and indices."""
    trades, times = outcome.trades, outcome.simulation.times
    named: dict[str, Any] = {
        "symbol": [symbols[index] for index in trades.symbol],
        "side": ["long" if side > 0 else "short" for side in trades.side],
        "entry_time": times[trades.entry_bar],
        "exit_time": times[trades.exit_bar],
        "exit_reason": [EXIT_REASONS[code] for code in trades.exit_reason],
    }
    return _write({name: named.get(name, getattr(trades, name, None)) for name in TRADE_COLUMNS})


def curves_to_parquet(outcome: Outcome) -> bytes:
    """The curves, one row a bar."""
    columns = {"times": outcome.simulation.times, **outcome.curves}
    return _write({name: columns[name] for name in _CURVE_COLUMNS})


def to_result(summary: Mapping[str, Any], trades: bytes, curves: bytes) -> RunResult:
    """What the database stores, from the files of a bundle; `ValueError` where they are not its tables."""
    lines = _read(curves, _CURVE_COLUMNS)
    return RunResult(
        summary=summary,
        times=_numbers(lines, "times").view("datetime64[ms]").astype("datetime64[s]"),
        curves={name: _numbers(lines, name) for name in CURVES},
        trades=_rows(_read(trades, TRADE_COLUMNS)),
    )


def _write(columns: Mapping[str, Any]) -> bytes:
    schema = _schema(columns, _TIME)
    arrays = [_column(columns[field.name], field.type) for field in schema]
    sink = pa.BufferOutputStream()
    table = pa.Table.from_arrays(arrays, schema=schema)
    pq.write_table(table, sink, compression="zstd", use_dictionary=False)
    return sink.getvalue().to_pybytes()


def _column(values: Any, kind: pa.DataType) -> pa.Array[Any]:
    if kind == pa.string():
        encoded = [text.encode() for text in values]
        offsets = np.cumsum([0, *map(len, encoded)], dtype=np.int32)
        return pa.Array.from_buffers(
            kind, len(values), [None, pa.py_buffer(offsets.data), pa.py_buffer(b"".join(encoded))]
        )
    numbers = values.astype("datetime64[s]").view(np.int64) if kind == _TIME else values
    content = np.ascontiguousarray(numbers, _dtype_of(kind))
    return pa.Array.from_buffers(kind, len(content), [None, pa.py_buffer(content.data)])


def _dtype_of(kind: pa.DataType) -> type[np.float64 | np.int64]:
    return np.float64 if kind == pa.float64() else np.int64


def _read(content: bytes, names: Sequence[str]) -> pa.Table:
    """The table in a Parquet file; `ArrowInvalid` where it has other columns than `_write` makes, or a gap."""
    table = pq.ParquetFile(pa.BufferReader(content)).read(use_threads=False)
    if not table.schema.equals(_schema(names, _STORED_TIME)) or any(map(_has_gaps, table.columns)):
        raise pa.ArrowInvalid(f"columns without a gap are expected: {', '.join(names)}")
    return table


def _has_gaps(column: pa.ChunkedArray[Any]) -> bool:
    return column.null_count > 0


def _numbers(table: pa.Table, name: str) -> NDArray[Any]:
    column = table.column(name).combine_chunks()
    dtype = _dtype_of(column.type)
    if len(column) == 0:  # such a column may have no buffer at all
        return np.empty(0, dtype)
    content: Any = column.buffers()[1]
    numbers: NDArray[Any] = np.frombuffer(content, dtype, len(column), column.offset * 8)
    return numbers


def _rows(table: pa.Table) -> list[dict[str, Any]]:
    columns = [_values(table, field) for field in table.schema]
    return [dict(zip(table.column_names, row, strict=True)) for row in zip(*columns, strict=True)]


def _values(table: pa.Table, field: pa.Field[Any]) -> list[Any]:
    if field.type == _STORED_TIME:
        return [datetime.fromtimestamp(ms / 1000, UTC) for ms in _numbers(table, field.name).tolist()]
    return table.column(field.name).to_pylist()
