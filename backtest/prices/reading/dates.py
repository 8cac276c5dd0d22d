"""Columns of dates and times as exports write them, read as a whole so that nothing has to be guessed cell by cell."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from backtest.arrays import Flags
from backtest.prices.problems import Problems
from backtest.prices.reading.columns import Column, compute, flags, integers, rows_of
from backtest.prices.reading.options import DateOrder, Question

Seconds = NDArray[np.int64]

ALLOWED: Final = "a date as YYYY-MM-DD, with a time as YYYY-MM-DD HH:MM:SS where bars are shorter than a day"
LONGEST: Final = 60

_MONTHS: Final = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WEEKDAY = r"(?:[A-Za-z]{3,9},? +)?"
_CLOCK = r"(?:[T ,]+(?P<H>\d{1,2}):?(?P<M>\d{2})(?::?(?P<S>\d{2})(?:[.,](?P<f>\d{1,9}))?)?(?: ?(?P<p>[AaPp])\.?[Mm]\.?)?)?"
_ZONE = r" ?(?P<z>Z|z|UTC|GMT|[+-]\d{2}:?\d{2})?"
_END = _CLOCK + _ZONE + r"(?: ?\([A-Za-z ]{1,40}\))?$"
_STYLES: Final = {
    "YYYY-MM-DD": rf"^{_WEEKDAY}(?P<y>\d{{4}})[-/. ]+(?P<m>\d{{1,2}})[-/. ]+(?P<d>\d{{1,2}})\.?{_END}",
    "YYYYMMDD": rf"^(?P<y>\d{{4}})(?P<m>\d{{2}})(?P<d>\d{{2}}){_END}",
    "YYYYMMDDhhmmss": r"^(?P<y>\d{4})(?P<m>\d{2})(?P<d>\d{2})(?P<H>\d{2})(?P<M>\d{2})(?P<S>\d{2})?$",
    "DD Mon YYYY": rf"^{_WEEKDAY}(?P<d>\d{{1,2}})[-/. ]+(?P<n>[A-Za-z]{{3,9}})[-/., ]+(?P<y>\d{{4}}|\d{{2}}){_END}",
    "Mon DD, YYYY": rf"^{_WEEKDAY}(?P<n>[A-Za-z]{{3,9}})[-/. ]+(?P<d>\d{{1,2}}),?[-/ ]+(?P<y>\d{{4}}|\d{{2}}){_END}",
    "two numbers and the year": rf"^{_WEEKDAY}(?P<a>\d{{1,2}})[-/. ]+(?P<b>\d{{1,2}})[-/. ]+(?P<y>\d{{4}}|\d{{2}})\.?{_END}",
    "YYYY년 M월 D일": rf"^(?P<y>\d{{4}})년 ?(?P<m>\d{{1,2}})월 ?(?P<d>\d{{1,2}})일{_END}",
}
_SMALLEST_UNIX: Final = 10_000_000
"""Whole numbers that all are smaller are numbers of rows or days, not seconds since 1970."""
_UNITS: Final = (
    (1e17, 1_000_000_000, "nanoseconds"),
    (1e14, 1_000_000, "microseconds"),
    (1e11, 1_000, "milliseconds"),
)


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
    """Read a (T,) column of texts, integers or Arrow time stamps; wrong cells become problems.

    Returns
    -------
    the stamps, and the question of day and month where the column itself leaves it open
    """
    if pa.types.is_timestamp(column.type) or pa.types.is_date(column.type):
        return _of_arrow(column), None
    if not (pa.types.is_string(column.type) or pa.types.is_large_string(column.type)):
        column = column.cast(pa.string())
    text = compute.utf8_trim_whitespace(column)
    quick = _iso(text)
    if quick is not None:
        return quick, None
    text = compute.if_else(
        compute.greater(compute.utf8_length(text), LONGEST), pa.scalar("", text.type), text
    )
    stamps = _unix(text)
    if stamps is not None:
        return stamps, None
    return _of_styles(text, column, lines, problems, order)


def _iso(text: Column) -> Stamps | None:
    """The quick way for columns of ``2018-12-31`` or ``2018-12-31 16:30:00``."""
    try:
        times = text.cast(pa.timestamp("s"))
    except pa.ArrowInvalid:
        return None
    local = np.asarray(times.to_numpy(zero_copy_only=False).astype("datetime64[s]")).view(np.int64)
    return Stamps(local, np.zeros_like(local), np.zeros(len(local), np.bool_), "YYYY-MM-DD")


def _of_arrow(column: Column) -> Stamps:
    zone = column.type.tz if pa.types.is_timestamp(column.type) else None
    utc = _seconds_of(column.cast(pa.timestamp("ns", zone)) if zone else column)
    local = _seconds_of(compute.local_timestamp(column)) if zone else utc
    style = f"time stamps in {zone}" if zone else "time stamps without a zone"
    return Stamps(local, local - utc, np.full(len(utc), bool(zone)), style)


def _seconds_of(column: Column) -> Seconds:
    return np.asarray(column.to_numpy(zero_copy_only=False).astype("datetime64[s]")).view(np.int64)


def _unix(text: Column) -> Stamps | None:
    """Unix times of any sign; the unit is that of the largest. Digits that are all a year, month and day are none."""
    if not compute.all(compute.match_substring_regex(text, r"^-?\d{1,19}(?:\.0*)?$")).as_py():
        return None
    whole = compute.replace_substring_regex(text, r"\.0*$", "")
    if compute.all(
        compute.match_substring_regex(whole, r"^(?:1[6-9]|2[01])\d{2}(?:0[1-9]|1[0-2])(?:\d{2}|\d{6}|\d{8})$")
    ).as_py():
        return None
    values = integers(whole.cast(pa.int64()))
    largest = np.abs(values).max()
    if largest < _SMALLEST_UNIX:
        return None
    divisor, unit = next(((by, name) for least, by, name in _UNITS if largest >= least), (1, "seconds"))
    seconds = values // divisor
    return Stamps(seconds, np.zeros_like(seconds), np.ones(len(seconds), np.bool_), f"unix {unit}")


def _of_styles(
    text: Column, written: Column, lines: Seconds, problems: Problems, order: DateOrder | None
) -> tuple[Stamps, Question | None]:
    parts = {name: np.zeros(len(text), np.int64) for name in ("y", "m", "d", "a", "b", "H", "M", "S", "f")}
    offset, zoned = np.zeros(len(text), np.int64), np.zeros(len(text), np.bool_)
    left = np.ones(len(text), np.bool_)
    styles: list[str] = []
    for style, pattern in _STYLES.items():
        rows = np.flatnonzero(left)
        if not len(rows):
            break
        fields = compute.extract_regex(rows_of(text, rows), pattern=pattern)
        fits = flags(compute.is_valid(fields))
        if fits.any():
            found, places = fields.filter(pa.array(fits)), rows[fits]
            _take_fields(found, places, parts)
            offset[places], zoned[places] = _zones(found)
            left[places] = False
            if styles and len(places):
                _refuse_second_style(styles[0], style, places, lines, problems)
            styles.append(style)
    question = None
    if "two numbers and the year" in styles:
        named, question = _order(parts, ~left, order)
        styles[styles.index("two numbers and the year")] = named
    local, wrong = _seconds(parts)
    _refuse(written, left | wrong, lines, problems)
    return Stamps(local, offset, zoned, styles[0] if styles else "unknown"), question


def _refuse_second_style(
    first: str, second: str, places: NDArray[np.intp], lines: Seconds, problems: Problems
) -> None:
    """Two styles in one column are not read: one of them may mean something else than it seems to."""
    problems.add(
        f"is written as {second} where others are written as {first}; write all dates alike",
        line=int(lines[places[0]]), field="date",
    )  # fmt: skip
    problems.note_more(len(places) - 1)


def _take_fields(found: Column, places: NDArray[np.intp], parts: dict[str, Seconds]) -> None:
    names = [field.name for field in found.type]
    for name in names:
        if name in parts:
            parts[name][places] = _whole(found.field(name))
    short = integers(compute.utf8_length(found.field("y"))) == 2
    parts["y"][places] += np.where(short, np.where(parts["y"][places] < 69, 2000, 1900), 0)
    if "n" in names:
        parts["m"][places] = _months(found.field("n"))
    if "p" in names:
        half = (
            compute.utf8_lower(found.field("p")).to_pylist()
            if compute.any(compute.not_equal(found.field("p"), "")).as_py()
            else None
        )
        if half:
            hours, letters = parts["H"][places], np.array([letter or "" for letter in half])
            parts["H"][places] = np.where(letters == "", hours, hours % 12 + 12 * (letters == "p"))


def _whole(field: Column) -> Seconds:
    filled = compute.if_else(compute.equal(field.fill_null(""), ""), pa.scalar("0"), field.fill_null("0"))
    return integers(filled.cast(pa.int64()))


def _months(names: Column) -> Seconds:
    """Month numbers of English names; 0 for what is none."""
    first = compute.utf8_slice_codeunits(compute.utf8_lower(names), 0, 3)
    places = compute.index_in(first, pa.array(_MONTHS, first.type)).fill_null(-1)
    return integers(places) + 1


def _zones(found: Column) -> tuple[Seconds, Flags]:
    if "z" not in [field.name for field in found.type]:
        return np.zeros(len(found), np.int64), np.zeros(len(found), np.bool_)
    zones = found.field("z").fill_null("").dictionary_encode()
    known = np.array([_offset(zone) for zone in zones.dictionary.to_pylist()], np.int64)
    given = np.array([bool(zone) for zone in zones.dictionary.to_pylist()], np.bool_)
    index = integers(zones.indices)
    return known[index], given[index]


def _offset(zone: str) -> int:
    if not zone or zone.upper() in ("Z", "UTC", "GMT"):
        return 0
    seconds = int(zone[1:3]) * 3_600 + int(zone[-2:]) * 60
    return -seconds if zone[0] == "-" else seconds


def _order(parts: dict[str, Seconds], rows: Flags, asked: DateOrder | None) -> tuple[str, Question | None]:
    """Decide whether the first of two numbers is the month or the day, by all rows that are written so."""
    here = np.flatnonzero(rows & (parts["a"] > 0))
    first, second = parts["a"][here], parts["b"][here]
    month_first, day_first = bool((first <= 12).all()), bool((second <= 12).all())
    question = None
    if asked in ("mdy", "dmy"):
        by_month = asked == "mdy"
    elif month_first != day_first or not month_first:
        by_month = month_first
    else:
        months, days = (_steadiness(parts, here, first, second), _steadiness(parts, here, second, first))
        by_month = months >= days
        if months == days:
            example = f"{first[0]:02d}/{second[0]:02d}/{parts['y'][here[0]]}"
            question = Question(
                "dates", f"Does {example} name the month or the day first?", ("mdy", "dmy"), "mdy"
            )
    parts["m"][here], parts["d"][here] = (first, second) if by_month else (second, first)
    return ("MM/DD/YYYY" if by_month else "DD/MM/YYYY"), question


def _steadiness(parts: dict[str, Seconds], here: NDArray[np.intp], month: Seconds, day: Seconds) -> int:
    """2 where the days are in order, either way; 1 more where none is a Saturday or Sunday."""
    days = (parts["y"][here] * 12 + month).astype(np.int64) * 31 + day
    steps = np.diff(days)
    ordered = bool((steps >= 0).all() or (steps <= 0).all()) and len(days) > 2
    dates = ((parts["y"][here] - 1970) * 12 + month - 1).astype("datetime64[M]").astype("datetime64[D]") + (
        day - 1
    )
    return 2 * ordered + bool(np.is_busday(dates).all())


def _seconds(parts: dict[str, Seconds]) -> tuple[Seconds, Flags]:
    year, month, day = parts["y"], parts["m"], parts["d"]
    wrong = (year < 1600) | (year > 2200) | (month < 1) | (month > 12) | (day < 1) | (parts["f"] > 0)
    wrong |= (parts["H"] > 23) | (parts["M"] > 59) | (parts["S"] > 59)
    months = (np.where(wrong, 1970, year) - 1970) * 12 + np.where(wrong, 1, month) - 1
    first = months.astype("datetime64[M]").astype("datetime64[D]").view(np.int64)
    length = (months + 1).astype("datetime64[M]").astype("datetime64[D]").view(np.int64) - first
    wrong |= day > length
    clock = parts["H"] * 3_600 + parts["M"] * 60 + parts["S"]
    return np.asarray((first + np.where(wrong, 1, day) - 1) * 86_400 + clock, np.int64), wrong


def _refuse(written: Column, wrong: Flags, lines: Seconds, problems: Problems) -> None:
    rows = np.flatnonzero(wrong)
    for row in rows[:20]:
        text = str(written[int(row)].as_py() or "").strip()
        shown = repr(text if len(text) <= 40 else text[:39] + "…")
        reason = "a value is missing" if not text else "must be " + ALLOWED
        problems.add(f"{reason}, got {shown}", line=int(lines[row]), field="date")
    problems.note_more(max(0, len(rows) - 20))
