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

from backtest.arrays import Times
from backtest.run.result_tables import CURVES, SIDES, TRADE_COLUMNS, Column, ResultTables
from backtest.simulation.simulate import EXIT_REASONS
from store.queries.results import RunResult
from workflows.errors import BundleContradicted

_TIME = pa.timestamp("s", tz="UTC")
_STORED_TIME = pa.timestamp("ms", tz="UTC")
"""Parquet has no timestamps in seconds."""
_TEXTS = ("symbol", "side", "exit_reason")
_TIMES = ("times", "entry_time", "exit_time")
_CURVE_COLUMNS = ("times", *CURVES)
_UNPACKED_BYTES, _MOST_PACKED = 64 << 20, 32
"""What any table may unpack to, and beyond that how many times its file's size."""


def _schema(names: Iterable[str], time: pa.DataType) -> pa.Schema:
    types: dict[str, pa.DataType] = dict.fromkeys(_TEXTS, pa.string()) | dict.fromkeys(_TIMES, time)
    types["bars_held"] = pa.int64()
    return pa.schema([(name, types.get(name, pa.float64())) for name in names])


def trades_to_parquet(tables: ResultTables) -> bytes:
    """The trades, one row each."""
    return _write(tables.trades)


def curves_to_parquet(tables: ResultTables) -> bytes:
    """The curves, one row a bar."""
    return _write({"times": tables.times, **tables.curves})


def from_parquet(trades: bytes, curves: bytes, *, bars: int | None = None) -> ResultTables:
    """The tables in the files of a bundle; `BundleContradicted` where they are not exactly what is written here.

    With `bars` curves of another length are refused before they are unpacked.
    """
    lines, rows = _read(curves, _CURVE_COLUMNS, rows=bars), _read(trades, TRADE_COLUMNS)
    tables = ResultTables(
        times=_times(lines, "times"),
        curves={name: _numbers(lines, name) for name in CURVES},
        trades={name: _column_of(rows, name) for name in TRADE_COLUMNS},
    )
    _check_words(tables.trades)
    _check_numbers(tables)
    _check_times(tables)
    return tables


def to_result(summary: Mapping[str, Any], tables: ResultTables) -> RunResult:
    """What the database stores."""
    columns = [_stored(column) for column in tables.trades.values()]
    rows = [dict(zip(tables.trades, row, strict=True)) for row in zip(*columns, strict=True)]
    return RunResult(summary=summary, times=tables.times, curves=tables.curves, trades=rows)


def _check_words(trades: Mapping[str, Column]) -> None:
    for name, allowed in (("side", SIDES), ("exit_reason", EXIT_REASONS)):
        if others := set(trades[name]) - set(allowed):
            raise BundleContradicted(f"{name} of a trade is {min(others)[:40]!r}")


def _check_numbers(tables: ResultTables) -> None:
    for name, column in (*tables.trades.items(), *tables.curves.items()):
        if isinstance(column, np.ndarray) and column.dtype == np.float64 and not np.isfinite(column).all():
            raise BundleContradicted(f"{name} is not a finite number everywhere")
    if (tables.curves["benchmark"] <= 0).any():
        raise BundleContradicted("the benchmark is worth nothing somewhere")


def _check_times(tables: ResultTables) -> None:
    if len(tables.times) == 0 or (np.diff(tables.times.view(np.int64)) <= 0).any():
        raise BundleContradicted("the times of the curves do not increase")
    for name in ("entry_time", "exit_time"):
        at = np.asarray(tables.trades[name])
        if not (tables.times[np.searchsorted(tables.times[:-1], at)] == at).all():
            raise BundleContradicted(f"{name} of a trade is not a bar of the curves")


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


def _read(content: bytes, names: Sequence[str], *, rows: int | None = None) -> pa.Table:
    """The table in a Parquet file; `BundleContradicted` where it has other columns than `_write` makes, or a gap."""
    try:
        file = pq.ParquetFile(pa.BufferReader(content))
        _check_size(file, len(content), names, rows)
        table = file.read(use_threads=False)
        table.validate(full=True)  # texts are UTF-8
    except MemoryError:  # which Arrow's own is, too
        raise
    except (pa.ArrowException, OSError) as error:
        reason = str(error).partition("\n")[0][:200]
        raise BundleContradicted(f"no readable Parquet file: {reason}") from error
    if any(map(_has_gaps, table.columns)):
        raise BundleContradicted(_expected(names))
    return table


def _check_size(file: pq.ParquetFile, size: int, names: Sequence[str], rows: int | None) -> None:
    """Before anything is unpacked: a kilobyte may say that it holds a hundred million equal numbers."""
    if not file.schema_arrow.equals(_schema(names, _STORED_TIME)):
        raise BundleContradicted(_expected(names))
    about = file.metadata
    if rows is not None and about.num_rows != rows:
        raise BundleContradicted(f"the curves have {about.num_rows:,} bars, the run trades {rows:,}")
    groups = [about.row_group(place) for place in range(about.num_row_groups)]
    columns = [group.column(place) for group in groups for place in range(group.num_columns)]
    if any(column.has_dictionary_page for column in columns):
        raise BundleContradicted("a column is packed otherwise than results are")
    if sum(group.total_byte_size for group in groups) > _UNPACKED_BYTES + _MOST_PACKED * size:
        raise BundleContradicted("a table unpacks to more than results are")


def _expected(names: Sequence[str]) -> str:
    return f"columns without a gap are expected: {', '.join(names)}"


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


def _column_of(table: pa.Table, name: str) -> Column:
    field = table.schema.field(name)
    if field.type == pa.string():
        return [str(text) for text in table.column(name).to_pylist()]
    return _times(table, name) if field.type == _STORED_TIME else _numbers(table, name)


def _times(table: pa.Table, name: str) -> Times:
    return _numbers(table, name).view("datetime64[ms]").astype("datetime64[s]")


def _stored(column: Column) -> Sequence[Any]:
    if not isinstance(column, np.ndarray):
        return column
    if column.dtype.kind != "M":
        numbers: list[float] = column.tolist()
        return numbers
    return [datetime.fromtimestamp(second, UTC) for second in column.view(np.int64).tolist()]
