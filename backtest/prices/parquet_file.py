"""Parquet price files. Loads pyarrow, so nothing of the fast path imports this module."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from backtest.arrays import Floats, Times
from backtest.errors import InvalidFile
from backtest.prices.dataset import MAX_BARS, Dataset
from backtest.prices.price_table import (
    MAX_COLUMNS,
    MAX_ERRORS,
    FileErrors,
    build_dataset,
    check_symbol,
    find_columns,
)
from backtest.prices.timestamps import ParseError, TimestampColumn, parse_timestamp

Column = Any
"""A column of a table; what its values are is only known from its file."""


def parse_parquet(data: bytes, *, file: str, symbol: str, source: str | None = None) -> Dataset:
    """Read a Parquet file of prices with the columns that `csvfile.parse_csv` names; lines are rows from 1.

    Raises
    ------
    InvalidFile
        With every mistake found (at most 20) by row, date and field.
    """
    check_symbol(symbol, file)
    try:
        parquet = pq.ParquetFile(pa.BufferReader(data))
        names = _names(parquet, file)
        places = find_columns(names, file)
        table = parquet.read(columns=[names[place] for place in places.values()], use_threads=False)
    except (pa.ArrowException, OSError) as error:
        reason = str(error).splitlines()[0][:200]
        raise InvalidFile(f"is damaged or not a Parquet file: {reason}", file=file) from error
    errors = FileErrors(file, [])
    columns = {name: table.column(names[place]) for name, place in places.items()}
    for name, column in columns.items():
        _refuse_nulls(column, name, errors)
    errors.raise_if_any()
    times = _times(columns.pop("date"), errors)
    numbers = {name: _floats(column, name, errors) for name, column in columns.items()}
    lines = np.arange(1, len(times) + 1)
    origin = source or f"file {file}"[:200]
    return build_dataset(times, numbers, lines, symbol=symbol, source=origin, errors=errors)


def _names(parquet: pq.ParquetFile, file: str) -> list[str]:
    about = parquet.metadata
    if about.num_columns > MAX_COLUMNS:
        raise InvalidFile(f"has {about.num_columns} columns, at most {MAX_COLUMNS} are allowed", file=file)
    if not 0 < about.num_rows <= MAX_BARS:
        raise InvalidFile(f"has {about.num_rows} rows, 1 to {MAX_BARS} are allowed", file=file)
    unpacked = sum(about.row_group(place).total_byte_size for place in range(about.num_row_groups))
    most = 64 * MAX_COLUMNS * (about.num_rows + 1_024)
    if unpacked > most:
        raise InvalidFile(f"unpacks to {unpacked} bytes, too many for a table of prices", file=file)
    return list(parquet.schema_arrow.names)


def _refuse_nulls(column: Column, name: str, errors: FileErrors) -> None:
    if column.null_count == 0:
        return
    rows = np.flatnonzero(np.asarray(pc.is_null(column)))
    for row in rows[:MAX_ERRORS]:
        errors.add("a value is missing", line=int(row) + 1, field=name)


def _times(column: Column, errors: FileErrors) -> Times:
    kind = column.type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return _written_times(column.to_pylist(), errors)
    if not pa.types.is_timestamp(kind) and not pa.types.is_date(kind):
        reason = f"must contain dates, timestamps or text, got the type {kind}"
        raise InvalidFile(reason, file=errors.file, field="date")
    zone = kind.tz if pa.types.is_timestamp(kind) else None
    timestamps = _seconds(column)
    if zone:
        local = _seconds(pc.local_timestamp(column))
        return local if (local.view(np.int64) % 86_400 == 0).all() else timestamps
    return timestamps


def _seconds(column: Column) -> Times:
    return np.asarray(column.to_numpy().astype("datetime64[s]"))


def _written_times(texts: list[str], errors: FileErrors) -> Times:
    timestamps = TimestampColumn.empty()
    read = []
    for row, text in enumerate(texts, start=1):
        try:
            read.append(parse_timestamp(text.strip()))
        except ParseError as error:
            errors.add(str(error), line=row, field="date")
            if errors.full:
                break
    errors.raise_if_any()
    timestamps.add(read)
    times, unclear = timestamps.resolve()
    if unclear:
        errors.add(f"date {unclear[1]}", line=unclear[0] + 1, field="date")
        errors.raise_if_any()
    return times


def _floats(column: Column, name: str, errors: FileErrors) -> Floats:
    kind = column.type
    if not (pa.types.is_floating(kind) or pa.types.is_integer(kind) or pa.types.is_decimal(kind)):
        raise InvalidFile(f"must contain numbers, got the type {kind}", file=errors.file, field=name)
    numbers: Floats = np.asarray(column.cast(pa.float64(), safe=False).to_numpy(), np.float64)
    for row in np.flatnonzero(~np.isfinite(numbers))[:MAX_ERRORS]:
        errors.add(f"must be a finite number, got {numbers[row]}", line=int(row) + 1, field=name)
    errors.raise_if_any()
    return numbers
