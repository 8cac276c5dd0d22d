"""Columns of dates and times as exports write them, read as a whole so that nothing has to be guessed cell by cell."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from backtest.arrays import Flags, Floats
from backtest.prices.problems import Problems
from backtest.prices.reading.cells.columns import Column, cast_texts, compute, integers, is_text, text_at
from backtest.prices.reading.cells.date_shapes import STYLES, UNORDERED, UNREAD, Written, read_shapes
from backtest.prices.reading.cells.day_order import days_of, decide_order
from backtest.prices.reading.options import DateOrder, Question

Seconds = NDArray[np.int64]

ALLOWED: Final = "a date as YYYY-MM-DD, with a time as YYYY-MM-DD HH:MM:SS where bars are shorter than a day"
_DAY: Final = 86_400
_EARLIEST: Final = -11_676_096_000
"""Seconds of 1600-01-01: what is earlier is a mistake in the year."""
_LATEST: Final = 7_289_654_400
"""Seconds of 2201-01-01."""
_LAST: Final = 253_402_300_799
"""The last second of 9999."""
_SMALLEST_UNIX: Final = 10_000_000
"""Whole numbers that all are smaller are numbers of rows or days, not seconds since 1970."""
_EXACT: Final = 2.0**53
_EXCEL_1970: Final = 25_569
_EXCEL: Final = (10_000, 30_000, 80_000)
"""Day numbers of Excel: none is smaller or larger, and some are beyond 1982, where days since 1970 are not yet."""
_UNITS: Final = (
    (_LATEST * 1_000_000, 1_000_000_000, "nanoseconds"),
    (_LATEST * 1_000, 1_000_000, "microseconds"),
    (_LATEST, 1_000, "milliseconds"),
)
"""A unit is taken from the number on that the next longer one would put beyond the latest year."""


@dataclass(frozen=True, slots=True)
class Stamps:
    """A column of time stamps as the file writes them.

    Parameters
    ----------
    local : (T,) seconds since 1970 on the clock that is written
    offset : (T,) seconds that this clock is ahead of UTC, 0 where none is written
    zoned : (T,) whether an offset, ``Z`` or a unix time says which moment is meant
    style : the way dates are written, in words
    """

    local: Seconds
    offset: Seconds
    zoned: Flags
    style: str


def parse_stamps(
    column: Column, lines: Seconds, problems: Problems, *, order: DateOrder | None
) -> tuple[Stamps, Question | None]:
    """Read a (T,) column of trimmed texts, numbers or Arrow time stamps; wrong cells become problems.

    Returns
    -------
    the stamps, and the question of day and month where the column itself leaves it open
    """
    if pa.types.is_timestamp(column.type) or pa.types.is_date(column.type):
        return _of_arrow(column), None
    if not is_text(column):
        column = column.cast(pa.string())
    if (stamps := _iso(column)) is not None:
        return stamps, None
    if (values := _numbers(column)) is not None:
        if _are_excel(values):
            return _excel(values, order)
        if (stamps := _unix(column, values)) is not None:
            return stamps, None
    return _of_styles(column, lines, problems, order)


def refuse_out_of_range(stamps: Stamps, written: Column, lines: Seconds, problems: Problems) -> None:
    """Add a problem for each of the (T,) cells before 1600 or beyond 9999, the last year of Python's dates."""
    wrong = (stamps.local < _EARLIEST) | (stamps.local > _LAST)
    if wrong.any():
        _refuse(written, wrong, lines, problems, allowed="a day of the years 1600 to 9999")


def padded_clock(clock: Column) -> Column:
    """A column of clocks where numbers have the zeros that a spreadsheet takes away: 930 is 0930 or 000930."""
    digits = compute.match_substring_regex(clock, r"^\d{1,6}$").fill_null(False)
    if not compute.all(digits).as_py():
        return clock
    longest = compute.max(compute.utf8_length(clock)).as_py()
    return compute.utf8_lpad(clock, 6 if longest > 4 else 4, "0")


def _iso(text: Column) -> Stamps | None:
    """The quick way for columns of ``2018-12-31`` or ``2018-12-31 16:30:00``."""
    times = cast_texts(text, pa.timestamp("s"))
    if times is None:
        return None
    seconds = _seconds_of(times)
    return _without_zone(seconds, "YYYY-MM-DD") if seconds.min() >= _EARLIEST else None


def _without_zone(local: Seconds, style: str) -> Stamps:
    return Stamps(local, np.zeros_like(local), np.zeros(len(local), np.bool_), style)


def _of_arrow(column: Column) -> Stamps:
    zone = column.type.tz if pa.types.is_timestamp(column.type) else None
    utc = _seconds_of(column.cast(pa.timestamp("ns", zone)) if zone else column)
    local = _seconds_of(compute.local_timestamp(column)) if zone else utc
    style = f"time stamps in {zone}" if zone else "time stamps without a zone"
    return Stamps(local, local - utc, np.full(len(utc), bool(zone)), style)


def _seconds_of(column: Column) -> Seconds:
    return np.asarray(column.to_numpy(zero_copy_only=False).astype("datetime64[s]")).view(np.int64)


def _are_excel(values: Floats) -> bool:
    least, some, most = _EXCEL
    within = values.min() >= least and some <= values.max() <= most
    return bool(within and (np.diff(values) != 1).any())  # numbers of rows go up by one


def _excel(values: Floats, order: DateOrder | None) -> tuple[Stamps, Question | None]:
    seconds = np.rint((values - _EXCEL_1970) * _DAY).astype(np.int64)
    first = str(seconds[:1].view("datetime64[s]")[0])[:10]
    text = f"Dates are numbers, the first one {values[0]:g}. Is that the day number of Excel for {first}?"
    question = None if order == "excel" else Question("dates", text, ("excel",), "excel")
    return _without_zone(seconds, "day numbers of Excel"), question


def _unix(text: Column, values: Floats) -> Stamps | None:
    """Unix times of any sign; the unit is that of the largest. Digits that are a year, month and day are none."""
    whole = _integers(text, values)
    if whole is None or _are_dates(whole):
        return None
    largest = np.abs(whole).max()
    if largest < _SMALLEST_UNIX:
        return None
    divisor, unit = next(((by, name) for least, by, name in _UNITS if largest >= least), (1, "seconds"))
    seconds = whole // divisor
    return Stamps(seconds, np.zeros_like(seconds), np.ones(len(seconds), np.bool_), f"unix {unit}")


def _numbers(text: Column) -> Floats | None:
    cast = cast_texts(text, pa.float64())
    if cast is None:
        return None
    values = np.asarray(cast.to_numpy(zero_copy_only=False))
    return values if np.isfinite(values).all() else None


def _integers(text: Column, values: Floats) -> Seconds | None:
    """The numbers where all are whole: to the last digit, which a float does not hold of nanoseconds."""
    cast = cast_texts(text, pa.int64())
    if cast is not None:
        return integers(cast)
    written_out = compute.all(
        compute.match_substring_regex(text, r"^[+-]?\d+\.?0*$")
    ).as_py()  # 1.64E+09 lost digits
    return values.astype(np.int64) if written_out and (np.abs(values) < _EXACT).all() else None


def _are_dates(values: Seconds) -> bool:
    """Whether they are written as YYYYMMDD, YYYYMMDDhhmm or YYYYMMDDhhmmss, a few mistakes aside."""
    months = [values // 10**behind for behind in (2, 6, 8)]
    return any(
        ((month // 100 >= 1600) & (month // 100 < 2200) & (month % 100 >= 1) & (month % 100 <= 12)).mean()
        > 0.5
        for month in months
    )


def _of_styles(
    text: Column, lines: Seconds, problems: Problems, order: DateOrder | None
) -> tuple[Stamps, Question | None]:
    written = read_shapes(text)
    read = written.style != UNREAD
    styles = [STYLES[style] for style in _in_order_of_rows(written.style[read])]
    if len(styles) > 1:
        _refuse_second_style(styles, written.style, lines, problems)
    parts = dict(written.parts)
    question = _decide_order(text, written, parts, styles, order)
    days, impossible = days_of(parts["y"], parts["m"], parts["d"])
    _refuse(text, ~read | written.wrong | impossible, lines, problems)
    local = days * _DAY + written.clock
    stamps = Stamps(local, written.offset.astype(np.int64), written.zoned, styles[0] if styles else "unknown")
    return stamps, question


def _in_order_of_rows(styles: NDArray[np.int8]) -> list[int]:
    found, first = np.unique(styles, return_index=True)
    return [int(style) for style in found[np.argsort(first)]]


def _refuse_second_style(
    styles: list[str], style: NDArray[np.int8], lines: Seconds, problems: Problems
) -> None:
    """Two styles in one column are not read: one of them may mean something else than it seems to."""
    places = np.flatnonzero(style == STYLES.index(styles[1]))
    problems.add(
        f"is written as {styles[1]} where others are written as {styles[0]}; write all dates alike",
        line=int(lines[places[0]]), field="date",
    )  # fmt: skip
    problems.note_more(len(places) - 1)


def _decide_order(
    text: Column,
    written: Written,
    parts: dict[str, NDArray[np.int32]],
    styles: list[str],
    asked: DateOrder | None,
) -> Question | None:
    """Give each cell whose order is open its year, month and day; the style gets the name of the order."""
    question = None
    for style, short_years in UNORDERED.items():
        rows = np.flatnonzero(written.style == style)
        if len(rows):
            numbers = (parts["a"][rows], parts["b"][rows], parts["c"][rows])
            likeliest: DateOrder = "dmy" if "." in str(text[int(rows[0])]) else "mdy"
            (year, month, day), named, question = decide_order(
                numbers, short_years=short_years, asked=asked, likeliest=likeliest
            )
            parts["y"][rows], parts["m"][rows], parts["d"][rows] = year, month, day
            styles[styles.index(STYLES[style])] = named
    return question


def _refuse(
    written: Column, wrong: Flags, lines: Seconds, problems: Problems, *, allowed: str = ALLOWED
) -> None:
    rows = np.flatnonzero(wrong)
    for row in rows[:20]:
        text = text_at(written, int(row)).strip()
        shown = repr(text if len(text) <= 40 else text[:39] + "…")
        reason = "a value is missing" if not text else "must be " + allowed
        problems.add(f"{reason}, got {shown}", line=int(lines[row]), field="date")
    problems.note_more(max(0, len(rows) - 20))
