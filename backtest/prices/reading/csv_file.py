"""CSV, and every other text with separators, as columns."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, Literal

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv
from numpy.typing import NDArray

from backtest.errors import InvalidFile
from backtest.prices.problems import MAX_LISTED, Problems
from backtest.prices.reading.body import find_body
from backtest.prices.reading.cells.columns import Column
from backtest.prices.reading.cells.number_patterns import MISSING, is_plain
from backtest.prices.reading.decoding import decode
from backtest.prices.reading.layout import MAX_COLUMNS, Layout, find_layout
from backtest.prices.reading.options import ReadOptions
from backtest.prices.reading.tables import SAMPLED, Table

_PORTION: Final = 1 << 22
_NOT_A_NUMBER: Final = re.compile(r"In CSV column #(\d{1,3}): [^:]{0,40}:? ?CSV conversion error to double")
_WORDS_FOR_NOTHING: Final = sorted(
    {form for word in MISSING for form in (word, word.upper(), word.title(), "NaN")}
)


def open_csv(data: bytes | bytearray, file: str, options: ReadOptions) -> CsvFile:
    """Find out how the text is laid out.

    Raises
    ------
    InvalidFile
        Where it is no text, has no row of prices, or more rows, columns or characters in a line than allowed.
    """
    text, encoding = decode(data, file, options.encoding)
    layout = find_layout(text, file, options)
    if len(layout.names) > MAX_COLUMNS:
        raise InvalidFile(f"has {len(layout.names)} columns, at most {MAX_COLUMNS} are allowed", file=file)
    body = find_body(text, layout, file)
    return CsvFile(file, encoding, layout, body.rows, body.line_ends, body.left_out)


@dataclass(frozen=True)
class CsvFile:
    """A text with separators; `body` holds its rows of prices, with so many line ends."""

    file: str
    encoding: str
    layout: Layout
    body: memoryview
    line_ends: int
    left_out: tuple[str, ...] = ()
    format: str = "CSV"

    @cached_property
    def sample(self) -> Table:
        """The first rows of every column, as texts."""
        head = bytes(self.body[: SAMPLED * 200])
        first = head.split(b"\n", SAMPLED)
        whole = len(first) > SAMPLED or len(head) < len(self.body)
        rows = b"\n".join(first[:-1] if whole and len(first) > 1 else first)
        places = range(len(self.layout.names))
        try:
            table, lines = self._parsed(
                memoryview(rows), rows.count(b"\n"), frozenset(), places, _RefusedRows(self.layout)
            )
        except pa.ArrowInvalid as error:
            raise self._unreadable(error) from error
        return Table(_joined(dict(zip(places, table.columns, strict=True))), lines)

    def read(self, numbers: Iterable[int], texts: Iterable[int], problems: Problems) -> Table:
        """Plain numbers are read as such; a column that proves to hold others is read again, as texts.

        The text is freed then, a third of all memory: a bytearray that was given is empty.
        """
        wanted = {*numbers, *texts}
        plain = {
            place for place in numbers if is_plain(self.sample.columns[place], decimal=self.layout.decimal)
        }
        while True:
            refused = _RefusedRows(self.layout)
            try:
                table, lines = self._parsed(self.body, self.line_ends, plain, wanted, refused)
                columns = dict(zip(sorted(wanted), table.columns, strict=True))
                del table
                odd = {place for place in plain if _holds_words(columns[place])}
            except pa.ArrowInvalid as error:
                found = _NOT_A_NUMBER.search(str(error))
                if found is None:
                    raise self._unreadable(error) from error
                odd = {int(found[1])}
            if not odd & plain:
                refused.report(problems)
                self._free()
                return Table(_joined(columns), lines)
            plain -= odd

    def _free(self) -> None:
        text = self.body.obj
        self.body.release()
        if isinstance(text, bytearray):
            text.clear()

    def _open_quote(self, body: memoryview) -> InvalidFile:
        """The refusal of rows that a quote swallows: the first line with one quote too many."""
        rows = bytes(body).split(b"\n")
        place = next((place for place, row in enumerate(rows) if row.count(b'"') % 2), None)
        return InvalidFile(
            'has a quote (") that its own line does not close; close it or remove it',
            file=self.file,
            line=None if place is None else place + self.layout.first_row,
        )

    def _unreadable(self, error: Exception) -> InvalidFile:
        return InvalidFile(f"cannot be read as CSV: {str(error)[:200]}", file=self.file)

    def _parsed(
        self,
        body: memoryview,
        line_ends: int,
        plain: Iterable[int],
        wanted: Iterable[int],
        refused: _RefusedRows,
    ) -> tuple[Any, NDArray[np.int64]]:
        """Arrow's table of the wanted columns by place, and the line of each row."""
        names = [_name(place) for place in range(len(self.layout.names))]
        places = sorted(wanted)
        types = {names[place]: pa.string() for place in places} | {
            names[place]: pa.float64() for place in plain
        }
        table = pacsv.read_csv(
            pa.BufferReader(pa.py_buffer(body)),  # type: ignore[arg-type]  # any of Arrow's streams will do
            read_options=pacsv.ReadOptions(use_threads=False, column_names=names, block_size=_PORTION),
            parse_options=pacsv.ParseOptions(
                delimiter=self.layout.separator, invalid_row_handler=refused.note, ignore_empty_lines=False
            ),
            convert_options=pacsv.ConvertOptions(
                column_types=types, include_columns=[names[place] for place in places], check_utf8=False,
                strings_can_be_null=False, null_values=_WORDS_FOR_NOTHING, decimal_point=self.layout.decimal,
            ),
        )  # fmt: skip
        lines = _lines(table.num_rows, refused.numbers, self.layout.first_row)
        if len(lines) + len(refused.numbers) <= line_ends:
            raise self._open_quote(body)
        return table, lines


def _name(place: int) -> str:
    return f"f{place}"


def _holds_words(column: Column) -> bool:
    """Whether a column of numbers has any that no price is: Arrow reads inf, and ``nan(x)`` as a number."""
    values = column.to_numpy(zero_copy_only=False)
    return bool(np.count_nonzero(~np.isfinite(values)) != column.null_count)


def _joined(columns: dict[int, Column]) -> dict[int, Column]:
    """Each column as one array; it empties `columns`, so that one is freed before the next is joined."""
    return {place: columns.pop(place).combine_chunks() for place in list(columns)}


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
        if row.text.strip(" \t\r" + self._layout.separator):
            if len(self._kept) < MAX_LISTED:
                self._kept.append(row)
            else:
                self._others += 1
        return "skip"

    def report(self, problems: Problems) -> None:
        """Add a problem for each row that is kept, and count the others."""
        for row in self._kept:
            problems.add(
                f"has {row.actual_columns} columns where the header has {row.expected_columns}; remove the line or "
                "correct it",
                line=(row.number or 0) + self._layout.first_row - 1,
            )  # fmt: skip
        problems.note_more(self._others)
