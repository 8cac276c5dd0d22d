"""Parquet files as columns."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from backtest.errors import InvalidFile
from backtest.prices.dataset import MAX_BARS
from backtest.prices.problems import Problems
from backtest.prices.reading.cells.columns import Column, is_text
from backtest.prices.reading.layout import MAX_COLUMNS, Layout
from backtest.prices.reading.tables import SAMPLED, Table

MAX_CELL_BYTES = 200
"""Bytes a text may have on average."""


def open_parquet(data: bytes | bytearray, file: str) -> ParquetFile:
    """Unpack the columns, of flat types and bounded size.

    Raises
    ------
    InvalidFile
        Where it is damaged, or has more rows, columns or characters than allowed.
    """
    try:
        schema = pq.read_schema(pa.BufferReader(data))
        texts = [
            field.name
            for field in schema
            if pa.types.is_string(field.type) or pa.types.is_large_string(field.type)
        ]
        parquet = pq.ParquetFile(pa.BufferReader(data), read_dictionary=texts)
        names = _checked_names(parquet, file)
        table = parquet.read(use_threads=False)
        _check_texts(table)
    except MemoryError:  # which Arrow's own is, too
        raise
    except (pa.ArrowException, OSError) as error:
        reason = str(error).splitlines()[0][:200]
        raise InvalidFile(f"is damaged or no Parquet file: {reason}", file=file) from error
    layout = Layout(",", ".", tuple(names), (1,), 1)
    return ParquetFile(layout, tuple(_plain(column.combine_chunks(), file) for column in table.columns))


@dataclass(frozen=True)
class ParquetFile:
    """Columns of a Parquet file, which are unpacked at once."""

    layout: Layout
    columns: tuple[Column, ...]
    format: str = "Parquet"
    encoding: str = ""
    left_out: tuple[str, ...] = ()

    @property
    def sample(self) -> Table:
        """The first rows of every column."""
        first = {place: column.slice(0, SAMPLED) for place, column in enumerate(self.columns)}
        return Table(first, np.arange(1, min(SAMPLED, len(self.columns[0])) + 1))

    def read(self, numbers: Iterable[int], texts: Iterable[int], _problems: Problems) -> Table:
        """The columns at these places, as the file types them."""
        wanted = {place: self.columns[place] for place in (*numbers, *texts)}
        return Table(wanted, np.arange(1, len(self.columns[0]) + 1))


def _checked_names(parquet: pq.ParquetFile, file: str) -> list[str]:
    """Names of the columns, checked before a byte of them is unpacked: flat types, and texts of bounded size."""
    about, schema = parquet.metadata, parquet.schema_arrow
    if about.num_columns > MAX_COLUMNS:
        raise InvalidFile(f"has {about.num_columns} columns, at most {MAX_COLUMNS} are allowed", file=file)
    if not 0 < about.num_rows <= MAX_BARS:
        raise InvalidFile(f"has {about.num_rows:,} rows, 1 to {MAX_BARS:,} are allowed", file=file)
    for column in schema:
        if not _is_flat(column.type):
            raise InvalidFile(
                f"has a column of the type {column.type}, which no price has",
                file=file,
                field=column.name[:80],
            )
    unpacked = sum(about.row_group(place).total_byte_size for place in range(about.num_row_groups))
    if unpacked > MAX_CELL_BYTES * about.num_columns * (about.num_rows + 1_024):
        raise InvalidFile(f"unpacks to {unpacked:,} bytes, which is no table of prices", file=file)
    return [_readable(name) for name in schema.names]


def _check_texts(table: pa.Table) -> None:
    """Raise `ArrowInvalid` where a text is no UTF-8; the values of a dictionary are looked at once."""
    for column in table.columns:
        for chunk in column.chunks:
            texts: Any = chunk.dictionary if isinstance(chunk, pa.DictionaryArray) else chunk
            if is_text(texts):
                texts.validate(full=True)


def _is_flat(kind: pa.DataType) -> bool:
    types = pa.types
    if types.is_dictionary(kind):
        return _is_flat(kind.value_type)
    return any(
        check(kind)
        for check in (
            types.is_floating, types.is_integer, types.is_decimal, types.is_timestamp, types.is_date,
            types.is_string, types.is_large_string, types.is_boolean, types.is_null, types.is_time, types.is_duration,
        )
    )  # fmt: skip


def _readable(name: str) -> str:
    """A column's name; pandas calls an index without a name ``__index_level_0__``."""
    return "index" if re.fullmatch(r"__index_level_\d+__", name) else name[:80]


def _plain(column: Column, file: str) -> Column:
    if pa.types.is_dictionary(column.type):
        if pa.types.is_string(column.type.value_type) and column.dictionary.nbytes > MAX_CELL_BYTES * (
            len(column) + 64
        ):
            raise InvalidFile("holds texts too long for a table of prices", file=file)
        column = column.dictionary_decode()
    if pa.types.is_decimal(column.type):
        return column.cast(pa.float64())
    return column.cast(pa.string()) if pa.types.is_large_string(column.type) else column
