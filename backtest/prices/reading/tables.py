"""A price file as a table of columns: CSV and Parquet come out alike."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
from numpy.typing import NDArray

from backtest.errors import InvalidFile
from backtest.prices.dataset import MAX_BARS
from backtest.prices.problems import MAX_LISTED, Problems
from backtest.prices.reading.columns import Column, compute, flags
from backtest.prices.reading.decoding import MAX_LINE, decode
from backtest.prices.reading.layout import MAX_COLUMNS, Layout, find_layout
from backtest.prices.reading.options import ReadOptions

_LINE_END = ord("\n")
MAX_CELL_BYTES = 200
"""Bytes a text of a Parquet file may have on average."""


@dataclass(frozen=True, slots=True)
class Table:
    """Columns of a file, and what was found out about it on the way.

    Parameters
    ----------
    layout : names of the columns and how the text is laid out
    columns : one Arrow array of T cells for each name: texts for CSV
    lines : (T,) the line, or in Parquet the row, of each, from 1
    format, encoding : in words
    """

    layout: Layout
    columns: tuple[Column, ...]
    lines: NDArray[np.int64]
    format: str
    encoding: str

    def __len__(self) -> int:
        return len(self.lines)


def read_table(data: bytes | bytearray, file: str, options: ReadOptions, problems: Problems) -> Table:
    """The columns of a CSV or Parquet file; rows of another width than the header become problems.

    Raises
    ------
    InvalidFile
        Where the file cannot be read at all, or has more rows or columns than allowed.
    """
    return _of_parquet(data, file) if data.startswith(b"PAR1") else _of_csv(data, file, options, problems)


def _of_csv(data: bytes | bytearray, file: str, options: ReadOptions, problems: Problems) -> Table:
    text, encoding = decode(data, file, options.encoding)
    layout = find_layout(text, file, options)
    if len(layout.names) > MAX_COLUMNS:
        raise InvalidFile(f"has {len(layout.names)} columns, at most {MAX_COLUMNS} are allowed", file=file)
    body = _body(text, layout, file)
    if not body:
        raise InvalidFile("there is not a single row of prices", file=file)
    del text
    refused = _RefusedRows(layout)
    width = len(layout.names)
    names = [f"f{place}" for place in range(width)]
    try:
        table = pacsv.read_csv(
            pa.BufferReader(body),  # type: ignore[arg-type]  # any of Arrow's streams will do
            read_options=pacsv.ReadOptions(use_threads=False, column_names=names, block_size=1 << 22),
            parse_options=pacsv.ParseOptions(
                delimiter=layout.separator, invalid_row_handler=refused.note, ignore_empty_lines=False
            ),
            convert_options=pacsv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False, check_utf8=False
            ),
        )
    except pa.ArrowInvalid as error:
        raise InvalidFile(f"cannot be read as CSV: {str(error)[:200]}", file=file) from error
    lines_read = body.count(b"\n") + 1
    del body
    lines = _lines(table.num_rows, refused.numbers, layout.first_row)
    columns = _unpacked(table)
    if len(lines) + len(refused.numbers) < lines_read:
        raise _open_quote(columns, lines, refused, file)
    refused.report(problems)
    return Table(layout, columns, lines, "CSV", encoding)


def _open_quote(
    columns: tuple[Column, ...], lines: NDArray[np.int64], refused: _RefusedRows, file: str
) -> InvalidFile:
    """The refusal of rows that a quote swallows: the first line on which a cell goes on to the next."""
    broken = [lines[flags(compute.match_substring(column, "\n"))] for column in columns]
    first = min([*np.concatenate(broken).tolist(), *refused.lines_that_go_on()], default=None)
    return InvalidFile(
        'has a quote (") that its own line does not close; close it or remove it', file=file, line=first
    )


def _body(text: str, layout: Layout, file: str) -> bytes:
    """The rows of prices as UTF-8, checked for their number and the length of their lines."""
    start = 0
    for _ in range(layout.first_row - 1):
        start = text.find("\n", start) + 1
    body = text[start:].rstrip("\n \t")
    if ', "' in body[:10_000]:  # CSV knows no quotes behind a space
        body = body.replace(', "', ',"')
    encoded = body.encode()
    ends = np.flatnonzero(np.frombuffer(encoded, np.uint8) == _LINE_END)
    if len(ends) + 1 > MAX_BARS:
        raise InvalidFile(f"has more than the {MAX_BARS:,} rows that are allowed", file=file)
    lengths = np.diff(ends, prepend=-1, append=len(encoded))
    if lengths.max() > MAX_LINE:
        reason = f"is longer than the {MAX_LINE:,} bytes that a line may have"
        raise InvalidFile(reason, file=file, line=int(np.argmax(lengths > MAX_LINE)) + layout.first_row)
    return encoded


def _unpacked(table: Any) -> tuple[Column, ...]:
    """Each column as one array; a column's chunks are freed before the next is joined."""
    columns: list[Column] = []
    while table.num_columns:
        columns.append(pa.concat_arrays(table.column(0).chunks))
        table = table.remove_column(0)
    return tuple(columns)


def _lines(rows: int, refused: list[int], first_row: int) -> NDArray[np.int64]:
    numbers = np.arange(1, rows + len(refused) + 1)
    if refused:
        numbers = np.setdiff1d(numbers, refused, assume_unique=True)
    return numbers + first_row - 1


class _RefusedRows:
    """Rows of another width than the header: blank ones are left out, of the others the first twenty are kept."""

    def __init__(self, layout: Layout) -> None:
        self.numbers: list[int] = []
        self._layout = layout
        self._kept: list[pacsv.InvalidRow] = []
        self._others = 0

    def note(self, row: pacsv.InvalidRow) -> Literal["skip"]:
        """Take one row from Arrow."""
        self.numbers.append(row.number or 0)
        if row.text.strip(" \t" + self._layout.separator):
            if len(self._kept) < MAX_LISTED:
                self._kept.append(row)
            else:
                self._others += 1
        return "skip"

    def lines_that_go_on(self) -> list[int]:
        """Lines of the kept rows that go on to the next line."""
        return [self._line(row) for row in self._kept if "\n" in row.text.rstrip("\n")]

    def report(self, problems: Problems) -> None:
        """Add a problem for each row that is kept, and count the others."""
        for row in self._kept:
            problems.add(
                f"has {row.actual_columns} columns where the header has {row.expected_columns}; remove the line or "
                "correct it",
                line=self._line(row),
            )  # fmt: skip
        problems.note_more(self._others)

    def _line(self, row: pacsv.InvalidRow) -> int:
        return (row.number or 0) + self._layout.first_row - 1


def _of_parquet(data: bytes | bytearray, file: str) -> Table:
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
    except MemoryError:  # which Arrow's own is, too
        raise
    except (pa.ArrowException, OSError) as error:
        reason = str(error).splitlines()[0][:200]
        raise InvalidFile(f"is damaged or no Parquet file: {reason}", file=file) from error
    layout = Layout(",", ".", tuple(names), (1,), 1)
    lines = np.arange(1, table.num_rows + 1)
    return Table(layout, tuple(_plain(column, file) for column in _unpacked(table)), lines, "Parquet", "")


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
