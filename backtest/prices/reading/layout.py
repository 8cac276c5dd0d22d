"""How a text file is laid out: separator, decimal sign, lines before the header, the header, or none."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import takewhile

from backtest.errors import InvalidFile
from backtest.prices.reading import headers
from backtest.prices.reading.decoding import MAX_LINE
from backtest.prices.reading.options import Question, ReadOptions

SEPARATORS = (",", ";", "\t", "|")
MAX_COLUMNS = 256
_SAMPLE = 60
_MOST_PREAMBLE = 25
_FEWEST_FIELDS = 3

_NUMBER = re.compile(
    r"\(?[-+\u2212\u2013]?[$€£₩¥]?\s?(?:\d[\d.,_'’ \u00a0\u2007\u2009\u202f]*|\.\d+)(?:[eE][-+]?\d{1,3})?\s?[KMBTkmbt%]?"
    r"\s?(?:[$€£₩¥]|원|USD|EUR|KRW)?\)?"
)
_DATE = re.compile(
    r"-?\d{6,20}|\d{4}[-/.]\d{1,2}[-/.]\d{1,2}.{0,30}|\d{1,2}[-/.]\d{1,2}[-/.]\d{2,4}.{0,30}|\d{8} .{1,12}"
    r"|\d{1,2}[- ][A-Za-z]{3,9}[- ,]+\d{2,4}.{0,30}|[A-Za-z]{3,9}\.?[- ]\d{1,2},?[- ]+\d{2,4}.{0,30}"
    r"|\d{4}년.{0,30}|\d{4}[-/](?:0?[1-9]|1[0-2])|[A-Za-z]{3,9}[- ]\d{4}"
)
_POINT = re.compile(r"\d*\.\d{1,2}|\d*\.\d{4,}|\d{1,3}(?:,\d{3})+\.\d+|\d{4,}\.\d+|0\.\d+")
_COMMA = re.compile(r"\d*,\d{1,2}|\d*,\d{4,}|\d{1,3}(?:\.\d{3})+,\d+|\d{4,},\d+|0,\d+")
_SIGN_OF_GROUPS = re.compile(r"(?<=\d)[ '’_\u00a0\u2007\u2009\u202f](?=\d)")
_EITHER = re.compile(r"[1-9]\d{0,2}[.,]\d{3}")
_CURRENCY_BEHIND = re.compile(r"\s?(?:[$€£₩¥]|원|USD|EUR|KRW)$")
_BEGINS_AS_NUMBER = re.compile(r"\W*\d")


@dataclass(frozen=True, slots=True)
class Layout:
    """Where the rows of prices begin and what their columns are called.

    Parameters
    ----------
    separator, decimal : one character each
    names : names of the columns as the header writes them; ``column 1`` … where there is none
    header_lines : lines of the header, from 1; empty where there is none
    first_row : line of the first row of prices, from 1
    tickers : the ticker of each column where a second header line gives them, else empty
    questions : what the layout leaves open
    """

    separator: str
    decimal: str
    names: tuple[str, ...]
    header_lines: tuple[int, ...]
    first_row: int
    tickers: tuple[str, ...] = ()
    questions: tuple[Question, ...] = ()

    @property
    def has_header(self) -> bool:
        """Whether the file names its columns."""
        return bool(self.header_lines)


def split_line(line: str, separator: str) -> list[str]:
    """The cells of one line; quotes count, a line that breaks them is split at its separators."""
    if '"' not in line:
        return [cell.strip() for cell in line.split(separator)]
    try:
        return [cell.strip() for cell in next(csv.reader([line], delimiter=separator, skipinitialspace=True))]
    except (csv.Error, StopIteration):
        return line.split(separator)


def is_number(cell: str) -> bool:
    """Whether a cell is a number as exports write them, with currency, thousands or a unit."""
    return len(cell) <= 40 and bool(_NUMBER.fullmatch(cell))


def is_date(cell: str) -> bool:
    """Whether a cell may be a date, a time stamp or a unix time."""
    return len(cell) <= 60 and bool(_DATE.fullmatch(cell))


def find_layout(text: memoryview, file: str, options: ReadOptions) -> Layout:
    """Find out how the UTF-8 text is laid out; what `options` says is not looked for.

    Raises
    ------
    InvalidFile
        Where there is no line of text, or none that could be a header or a row of prices.
    """
    lines = _sample(text, file)
    separator = options.separator or _separator(lines)
    rows = [(number, split_line(line, separator)) for number, line in lines if line.strip()]
    layout = _without_header(rows, separator) if options.header == "none" else _with_header(rows, separator)
    layout = layout or _without_header(rows, separator)
    if layout is None:
        shown = ", ".join(cell[:40] or "(no name)" for cell in rows[0][1][:12])
        raise InvalidFile(
            f"there is neither a header with Date, Open, High, Low, Close nor a row of prices; the file begins "
            f"with: {shown}",
            file=file, line=rows[0][0],
        )  # fmt: skip
    return _with_decimal(layout, [row for number, row in rows if number >= layout.first_row], options)


def _sample(text: memoryview, file: str) -> list[tuple[int, str]]:
    """The first lines with their numbers, from 1."""
    lines: list[tuple[int, str]] = []
    head = bytes(text[: _SAMPLE * (MAX_LINE + 2)])
    start = 0
    while start < len(head) and len(lines) < _SAMPLE:
        end = head.find(b"\n", start)
        end = len(head) if end < 0 else end
        if end - start > MAX_LINE:
            reason = f"is longer than the {MAX_LINE} bytes that a line may have"
            raise InvalidFile(reason, file=file, line=len(lines) + 1)
        lines.append((len(lines) + 1, head[start:end].decode("utf-8", "replace").rstrip("\r")))
        start = end + 1
    if not any(line.strip() for _, line in lines):
        raise InvalidFile("is empty: there is not a single row of prices", file=file)
    return lines


def _separator(lines: Sequence[tuple[int, str]]) -> str:
    """The separator under which a line names columns and most cells are understood; else the earlier of the list."""
    texts = [line for _, line in lines]

    def fit(separator: str) -> tuple[bool, int]:
        has_names = any(_names_columns(split_line(text, separator)) for text in texts[:_MOST_PREAMBLE])
        return has_names, _cells_understood(texts, separator)

    return max(SEPARATORS, key=fit)


def _cells_understood(lines: Sequence[str], separator: str) -> int:
    score = 0
    for line in lines:
        cells = split_line(line, separator)
        if len(cells) < 2:
            continue
        known = sum(is_number(cell) or is_date(cell) or headers.field_of(cell) is not None for cell in cells)
        score += 3 * known - sum(bool(cell) for cell in cells)
    return score


def _with_header(rows: Sequence[tuple[int, list[str]]], separator: str) -> Layout | None:
    """The layout where one of the first lines names the columns; up to two more header lines may follow."""
    for place, (number, cells) in enumerate(rows[:_MOST_PREAMBLE]):
        if _is_row(cells):
            return None
        if not _names_columns(cells):
            continue
        extra = _more_header(rows[place + 1 : place + 3], cells)
        first = place + 1 + len(extra)
        names, tickers = _headers_joined(cells, [row for _, row in extra])
        names = _as_wide_as(names, [row for _, row in rows[first:]])
        before = rows[place - 1] if place else None
        if not tickers and before and len(before[1]) == len(cells) and _is_tickers(before[1], cells):
            tickers = tuple(before[1])
        line = rows[first][0] if first < len(rows) else number + 1
        return Layout(separator, ".", names, (number, *(n for n, _ in extra)), line, tickers)
    return None


def _more_header(rows: Sequence[tuple[int, list[str]]], names: Sequence[str]) -> list[tuple[int, list[str]]]:
    """The lines below a header that belong to it; a row of prices does not, however broken it is."""
    return list(takewhile(lambda row: _continues_header(row[1], names), rows))


def _continues_header(cells: Sequence[str], names: Sequence[str]) -> bool:
    if _BEGINS_AS_NUMBER.match(cells[0]):
        return False
    return _is_tickers(cells, names) or not any(map(_BEGINS_AS_NUMBER.match, cells))


def _is_row(cells: Sequence[str]) -> bool:
    """Whether the cells are a row of prices: among the first three a date, and numbers behind it."""
    dated = any(is_date(cell) for cell in cells[:3])
    return dated and sum(is_number(cell) for cell in cells) >= min(4, max(1, len(cells) - 2))


def _names_columns(cells: Sequence[str]) -> bool:
    direct = {headers.field_of(cell) for cell in cells} - {None}
    if len(direct) >= _FEWEST_FIELDS or {"date", "close"} <= direct or {"date", "last"} <= direct:
        return True
    if len(cells) > 1 and headers.field_of(cells[0]) == "date":
        return all(cell and not is_number(cell) for cell in cells[1:])
    prefixed = {pair[1].lower() for pair in map(headers.split_prefix, cells) if pair}
    return len(prefixed) >= _FEWEST_FIELDS


def _headers_joined(
    cells: Sequence[str], extra: Sequence[Sequence[str]]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Names and tickers of a header of several lines, as yfinance writes for one or more tickers."""
    names = list(cells)
    tickers: tuple[str, ...] = ()
    for row in extra:
        padded = [*row, *[""] * (len(cells) - len(row))][: len(cells)]
        if _is_tickers(padded, cells):
            tickers = tuple(padded)
        elif padded[0] and not any(padded[1:]):
            names[0] = padded[0]
    if tickers and headers.field_of(names[0]) != "date":
        names[0] = "Date"
    return tuple(names), tickers


def _as_wide_as(names: tuple[str, ...], rows: Sequence[Sequence[str]]) -> tuple[str, ...]:
    """The names of as many columns as every row has: a column of row names, or ends of lines, may have none."""
    widths = {len(row) for row in rows if len(row) > 1}
    if len(widths) != 1 or (more := widths.pop() - len(names)) == 0:
        return names
    if more > 0 and not any(cell for row in rows for cell in row[-more:]):
        return (*names, *[""] * more)
    if more == 1 and headers.field_of(names[0]) != "date" and all(is_date(row[0]) for row in rows):
        return ("", *names)
    return names[:more] if more < 0 and not any(names[more:]) else names


def _is_tickers(row: Sequence[str], names: Sequence[str]) -> bool:
    """Whether the row holds a ticker for every price column of the header beside it.

    Tickers of Korea are numbers: those are believed where the row says what it holds.
    """
    may_be_numbers = headers.field_of(row[0]) == "ticker"
    priced = [place for place, name in enumerate(names) if headers.field_of(name) in headers.PRICES]
    return bool(priced) and all(
        place < len(row)
        and row[place]
        and (may_be_numbers or not is_number(row[place]))
        and not headers.field_of(row[place])
        for place in priced
    )


def _without_header(rows: Sequence[tuple[int, list[str]]], separator: str) -> Layout | None:
    for place, (_, cells) in enumerate(rows[:_MOST_PREAMBLE]):
        if _is_row(cells):
            names = tuple(f"column {place}" for place in range(1, len(cells) + 1))
            first = place
            while first and _is_broken_row(rows[first - 1][1], cells):
                first -= 1
            return Layout(separator, ".", names, (), rows[first][0])
    return None


def _is_broken_row(cells: Sequence[str], row: Sequence[str]) -> bool:
    """Whether a line in front of the first row of prices is one as well, with something wrong in it."""
    return is_date(cells[0]) or (len(cells) == len(row) and any(map(_BEGINS_AS_NUMBER.match, cells)))


def _with_decimal(layout: Layout, rows: Sequence[list[str]], options: ReadOptions) -> Layout:
    if options.decimal:
        return replace(layout, decimal=options.decimal)
    cells = [
        _SIGN_OF_GROUPS.sub("", _CURRENCY_BEHIND.sub("", cell.lstrip("$€£₩¥-+\u2212\u2013 ")))
        for row in rows
        for cell in row
        if is_number(cell)
    ]
    point = any(_POINT.fullmatch(cell) for cell in cells)
    comma = any(_COMMA.fullmatch(cell) for cell in cells)
    if comma and not point:
        return replace(layout, decimal=",")
    unclear = [cell for cell in cells if _EITHER.fullmatch(cell)]
    if point or comma or not unclear or layout.separator == ",":
        return layout
    written = unclear[0]
    question = Question(
        "decimal", f"Is {written} about {written.replace(',', '').replace('.', '')} or about {written[:-4]}?",
        (".", ","), "," if "." in written else ".",
    )  # fmt: skip
    return replace(layout, questions=(question,))
