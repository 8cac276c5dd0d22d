"""Which column of a table holds which field, for files of one symbol, of several, and without a header."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from backtest.arrays import Floats, Ints
from backtest.prices.bars import PRICES
from backtest.prices.problems import Problems
from backtest.prices.reading import headers
from backtest.prices.reading.cells.columns import Column, integers, text_at
from backtest.prices.reading.cells.numbers import parse_numbers
from backtest.prices.reading.layout import Layout, is_date, is_number
from backtest.prices.reading.options import Question, ReadOptions
from backtest.prices.reading.tables import PriceFile, Table

NUMBERS: Final = (*PRICES, "volume", "adj_close")
FIELDS: Final = ("date", "clock", "ticker", *NUMBERS)
_ORDERS: Final = (PRICES, ("close", "open", "high", "low"), ("high", "low", "open", "close"))

_MOST_OF: Final = 0.8
"""Share of the first rows that must be as they should: the others are broken, and refused when they are read."""

Places = Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Fields:
    """Where the fields stand.

    Parameters
    ----------
    date, clock : columns of the time stamps; clock is None where the date holds all of it
    symbols : by ticker the columns of its prices; the ticker is None where the file does not say it
    ticker : the column of tickers where they stand below each other, else None
    """

    date: int
    clock: int | None
    symbols: Mapping[str | None, Places]
    ticker: int | None = None
    questions: tuple[Question, ...] = ()

    @property
    def used(self) -> dict[str, int]:
        """Columns by field, those of the first symbol where there are several."""
        places = {"date": self.date, **next(iter(self.symbols.values()))}
        others = {"clock": self.clock, "ticker": self.ticker}
        return places | {name: place for name, place in others.items() if place is not None}

    @property
    def numbers(self) -> set[int]:
        """Columns of numbers, of every symbol."""
        return {place for places in self.symbols.values() for place in places.values()}

    @property
    def texts(self) -> set[int]:
        """Columns of the time stamps and of tickers."""
        return {place for place in (self.date, self.clock, self.ticker) if place is not None}

    def rows_of(self, table: Table) -> Iterator[tuple[str | None, NDArray[np.intp] | None, Places]]:
        """Ticker, rows (None: every row) and columns of each symbol."""
        if self.ticker is None:
            yield from ((name, None, places) for name, places in self.symbols.items())
            return
        places = next(iter(self.symbols.values()))
        names: Column = table.columns[self.ticker].cast(pa.string()).fill_null("").dictionary_encode()
        rows = _rows_by_number(integers(names.indices), len(names.dictionary))
        for name, here in zip(names.dictionary.to_pylist(), rows, strict=True):
            if name.strip():
                yield name.strip(), here, places


def _rows_by_number(numbers: Ints, count: int) -> list[NDArray[np.intp]]:
    """The rows of each number from 0 to `count` - 1, in their order."""
    order = np.argsort(numbers.astype(np.uint16 if count <= 1 << 16 else np.int64), kind="stable")
    return np.split(order, np.cumsum(np.bincount(numbers, minlength=count))[:-1])


@dataclass(slots=True)
class _Search:
    """The state of one search: places found so far, and questions."""

    file: PriceFile
    options: ReadOptions
    problems: Problems
    questions: list[Question] = field(default_factory=list)


def find_fields(file: PriceFile, options: ReadOptions, problems: Problems) -> Fields | None:
    """Where the fields of the file stand; None where some are missing, which `problems` then say."""
    search = _Search(file, options, problems)
    layout = file.layout
    if not layout.has_header:
        places = _in_order_of(options.columns) if isinstance(options.columns, tuple) else _guessed(search)
        return _checked(places, search)
    beside = _tickers_beside_each_other(layout)
    if beside:
        date = headers.find_fields(layout.names).get("date", 0)
        return Fields(date, None, _without_adjusted(beside, options), questions=layout.questions)
    places = headers.find_fields(layout.names)
    if set(places) == {"date"} and len(layout.names) > 2 and not options.columns:
        closes = _closes_beside_each_other(search, places["date"])
        return (
            Fields(places["date"], None, closes, questions=(*layout.questions, *search.questions))
            if closes
            else None
        )
    if "date" in places and len(layout.names) == 2:
        places.setdefault("close", 1)
    asked = options.columns if isinstance(options.columns, Mapping) else {}
    places |= _asked(layout.names, asked, problems)
    _refuse_doubles(search, asked)
    _ask_for_closes_alone(places, search)
    return _checked(places, search)


def _checked(places: dict[str, int], search: _Search) -> Fields | None:
    missing = [name for name in ("date", *PRICES) if name not in places]
    names = ", ".join(name[:40] or "(no name)" for name in search.file.layout.names[:30])
    for name in missing:
        search.problems.add(
            f"column is missing; the file has: {names}. The option columns names it: {name}=…",
            line=(search.file.layout.header_lines or (search.file.layout.first_row,))[0], field=name,
        )  # fmt: skip
    if missing:
        return None
    numbers = {name: place for name, place in places.items() if name in NUMBERS}
    symbols = _without_adjusted({None: numbers}, search.options)
    questions = (*search.file.layout.questions, *search.questions)
    return Fields(places["date"], places.get("clock"), symbols, places.get("ticker"), questions)


def _without_adjusted(symbols: Mapping[str | None, Places], options: ReadOptions) -> dict[str | None, Places]:
    if options.adjusted != "no":
        return dict(symbols)
    return {
        ticker: {name: place for name, place in places.items() if name != "adj_close"}
        for ticker, places in symbols.items()
    }


def _refuse_doubles(search: _Search, asked: Mapping[str, str]) -> None:
    """Two columns of one price are refused unless an option says which one is meant."""
    names = search.file.layout.names
    for field_name in (*PRICES, "adj_close"):
        same = [name for name in names if headers.field_of(name) == field_name]
        if len(same) > 1 and field_name not in asked:
            search.problems.add(
                f"{len(same)} columns hold it: {', '.join(map(repr, same))}; the option columns names one: "
                f"{field_name}={same[0] if len(set(same)) == len(same) else _numbered(names, same[0])}",
                line=search.file.layout.header_lines[0], field=field_name,
            )  # fmt: skip


def _numbered(names: Sequence[str], name: str) -> str:
    """The last of the columns that have this name, by its number."""
    return f"column {len(names) - list(names)[::-1].index(name)}"


def _ask_for_closes_alone(places: dict[str, int], search: _Search) -> None:
    if "close" not in places or {"open", "high", "low"} & set(places):
        return
    _ask_for_closes(search)
    places |= dict.fromkeys(("open", "high", "low"), places["close"])


def _ask_for_closes(search: _Search) -> None:
    if search.options.close_only != "allow":
        search.questions.append(Question(
            "close_only",
            "The file has closes alone. Shall open, high and low be the close of the same bar? Stops and fills at the "
            "open then use closes.",
            ("allow", "refuse"), "allow",
        ))  # fmt: skip


def _closes_beside_each_other(search: _Search, date: int) -> dict[str | None, Places]:
    """Each column of numbers as the closes of the ticker that it is named for."""
    names = search.file.layout.names
    numbers = [
        place for place in range(len(names))
        if place != date and names[place] and not np.isnan(_sampled(search.file, place)).all()
    ]  # fmt: skip
    _ask_for_closes(search)
    return {names[place]: dict.fromkeys(PRICES, place) for place in numbers}


def _asked(names: Sequence[str], asked: Mapping[str, str], problems: Problems) -> dict[str, int]:
    places: dict[str, int] = {}
    for name, column in asked.items():
        if name not in FIELDS:
            problems.add(f"is no field; the fields are {', '.join(FIELDS)}", field=name)
        elif column in names:
            places[name] = names.index(column)
        elif (number := re.fullmatch(r"column (\d{1,3})", column)) and 0 < int(number[1]) <= len(names):
            places[name] = int(number[1]) - 1
        else:
            problems.add(f"there is no column {column!r}; the file has: {', '.join(names[:30])}", field=name)
    return places


def _in_order_of(names: Sequence[str]) -> dict[str, int]:
    return {name: place for place, name in enumerate(names) if name in FIELDS}


def _tickers_beside_each_other(layout: Layout) -> dict[str | None, Places]:
    """Columns by ticker where they are named ``AAPL.Open`` or a line of the header gives their tickers."""
    if layout.tickers:
        pairs = [
            (ticker, headers.field_of(name))
            for ticker, name in zip(layout.tickers, layout.names, strict=True)
        ]
    elif set(PRICES) <= set(headers.find_fields(layout.names)):
        return {}
    else:
        split = [headers.split_prefix(name) or ("", "") for name in layout.names]
        pairs = [(ticker, headers.field_of(name)) for ticker, name in split]
    tickers: dict[str | None, dict[str, int]] = {}
    for place, (ticker, name) in enumerate(pairs):
        if ticker and name in NUMBERS:
            tickers.setdefault(ticker, {}).setdefault(name, place)
    return {ticker: places for ticker, places in tickers.items() if set(PRICES) <= set(places)}


def _guessed(search: _Search) -> dict[str, int]:
    """Columns of a file without header, by what their cells can be; the guess is asked about."""
    places = _guess(search.file)
    if not places:
        search.problems.add(
            "there is no header, and no four columns can be open, high, low and close; the option columns names the "
            "columns in their order: date,open,high,low,close,volume",
            line=search.file.layout.first_row,
        )  # fmt: skip
        return {}
    order = ["-"] * len(search.file.layout.names)
    for name, place in places.items():
        order[place] = name
    written, shown = ",".join(order), ", ".join(order).replace("-", "not used")
    search.questions.append(
        Question("columns", f"There is no header. Are the columns {shown}?", (written,), written)
    )
    return places


def _guess(file: PriceFile) -> dict[str, int]:
    cells = [
        [text_at(column, row).strip() for row in range(len(column))]
        for column in file.sample.columns.values()
    ]
    dated = next((place for place, column in enumerate(cells[:3]) if _are_dates(column)), None)
    if dated is None:
        return {}
    places, after = {"date": dated}, dated + 1
    if after < len(cells) and all(":" in cell for cell in cells[after] if cell):
        places["clock"], after = after, after + 1
    if after < len(cells) and not any(map(is_number, cells[after])):
        places["ticker"], after = after, after + 1
    for start in range(after, len(cells) - 3):
        order = _price_order(file, start)
        if order:
            places |= {name: start + place for place, name in enumerate(order)}
            return places | _guessed_volume(file, places, start + 4)
    return {}


def _are_dates(cells: Sequence[str]) -> bool:
    """Whether the cells are dates, a few broken ones aside."""
    given = [cell for cell in cells if cell]
    return sum(map(is_date, given)) >= _MOST_OF * len(given) > 0


def _guessed_volume(file: PriceFile, places: Places, after: int) -> dict[str, int]:
    """The number behind the prices; an average price between them is passed over."""
    if after >= len(file.layout.names):
        return {}
    low, high, values = (_sampled(file, place) for place in (places["low"], places["high"], after))
    average = bool(((values >= low * 0.999) & (values <= high * 1.001)).mean() > 0.95)
    place = after + 1 if average and after + 1 < len(file.layout.names) else after
    return {} if np.isnan(_sampled(file, place)).all() else {"volume": place}


def _price_order(file: PriceFile, start: int) -> tuple[str, ...] | None:
    """The order of four prices in the columns from `start` on, where one fits nearly every row."""
    columns = [_sampled(file, start + place) for place in range(4)]
    for order in _ORDERS:
        part = dict(zip(order, columns, strict=True))
        highest, lowest = np.maximum(part["open"], part["close"]), np.minimum(part["open"], part["close"])
        fits = (
            (part["high"] >= highest * (1 - 1e-6)) & (part["low"] <= lowest * (1 + 1e-6)) & (part["low"] > 0)
        )
        known = np.logical_and.reduce([~np.isnan(column) for column in columns])
        enough = known.mean() >= _MOST_OF and fits[known].mean() > 0.95
        if enough and (part["high"] > part["low"]).any():
            return tuple(order)
    return None


def _sampled(file: PriceFile, place: int) -> Floats:
    return parse_numbers(file.sample.columns[place], decimal=file.layout.decimal)[0]
