"""CSV price files: parsed in blocks while they are plain, line by line where something is wrong."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import IO, TypeVar

import numpy as np

from backtest.arrays import Floats, Ints
from backtest.errors import InvalidFile
from backtest.plural import counted
from backtest.prices.dataset import Dataset
from backtest.prices.price_table import MAX_COLUMNS, FileErrors, build_dataset, check_symbol, find_columns
from backtest.prices.timestamps import (
    ParseError,
    Timestamp,
    TimestampColumn,
    parse_iso_block,
    parse_timestamp,
)

MAX_FILE_MIB = 64

_Value = TypeVar("_Value")

_MAX_LINE = 16_384
_BLOCK = 1 << 21
_MIB = 1 << 20
_NUMBER = re.compile(r"\s*[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d{1,3})?\s*", re.IGNORECASE | re.ASCII)
_MISSING = frozenset({"", "nan", "na", "n/a", "null", "none", "nil", "-", "--", "#n/a", "nat", "<na>"})
_FOREIGN = (
    (b"PAR1", "is a Parquet file, not CSV"),
    (b"PK\x03\x04", "is a zip archive or an Excel workbook; save it as CSV"),
    (b"\x1f\x8b", "is compressed with gzip; unpack it first"),
    (b"\xff\xfe", "is encoded in UTF-16; save it as UTF-8"),
    (b"\xfe\xff", "is encoded in UTF-16; save it as UTF-8"),
)


@dataclass(slots=True)
class _Rows:
    """What has been read so far: one piece of each column for each block of lines."""

    timestamps: TimestampColumn
    numbers: dict[str, list[Floats]]
    lines: list[Ints]
    errors: FileErrors


def parse_csv(
    data: bytes | IO[bytes],
    *,
    file: str,
    symbol: str,
    source: str | None = None,
    max_bytes: int = MAX_FILE_MIB * _MIB,
) -> Dataset:
    """Read a CSV of prices, adjusted where it has an adjusted close.

    Parameters
    ----------
    data : the file's bytes, or a binary stream of which at most `max_bytes` + 1 are read
        UTF-8, with a header; comma, semicolon or tab between the columns Date (or Datetime,
        Timestamp), Open, High, Low, Close, Volume and, if there is one, Adj Close, in any order and
        case; further columns are ignored.
    file : its name, for messages only
    symbol : name of the symbol that the prices are of
    source : where the prices come from; None names the file

    Raises
    ------
    InvalidFile
        With every mistake found (at most 20) by line, date and field.
    """
    check_symbol(symbol, file)
    text = _decoded(_content(data, file, max_bytes), file)
    header, start = _header(text, file)
    separator = max(",;\t", key=header.count)
    names = _cells(header, separator, file, 1)
    places = find_columns(names, file)
    width = len(names)
    numbers: dict[str, list[Floats]] = {name: [] for name in places if name != "date"}
    rows = _Rows(TimestampColumn.empty(), numbers, [], FileErrors(file, []))
    for first_line, lines in _blocks(text, start, file):
        if not _read_quickly(lines, first_line, separator, width, places, rows):
            _read_carefully(lines, first_line, separator, width, places, rows)
        if rows.errors.full:
            break
    return _assembled(rows, symbol=symbol, source=source or f"file {file}"[:200])


def _assembled(rows: _Rows, *, symbol: str, source: str) -> Dataset:
    if not rows.lines:
        rows.errors.raise_if_any()
        raise InvalidFile("contains no rows of prices", file=rows.errors.file)
    times, unclear = rows.timestamps.resolve()
    lines = np.concatenate(rows.lines)
    if unclear:
        row, reason = unclear
        rows.errors.add(f"date {reason}", line=int(lines[row]), field="date")
        rows.errors.raise_if_any()
    columns = {name: np.concatenate(parts) for name, parts in rows.numbers.items()}
    return build_dataset(times, columns, lines, symbol=symbol, source=source, errors=rows.errors)


def _content(data: bytes | IO[bytes], file: str, max_bytes: int) -> bytes:
    content = data if isinstance(data, bytes) else data.read(max_bytes + 1)
    if len(content) > max_bytes:
        raise InvalidFile(f"is larger than the limit of {max_bytes / _MIB:g} MiB", file=file)
    for start, reason in _FOREIGN:
        if content.startswith(start):
            raise InvalidFile(reason, file=file)
    if b"\x00" in content:
        line = content.count(b"\n", 0, content.index(b"\x00")) + 1
        raise InvalidFile("contains a NUL byte and is not a text file", file=file, line=line)
    return content


def _decoded(content: bytes, file: str) -> str:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        byte = content[error.start]
        raise InvalidFile(
            f"must be encoded in UTF-8, but contains the byte 0x{byte:02x}", file=file, line=line
        ) from None
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


def _header(text: str, file: str) -> tuple[str, int]:
    end = text.find("\n", 0, _MAX_LINE + 1)
    if end < 0 and len(text) > _MAX_LINE:
        raise InvalidFile(
            f"the header is longer than {_MAX_LINE} characters; at most {MAX_COLUMNS} columns are allowed",
            file=file, line=1,
        )  # fmt: skip
    header = text[: end if end >= 0 else len(text)]
    if not header.strip():
        raise InvalidFile("must start with a header: Date,Open,High,Low,Close,Volume", file=file, line=1)
    return header, len(header) + 1


def _blocks(text: str, start: int, file: str) -> Iterator[tuple[int, list[str]]]:
    line, stop = 2, len(text.rstrip("\n \t"))
    while start < stop:
        end = text.find("\n", min(start + _BLOCK, stop), stop)
        end = stop if end < 0 else end
        lines = text[start:end].split("\n")
        for place, content in enumerate(lines):
            if len(content) > _MAX_LINE:
                reason = f"is longer than the limit of {_MAX_LINE} characters per line"
                raise InvalidFile(reason, file=file, line=line + place)
        yield line, lines
        line, start = line + len(lines), end + 1


def _read_quickly(
    lines: list[str], first_line: int, separator: str, width: int, places: dict[str, int], rows: _Rows
) -> bool:
    joined = separator.join(lines)
    plain = joined.isascii() and '"' not in joined and "_" not in joined
    if not plain or any(line.count(separator) != width - 1 for line in lines):
        return False
    cells = joined.split(separator)
    timestamps = parse_iso_block(cells[places["date"] :: width])
    if timestamps is None:
        return False
    columns: dict[str, Floats] = {}
    for name in rows.numbers:
        column = _floats(cells[places[name] :: width])
        if column is None:
            return False
        columns[name] = column
    rows.timestamps.add_local(timestamps)
    rows.lines.append(np.arange(first_line, first_line + len(lines)))
    for name, column in columns.items():
        rows.numbers[name].append(column)
    return True


def _floats(cells: Sequence[str]) -> Floats | None:
    try:
        column = np.array(list(map(float, cells)))
    except ValueError:
        return None
    return column if np.isfinite(column).all() else None


def _read_carefully(
    lines: list[str], first_line: int, separator: str, width: int, places: dict[str, int], rows: _Rows
) -> None:
    timestamps: list[Timestamp] = []
    numbers: dict[str, list[float]] = {name: [] for name in rows.numbers}
    line_numbers: list[int] = []
    for line, text in enumerate(lines, start=first_line):
        if not text.strip():
            continue
        try:
            cells = _cells(text, separator, rows.errors.file, line)
        except InvalidFile as invalid:
            rows.errors.add(invalid.message, line=line)
            continue
        row = _row(cells, line, width, places, rows.errors)
        if row is not None:
            timestamps.append(row[0])
            line_numbers.append(line)
            for name, number in row[1].items():
                numbers[name].append(number)
        if rows.errors.full:
            break
    rows.timestamps.add(timestamps)
    rows.lines.append(np.array(line_numbers, np.int64))
    for name, column in numbers.items():
        rows.numbers[name].append(np.array(column, np.float64))


def _row(
    cells: list[str], line: int, width: int, places: dict[str, int], errors: FileErrors
) -> tuple[Timestamp, dict[str, float]] | None:
    if len(cells) != width:
        errors.add(f"has {counted(len(cells), 'column')}, but the header has {width}", line=line)
        return None
    written = cells[places["date"]].strip()
    timestamp = _parsed(parse_timestamp, written, errors, line, "", "date")
    numbers = {
        name: _parsed(_number, cells[place], errors, line, written[:19], name)
        for name, place in places.items()
        if name != "date"
    }
    complete = {name: number for name, number in numbers.items() if number is not None}
    return None if timestamp is None or len(complete) < len(numbers) else (timestamp, complete)


def _parsed(
    parse: Callable[[str], _Value], cell: str, errors: FileErrors, line: int, date: str, field: str
) -> _Value | None:
    try:
        if cell.strip().lower() in _MISSING:
            raise ParseError(f"a value is missing, got {cell.strip()!r}")
        return parse(cell)
    except ParseError as error:
        errors.add(str(error), line=line, date=date, field=field)
        return None


def _number(cell: str) -> float:
    number = float(cell) if _NUMBER.fullmatch(cell) else float("nan")
    if not np.isfinite(number):
        shown = repr(cell if len(cell) <= 40 else cell[:39] + "…")
        raise ParseError(f"must be a finite number such as 1234.56, got {shown}")
    return number


def _cells(line: str, separator: str, file: str, number: int) -> list[str]:
    if '"' not in line:
        return line.split(separator)
    try:
        return next(csv.reader(io.StringIO(line), delimiter=separator, strict=True))
    except (csv.Error, StopIteration) as error:
        raise InvalidFile(f"is not a valid CSV row: {error}", file=file, line=number) from None
