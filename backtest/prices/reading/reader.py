"""Any export of prices becomes datasets, read once, with an account of what was understood and repaired."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from backtest.arrays import Flags, Floats, Times
from backtest.errors import BacktestError, InvalidFile
from backtest.plural import counted
from backtest.prices.bars import PRICES
from backtest.prices.calendar import distinct
from backtest.prices.dataset import infer_timeframe, make_dataset
from backtest.prices.origin import LONGEST_COLUMN, Origin
from backtest.prices.problems import MAX_LISTED, Problems
from backtest.prices.reading import headers
from backtest.prices.reading.cells.columns import Column, compute, is_empty, rows_of, text_at, trimmed
from backtest.prices.reading.cells.dates import padded_clock, parse_stamps, refuse_out_of_range
from backtest.prices.reading.cells.numbers import parse_numbers, refuse_unreadable
from backtest.prices.reading.csv_file import open_csv
from backtest.prices.reading.days import decide_days, question_of_parts, timeframe_parts
from backtest.prices.reading.fields import Fields, Places, find_fields
from backtest.prices.reading.layout import Layout
from backtest.prices.reading.options import Question, ReadOptions
from backtest.prices.reading.parquet_file import open_parquet
from backtest.prices.reading.reading import NeedsAnswer, Reading, SymbolPrices
from backtest.prices.reading.repairs import Rows, clean, shown
from backtest.prices.reading.tables import PriceFile, Table
from backtest.prices.symbols import ALPHABET, MAX_SYMBOL_LENGTH, is_symbol

MAX_SYMBOLS: Final = 2_000
PREVIEW_ROWS: Final = 8
_UNNAMED: Final = "UNNAMED"
_LEAN_DIVISOR: Final = 10_000
_LONGEST_SOURCE: Final = 200
_MOST_UNDATED: Final = 10_000
"""Rows without a date that are looked at for prices."""


def read_prices(
    data: bytes | bytearray,
    *,
    file: str,
    symbol: str | None = None,
    default_symbol: str | None = None,
    options: ReadOptions | None = None,
    source: str | None = None,
    ask: bool = True,
) -> Reading:
    """Read every symbol of a price file.

    Parameters
    ----------
    data : bytes of a text with separators or of a Parquet file; a bytearray may be emptied, to free its memory
    file : its name, for messages and the source
    symbol : name of the file's only symbol, or the one to take of several; None takes the file's own tickers
    default_symbol : name of the file's only symbol where neither `symbol` nor the file itself names it
    options : what the file itself leaves open
    source : where the prices come from; None names the export and the file
    ask : whether a question that the file leaves open is an error; otherwise its likeliest answer is taken

    Raises
    ------
    NeedsAnswer
        Where the file can be read in several ways; names the option that decides.
    InvalidFile
        With every problem by line, date and field: twenty are listed, the others counted.
    """
    try:
        return _read(data, file, (symbol, default_symbol), options or ReadOptions(), source, ask=ask)
    except pa.ArrowInvalid as error:  # such as a time stamp that overflows in another unit
        reason = str(error).splitlines()[0][:200]
        raise InvalidFile(f"holds values that cannot be read: {reason}", file=file) from error


def _read(
    data: bytes | bytearray,
    file: str,
    named: tuple[str | None, str | None],
    options: ReadOptions,
    source: str | None,
    *,
    ask: bool,
) -> Reading:
    problems = Problems(file)
    opened = open_parquet(data, file) if data.startswith(b"PAR1") else open_csv(data, file, options)
    fields = find_fields(opened, options, problems)
    problems.raise_if_any()
    if fields is None:
        raise InvalidFile("has no columns of prices", file=file)
    table = opened.read(fields.numbers, fields.texts, problems)
    stamps = _stamps(table, fields, opened.layout, options, problems)
    table = table.without({fields.date, fields.clock})  # their texts take more memory than all prices
    reading = _described(opened, fields, stamps, file, len(table))
    job = _Job(opened.layout, table, stamps, options, problems, source or _origin(reading.source, file), [])
    symbols = tuple(job.read(*wanted) for wanted in _wanted(table, fields, named, options, file))
    problems.raise_if_any()
    raised = dict.fromkeys((*fields.questions, *stamps.questions, *job.questions))
    questions = tuple(question for question in raised if not _is_answered(question, options))
    reading = replace(
        reading,
        symbols=symbols,
        questions=questions,
        remarks=(*_remarks(reading, opened.layout), *opened.left_out),
    )
    if questions and ask:
        raise NeedsAnswer(reading)
    return reading


@dataclass(frozen=True, slots=True)
class _Stamps:
    """Times of the rows that have a date: (K,) rows of the table and (K,) times."""

    rows: NDArray[np.intp]
    times: Times
    style: str
    zone: str
    questions: tuple[Question, ...]


def _stamps(
    table: Table, fields: Fields, layout: Layout, options: ReadOptions, problems: Problems
) -> _Stamps:
    written: Column = trimmed(table.columns[fields.date])
    undated = is_empty(written)
    _refuse_undated(table, fields, undated, problems)
    if fields.clock is not None:
        clock = padded_clock(trimmed(table.columns[fields.clock].cast(pa.string())))
        written = trimmed(compute.binary_join_element_wise(written.cast(pa.string()), clock, " "))
    rows = np.flatnonzero(~undated)
    if not len(rows):
        problems.raise_if_any()
        raise InvalidFile("there is not a single row of prices", file=problems.file)
    dated, lines = rows_of(written, rows), table.lines[rows]
    stamps, question = parse_stamps(dated, lines, problems, order=options.dates)
    refuse_out_of_range(stamps, dated, lines, problems)
    if problems.count:  # every problem is reported at once
        _refuse_words(table, fields, layout, rows, dated, problems)
    problems.raise_if_any()
    calendar = decide_days(stamps, lines, problems)
    problems.raise_if_any()
    return _Stamps(rows, calendar.times, stamps.style, calendar.zone, (question,) if question else ())


def _refuse_words(
    table: Table, fields: Fields, layout: Layout, rows: NDArray[np.intp], dated: Column, problems: Problems
) -> None:
    """Refuse what is no number in rows of a file whose dates are refused already."""
    for name, place in next(iter(fields.symbols.values())).items():
        column = rows_of(table.columns[place], rows)
        unreadable = parse_numbers(column, decimal=layout.decimal)[2]
        listed = np.flatnonzero(unreadable)[:MAX_LISTED]
        dates = [str(dated[int(row)])[:40] for row in listed]
        refuse_unreadable(column, unreadable, table.lines[rows[listed]], dates, name, problems)


def _refuse_undated(table: Table, fields: Fields, undated: Flags, problems: Problems) -> None:
    """Refuse rows that have prices and no date, or a date and no ticker where others have one."""
    needed = {"date": undated}
    if fields.ticker is not None:
        needed["ticker"] = is_empty(trimmed(table.columns[fields.ticker])) & ~undated
    for name, missing in needed.items():
        rows = np.flatnonzero(missing)
        priced = [row for row in rows[:_MOST_UNDATED] if _is_priced(table, fields, int(row))]
        for row in priced[:MAX_LISTED]:
            problems.add(
                f"the {name} is missing; write it or remove the row", line=int(table.lines[row]), field=name
            )
        problems.note_more(max(0, len(priced) - MAX_LISTED))


def _is_priced(table: Table, fields: Fields, row: int) -> bool:
    cells = (text_at(table.columns[place], row).strip() for place in fields.numbers)
    return any(cell and cell != "nan" for cell in cells)


@dataclass(frozen=True, slots=True)
class _Job:
    """One file being read: what its symbols share, and the questions that their rows raise."""

    layout: Layout
    table: Table
    stamps: _Stamps
    options: ReadOptions
    problems: Problems
    source: str
    questions: list[Question]

    def read(self, name: str | None, rows: NDArray[np.intp] | None, places: Places) -> SymbolPrices:
        """The prices of one symbol, cleaned, adjusted and checked."""
        name = self._named(name)
        part = self._rows(rows, places)
        order, stamped = _order(part.times), part.times
        clean(part, self.problems)
        self.problems.raise_if_any()
        if not len(part):
            raise InvalidFile(f"there is not a single row of prices of {name}", file=self.problems.file)
        timeframe = self._one_timeframe(part, _timeframe(stamped, part.times))
        self._divide(part)
        columns = {field: part.columns[field] for field in (*PRICES, "volume")}
        try:
            dataset = make_dataset(
                name, part.times, columns, source=self.source, adj_close=part.columns.get("adj_close"),
                timeframe=timeframe, origin=Origin(self._adjusted_by(places), tuple(part.repairs)),
            )  # fmt: skip
        except BacktestError as error:
            raise InvalidFile(str(error), file=self.problems.file) from error
        return SymbolPrices(dataset, order)

    def _adjusted_by(self, places: Places) -> str | None:
        if "adj_close" not in places:
            return None
        return self.layout.names[places["adj_close"]][:LONGEST_COLUMN] or "adj_close"

    def _named(self, name: str | None) -> str:
        if name is None:
            self.questions.append(Question("symbol", "Which symbol are these prices of?"))
            return _UNNAMED
        if not is_symbol(name):
            raise InvalidFile(
                f"cannot be named {name[:40]!r}; a symbol has 1 to {MAX_SYMBOL_LENGTH} {ALPHABET}",
                file=self.problems.file,
                field="symbol",
            )
        return name

    def _rows(self, rows: NDArray[np.intp] | None, places: Places) -> Rows:
        chosen = slice(None) if rows is None else self._dated(rows)
        taken, times = self.stamps.rows[chosen], self.stamps.times[chosen]
        lines = self.table.lines if len(taken) == len(self.table) else self.table.lines[taken]
        columns = {field: self._numbers(field, place, taken, times) for field, place in places.items()}
        columns.setdefault("volume", np.full(len(taken), np.nan))
        return Rows(lines, times, columns)

    def _dated(self, rows: NDArray[np.intp]) -> NDArray[np.intp]:
        """Where the rows that have a date stand among all that have one."""
        dated = self.stamps.rows
        if len(dated) == len(self.table):
            return rows
        places = np.minimum(np.searchsorted(dated, rows), len(dated) - 1)
        chosen: NDArray[np.intp] = places[dated[places] == rows]
        return chosen

    def _numbers(self, field: str, place: int, rows: NDArray[np.intp], times: Times) -> Floats:
        column = rows_of(self.table.columns[place], rows)
        values, _, unreadable = parse_numbers(column, decimal=self.layout.decimal)
        if unreadable.any():
            listed = np.flatnonzero(unreadable)[:MAX_LISTED]
            dates = [shown(time) for time in times[listed]]
            refuse_unreadable(column, unreadable, self.table.lines[rows[listed]], dates, field, self.problems)
        return values

    def _one_timeframe(self, part: Rows, usual: str | None) -> str | None:
        """Keep the part of one timeframe that was asked for; a change without an answer is a question."""
        parts = timeframe_parts(part.times)
        if len(parts) == 1:
            return usual
        kept = [stretch for stretch in parts if stretch[0] == self.options.keep_timeframe]
        if not kept:
            self.questions.append(question_of_parts(part.times, parts))
            kept = parts[-1:]
        start, stop = kept[-1][1:]
        part.keep(np.arange(start, stop))
        return None if kept[-1][0] == "intraday" else kept[-1][0]

    def _divide(self, part: Rows) -> None:
        divisor = self.options.divide_by
        if divisor is None and self._is_scaled(part):
            self.questions.append(Question(
                "divide_by",
                f"The first close is {part.columns['close'][0]:,.0f}. Are prices written in ten-thousandths, as in the "
                "files of LEAN?",
                (str(_LEAN_DIVISOR), "1"), str(_LEAN_DIVISOR),
            ))  # fmt: skip
            divisor = _LEAN_DIVISOR
        if divisor and divisor != 1:
            for name in (*PRICES, "adj_close"):
                if name in part.columns:
                    part.columns[name] = part.columns[name] / divisor

    def _is_scaled(self, part: Rows) -> bool:
        """Whether a file without header has LEAN's dates and whole numbers for prices."""
        close = part.columns["close"]
        return (
            not self.layout.has_header
            and self.stamps.style == "YYYYMMDD"
            and bool((close == np.floor(close)).all() and close.min() >= _LEAN_DIVISOR)
        )


def _timeframe(stamped: Times, kept: Times) -> str | None:
    """The timeframe by every row that has a date, where some were left out; None where the bars say it."""
    return infer_timeframe(distinct(stamped)) if len(kept) < len(stamped) else None


def _order(times: Times) -> str:
    steps = np.diff(times.view(np.int64))
    if (steps >= 0).all():
        return "oldest first"
    return "newest first" if (steps <= 0).all() else "unsorted"


def _wanted(
    table: Table, fields: Fields, given: tuple[str | None, str | None], options: ReadOptions, file: str
) -> Iterator[tuple[str | None, NDArray[np.intp] | None, Places]]:
    """Name, rows and columns of each symbol that is to be imported."""
    found = list(fields.rows_of(table))
    symbol, default_symbol = given
    if len(found) == 1:
        name, rows, places = found[0]
        yield symbol or name or default_symbol, rows, places
        return
    if len(found) > MAX_SYMBOLS:
        raise InvalidFile(f"holds {len(found):,} symbols, at most {MAX_SYMBOLS:,} are allowed", file=file)
    asked = options.symbols or ((symbol,) if symbol else ())
    names = [str(name) for name, _, _ in found]
    if unknown := [name for name in asked if name not in names]:
        known = ", ".join(names[:50])
        raise InvalidFile(f"holds no {', '.join(unknown)}; it holds {known}", file=file, field="symbol")
    for name, rows, places in found:
        if not asked or name in asked:
            yield name, rows, places


def _described(opened: PriceFile, fields: Fields, stamps: _Stamps, file: str, count: int) -> Reading:
    layout, sample, places = opened.layout, opened.sample.columns.values(), fields.used
    names, taken = layout.names, fields.numbers | fields.texts
    rows = [
        tuple(text_at(column, row)[:40] for column in sample)
        for row in range(min(PREVIEW_ROWS, len(opened.sample)))
    ]
    return Reading(
        file=file,
        format=opened.format,
        encoding=opened.encoding,
        separator=layout.separator if opened.format == "CSV" else "",
        decimal=layout.decimal,
        header_lines=layout.header_lines,
        source="yfinance" if layout.tickers else headers.source_of(names),
        columns={name: names[place] for name, place in places.items()},
        ignored=tuple(name for place, name in enumerate(names) if place not in taken and name),
        dates=stamps.style,
        zone=stamps.zone,
        adjusted=_adjusted(names, places),
        preview=(tuple(names), *rows),
        rows=count,
    )


def _adjusted(names: tuple[str, ...], places: Places) -> str | None:
    return Origin(names[places["adj_close"]]).adjusted if "adj_close" in places else None


def _remarks(reading: Reading, layout: Layout) -> tuple[str, ...]:
    checks: tuple[Callable[[Reading, Layout], str], ...] = (_unused_adjusted, _lines_before)
    return tuple(remark for check in checks if (remark := check(reading, layout)))


def _unused_adjusted(reading: Reading, _layout: Layout) -> str:
    unused = [name for name in reading.ignored if headers.looks_adjusted(name)]
    if reading.adjusted or not unused:
        return ""
    return f"{unused[0]} looks like adjusted prices and is not used; the option columns takes it: adj_close={unused[0]}"


def _lines_before(_reading: Reading, layout: Layout) -> str:
    first = min(layout.header_lines or (layout.first_row,))
    behind = "header" if layout.has_header else "first row"
    return f"{counted(first - 1, 'line')} before the {behind} left out" if first > 1 else ""


def _is_answered(question: Question, options: ReadOptions) -> bool:
    """Whether an option decides what the question asks."""
    return getattr(options, question.option, None) not in (None, {}, (), "refuse")


def _origin(export: str | None, file: str) -> str:
    return (f"{export}, file {file}" if export else f"file {file}")[:_LONGEST_SOURCE]
